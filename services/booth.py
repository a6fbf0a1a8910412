"""A voice spoken through without a caller: to record a phrase, or to see whether it is well."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from services.phrases import Recording, word_places
from services.track import ClauseEnd, Track
from services.voice import Event, Failed, Finished, Flushed, Sound, Timing, Voice

_CONTEXT = "booth"
_LOOK_S = 0.01  # how often it is looked whether the connection stands


class Booth:
    """One text said over a connection of its own."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._track = Track()
        self._pieces: list[bytes | ClauseEnd] = []
        self._first_at = 0.0
        self._is_finished = asyncio.Event()
        self._has_sounded = asyncio.Event()
        self._fault: Exception | None = None

    async def record(self, text: str, *, timeout_s: float) -> Recording:
        """The text as sound; raises a `ProviderFault` or `TimeoutError`."""
        await self._say(text, timeout_s=timeout_s, until=self._is_finished)
        audio = b"".join(piece for piece in self._pieces if isinstance(piece, bytes))
        if not self._track.is_spoken or not audio:
            raise self._voice.origin.broke("a phrase without sound")
        return Recording(text, audio, _ends(text, self._pieces))

    async def probe(self, text: str, *, timeout_s: float) -> float:
        """How long the first sound takes once the connection stands; raises as `record`."""
        asked_at = await self._say(text, timeout_s=timeout_s, until=self._has_sounded)
        return self._first_at - asked_at

    async def _say(self, text: str, *, timeout_s: float, until: asyncio.Event) -> float:
        """Speak, and listen until it is enough; when it was asked to."""
        self._voice.open(self)
        try:
            async with asyncio.timeout(timeout_s):
                while not self._voice.is_connected and self._fault is None:  # noqa: ASYNC110
                    # rare, off the path of any call: not worth an event in every connection
                    await asyncio.sleep(_LOOK_S)
                asked_at = time.monotonic()
                if self._fault is None:
                    self._track.add(_CONTEXT, text)
                    self._voice.speak(_CONTEXT, text)
                    self._voice.finish(_CONTEXT)
                    await until.wait()
        finally:
            await self._voice.close()
        if self._fault is not None:
            raise self._fault
        return asked_at

    def hear(self, event: Event) -> None:
        """An event of the voice."""
        track = self._track
        match event:
            case Sound(mulaw=mulaw):
                if not track.has_sound:
                    self._first_at = time.monotonic()
                self._pieces += track.hear(mulaw)
                self._has_sounded.set()
            case Timing() as timing:
                place = track.time_next if timing.is_relative else track.time
                place(timing.pieces, timing.starts_s, timing.ends_s)
            case Flushed():
                self._pieces += track.flush()
            case Finished():
                self._pieces += track.finish()
                self._is_finished.set()
                self._has_sounded.set()
            case Failed(fault=fault):
                self._fault = self._fault or fault
                self._is_finished.set()
                self._has_sounded.set()


def _ends(text: str, pieces: Sequence[bytes | ClauseEnd]) -> tuple[int, ...]:
    """Samples up to the end of each word; where one was not told, in proportion to its letters."""
    samples, told = 0, {0: 0}
    for piece in pieces:
        if isinstance(piece, bytes):
            samples += len(piece)
        elif not piece.is_end:
            told[piece.chars] = samples
    told[len(text)] = samples
    known = sorted(told.items())
    ends: list[int] = []
    places = word_places(text)
    for place in places[:-1]:
        before = max((k for k in known if k[0] <= place), default=known[0])
        after = min((k for k in known if k[0] >= place), default=known[-1])
        share = (place - before[0]) / max(1, after[0] - before[0])
        ends.append(round(before[1] + share * (after[1] - before[1])))
    return (*ends, samples) if places else ()
