"""The emulated ElevenLabs: `/v1/text-to-speech/{voice}/multi-stream-input` with up to five contexts
on one socket, and `/stream-input` with one."""

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

NAME = "elevenlabs"
FORMATS = {
    "ulaw_8000": Format("pcm_mulaw", 8000),
    "alaw_8000": Format("pcm_alaw", 8000),
    **{f"pcm_{r}": Format("pcm_s16le", r) for r in (8000, 16000, 22050, 24000, 44100, 48000)},
}
SCHEDULE = (120, 160, 250, 290)
"""Characters that must wait before each next piece is spoken, unless told otherwise."""
MAX_TIMEOUT_S = 180
IDLE = (1008, "input_timeout_exceeded")
STATUS_NAMES = {
    401: "invalid_api_key", 402: "payment_required", 403: "missing_permissions",
    429: "too_many_concurrent_requests", 500: "internal_server_error", 503: "system_busy",
}  # fmt: skip
DEFAULT_CONTEXT = "default"


def refusal(status: int, name: str, message: str, *, retry_after_s: float = 0.0) -> web.Response:
    """An upgrade or look-up refused."""
    headers = {"request-id": uuid4().hex}
    if retry_after_s:
        headers["retry-after"] = f"{retry_after_s:g}"
    body = {"detail": {"status": name, "message": message}}
    return web.json_response(body, status=status, headers=headers)


def refuse_for(status: int, fault: Fault) -> web.Response:
    """A refusal a fault asked for."""
    name = fault["code"] or STATUS_NAMES.get(status, "error")
    message = fault["message"] or name.replace("_", " ").capitalize()
    return refusal(status, name, message, retry_after_s=fault["retry_after_s"])


def quota() -> Quota:
    """The plan's characters are used up in mid-stream."""
    message = {
        "message": "This request exceeds your quota.",
        "error": "quota_exceeded",
        "code": 1008,
    }
    return Quota(message, code=1008, reason="quota_exceeded")


async def multi_stream_input(request: web.Request) -> web.StreamResponse:
    """`GET …/multi-stream-input`."""
    return await _open(request, is_multi=True)


async def stream_input(request: web.Request) -> web.StreamResponse:
    """`GET …/stream-input`."""
    return await _open(request, is_multi=False)


async def _open(request: web.Request, *, is_multi: bool) -> web.StreamResponse:
    world: World = request.app[WORLD]
    faults, shut = await world.knock(request, NAME, refuse=refuse_for)
    if shut is not None:
        return shut
    key = request.headers.get("xi-api-key") or request.query.get("xi-api-key")
    if is_wrong_key(key) and (is_multi or key):
        return refusal(401, "invalid_api_key", "Invalid API key")
    if refused := _query_error(request):
        return refused

    async def talk(line: Line) -> None:
        await Speaker(world, line, request, is_multi=is_multi, is_known=bool(key)).run()

    return await world.converse(request, NAME, faults=faults, quota=quota, talk=talk)


def _query_error(request: web.Request) -> web.Response | None:
    query = request.query
    if is_missing(request.match_info["voice"]):
        return refusal(404, "voice_not_found", "A voice with that id was not found.")
    if is_missing(query.get("model_id", "")):
        return refusal(400, "model_not_found", "A model with that id does not exist.")
    asked = query.get("output_format", "pcm_16000")
    if asked not in FORMATS:
        text = f"The lab speaks {', '.join(FORMATS)}, not {asked}"
        return refusal(400, "unsupported_output_format", text)
    timeout = query.get("inactivity_timeout", "20")
    if not timeout.isdecimal() or not 1 <= int(timeout) <= MAX_TIMEOUT_S:
        return refusal(400, "invalid_parameters", f"inactivity_timeout is 1 to {MAX_TIMEOUT_S}")
    if query.get("apply_text_normalization", "auto") not in ("auto", "on", "off"):
        return refusal(400, "invalid_parameters", "apply_text_normalization is auto, on or off")
    return None


