"""Twilio Media Streams without I/O: text in, events out; intents in, text out.

Four verbs. `receive` takes one WebSocket message and answers with the events it means; `media`,
`mark` and `clear` answer with the text to send. Nothing here opens a socket, reads a clock or
awaits.

House rules of this file: whatever the carrier sends, `receive` returns and never raises (peer
misbehaviour is an event, counted and survived); whatever we ask for wrongly raises `MisuseError`.
Everything that changes the state of the stream stands in the table `TRANSITIONS`.
"""

from __future__ import annotations

import binascii
import json
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from call.errors import MisuseError
from transports.twilio.events import (
    AudioArrived,
    Event,
    Greeted,
    KeyPressed,
    MarkCleared,
    MarkPlayed,
    Rule,
    RuleBroken,
    StreamStarted,
    StreamStopped,
    UnknownEvent,
)

MARK_NAME_CHARS: Final = 256  # ours; the carrier documents no limit and ours are below 40
MARKS_REMEMBERED: Final = 1024  # unplayed marks kept; a clause has one, so an hour has fewer
DIGITS_OF_A_NUMBER: Final = 20  # a 64-bit counter has no more
TOUCH_TONES: Final = frozenset("0123456789*#ABCD")


class State(StrEnum):
    """Where the stream is."""

    OPENED = "opened"
    GREETED = "greeted"
    STREAMING = "streaming"
    STOPPED = "stopped"


# (where we are, what came) -> where we are then. What is not listed is out of order: counted and
# ignored.
TRANSITIONS: Final[dict[tuple[State, str], State]] = {
    (State.OPENED, "connected"): State.GREETED,
    (State.GREETED, "start"): State.STREAMING,
    (State.STREAMING, "media"): State.STREAMING,
    (State.STREAMING, "dtmf"): State.STREAMING,
    (State.STREAMING, "mark"): State.STREAMING,
    (State.STREAMING, "stop"): State.STOPPED,
}
# Out of order as well, but unmistakable: counted and followed.
FORGIVEN: Final[dict[tuple[State, str], State]] = {
    (State.OPENED, "start"): State.STREAMING,
    (State.OPENED, "stop"): State.STOPPED,
    (State.GREETED, "stop"): State.STOPPED,
}
EVENTS: Final = frozenset(event for _, event in TRANSITIONS)


