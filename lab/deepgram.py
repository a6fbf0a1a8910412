"""The emulated Deepgram `/v1/listen` (nova): audio in, interims and finals out.

A final is due at (audio complete) + (drawn delay, keyed by the words). Audio is complete when a
Finalize arrives or the endpointing silence is over, and not before it could have been taken in at
the ingest limit. The engine works meanwhile; only if it needs longer is the final late, and the log
says by how much.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from aiohttp import web

from lab.deepgram_stream import Options, Times, query_error
from lab.faults import Fault
from lab.hearing import Word
from lab.outlet import Quota
from lab.sound import Hearer
from lab.utterance import UtteranceMouth
from lab.world import WORLD, Line, World, is_wrong_key, parse_object

NAME = "deepgram"
IDLE = (
    1011,
    "NET-0001: Deepgram did not receive audio data or a text message within the timeout window.",
)
UNDECODABLE = (1008, "DATA-0000: The payload cannot be decoded as audio.")
SPEECH_GAP_S = 0.3  # silence before speech counts as started anew
STATUS_CODES = {
    400: "Bad Request", 401: "INVALID_AUTH", 402: "ASR_PAYMENT_REQUIRED",
    403: "INSUFFICIENT_PERMISSIONS", 404: "NOT_FOUND", 429: "TOO_MANY_REQUESTS",
    500: "INTERNAL_SERVER_ERROR", 503: "SERVICE_UNAVAILABLE",
}  # fmt: skip


def refusal(status: int, message: str, *, code: str = "", retry_after_s: float = 0) -> web.Response:
    """An upgrade or look-up refused, as the vendor words it."""
    request_id = str(uuid4())
    headers = {"dg-error": message, "dg-request-id": request_id}
    if retry_after_s:
        headers["retry-after"] = f"{retry_after_s:g}"
    body = {
        "err_code": code or STATUS_CODES.get(status, "ERROR"),
        "err_msg": message,
        "request_id": request_id,
    }
    return web.json_response(body, status=status, headers=headers)


def refuse_for(status: int, fault: Fault) -> web.Response:
    """A refusal a fault asked for."""
    message = fault["message"] or STATUS_CODES.get(status, "ERROR").replace("_", " ").capitalize()
    return refusal(status, message, code=fault["code"], retry_after_s=fault["retry_after_s"])


def key_of(request: web.Request) -> str | None:
    """The key of `Authorization: Token …` (or Bearer)."""
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    return key.strip() if scheme.lower() in ("token", "bearer") else None


def quota() -> Quota:
    """No more credit in mid-stream."""
    return Quota(
        {"type": "Error", "variant": "ProjectBalance", "description": "Project out of credits"},
        code=1008,
        reason="ASR_PAYMENT_REQUIRED",
    )


async def listen(request: web.Request) -> web.StreamResponse:
    """`GET /v1/listen`."""

    async def talk(world: World, line: Line) -> None:
        await Recogniser(world, line, request).run()

    return await open_stream(request, NAME, wrong=query_error, quota=quota, talk=talk)


async def open_stream(
    request: web.Request,
    name: str,
    *,
    wrong: Callable[[web.Request], str],
    quota: Callable[[], Quota],
    talk: Callable[[World, Line], Awaitable[None]],
) -> web.StreamResponse:
    """The door both listening products share: key, query, limit, then the conversation."""
    world: World = request.app[WORLD]
    faults, shut = await world.knock(request, name, refuse=refuse_for)
    if shut is not None:
        return shut
    if is_wrong_key(key_of(request)):
        return refusal(401, "Invalid credentials.")
    if error := wrong(request):
        return refusal(400, error)
    limit = getattr(world.knobs, name).max_sockets
    if limit and world.count_lines(name) >= limit:
        return refusal(429, "Too many requests. Please try again later")

    async def converse(line: Line) -> None:
        await talk(world, line)

    headers = {"dg-request-id": str(uuid4())}
    return await world.converse(
        request, name, faults=faults, quota=quota, talk=converse, headers=headers
    )


class Recogniser:
    """One stream of `/v1/listen`."""

    def __init__(self, world: World, line: Line, request: web.Request) -> None:
        query = request.query
        self.world = world
        self.line = line
        self.options = Options(query)
        self.ear = world.engines.ear()
        self.hearer = (
            Hearer(query["encoding"], rate=int(query["sample_rate"]))
            if "encoding" in query
            else None
        )
        self.clock = asyncio.get_running_loop().time
        self.times = Times(opened_at=self.clock())
        self.mouth = UtteranceMouth(world, line, idle=IDLE)
        self.last_final: asyncio.Task[None] | None = None
        self.shown = ""

    async def run(self) -> None:
        """Listen until one side leaves."""
        self.line.crew.start(self._watch_idle())
        try:
            async for message in self.line.messages():
                if isinstance(message, str):
                    if await self._on_text(message):
                        return
                elif not message:
                    await self._close_stream()
                    return
                elif self.hearer is None:
                    await self.line.outlet.close(*UNDECODABLE)
                    return
                else:
                    await self._on_audio(message, self.hearer)
        finally:
            self.world.log.add(
                NAME,
                "audio",
                line=self.line.id,
                bytes=self.times.bytes,
                seconds=self.ear.heard_s,
                ahead_s=round(self.times.ahead_s, 3),
            )
            await self.ear.close()

    async def _on_audio(self, data: bytes, hearer: Hearer) -> None:
        now = self.clock()
        times, ear, knobs = self.times, self.ear, self.world.knobs.deepgram
        times.audio(now, bytes_=len(data))
        times.ingest(now, seconds=hearer.seconds(data), limit=knobs.ingest_limit)
        if not (pcm := hearer.gather(data)):
            return
        ear.feed(pcm)
        if self.options.vad_events and ear.is_speech and not times.in_speech:
            started = max(0.0, ear.heard_s - 0.06)
            await self._say({"type": "SpeechStarted", "channel": [0, 1], "timestamp": started})
        times.in_speech = ear.is_speech or (times.in_speech and ear.silent_s < SPEECH_GAP_S)
        if ear.heard_s - times.shown_s >= knobs.interim_s:
            times.shown_s = ear.heard_s
            await self._interim()
        if self._is_endpoint():
            await self._finish(speech_final=True, from_finalize=False)
        if not self._is_finishing():
            await self._utterance_end()

    async def _interim(self) -> None:
        """Say what is understood so far, when it changed and no final is on its way."""
        words = self.ear.partial()
        text = self.options.text(words)
        if text == self.shown:
            return
        self.shown = text
        if text and self.options.interims and not self._is_finishing():
            await self._result(words, heard_s=self.ear.heard_s, is_final=False)

    def _is_finishing(self) -> bool:
        return self.last_final is not None and not self.last_final.done()

    def _is_endpoint(self) -> bool:
        pause_s, ear = self.options.endpointing_s, self.ear
        if pause_s is None or not self.shown or ear.is_speech:
            return False
        return ear.silent_s >= max(pause_s, self.world.knobs.deepgram.endpoint_floor_s)

    async def _finish(self, *, speech_final: bool, from_finalize: bool) -> None:
        """Turn everything heard so far into a final. No audio is read while the engine thinks, so
        that what came later cannot slip in."""
        self.shown = ""
        complete_at = max(self.clock(), self.times.taken_in_at)
        flags = {"speech_final": speech_final, "from_finalize": from_finalize}
        if self.hearer is not None:
            self.ear.feed(self.hearer.rest())
        heard_s = self.ear.heard_s
        words = await self.ear.finish()
        if words or (from_finalize and self.world.knobs.deepgram.finalize_when_empty):
            self.last_final = self.line.crew.start(
                self._final(words, self.last_final, complete_at, heard_s, flags)
            )

    async def _final(
        self,
        words: list[Word],
        previous: asyncio.Task[None] | None,
        complete_at: float,
        heard_s: float,
        flags: dict[str, bool],
    ) -> None:
        draw = self.world.delays.take(NAME, "final", key=self.options.text(words))
        late_s = max(0.0, self.clock() - complete_at - draw.delay_s)
        await asyncio.sleep(max(0.0, complete_at + draw.delay_s - self.clock()))
        if previous is not None:
            await asyncio.wait([previous])
        self.world.log.add(
            NAME,
            "final",
            line=self.line.id,
            text=self.options.text(words),
            late_s=round(late_s, 6),
            **flags,
            **draw.as_dict(),
        )
        await self._result(words, heard_s=heard_s, is_final=True, **flags)
        self.mouth.over()
        if words:
            self.times.last_word_s = words[-1].end_s
        if self.last_final is asyncio.current_task():
            await self._utterance_end()

    async def _result(
        self,
        words: list[Word],
        *,
        heard_s: float,
        is_final: bool,
        speech_final: bool = False,
        from_finalize: bool = False,
    ) -> None:
        start = self.times.final_end_s
        message = {
            "type": "Results",
            "channel_index": [0, 1],
            "duration": round(heard_s - start, 3),
            "start": round(start, 3),
            "is_final": is_final,
            "speech_final": speech_final,
            "channel": {"alternatives": [self.options.alternative(words)]},
            "metadata": {
                "request_id": self.line.request_id,
                "model_info": {
                    "name": self.options.model,
                    "version": "lab",
                    "arch": self.options.model,
                },
                "model_uuid": "00000000-0000-4000-8000-000000000000",
            },
            "from_finalize": from_finalize,
        }
        if is_final:
            self.times.final_end_s = heard_s
        await (await self.mouth.outlet(self.options.text(words))).say(message)

    async def _utterance_end(self) -> None:
        gap_s, last = self.options.utterance_end_s, self.times.last_word_s
        if gap_s is None or last is None or self.shown:
            return
        if self.ear.heard_s - last >= gap_s:
            self.times.last_word_s = None
            await self._say({"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": last})

    async def _on_text(self, text: str) -> bool:
        """One control message. True when the stream is over."""
        message = parse_object(text)
        kind = message.get("type") if message is not None else None
        if kind == "KeepAlive":
            self.times.keep_alive(self.clock())
            return False
        self.world.log.add(NAME, "message", line=self.line.id, text=text[:2000])
        if kind == "Finalize":
            speech_final = self.world.knobs.deepgram.finalize_speech_final
            await self._finish(speech_final=speech_final, from_finalize=True)
        elif kind == "CloseStream":
            await self._close_stream()
            return True
        elif kind == "Configure" and message is not None:
            await self._configure(message)
        else:
            await self._say(
                {
                    "type": "Error",
                    "variant": "SchemaError",
                    "description": "Could not deserialize last text message",
                    "message": text[:2000],
                }
            )
        return False

    async def _configure(self, message: dict[str, Any]) -> None:
        keyterms = message.get("keyterms")
        answer: dict[str, Any] = {"request_id": self.line.request_id}
        failure = self._configure_error(keyterms)
        if failure is None:
            if keyterms is not None:
                self.options.keyterms = list(keyterms)
            answer |= {"type": "ConfigureSuccess", "keyterms": self.options.keyterms}
        else:
            answer |= {"type": "ConfigureFailure", "code": failure[0], "description": failure[1]}
        await self._say(answer)

    def _configure_error(self, keyterms: object) -> tuple[str, str] | None:
        if keyterms is None:
            return None
        if not self.options.model.startswith("nova-3"):
            return "CONFIGURE_KEYTERMS_NOT_SUPPORTED", "Keyterms need nova-3"
        if not isinstance(keyterms, list):
            return "CONFIGURE_INTERNAL_ERROR", "keyterms must be a list"
        if len(keyterms) > self.world.knobs.deepgram.max_keyterms:
            return "CONFIGURE_KEYTERM_LIMIT_EXCEEDED", "Too many keyterms"
        return None

    async def _close_stream(self) -> None:
        """The rest, the summary, goodbye."""
        if self.hearer is not None:
            self.ear.feed(self.hearer.rest())
        if self.shown or self.ear.partial():
            await self._finish(speech_final=True, from_finalize=False)
        if self.last_final is not None:
            await asyncio.wait([self.last_final])
        await self._say(
            {
                "type": "Metadata",
                "transaction_key": "deprecated",
                "request_id": self.line.request_id,
                "sha256": hashlib.sha256(str(self.times.bytes).encode()).hexdigest(),
                "created": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
                "duration": round(self.ear.heard_s, 4),
                "channels": 1,
            }
        )
        await self.line.outlet.close(1000)

    async def _watch_idle(self) -> None:
        """Close when neither audio nor (after some audio) KeepAlive came for too long."""
        left = self.world.knobs.deepgram.idle_s
        while left > 0:
            await asyncio.sleep(left)
            left = self.times.alive_at + self.world.knobs.deepgram.idle_s - self.clock()
        self.world.log.add(NAME, "idle", line=self.line.id)
        await self.line.outlet.close(*IDLE)

    async def _say(self, message: dict[str, Any]) -> None:
        await self.line.outlet.say(message)