class Context:
    """One stream of text into one stream of audio."""

    def __init__(self, name: str, message: dict[str, Any], *, now: float) -> None:
        config = message.get("generation_config") or {}
        self.name = name
        self.waiting = ""
        self.schedule = tuple(config.get("chunk_length_schedule") or SCHEDULE)
        self.spoken = 0
        self.active_at = now
        self.outlet: Outlet | None = None
        self.last: asyncio.Task[None] | None = None
        self.late: list[dict[str, Any]] = []

    def due(self, *, is_auto: bool, flush: bool) -> str:
        """Text to be spoken now; empty while it waits for more."""
        needed = self.schedule[min(self.spoken, len(self.schedule) - 1)]
        if not (is_auto or flush or len(self.waiting) >= needed):
            return ""
        text, self.waiting = self.waiting, ""
        if not text.strip():
            return ""
        self.spoken += 1
        return text


class Speaker:
    """One socket."""

    def __init__(
        self, world: World, line: Line, request: web.Request, *, is_multi: bool, is_known: bool
    ) -> None:
        query = request.query
        self.world = world
        self.line = line
        self.voice = request.match_info["voice"]
        self.format = FORMATS[query.get("output_format", "pcm_16000")]
        self.is_auto = query.get("auto_mode") == "true"
        self.timeout_s = float(query.get("inactivity_timeout", "20"))
        self.is_multi = is_multi
        self.is_known = is_known
        self.contexts: dict[str, Context] = {}
        self.clock = asyncio.get_running_loop().time
        self.active_at = self.clock()

    async def run(self) -> None:
        """Speak until one side leaves."""
        self.line.crew.start(self._watch_idle())
        async for text in self.line.messages():
            self.active_at = self.clock()
            message = parse_object(text) if isinstance(text, str) else None
            problem = "Message is not a JSON object" if message is None else _problem(message)
            if message is None or problem:
                await self._fail("invalid_message", problem)
                return
            self.world.log.add(NAME, "message", line=self.line.id, message=message)
            if not self.is_known and not self._introduces(message):
                await self._fail("invalid_api_key", "Invalid API key")
                return
            self.is_known = True
            over = await (self._on_multi(message) if self.is_multi else self._on_single(message))
            if over:
                return

    def _introduces(self, message: dict[str, Any]) -> bool:
        key = message.get("xi_api_key") or message.get("xi-api-key")
        return not is_wrong_key(key or message.get("authorization"))

    async def _on_multi(self, message: dict[str, Any]) -> bool:
        if message.get("close_socket") is True:
            await self._finish_all()
            return True
        name = message.get("context_id") or message.get("contextId")
        context = self.contexts.get(name or DEFAULT_CONTEXT)
        if message.get("close_context") is True:
            if context is not None:
                self._close_context(context)
            return False
        if context is None:
            if not name and not (message.get("text") or "").strip(" ") and "flush" not in message:
                return False  # {"text": ""} keeps the socket
            if not await self._has_room(name or DEFAULT_CONTEXT):
                return False
            context = Context(name or DEFAULT_CONTEXT, message, now=self.clock())
            self.contexts[context.name] = context
            message = _opened(message)
        elif "voice_settings" in message:
            await self._fail("invalid_voice_settings", VOICE_SETTINGS, context=context.name)
            return True
        return await self._on_text(context, message)

    async def _on_single(self, message: dict[str, Any]) -> bool:
        context = self.contexts.get("")
        if context is None:
            context = self.contexts[""] = Context("", message, now=self.clock())
            if message.get("text") == "":
                return await self._end_single(context)
            message = _opened(message)
        elif message.get("voice_settings"):
            await self._fail("invalid_voice_settings", VOICE_SETTINGS)
            return True
        elif message.get("text") == "":
            return await self._end_single(context)
        return await self._on_text(context, message)

    async def _on_text(self, context: Context, message: dict[str, Any]) -> bool:
        text = message.get("text") or ""
        context.active_at = self.clock()
        context.waiting += text
        flush = message.get("flush") is True
        if due := context.due(is_auto=self.is_auto, flush=flush):
            self._speak(context, due)
        return False

    async def _is_struck(self, context: Context, text: str) -> bool:
        """Let the faults of this text bite, and stay. True when the socket is closed by one."""
        faults = self.world.strike(self.line, REQUEST, words=text)
        for fault in faults:
            if fault.shape == "expire":
                self.line.outlet.feel(fault)
                await self._fail(IDLE[1], IDLE_TEXT, context=context.name)
                return True
        if faults:
            context.outlet = (context.outlet or self.line.outlet).within(faults)
        return False

    async def _has_room(self, name: str) -> bool:
        limit = self.world.knobs.elevenlabs.max_contexts
        if len(self.contexts) < limit:
            return True
        # the vendor documents the limit, not what becomes of the socket: only the context is lost
        text = f"Maximum simultaneous contexts exceeded ({limit})."
        await self.line.outlet.say(self._error("max_active_contexts_exceeded", text, name))
        return False

    def _speak(self, context: Context, text: str) -> None:
        context.last = self.line.crew.start(self._spoken(context, text, context.last, self.clock()))

    async def _spoken(
        self,
        context: Context,
        text: str,
        previous: asyncio.Task[None] | None,
        complete_at: float,
    ) -> None:
        knobs, running = self.world.knobs.elevenlabs, self.world.running
        if knobs.max_running and running.get(NAME, 0) >= knobs.max_running:
            await self._fail("too_many_concurrent_requests", CONCURRENCY, context=context.name)
            return
        running[NAME] = running.get(NAME, 0) + 1
        try:
            utterance = Utterance(text, complete_at, knobs.chunk_s, knobs.pace, self.format)
            speech, draw = await synthesise(
                self.world, utterance, line=self.line, context=context.name, voice=self.voice
            )
            if previous is not None:
                await asyncio.wait([previous])
            if await self._is_struck(context, text):
                return
            outlet = context.outlet or self.line.outlet
            async for piece in pieces(utterance, speech, draw):
                message = self._audio(context, piece, text, speech)
                await outlet.say(message)
                if piece.start_s == 0.0:
                    note_first(self.world, utterance, line=self.line)
                context.late = [message]
                context.active_at = self.clock()
        finally:
            running[NAME] -= 1

    def _audio(self, context: Context, piece: Piece, text: str, speech: Speech) -> dict[str, Any]:
        """One audio message; its times restart at 0."""
        alignment = _alignment(piece, text, speech, self.world.knobs.elevenlabs.durations)
        message = {
            "audio": base64.b64encode(piece.audio).decode(),
            "alignment": alignment,
            "normalizedAlignment": alignment,
        }
        if self.is_multi:
            return message | {self.world.knobs.elevenlabs.context_key: context.name}
        return message | {"isFinal": None}

    def _close_context(self, context: Context) -> None:
        """What was asked for is still spoken; what waits unflushed is not."""
        self.contexts.pop(context.name, None)
        self.line.crew.start(self._final(context))

    async def _final(self, context: Context) -> None:
        if context.last is not None:
            await asyncio.wait([context.last])
        knobs = self.world.knobs.elevenlabs
        outlet = context.outlet or self.line.outlet
        await outlet.say({knobs.final_flag: True, knobs.context_key: context.name})
        layers = list(outlet.layers(down_to=self.line.outlet))
        for fault in [fault for layer in layers if (fault := layer.has("late"))]:
            for _ in range(fault["messages"]):
                await asyncio.sleep(fault["delay_s"])
                for message in context.late:
                    await self.line.outlet.say(message)
        for layer in layers:
            layer.recover()

    async def _finish_all(self) -> None:
        finals = []
        for context in list(self.contexts.values()):
            if due := context.due(is_auto=self.is_auto, flush=True):
                self._speak(context, due)
            self.contexts.pop(context.name)
            finals.append(self.line.crew.start(self._final(context)))
        if finals:
            await asyncio.wait(finals)
        await self.line.outlet.close(1000)

    async def _end_single(self, context: Context) -> bool:
        """`{"text": ""}` of `/stream-input`: the rest, the flag, goodbye."""
        if due := context.due(is_auto=self.is_auto, flush=True):
            self._speak(context, due)
        if context.last is not None:
            await asyncio.wait([context.last])
        flag = self.world.knobs.elevenlabs.final_flag
        await (context.outlet or self.line.outlet).say({"audio": None, flag: True})
        await self.line.outlet.close(1000)
        return True

    async def _watch_idle(self) -> None:
        """Close contexts and then the socket when no text comes for too long."""
        while True:
            limit_s = self.world.knobs.elevenlabs.inactivity_s or self.timeout_s
            now = self.clock()
            for context in list(self.contexts.values()):
                if self.is_multi and now - context.active_at >= limit_s:
                    self._close_context(context)
            active = [self.active_at, *(c.active_at for c in self.contexts.values())]
            if now - max(active) >= limit_s:
                await self._fail(IDLE[1], IDLE_TEXT)
                return
            await asyncio.sleep(
                min(active) + limit_s - now if min(active) + limit_s > now else limit_s
            )

    def _error(self, name: str, text: str, context: str = "") -> dict[str, Any]:
        named = {self.world.knobs.elevenlabs.context_key: context} if context else {}
        return {"message": text, "error": name, "code": 1008} | named

    async def _fail(self, name: str, text: str, *, context: str = "") -> None:
        """Say what is wrong and close 1008."""
        self.world.log.add(NAME, "error", line=self.line.id, error=name, context=context)
        await self.line.outlet.say(self._error(name, text, context))
        await self.line.outlet.close(1008, name)


