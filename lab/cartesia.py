"""The emulated Cartesia: `/tts/websocket`, text into audio by context, several on a socket."""

from __future__ import annotations

import asyncio
import base64
from typing import Any
from uuid import uuid4

from aiohttp import web

from lab.faults import REQUEST, Fault
from lab.outlet import Outlet, Quota
from lab.speaking import Speech
from lab.voicing import Format, Piece, Utterance, note_first, pieces, synthesise
from lab.world import WORLD, Line, World, is_missing, is_wrong_key, parse_object

NAME = "cartesia"
ENCODINGS = ("pcm_f32le", "pcm_s16le", "pcm_mulaw", "pcm_alaw")
RATES = (8000, 16000, 22050, 24000, 44100, 48000)
NEW_ERRORS_FROM = "2026-03-01"
VERSIONS = ("2024-06-10", "2024-11-13", "2025-04-16", NEW_ERRORS_FROM)
MAY_CHANGE = {"transcript", "continue", "duration", "flush", "cancel"}
"""Fields that need not stay the same within a context."""
SENTENCE_ENDS = (".", "!", "?", "。", "؟", "\n")
IDLE = (1000, "connection idle for too long")
TITLES = {
    400: ("bad_request", "Bad request"), 401: ("unauthorized", "Unauthorized"),
    402: ("quota_exceeded", "Quota exceeded"), 403: ("forbidden", "Forbidden"),
    404: ("voice_not_found", "Voice not found"), 429: ("concurrency_limited", "Too many requests"),
    500: ("internal_error", "Internal server error"), 503: ("unavailable", "Unavailable"),
}  # fmt: skip


def refusal(status: int, message: str, *, code: str = "", retry_after_s: float = 0) -> web.Response:
    """An upgrade or look-up refused."""
    name, title = TITLES.get(status, ("error", "Error"))
    request_id = str(uuid4())
    headers = {"x-request-id": request_id}
    if retry_after_s:
        headers["retry-after"] = f"{retry_after_s:g}"
    body = {
        "error_code": code or name,
        "title": title,
        "message": message,
        "request_id": request_id,
        "doc_url": "https://docs.cartesia.ai/use-the-api/errors",
    }
    return web.json_response(body, status=status, headers=headers)


def refuse_for(status: int, fault: Fault) -> web.Response:
    """A refusal a fault asked for."""
    message = fault["message"] or TITLES.get(status, ("", "Error"))[1]
    return refusal(status, message, code=fault["code"], retry_after_s=fault["retry_after_s"])


def key_of(request: web.Request) -> str | None:
    """The key from the header (either kind) or the query."""
    bearer = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    query = request.query
    return (
        request.headers.get("X-API-Key")
        or bearer
        or query.get("api_key")
        or query.get("access_token")
    )


def version_of(request: web.Request) -> str:
    """The API version the client speaks."""
    query = request.query.get("cartesia_version", "")
    return request.headers.get("Cartesia-Version", "") or query


async def websocket(request: web.Request) -> web.StreamResponse:
    """`GET /tts/websocket`."""
    world: World = request.app[WORLD]
    faults, shut = await world.knock(request, NAME, refuse=refuse_for)
    if shut is not None:
        return shut
    if is_wrong_key(key_of(request)):
        return refusal(401, "Invalid API key")
    if not version_of(request):
        return refusal(400, "Cartesia-Version header or cartesia_version parameter is required")
    shape = world.knobs.cartesia.error_shape
    is_new = shape == "new" or (not shape and version_of(request) >= NEW_ERRORS_FROM)

    async def talk(line: Line) -> None:
        await Speaker(world, line, is_new=is_new).run()

    return await world.converse(
        request,
        NAME,
        faults=faults,
        quota=lambda: Quota(error_frame(world, 402, "Out of credits", context="", is_new=is_new)),
        talk=talk,
    )


