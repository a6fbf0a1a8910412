"""What a Media Streams message means: past tense, frozen, free of JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Rule(StrEnum):
    """What the carrier did that its protocol does not allow."""

    BINARY = "binary"  # messages are text
    OVERSIZED = "oversized"
    NOT_JSON = "not_json"
    NOT_OBJECT = "not_object"
    NO_EVENT = "no_event"
    WRONG_ORDER = "wrong_order"  # no start, two starts, stop first, anything after stop
    WRONG_STREAM = "wrong_stream"
    WRONG_TRACK = "wrong_track"  # a bidirectional stream carries the caller only
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    BAD_NUMBER = "bad_number"
    BAD_BASE64 = "bad_base64"
    BAD_DIGIT = "bad_digit"
    OUT_OF_SEQUENCE = "out_of_sequence"
    UNKNOWN_MARK = "unknown_mark"  # echoed, but never sent or already echoed
    MARK_ORDER = "mark_order"  # echoed before an older one


@dataclass(frozen=True, slots=True)
class Greeted:
    """The carrier's socket has introduced itself."""

    version: str


@dataclass(frozen=True, slots=True)
class StreamStarted:
    """The stream has begun: who calls, and in which format."""

    stream_id: str
    call_id: str
    account_id: str
    tracks: tuple[str, ...]
    parameters: dict[str, str] = field(repr=False)
    encoding: str
    rate_hz: int
    channels: int

    @property
    def is_telephone_audio(self) -> bool:
        """Whether the audio is what we can hear: µ-law, 8 kHz, one channel."""
        return (self.encoding, self.rate_hz, self.channels) == ("audio/x-mulaw", 8000, 1)


@dataclass(frozen=True, slots=True)
class AudioArrived:
    """The caller's audio; `at_s` is the carrier's time stamp in seconds since the start."""

    mulaw: bytes = field(repr=False)
    at_s: float | None


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """The caller pressed a key of the telephone."""

    digit: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class MarkPlayed:
    """Everything sent before this mark has reached the caller's ear."""

    name: str


@dataclass(frozen=True, slots=True)
class MarkCleared:
    """The mark came back because of our own `clear`; its audio was not heard to the end."""

    name: str


@dataclass(frozen=True, slots=True)
class StreamStopped:
    """The carrier says the stream is over: the caller hung up, or the call was moved."""


@dataclass(frozen=True, slots=True)
class UnknownEvent:
    """A kind of message this protocol does not have (yet); ignored."""


@dataclass(frozen=True, slots=True)
class RuleBroken:
    """A message against the protocol; what could be saved of it follows as a further event."""

    rule: Rule


Event = (
    Greeted
    | StreamStarted
    | AudioArrived
    | KeyPressed
    | MarkPlayed
    | MarkCleared
    | StreamStopped
    | UnknownEvent
    | RuleBroken
)