VOICE_SETTINGS = "voice_settings can only be provided in the first message of a context"
IDLE_TEXT = "Have not received a new text input within the timeout, and no text is being generated."
CONCURRENCY = "Too many concurrent requests. Your plan's concurrency limit is reached."


FIELDS: dict[str, type] = {
    "text": str,
    "context_id": str,
    "contextId": str,
    "voice_settings": dict,
    "generation_config": dict,
    "xi_api_key": str,
    "xi-api-key": str,
    "authorization": str,
}
"""What the fields of a client's message must be, when they are there and not null."""


def _problem(message: dict[str, Any]) -> str:
    """What is wrong with a client's message; empty when nothing is."""
    for name, kind in FIELDS.items():
        if message.get(name) is not None and not isinstance(message[name], kind):
            return f"{name} must be a {kind.__name__}"
    schedule = (message.get("generation_config") or {}).get("chunk_length_schedule") or []
    if not isinstance(schedule, list) or not all(isinstance(n, int) and n > 0 for n in schedule):
        return "chunk_length_schedule must be a list of positive numbers"
    return ""


def _opened(message: dict[str, Any]) -> dict[str, Any]:
    """A first message without the single space that only opens the context."""
    return message | {"text": ""} if message.get("text") == " " else message


def _alignment(piece: Piece, text: str, speech: Speech, durations: str) -> dict[str, Any] | None:
    """The characters that begin within the piece, timed from its start."""
    begin_ms = round(piece.start_s * 1000)
    end_ms = round(piece.end_s * 1000)
    chars, starts, lengths = [], [], []
    for char, (start_ms, length_ms) in zip(text, speech.chars, strict=False):
        is_late = piece.is_last and start_ms >= begin_ms
        if begin_ms <= start_ms < end_ms or is_late:
            chars.append(char)
            starts.append(start_ms - begin_ms)
            lengths.append(length_ms)
    if not chars:
        return None
    return {"chars": chars, "charStartTimesMs": starts, durations: lengths}