def error_frame(
    world: World, status: int, message: str, *, context: str, is_new: bool
) -> dict[str, Any]:
    """An error on an open socket, in the shape of the client's API version."""
    code, title = TITLES.get(status, ("error", "Error"))
    if not is_new:
        return {
            "type": "error",
            "context_id": context,
            "status_code": status,
            "done": True,
            "error": f"{title}: {message}",
        }
    frame = {
        "type": "error",
        "done": True,
        "status_code": status,
        "error_code": code,
        "title": title,
        "message": message,
        "request_id": str(uuid4()),
        "doc_url": "https://docs.cartesia.ai/use-the-api/errors",
    }
    if context and world.knobs.cartesia.error_context:
        frame["context_id"] = context
    return frame


class Context:
    """One stream of text into one stream of audio."""

    def __init__(self, message: dict[str, Any]) -> None:
        self.name: str = message["context_id"]
        self.fields = {key: value for key, value in message.items() if key not in MAY_CHANGE}
        self.voice = str(message["voice"].get("id", ""))
        form = message["output_format"]
        self.format = Format(form["encoding"], form["sample_rate"])
        self.has_times = message.get("add_timestamps") is True
        self.has_phonemes = message.get("add_phoneme_timestamps") is True
        self.waiting = ""
        self.said_s = 0.0
        self.flushes = 0
        self.outlet: Outlet | None = None
        self.last: asyncio.Task[None] | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.expiry: asyncio.TimerHandle | None = None
        self.is_over = False
        self.late: dict[str, Any] | None = None

    def stop_timers(self) -> None:
        """Nothing of this context fires any more."""
        for timer in (self.timer, self.expiry):
            if timer is not None:
                timer.cancel()


