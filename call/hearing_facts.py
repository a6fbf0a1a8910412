"""What is told to `call/hearing.py`, and what it has done about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from call.endpoint import VoiceBegan, VoiceEbbed


# ── facts ────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class SpeechBegan:
    """The caller speaks."""


@dataclass(frozen=True)
class SpeechEnded:
    """The caller is silent: everything said so far is wanted."""


@dataclass(frozen=True)
class Connected:
    """A connection stands, and has heard so many samples that are not the caller's."""

    heard: int = 0


@dataclass(frozen=True)
class Disconnected:
    """It ended, or could not be made; `is_final` when none will be tried again."""

    is_final: bool = False


@dataclass(frozen=True)
class Told:
    """The recogniser says what it makes of the sound from `start_s` to `end_s` of its connection
    (of what is not final: to the end of the last word); `answers` is its mark on the answer to
    "is that all?"."""

    start_s: float
    end_s: float
    has_words: bool = False
    is_final: bool = False
    answers: bool = False


@dataclass(frozen=True)
class Alive:
    """The recogniser says something else that can be read."""


@dataclass(frozen=True)
class Garbled:
    """A message that cannot be read."""


_OfTheLine = Connected | Disconnected | Told | Alive | Garbled
Fact = SpeechBegan | SpeechEnded | VoiceEbbed | VoiceBegan | _OfTheLine


# ── actions ──────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Pass:
    """These words are news; `is_settled` when with them everything has been told."""

    is_settled: bool = False


@dataclass(frozen=True)
class Settle:
    """Everything the caller said has been told. With `keeps_unsure` by giving up: the words that
    were not final yet are all there will be."""

    keeps_unsure: bool = False


@dataclass(frozen=True)
class Replace:
    """This connection is no good."""

    reason: str
    is_garbled: bool = False


@dataclass(frozen=True)
class Lose:
    """The caller is not heard."""

    is_final: bool


@dataclass(frozen=True)
class Recover:
    """The caller is heard again."""

    gone_s: float
    behind_s: float


@dataclass(frozen=True)
class Forgotten:
    """Samples that left the tape before they were heard for good."""

    samples: int


Action = Pass | Settle | Replace | Lose | Recover | Forgotten


class Ask(Enum):
    """What is handed to the recogniser besides audio."""

    IS_THAT_ALL = "is that all?"