class _Broken(Exception):
    """Carries the broken rule from where it is seen to `receive`; never leaves this file."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule


@dataclass(slots=True)
class _Mark:
    name: str
    is_cleared: bool = False


class MediaStream:
    """One bidirectional stream, seen from the application's side."""

    def __init__(self, *, max_message_bytes: int = 65536) -> None:
        self._max_message_bytes = max_message_bytes
        self._state = State.OPENED
        self._stream_id = ""
        self._media_head = ""  # everything of a media message before its payload
        self._last_sequence: int | None = None
        # Sent and not yet echoed, oldest first.
        self._marks: deque[_Mark] = deque(maxlen=MARKS_REMEMBERED)

    @property
    def state(self) -> State:
        """Where the stream is."""
        return self._state

    @property
    def stream_id(self) -> str:
        """The carrier's name of the stream; empty before its start."""
        return self._stream_id

    @property
    def marks_pending(self) -> int:
        """Marks sent and not yet echoed."""
        return len(self._marks)

    # ── in ──────────────────────────────────────────────────────────────────────────

    def receive(self, message: str | bytes) -> tuple[Event, ...]:
        """One WebSocket message in, the events it means out, in order; never raises.

        Count every `RuleBroken` and `UnknownEvent` and go on; after `StreamStopped` send nothing
        more and close the socket.
        """
        try:
            return self._understood(message)
        except _Broken as broken:
            return (RuleBroken(broken.rule),)

    def _understood(self, message: str | bytes) -> tuple[Event, ...]:
        body = self._parsed(message)
        kind = body.get("event")
        if not isinstance(kind, str):
            raise _Broken(Rule.NO_EVENT)
        if kind not in EVENTS:
            return (UnknownEvent(),)
        notes: list[Event] = []
        after = TRANSITIONS.get((self._state, kind))
        if after is None:
            after = FORGIVEN.get((self._state, kind))
            if after is None:
                raise _Broken(Rule.WRONG_ORDER)
            notes.append(RuleBroken(Rule.WRONG_ORDER))
        if kind != "connected":
            notes.extend(self._envelope(body))
        event = self._READERS[kind](self, body, notes)
        self._state = after  # only now: a start that cannot be read has not started anything
        return (*notes, event)

    def _parsed(self, message: str | bytes) -> dict[str, object]:
        # "Media Streams messages are text frames" (error 31950 for binary)
        if not isinstance(message, str):
            raise _Broken(Rule.BINARY)
        if len(message) > self._max_message_bytes:
            raise _Broken(Rule.OVERSIZED)
        try:
            body = json.loads(message)
        except (ValueError, RecursionError):  # half a JSON, 5000 digits, 5000 brackets
            raise _Broken(Rule.NOT_JSON) from None
        if not isinstance(body, dict):
            raise _Broken(Rule.NOT_OBJECT)
        return body

    def _envelope(self, body: dict[str, object]) -> list[Event]:
        """Check what every message but `connected` carries: its stream and its number."""
        stream_id = body.get("streamSid")
        if self._stream_id and stream_id is not None and stream_id != self._stream_id:
            raise _Broken(Rule.WRONG_STREAM)
        notes: list[Event] = []
        if stream_id is None:
            notes.append(RuleBroken(Rule.MISSING_FIELD))
        sequence = _number(body, "sequenceNumber", notes)
        if sequence is None:
            return notes
        # "starts with 1 and then is incremented for each message"
        if self._last_sequence is not None and sequence != self._last_sequence + 1:
            notes.append(RuleBroken(Rule.OUT_OF_SEQUENCE))
        self._last_sequence = sequence
        return notes

    def _greeting(self, body: dict[str, object], notes: list[Event]) -> Event:
        return Greeted(version=_text(body, "version", "", notes))

    def _start(self, body: dict[str, object], notes: list[Event]) -> Event:
        start = _object(body, "start")
        media_format = start.get("mediaFormat")
        if not isinstance(media_format, dict):
            notes.append(RuleBroken(Rule.MISSING_FIELD))
            media_format = {}
        tracks = start.get("tracks")
        started = StreamStarted(
            stream_id=_required(start if "streamSid" in start else body, "streamSid"),
            call_id=_required(start, "callSid"),
            account_id=_text(start, "accountSid", "", notes),
            tracks=tuple(str(track) for track in tracks) if isinstance(tracks, list) else (),
            parameters=_parameters(start.get("customParameters"), notes),
            encoding=_text(media_format, "encoding", "", notes),
            rate_hz=_integer(media_format, "sampleRate", notes),
            channels=_integer(media_format, "channels", notes),
        )
        self._stream_id = started.stream_id
        self._media_head = (
            f'{{"event":"media","streamSid":{json.dumps(started.stream_id)},"media":{{"payload":"'
        )
        return started

    def _media(self, body: dict[str, object], notes: list[Event]) -> Event:
        media = _object(body, "media")
        # "outbound" would feed the agent its own voice
        if media.get("track", "inbound") != "inbound":
            raise _Broken(Rule.WRONG_TRACK)
        payload = _required(media, "payload")
        try:
            mulaw = binascii.a2b_base64(payload, strict_mode=True)
        except ValueError:  # binascii.Error, or letters outside ASCII
            raise _Broken(Rule.BAD_BASE64) from None
        milliseconds = _number(media, "timestamp", notes)
        return AudioArrived(mulaw, None if milliseconds is None else milliseconds / 1000)

    def _dtmf(self, body: dict[str, object], notes: list[Event]) -> Event:
        digit = _required(_object(body, "dtmf"), "digit")
        if digit not in TOUCH_TONES:
            raise _Broken(Rule.BAD_DIGIT)
        return KeyPressed(digit)

    def _mark(self, body: dict[str, object], notes: list[Event]) -> Event:
        name = _required(_object(body, "mark"), "name")
        # The order of echoes is nowhere promised, first in first out is what everyone sees.
        for position, mark in enumerate(self._marks):
            if mark.name == name:
                if position:
                    notes.append(RuleBroken(Rule.MARK_ORDER))
                del self._marks[position]
                return MarkCleared(name) if mark.is_cleared else MarkPlayed(name)
        raise _Broken(Rule.UNKNOWN_MARK)

    def _stop(self, body: dict[str, object], notes: list[Event]) -> Event:
        return StreamStopped()

    _READERS: Final = {
        "connected": _greeting,
        "start": _start,
        "media": _media,
        "dtmf": _dtmf,
        "mark": _mark,
        "stop": _stop,
    }

    # ── out ─────────────────────────────────────────────────────────────────────────

    def media(self, mulaw: bytes) -> str:
        """Text that plays `mulaw` behind everything sent before; any length is legal."""
        self._must_stream("media")
        # base64 needs no escaping, so this is the JSON, at a third of the price of a serializer
        return f'{self._media_head}{binascii.b2a_base64(mulaw, newline=False).decode("ascii")}"}}}}'

    def mark(self, name: str) -> str:
        """Text that asks to be told when everything sent before has been played.

        It comes back as `MarkPlayed`, or as `MarkCleared` when a `clear` came between.
        """
        self._must_stream("mark")
        if not 0 < len(name) <= MARK_NAME_CHARS:
            raise MisuseError(f"a mark's name has 1 to {MARK_NAME_CHARS} characters")
        self._marks.append(_Mark(name))
        return json.dumps(
            {"event": "mark", "streamSid": self._stream_id, "mark": {"name": name}},
            separators=(",", ":"),
        )

    def clear(self) -> str:
        """Text that silences what is not played yet.

        The carrier then echoes every pending mark at once; none of them was heard.
        """
        self._must_stream("clear")
        for mark in self._marks:
            mark.is_cleared = True
        return json.dumps({"event": "clear", "streamSid": self._stream_id}, separators=(",", ":"))

    def _must_stream(self, intent: str) -> None:
        if self._state is not State.STREAMING:
            raise MisuseError(f"{intent} while the stream is {self._state.value}")