class Speaker:
    """One socket."""

    def __init__(self, world: World, line: Line, *, is_new: bool) -> None:
        self.world = world
        self.line = line
        self.is_new = is_new
        self.contexts: dict[str, Context] = {}
        self.expired: set[str] = set()
        self.loop = asyncio.get_running_loop()
        self.active_at = self.loop.time()

    async def run(self) -> None:
        """Speak until one side leaves."""
        self.line.crew.start(self._watch_idle())
        try:
            async for text in self.line.messages():
                self.active_at = self.loop.time()
                message = parse_object(text) if isinstance(text, str) else None
                if message is None:
                    await self._error(400, "The message is not a JSON object", "")
                    continue
                self.world.log.add(NAME, "message", line=self.line.id, message=message)
                await self._on_message(message)
        finally:
            for context in self.contexts.values():
                context.stop_timers()

    async def _on_message(self, message: dict[str, Any]) -> None:
        """One request."""
        name = str(message.get("context_id") or "")
        if message.get("cancel") is True:
            await self._cancel(name)
            return
        if problem := _problem(message):
            await self._error(problem[0], problem[1], name)
            return
        if name in self.expired:
            await self._error(400, "The context has expired", name)
            return
        context = self.contexts.get(name)
        if context is None:
            context = self.contexts[name] = Context(message)
        elif _fixed(message) != context.fields:
            await self._error(400, "Fields of a context must not change", name)
            return
        self._take(context, message["transcript"], message)

    async def _is_struck(self, context: Context, text: str) -> bool:
        """Let the faults of this text bite, and stay. True when the socket is closed by one."""
        faults = self.world.strike(self.line, REQUEST, words=text)
        for fault in faults:
            if fault.shape == "expire":
                self.line.outlet.feel(fault)
                await self.line.outlet.close(*IDLE)
                return True
        if faults:
            context.outlet = (context.outlet or self.line.outlet).within(faults)
        return False

    def _take(self, context: Context, text: str, message: dict[str, Any]) -> None:
        """Buffer the text, and speak what is due."""
        continues = message.get("continue") is True
        flush = message.get("flush") is True
        delay_ms = message.get("max_buffer_delay_ms")
        if delay_ms is None:
            delay_ms = self.world.knobs.cartesia.default_buffer_ms
        context.waiting += text
        if context.expiry is not None:
            context.expiry.cancel()
        at_once = flush or not continues or not delay_ms
        if at_once or context.waiting.rstrip().endswith(SENTENCE_ENDS):
            self._speak(context)
        elif context.timer is None:
            context.timer = self.loop.call_later(delay_ms / 1000, self._speak, context)
        if flush:
            context.flushes += 1
            flushed = {"type": "flush_done", "flush_id": context.flushes, "flush_done": True}
            self._then(context, self._after(context, flushed, context.last))
        if not continues:
            self._then(context, self._done(context, context.last))

    def _then(self, context: Context, work: Any) -> None:
        context.last = self.line.crew.start(work)

    def _speak(self, context: Context) -> None:
        """Say what waits."""
        if context.timer is not None:
            context.timer.cancel()
            context.timer = None
        text, context.waiting = context.waiting, ""
        if text.strip():
            self._then(context, self._spoken(context, text, context.last, self.loop.time()))

    async def _spoken(
        self,
        context: Context,
        text: str,
        previous: asyncio.Task[None] | None,
        complete_at: float,
    ) -> None:
        knobs, running = self.world.knobs.cartesia, self.world.running
        if knobs.max_running and running.get(NAME, 0) >= knobs.max_running:
            await self._error(429, "Too many concurrent requests", context.name)
            return
        running[NAME] = running.get(NAME, 0) + 1
        try:
            utterance = Utterance(text, complete_at, knobs.chunk_s, knobs.pace, context.format)
            speech, draw = await synthesise(
                self.world, utterance, line=self.line, context=context.name, voice=context.voice
            )
            if previous is not None:
                await asyncio.wait([previous])
            if context.is_over or await self._is_struck(context, text):
                return
            began_at = self.loop.time()
            async for piece in pieces(utterance, speech, draw):
                if context.is_over:
                    return
                took_ms = (self.loop.time() - began_at) * 1000
                await self._piece(context, piece, speech, took_ms)
                if piece.start_s == 0.0:
                    note_first(self.world, utterance, line=self.line)
            context.said_s += speech.duration_s
        finally:
            running[NAME] -= 1
            self._expire_later(context)

    async def _piece(self, context: Context, piece: Piece, speech: Speech, took_ms: float) -> None:
        data = base64.b64encode(piece.audio).decode()
        chunk = {"type": "chunk", "data": data, "step_time": round(took_ms, 3)}
        if context.flushes:
            chunk["flush_id"] = context.flushes
        context.late = self._frame(context, chunk)
        await self._say(context, chunk)
        if not context.has_times and not context.has_phonemes:
            return
        words = [
            word
            for word in speech.words
            if piece.start_s <= word[1] < piece.end_s or (piece.is_last and word[1] >= piece.end_s)
        ]
        if not words:
            return
        start = [round(context.said_s + word[1], 3) for word in words]
        end = [round(context.said_s + word[2], 3) for word in words]
        names = [word[0] for word in words]
        if context.has_times:
            times = {"words": names, "start": start, "end": end}
            await self._say(context, {"type": "timestamps", "word_timestamps": times})
        if context.has_phonemes:
            phonemes = {"phonemes": names, "start": start, "end": end}
            message = {"type": "phoneme_timestamps", "phoneme_timestamps": phonemes}
            await self._say(context, message)

    async def _after(
        self, context: Context, message: dict[str, Any], previous: asyncio.Task[None] | None
    ) -> None:
        if previous is not None:
            await asyncio.wait([previous])
        await self._say(context, message)

    async def _done(self, context: Context, previous: asyncio.Task[None] | None) -> None:
        if previous is not None:
            await asyncio.wait([previous])
        if context.is_over:
            return
        status = self.world.knobs.cartesia.done_status
        frame = {"type": "done", "context_id": context.name, "status_code": status, "done": True}
        await (context.outlet or self.line.outlet).say(frame)
        await self._end(context)

    async def _cancel(self, name: str) -> None:
        """Work not yet begun is dropped; the client hears `done`."""
        context = self.contexts.get(name)
        if context is None:
            return
        context.is_over = True
        await self._end(context)

    async def _end(self, context: Context) -> None:
        """Forget the context; a fault may let it speak from the grave."""
        self.contexts.pop(context.name, None)
        context.is_over = True
        context.stop_timers()
        outlet = context.outlet
        if outlet is None:
            return
        for layer in outlet.layers(down_to=self.line.outlet):
            if (fault := layer.has("late")) and context.late is not None:
                self.line.crew.start(self._haunt(context.late, fault))
            layer.recover()

    async def _haunt(self, message: dict[str, Any], fault: Fault) -> None:
        for _ in range(fault["messages"]):
            await asyncio.sleep(fault["delay_s"])
            await self.line.outlet.say(message)

    def _expire_later(self, context: Context) -> None:
        """A context is forgotten a while after its last audio."""
        if context.is_over:
            return
        if context.expiry is not None:
            context.expiry.cancel()
        context.expiry = self.loop.call_later(
            self.world.knobs.cartesia.expire_s, self._expire, context
        )

    def _expire(self, context: Context) -> None:
        if self.contexts.get(context.name) is context and not context.waiting:
            self.contexts.pop(context.name)
            self.expired.add(context.name)
            context.is_over = True

    def _frame(self, context: Context, message: dict[str, Any]) -> dict[str, Any]:
        return {"context_id": context.name, "status_code": 206, "done": False} | message

    async def _say(self, context: Context, message: dict[str, Any]) -> None:
        if not context.is_over:
            await (context.outlet or self.line.outlet).say(self._frame(context, message))

    async def _error(self, status: int, message: str, context: str) -> None:
        """An error frame; the socket stays open."""
        self.world.log.add(NAME, "error", line=self.line.id, status=status, context=context)
        frame = error_frame(self.world, status, message, context=context, is_new=self.is_new)
        await self.line.outlet.say(frame)

    async def _watch_idle(self) -> None:
        while True:
            limit_s = self.world.knobs.cartesia.idle_s
            left = self.active_at + limit_s - self.loop.time()
            if left <= 0 and not self.contexts:
                await self.line.outlet.close(*IDLE)
                return
            await asyncio.sleep(left if left > 0 else limit_s)


