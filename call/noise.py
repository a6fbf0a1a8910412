"""Is it the caller who makes that sound? Speech brings a new word every second; music, hum and a
street do not.

A steady sound that the voice detector takes for speech would keep the caller's turn open for ever.
Once it has gone on for long without a word it is noise until it is quiet for a while: the turn is
decided as if the caller had fallen silent, what the voice detector says counts no longer, and words
that come over the noise open and end a turn by themselves.
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
    gap_s: float = 1.0
    """Seconds of quiet that end a sound; between the sentences of a radio there is less."""

    def __post_init__(self) -> None:
        if not 0.1 <= self.gap_s <= 10:
            raise ValueError(f"gap_s is {self.gap_s}; choose 0.1 to 10 seconds")
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
        self._is_sounding = False
        self._ceased_at = float("-inf")
        self._wordless_since = 0.0  # of the sound in hand
        self._is_noise = False  # it was judged

    @property
    def is_noise(self) -> bool:
        """The sound in hand is nobody's speech."""
        return self._is_noise

    def decide(self, fact: Fact, now: float) -> tuple[CallItNoise, ...]:
        """Take one fact in."""
        match fact:
            case SoundBegan():
                if now - self._ceased_at >= self._settings.gap_s:
                    self._is_noise, self._wordless_since = False, now
                self._is_sounding, self._ceased_at = True, now
            case SoundCeased():
                self._is_sounding, self._ceased_at = False, now
            case WordsHeard():
                self._wordless_since = now
            case HearingLost():
                self._is_deaf = True
            case _:  # HearingBack
                self._is_deaf, self._wordless_since = False, now + fact.behind_s
        return ()

    def next_deadline(self) -> float | None:
        """When the sound has gone on for too long."""
        if not self._is_sounding or self._is_noise or self._is_deaf:
            return None
        return self._wordless_since + self._settings.wordless_s

    def on_deadline(self, now: float) -> tuple[CallItNoise, ...]:
        """It may have had words meanwhile."""
        due_at = self.next_deadline()
        if due_at is None or now < due_at:
            return ()
        self._is_noise = True
        return (CallItNoise(),)
