"""The emulated Deepgram `/v2/listen` (Flux): audio in, turns out.

Per turn: StartOfTurn, Updates, then either EndOfTurn at once, or EagerEndOfTurn followed by
EndOfTurn with the same transcript or by TurnResumed when the caller goes on. End-of-turn
confidence grows with silence.
"""

from __future__ import annotations

import asyncio
import math
from enum import Enum
from typing import Any

from aiohttp import web

from lab.deepgram import IDLE, open_stream
from lab.hearing import Word
from lab.outlet import Quota
from lab.sound import HEARD, Hearer
from lab.utterance import UtteranceMouth
from lab.world import Line, World, parse_object

NAME = "flux"
MODELS = ("flux-general-en", "flux-general-multi")
KNOWN_ENCODINGS = ("linear16", "linear32", "mulaw", "alaw", "opus", "ogg-opus")
RANGES = {
    "eot_threshold": (0.5, 1.0),
    "eager_eot_threshold": (0.3, 0.9),
    "eot_timeout_ms": (500, 60_000),
}
FULL_CONFIDENCE = 0.99  # silence alone never reaches 1.0: that threshold is for ForceEndTurn only


class State(Enum):
    """Where a turn is."""

    QUIET = "nobody has spoken in this turn"
    TALKING = "a turn is under way"
    EAGER = "an early end was announced"


def quota() -> Quota:
    """No more credit in mid-stream."""
    return Quota(
        {"type": "Error", "sequence_id": 0, "code": "INSUFFICIENT_CREDITS", "description": "…"},
        code=1008,
        reason="INSUFFICIENT_CREDITS",
    )


def range_error(name: str, value: object) -> str:
    """Why this threshold is refused; empty when it is good."""
    low, high = RANGES[name]
    try:
        number = float(str(value))
    except ValueError:
        number = math.nan
    return "" if low <= number <= high else f"{name} must be between {low:g} and {high:g}"


def query_error(request: web.Request) -> str:
    """What is wrong with the query of `/v2/listen`; empty when nothing is."""
    query = request.query
    model, encoding = query.get("model"), query.get("encoding")
    if model not in MODELS:
        return f"Bad Request: model must be one of {', '.join(MODELS)}"
    if encoding is not None and encoding not in KNOWN_ENCODINGS:
        return f"Bad Request: unknown encoding `{encoding}`"
    if encoding not in HEARD:
        return f"the lab hears {', '.join(HEARD)} only, not {encoding or 'containers'}"
    if not query.get("sample_rate", "").isdecimal():
        return "Bad Request: sample_rate is required with a raw encoding"
    for name in RANGES:
        if name in query and (problem := range_error(name, query[name])):
            return f"Bad Request: {problem}"
    if "language_hint" in query and model != "flux-general-multi":
        return "Bad Request: language_hint needs flux-general-multi"
    return ""


async def listen(request: web.Request) -> web.StreamResponse:
    """`GET /v2/listen`."""

    async def talk(world: World, line: Line) -> None:
        await Listener(world, line, request).run()

    return await open_stream(request, NAME, wrong=query_error, quota=quota, talk=talk)


class Thresholds:
    """When a turn ends."""

    def __init__(self, query: Any) -> None:
        self.eot_threshold = float(query.get("eot_threshold", 0.7))
        self.eot_timeout_ms = int(float(query.get("eot_timeout_ms", 5000)))
        eager = query.get("eager_eot_threshold")
        self.eager_eot_threshold = float(eager) if eager is not None else None

    def set(self, given: Any) -> str:
        """Take new ones, all or none; what is wrong with them, or empty."""
        if not isinstance(given, dict):
            return "thresholds must be an object"
        for name, value in given.items():
            if name not in RANGES:
                return f"unknown threshold {name}"
            if value is None and name == "eager_eot_threshold":
                continue
            if isinstance(value, str | bool):
                return f"{name} must be a number"
            if problem := range_error(name, value):
                return problem
        for name, value in given.items():
            setattr(self, name, value)
        return ""

    def as_dict(self) -> dict[str, Any]:
        """For ConfigureSuccess."""
        return {name: getattr(self, name) for name in RANGES}


