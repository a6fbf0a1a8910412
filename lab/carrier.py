"""Twilio's side of a Media Stream without I/O: what the carrier writes, and what it thinks of what
the bot writes.

All numbers are strings; `sequenceNumber` starts at 1 with `start` and counts messages; `chunk`
starts at 1 and counts media messages; `timestamp` is milliseconds since the stream began.
"""

from __future__ import annotations

import binascii
import json
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field

from lab.conformance import Conformance

_HEADERS = (b"RIFF", b"ID3", b"OggS", b"fLaC", b".snd", b"\x1aE\xdf\xa3")


@dataclass(frozen=True)
class CallIds:
    """The names of one call, as Twilio makes them: two letters and 32 hex digits."""

    account_sid: str = "AC" + "0" * 31 + "1"
    call_sid: str = field(default_factory=lambda: "CA" + secrets.token_hex(16))
    stream_sid: str = field(default_factory=lambda: "MZ" + secrets.token_hex(16))


@dataclass(frozen=True)
class Sound:
    """The bot wants this played."""

    ulaw: bytes


@dataclass(frozen=True)
class MarkSent:
    """The bot wants to know when everything so far has been played."""

    name: str


@dataclass(frozen=True)
class Cleared:
    """The bot wants its unplayed sound forgotten."""


Intent = Sound | MarkSent | Cleared


class Carrier:
    """One stream's conversation with one bot."""

    def __init__(
        self, ids: CallIds, conformance: Conformance, *, parameters: Mapping[str, str] | None = None
    ) -> None:
        self.ids = ids
        self._conformance = conformance
        self._parameters = dict(parameters or {})
        self._sequence = 0
        self._chunk = 0
        self._sid = json.dumps(ids.stream_sid)

    # ── what the carrier writes ──────────────────────────────────────────────────────
    def connected(self) -> str:
        """The first message: it has neither a sequence number nor a streamSid."""
        return '{"event":"connected","protocol":"Call","version":"1.0.0"}'

    def start(self) -> str:
        """The second message: everything about the stream."""
        start = {
            "accountSid": self.ids.account_sid,
            "streamSid": self.ids.stream_sid,
            "callSid": self.ids.call_sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": self._parameters,
        }
        return self._message("start", json.dumps(start))

    def media(self, ulaw: bytes, *, timestamp_ms: int) -> str:
        """The caller's sound."""
        self._chunk += 1
        payload = b64encode(ulaw).decode("ascii")
        return self._message(
            "media",
            f'{{"track":"inbound","chunk":"{self._chunk}",'
            f'"timestamp":"{timestamp_ms}","payload":"{payload}"}}',
        )

    def dtmf(self, digit: str) -> str:
        """A key the caller pressed."""
        return self._message("dtmf", json.dumps({"track": "inbound_track", "digit": digit}))

    def mark(self, name: str) -> str:
        """The echo of a mark."""
        return self._message("mark", json.dumps({"name": name}))

    def stop(self) -> str:
        """The caller has gone."""
        gone = {"accountSid": self.ids.account_sid, "callSid": self.ids.call_sid}
        return self._message("stop", json.dumps(gone))

    def _message(self, event: str, body: str) -> str:
        self._sequence += 1
        return (
            f'{{"event":"{event}","sequenceNumber":"{self._sequence}",'
            f'"streamSid":{self._sid},"{event}":{body}}}'
        )

    # ── what the bot writes ──────────────────────────────────────────────────────────
    def receive(self, message: str | bytes) -> Intent | None:
        """Judge one message of the bot; what it wants, or nothing when it cannot be understood."""
        judge = self._conformance.judge
        if not judge("text-only", isinstance(message, str), detail=f"{len(message)} binary bytes"):
            return None
        judge("after-start", self._sequence > 0, detail="a message came before `start`")
        body = self._parsed(message)
        if body is None:
            return None
        event = body["event"]
        known = event in ("media", "mark", "clear")
        if not judge("known-event", known, detail=f"event {event!r}"):
            return None
        sid = body.get("streamSid")
        if not judge("stream-sid", sid == self.ids.stream_sid, detail=f"streamSid {sid!r}"):
            return None
        self._check_numbers(body)
        match event:
            case "media":
                return self._sound(body.get("media"))
            case "mark":
                return self._mark(body.get("mark"))
            case _:
                return Cleared()

    def _parsed(self, message: str | bytes) -> dict[str, object] | None:
        try:
            body = json.loads(message)
        except (ValueError, RecursionError):
            body = None
        is_event = isinstance(body, dict) and isinstance(body.get("event"), str)
        detail = f"not a JSON object with an event: {message[:60]!r}"
        return body if self._conformance.judge("json-object", is_event, detail=detail) else None

    def _check_numbers(self, body: dict[str, object]) -> None:
        media = body.get("media")
        numbers = {"sequenceNumber": body.get("sequenceNumber")}
        if isinstance(media, dict):
            numbers |= {key: media.get(key) for key in ("chunk", "timestamp")}
        wrong = [k for k, v in numbers.items() if v is not None and not isinstance(v, str)]
        self._conformance.judge(
            "string-numbers", not wrong, detail=f"{', '.join(wrong)} is not a string"
        )

    def _sound(self, media: object) -> Sound | None:
        payload = media.get("payload") if isinstance(media, dict) else None
        ulaw: bytes | None = None
        if isinstance(payload, str):
            try:
                ulaw = b64decode(payload, validate=True)
            except (binascii.Error, ValueError):
                ulaw = None
        detail = f"payload is {type(payload).__name__}, not base64 text"
        if not self._conformance.judge("media-payload", ulaw is not None, detail=detail):
            return None
        assert ulaw is not None
        has_header = ulaw.startswith(_HEADERS)
        self._conformance.judge(
            "raw-ulaw", not has_header, detail=f"the audio begins with {ulaw[:4]!r}"
        )
        return Sound(ulaw)

    def _mark(self, mark: object) -> MarkSent | None:
        name = mark.get("name") if isinstance(mark, dict) else None
        is_name = isinstance(name, str) and name != ""
        if not self._conformance.judge("mark-name", is_name, detail=f"mark.name is {name!r}"):
            return None
        return MarkSent(str(name))
