"""A voice spoken through without a caller: to record phrases, or to see whether it is well."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from types import TracebackType

from services.phrases import Recording, word_places
from services.track import ClauseEnd, Track
from services.voice import Event, Failed, Finished, Flushed, Sound, Timing, Voice

_LOOK_S = 0.01  # how often it is looked whether the connection stands


class Booth:
    """One voice over a connection of its own, as long as the block lasts; a take at a time."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._takes = 0
        self._take = _Take("")
        self._fault: Exception | None = None

    async def __aenter__(self) -> Booth:
        self._voice.open(self)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._voice.close()

    async def record(self, text: str, *, timeout_s: float) -> Recording:
        """The text as sound; raises a `ProviderFault` or `TimeoutError`."""
        take = await self._say(text, timeout_s=timeout_s)
        audio = b"".join(piece for piece in take.pieces if isinstance(piece, bytes))
        if not take.track.is_spoken or not audio:
            raise self._voice.origin.broke("a phrase without sound")
        return Recording(text, audio, _ends(text, take.pieces))

    async def probe(self, text: str, *, timeout_s: float) -> float:
        """How long the first sound takes once the connection stands; raises as `record`."""
        take = await self._say(text, timeout_s=timeout_s, until_sound=True)
        return take.sounded_at - take.asked_at

    async def _say(self, text: str, *, timeout_s: float, until_sound: bool = False) -> _Take:
        """Speak, and listen until it is enough."""
        self._takes += 1
        take = self._take = _Take(f"booth{self._takes}")
        async with asyncio.timeout(timeout_s):
            while not self._voice.is_connected and self._fault is None:  # noqa: ASYNC110
                # rare, off the path of any call: not worth an event in every connection
                await asyncio.sleep(_LOOK_S)
            if self._fault is None:
                take.asked_at = time.monotonic()
                take.track.add(take.context, text)
                self._voice.speak(take.context, text)
                self._voice.finish(take.context)
                await (take.has_sounded if until_sound else take.is_over).wait()
        if self._fault is not None:
            fault, self._fault = self._fault, None
            raise fault
        return take

    def hear(self, event: Event) -> None:
        """An event of the voice."""
        take = self._take
        if isinstance(event, Failed):
            self._fault = event.fault
            take.end()
        elif getattr(event, "context", None) == take.context:
            take.hear(event)


class _Take:
    """What came of one text."""

    def __init__(self, context: str) -> None:
        self.context = context
        self.track = Track()
        self.pieces: list[bytes | ClauseEnd] = []
        self.asked_at = 0.0
        self.sounded_at = 0.0
        self.is_over = asyncio.Event()
        self.has_sounded = asyncio.Event()

    def hear(self, event: Event) -> None:
        """Sound, its times, or its end."""
        match event:
            case Sound(mulaw=mulaw):
                if not self.track.has_sound:
                    self.sounded_at = time.monotonic()
                self.pieces += self.track.hear(mulaw)
                self.has_sounded.set()
            case Timing() as timing:
                place = self.track.time_next if timing.is_relative else self.track.time
                place(timing.pieces, timing.starts_s, timing.ends_s)
            case Flushed():
                self.pieces += self.track.flush()
            case Finished():
                self.pieces += self.track.finish()
                self.end()

    def end(self) -> None:
        """Nothing more comes."""
        self.sounded_at = self.sounded_at or time.monotonic()
        self.is_over.set()
        self.has_sounded.set()


def _ends(text: str, pieces: Sequence[bytes | ClauseEnd]) -> tuple[int, ...]:
    """Samples up to the end of each word; where one was not told, in proportion to its letters."""
    samples, told = 0, {0: 0}
    for piece in pieces:
        if isinstance(piece, bytes):
            samples += len(piece)
        elif not piece.is_end and not piece.is_within:
            told[piece.chars] = samples
    told[len(text)] = samples
    known = sorted(told.items())
    ends: list[int] = []
    places = word_places(text)
    for place in places[:-1]:
        before = max(k for k in known if k[0] <= place)
        after = min(k for k in known if k[0] >= place)
        share = (place - before[0]) / max(1, after[0] - before[0])
        ends.append(round(before[1] + share * (after[1] - before[1])))
    return (*ends, samples) if places else ()