class Listener:
    """One stream of `/v2/listen`."""

    def __init__(self, world: World, line: Line, request: web.Request) -> None:
        query = request.query
        self.world = world
        self.line = line
        self.thresholds = Thresholds(query)
        self.keyterms: list[str] = query.getall("keyterm", [])
        self.hints: list[str] = query.getall("language_hint", [])
        self.ear = world.engines.ear()
        self.hearer = Hearer(query["encoding"], rate=int(query["sample_rate"]))
        self.clock = asyncio.get_running_loop().time
        self.sequence = 0
        self.turn = 0
        self.state = State.QUIET
        self.words: list[Word] = []
        self.window_s = self.heard_s = 0.0
        self.updated_s = 0.0
        self.bytes = 0
        self.taken_in_at = self.clock()
        self.ending: asyncio.Task[None] | None = None
        self.mouth = UtteranceMouth(world, line, idle=IDLE)

    async def run(self) -> None:
        """Listen until one side leaves."""
        await self._say({"type": "Connected", "request_id": self.line.request_id})
        try:
            async for message in self.line.messages():
                if isinstance(message, str):
                    if await self._on_text(message):
                        return
                elif message:
                    await self._on_audio(message)
        finally:
            self.world.log.add(
                NAME, "audio", line=self.line.id, bytes=self.bytes, seconds=self.ear.heard_s
            )
            await self.ear.close()

    async def _on_audio(self, data: bytes) -> None:
        limit = self.world.knobs.flux.ingest_limit
        seconds = self.hearer.seconds(data)
        self.bytes += len(data)
        ready_at = self.taken_in_at + (seconds / limit if limit else 0.0)
        self.taken_in_at = max(self.clock(), ready_at)
        if not (pcm := self.hearer.gather(data)):
            return
        self.ear.feed(pcm)
        if self.ending is not None and not self.ending.done():
            return  # the turn's last words are being worked out; the next one waits for them
        if self.ear.heard_s - self.updated_s >= self._step_s():
            self.updated_s = self.ear.heard_s
            await self._look()

    def _step_s(self) -> float:
        """Silence is watched closely, speech at the pace of Updates."""
        update_s = self.world.knobs.flux.update_s
        return update_s if self.ear.is_speech and self.state is not State.EAGER else 0.02

    async def _look(self) -> None:
        """Compare what is understood now with what was said before."""
        words = self.ear.partial()
        is_new = _text(words) != _text(self.words)
        if self.state is State.QUIET:
            if words:
                self.words = words
                self.state = State.TALKING
                await self._turn_info("StartOfTurn")
            return
        if self.state is State.EAGER and (is_new or self.ear.is_speech):
            self.state = State.TALKING
            await self._turn_info("TurnResumed")
        if is_new:
            self.words = words
            await self._turn_info("Update")
            return
        await self._maybe_end()

    async def _maybe_end(self) -> None:
        limits, sure = self.thresholds, self._confidence()
        if sure >= limits.eot_threshold:
            await self._end("model")
        elif self.ear.silent_s * 1000 >= limits.eot_timeout_ms:
            await self._end("timeout")
        elif (
            self.state is State.TALKING
            and limits.eager_eot_threshold is not None
            and sure >= limits.eager_eot_threshold
        ):
            self.state = State.EAGER
            await self._turn_info("EagerEndOfTurn")

    def _confidence(self) -> float:
        knobs = self.world.knobs.flux
        if self.ear.is_speech or self.state is State.QUIET:
            return knobs.resume_confidence
        return min(FULL_CONFIDENCE, 1 - math.exp(-self.ear.silent_s / knobs.settle_s))

    async def _end(self, trigger: str) -> None:
        """Work out the turn's last words; no audio is read meanwhile."""
        complete_at, sure = max(self.clock(), self.taken_in_at), self._confidence()
        self.heard_s = self.ear.heard_s
        words = await self.ear.finish()
        if self.state is not State.EAGER:
            self.words = words or self.words
        self.ending = self.line.crew.start(self._ended(trigger, complete_at, sure))

    async def _ended(self, trigger: str, complete_at: float, sure: float) -> None:
        text = _text(self.words)
        draw = self.world.delays.take(NAME, "final", key=text)
        late_s = max(0.0, self.clock() - complete_at - draw.delay_s)
        await asyncio.sleep(max(0.0, complete_at + draw.delay_s - self.clock()))
        self.world.log.add(
            NAME,
            "final",
            line=self.line.id,
            text=text,
            trigger=trigger,
            late_s=round(late_s, 6),
            **draw.as_dict(),
        )
        await self._turn_info("EndOfTurn", trigger=trigger, confidence=sure)
        self.turn += 1
        self.state = State.QUIET
        self.words = []
        self.window_s = self.heard_s
        self.mouth.over()

    async def _turn_info(
        self, event: str, *, trigger: str = "", confidence: float | None = None
    ) -> None:
        sure = self._confidence() if confidence is None else confidence
        heard_s = self.heard_s if event == "EndOfTurn" else self.ear.heard_s
        message: dict[str, Any] = {
            "type": "TurnInfo",
            "request_id": self.line.request_id,
            "event": event,
            "turn_index": self.turn,
            "audio_window_start": round(self.window_s, 3),
            "audio_window_end": round(heard_s, 3),
            "transcript": _text(self.words),
            "words": [self._word(word) for word in self.words],
            "end_of_turn_confidence": round(sure, 4),
            "languages": ["en"],
        }
        if self.hints:
            message["languages_hinted"] = self.hints
        if trigger:
            message["trigger"] = trigger
        if event == "EagerEndOfTurn":
            self.world.log.add(NAME, "eager", line=self.line.id, text=message["transcript"])
        await self._say(message, words=message["transcript"])

    def _word(self, word: Word) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "word": word.written or word.text,
            "confidence": round(word.confidence, 4),
        }
        if self.world.knobs.flux.word_times:
            entry |= {"start": round(word.start_s, 3), "end": round(word.end_s, 3)}
        return entry

    async def _on_text(self, text: str) -> bool:
        """One control message. True when the stream is over."""
        message = parse_object(text)
        kind = message.get("type") if message is not None else None
        self.world.log.add(NAME, "message", line=self.line.id, text=text[:2000])
        if kind == "CloseStream":
            await self._end_by_force("manual")
            await self.line.outlet.close(1000)
            return True
        if kind == "ForceEndTurn":
            await self._end_by_force("manual")
        elif kind == "Configure" and message is not None:
            await self._configure(message)
        else:
            code = "UNPARSABLE_CLIENT_MESSAGE"
            await self._say(
                {"type": "Error", "code": code, "description": "Could not read the message"}
            )
            await self.line.outlet.close(1008, code)
            return True
        return False

    async def _end_by_force(self, trigger: str) -> None:
        """End the turn now, if there is one."""
        if self.ending is not None and not self.ending.done():
            await asyncio.wait([self.ending])
        self.ear.feed(self.hearer.rest())
        if self.state is State.QUIET:
            await self._look()
        if self.state is not State.QUIET:
            await self._end(trigger)
            if self.ending is not None:
                await asyncio.wait([self.ending])

    async def _configure(self, message: dict[str, Any]) -> None:
        answer: dict[str, Any] = {"request_id": self.line.request_id}
        problem = self.thresholds.set(message.get("thresholds") or {})
        for name in ("keyterms", "language_hints"):
            if (
                not problem
                and message.get(name) is not None
                and not isinstance(message[name], list)
            ):
                problem = f"{name} must be a list"
        if problem:
            failure = {"code": "INVALID_CONFIGURATION", "description": problem}
            await self._say(answer | {"type": "ConfigureFailure"} | failure)
            return
        if message.get("keyterms") is not None:
            self.keyterms = message["keyterms"]
        if message.get("language_hints") is not None:
            self.hints = message["language_hints"]
        answer |= {
            "type": "ConfigureSuccess",
            "thresholds": self.thresholds.as_dict(),
            "keyterms": self.keyterms,
            "language_hints": self.hints,
        }
        await self._say(answer)

    async def _say(self, message: dict[str, Any], *, words: str = "") -> None:
        message["sequence_id"] = self.sequence
        self.sequence += 1
        await (await self.mouth.outlet(words)).say(message)


def _text(words: list[Word]) -> str:
    return " ".join(word.written or word.text for word in words)
