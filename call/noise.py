"""Is it the caller who makes that sound? Speech brings a new word every second; music, hum and a
street do not.

A steady sound that the voice detector takes for speech would keep the caller's turn open for ever.
Once it has gone on for long without a word it counts as noise: the turn is decided as if the caller
had fallen silent, and words that come later, over the noise, open and end a turn by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Noise:
    """Section `[noise]`: sound on the line that is nobody's speech."""

    wordless_s: float = 4.0
    """Seconds of sound without a new word after which it is no longer taken for the caller. A
    recogniser shows the first word of slow speech within two; more than five and a caller in a
    noisy place waits for an answer that long."""

    def __post_init__(self) -> None:
        if not 1 <= self.wordless_s <= 60:
            raise ValueError(f"wordless_s is {self.wordless_s}; choose 1 to 60 seconds")


# ── facts ────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class SoundBegan:
    """The voice detector hears something like speech."""


@dataclass(frozen=True)
class SoundCeased:
    """It does not any more."""


@dataclass(frozen=True)
class WordsHeard:
    """The recogniser has words of it."""


@dataclass(frozen=True)
class HearingLost:
    """The recogniser is gone: there can be no words."""


@dataclass(frozen=True)
class HearingBack:
    """It is back, and behind the caller by `behind_s`."""

    behind_s: float = 0.0


Fact = SoundBegan | SoundCeased | WordsHeard | HearingLost | HearingBack


# ── actions ──────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class CallItNoise:
    """Go on as if the sound had ceased."""


class WordlessSound:
    """Judges one sound at a time, once."""

    def __init__(self, settings: Noise) -> None:
        self._settings = settings
        self._is_deaf = False
        self._wordless_since: float | None = None  # None: no sound, or it was judged

    def decide(self, fact: Fact, now: float) -> tuple[CallItNoise, ...]:
        """Take one fact in."""
        match fact:
            case SoundBegan():
                self._wordless_since = now
            case SoundCeased():
                self._wordless_since = None
            case WordsHeard():
                self._restart(now)
            case HearingLost():
                self._is_deaf = True
            case _:  # HearingBack
                self._is_deaf = False
                self._restart(now + fact.behind_s)
        return ()

    def next_deadline(self) -> float | None:
        """When the sound has gone on for too long."""
        if self._wordless_since is None or self._is_deaf:
            return None
        return self._wordless_since + self._settings.wordless_s

    def on_deadline(self, now: float) -> tuple[CallItNoise, ...]:
        """It may have had words meanwhile."""
        due_at = self.next_deadline()
        if due_at is None or now < due_at:
            return ()
        self._wordless_since = None
        return (CallItNoise(),)

    def _restart(self, at: float) -> None:
        if self._wordless_since is not None:
            self._wordless_since = at
