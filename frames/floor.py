"""Who is heard right now: the caller's voice by the window, and what the agent's sound does about
it."""

from __future__ import annotations

from dataclasses import dataclass

from pipecat.frames.frames import InterruptionFrame, SystemFrame


@dataclass
class VoiceOnsetFrame(SystemFrame):
    """Somebody makes a sound like speech: two windows of it, too early to be a turn.

    `at` is when it began, on the monotonic clock.
    """

    at: float = 0.0


@dataclass
class VoicePauseFrame(SystemFrame):
    """That sound has ceased for a moment, too early to be the end of a turn.

    `over_db` is how much louder it was than the caller's voices before it; 0 if that is unknown.
    """

    over_db: float = 0.0


@dataclass
class VoiceEbbFrame(SystemFrame):
    """In that moment the voice detector begins to lose the voice: it may have been the last
    word."""


@dataclass
class AgentStopsFrame(InterruptionFrame):
    """The agent drops what it says, thinks and does, of its own accord: an interruption to every
    station, and none of the caller's in the figures."""


@dataclass
class HoldFrame(SystemFrame):
    """Be quiet at once, but forget nothing: what was not heard yet may still be wanted.

    `onset_at` is when the sound began that it is for, on the monotonic clock.
    """

    onset_at: float = 0.0


@dataclass
class ResumeFrame(SystemFrame):
    """Go on from where the ear left off."""


@dataclass
class KeyPressedFrame(SystemFrame):
    """The caller is typing. Which key it was is told with the whole entry, behind the redactor."""