def _object(body: dict[str, object], key: str) -> dict[str, object]:
    value = body.get(key)
    if isinstance(value, dict):
        return value
    raise _Broken(Rule.MISSING_FIELD if value is None else Rule.WRONG_TYPE)


def _required(body: dict[str, object], key: str) -> str:
    value = body.get(key)
    if isinstance(value, str) and value:
        return value
    raise _Broken(Rule.WRONG_TYPE if value else Rule.MISSING_FIELD)


def _text(body: dict[str, object], key: str, default: str, notes: list[Event]) -> str:
    value = body.get(key, default)
    if isinstance(value, str):
        return value
    notes.append(RuleBroken(Rule.WRONG_TYPE))
    return default


def _number(body: dict[str, object], key: str, notes: list[Event]) -> int | None:
    """A counter: the carrier writes them as strings; a bare integer is counted and used."""
    value = body.get(key)
    if isinstance(value, str):
        if value.isdecimal() and value.isascii() and len(value) <= DIGITS_OF_A_NUMBER:
            return int(value)
        notes.append(RuleBroken(Rule.BAD_NUMBER))
        return None
    notes.append(RuleBroken(Rule.MISSING_FIELD if value is None else Rule.WRONG_TYPE))
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _integer(body: dict[str, object], key: str, notes: list[Event]) -> int:
    """A plain integer of the media format; 0 when it is none."""
    value = body.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    notes.append(RuleBroken(Rule.MISSING_FIELD if value is None else Rule.WRONG_TYPE))
    return 0


def _parameters(value: object, notes: list[Event]) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        notes.append(RuleBroken(Rule.WRONG_TYPE))
        return {}
    return {name: text for name, text in value.items() if isinstance(text, str)}