def _fixed(message: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in message.items() if key not in MAY_CHANGE}


def _problem(message: dict[str, Any]) -> tuple[int, str] | None:
    """What is wrong with a generation request."""
    for name in ("model_id", "transcript", "voice", "output_format"):
        if name not in message:
            return 400, f"{name} is required"
    if not isinstance(message.get("context_id"), str) or not message["context_id"]:
        return 400, "context_id is required"
    if not isinstance(message["transcript"], str):
        return 400, "transcript must be a string"
    if not message["transcript"] and not (message.get("flush") or "continue" in message):
        return 400, "transcript must not be empty"
    return _voice_problem(message) or _format_problem(message)


def _voice_problem(message: dict[str, Any]) -> tuple[int, str] | None:
    voice = message["voice"]
    if not isinstance(voice, dict) or voice.get("mode") not in ("id", "embedding"):
        return 400, "voice must have a mode and an id"
    if is_missing(str(voice.get("id", ""))):
        return 404, "The voice was not found"
    if is_missing(str(message["model_id"])):
        return 400, "The model was not found"
    delay_ms = message.get("max_buffer_delay_ms")
    if delay_ms is not None and not (isinstance(delay_ms, int) and 0 <= delay_ms <= 5000):
        return 400, "max_buffer_delay_ms must be 0 to 5000"
    return None


def _format_problem(message: dict[str, Any]) -> tuple[int, str] | None:
    form = message["output_format"]
    if not isinstance(form, dict) or form.get("container") != "raw":
        return 400, "output_format.container must be raw on a websocket"
    if form.get("encoding") not in ENCODINGS:
        return 400, f"output_format.encoding must be one of {', '.join(ENCODINGS)}"
    if form.get("sample_rate") not in RATES:
        return 400, f"output_format.sample_rate must be one of {', '.join(map(str, RATES))}"
    return None
