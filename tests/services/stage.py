"""The lab's emulated providers on loopback, and a stage to play frames to one station."""

from __future__ import annotations

import asyncio
import math
import struct
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp.web import NotAppKeyWarning
from pipecat.frames.frames import EndFrame, Frame, StartFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.workers.runner import WorkerRunner

from call.measures import Measure, Moment
from lab.engines import Engines
from lab.hearing import Word
from lab.receptionist import Reply
from lab.server import start
from lab.speaking import Speech
from lab.world import World
from tests.conftest import eventually

_F = TypeVar("_F", bound=Frame)
CHAR_MS = 50  # the scripted voice speaks twenty characters a second


class ScriptedEar:
    """Hears the words it is told, each half a second of audio long."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._given = 0
        self.heard_s = 0.0
        self.is_speech = False
        self.silent_s = 0.0

    def feed(self, pcm8k: bytes) -> None:
        """Count audio; anything but digital silence is speech."""
        seconds = len(pcm8k) / 16000
        self.heard_s += seconds
        self.is_speech = any(pcm8k)
        self.silent_s = 0.0 if self.is_speech else self.silent_s + seconds

    def partial(self) -> list[Word]:
        """The words whose half second has been heard."""
        due = min(int(self.heard_s / 0.5), len(self._words))
        return [
            Word(text, 0.5 * i, 0.5 * i + 0.4, 0.9)
            for i, text in enumerate(self._words[:due])
            if i >= self._given
        ]

    async def finish(self) -> list[Word]:
        """The same, for good."""
        words = self.partial()
        self._given += len(words)
        return words

    def reset(self) -> None:
        """Start again."""
        self.__init__(self._words)  # type: ignore[misc]

    async def close(self) -> None:
        """Nothing to free."""


TONE = b"".join(struct.pack("<h", int(8000 * math.sin(i / 5))) for i in range(8000))


async def tone(text: str, *, voice: str) -> Speech:
    """A tone as long as the text, CHAR_MS a character."""
    size = len(text) * CHAR_MS * 16
    pcm = (TONE * (size // len(TONE) + 1))[:size]
    chars = [(i * CHAR_MS, CHAR_MS) for i in range(len(text))]
    words, at = [], 0
    for word in text.split():
        at = text.index(word, at)
        words.append((word, at * CHAR_MS / 1000, (at + len(word)) * CHAR_MS / 1000))
        at += len(word)
    return Speech(pcm, chars, words, "tone")


@dataclass
class Lab:
    """The emulated providers, and what a test may turn."""

    world: World
    url: str
    words: list[str] = field(default_factory=lambda: ["hello", "there"])
    replies: list[Reply] = field(default_factory=list)

    @property
    def ws(self) -> str:
        """Base URL of the sockets."""
        return self.url.replace("http", "ws")

    def fault(self, provider: str, shape: str, **more: Any) -> None:
        """Arm a fault."""
        self.world.faults.add({"provider": provider, "shape": shape, **more})

    def entries(self, provider: str, kind: str) -> list[dict[str, Any]]:
        """What the lab saw."""
        return self.world.log.read(provider=provider, kind=kind)


@asynccontextmanager
async def serve() -> AsyncIterator[Lab]:
    """A lab without delays, on a free port."""
    lab = Lab(None, "")  # type: ignore[arg-type]

    def reply(request: dict[str, Any]) -> Reply:
        return lab.replies.pop(0) if lab.replies else Reply("Good morning. How can I help?")

    engines = Engines(ear=lambda: ScriptedEar(lab.words), speak=tone, reply=reply)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotAppKeyWarning)
        async with start(engine=engines) as running:
            lab.world, lab.url = running.world, running.http_url
            yield lab


@dataclass
class Notes:
    """A recorder in memory."""

    counts: dict[str, float] = field(default_factory=dict)
    observed: list[tuple[str, float]] = field(default_factory=list)
    moments: list[tuple[Moment, float]] = field(default_factory=list)

    def count(self, measure: Measure, amount: float = 1, **labels: str) -> None:
        """Keep per measure and labels."""
        name = ",".join([measure.name, *(f"{k}={v}" for k, v in sorted(labels.items()))])
        self.counts[name] = self.counts.get(name, 0) + amount

    def observe(self, measure: Measure, value: float, **labels: str) -> None:
        """Keep."""
        self.observed.append((measure.name, value))

    def moment(self, moment: Moment, at: float) -> None:
        """Keep."""
        self.moments.append((moment, at))

    def words(self, party: str, text: str, *, final: bool, confidence: float | None = None) -> None:
        """Ignore."""

    def reply(self, number: int, kind: str) -> None:
        """Ignore."""

    def of(self, measure: Measure, **labels: str) -> float:
        """A counter's value; without labels, over all of them."""
        want = [f"{k}={v}" for k, v in labels.items()]
        return sum(
            n
            for name, n in self.counts.items()
            if name.split(",")[0] == measure.name and all(w in name.split(",") for w in want)
        )

    def stamped(self, moment: Moment) -> int:
        """How often a moment was stamped."""
        return sum(1 for name, _ in self.moments if name is moment)


class _Catch(FrameProcessor):
    def __init__(self, direction: FrameDirection, frames: list[Frame]) -> None:
        super().__init__(enable_direct_mode=True)
        self._direction = direction
        self._frames = frames

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if direction is self._direction and not isinstance(frame, StartFrame):
            self._frames.append(frame)
        await self.push_frame(frame, direction)


class Stage:
    """One station in a running pipeline: play frames to it, look at what comes out."""

    def __init__(self, station: FrameProcessor) -> None:
        self.station = station
        self.down: list[Frame] = []
        self.up: list[Frame] = []
        pipeline = Pipeline(
            [
                _Catch(FrameDirection.UPSTREAM, self.up),
                station,
                _Catch(FrameDirection.DOWNSTREAM, self.down),
            ]
        )
        self._worker = PipelineWorker(
            pipeline,
            cancel_on_idle_timeout=False,
            enable_rtvi=False,
            params=PipelineParams(audio_in_sample_rate=8000, audio_out_sample_rate=8000),
        )

    async def play(self, *frames: Frame) -> None:
        """Send frames from the top."""
        for frame in frames:
            await self._worker.queue_frame(frame)

    def seen(self, kind: type[_F]) -> list[_F]:
        """Frames of a kind that came out below."""
        return [frame for frame in self.down if isinstance(frame, kind)]

    def risen(self, kind: type[_F]) -> list[_F]:
        """Frames of a kind that came out above."""
        return [frame for frame in self.up if isinstance(frame, kind)]

    async def until(self, is_true: Callable[[], object], what: str = "frames") -> None:
        """Wait for something to become true."""
        names = lambda: f"{what}; down {[f.name for f in self.down]}, up {self.up}"  # noqa: E731
        try:
            await eventually(is_true, what=what)
        except AssertionError:
            raise AssertionError(f"never happened: {names()}") from None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Stage]:
        """Run the pipeline for the length of the block."""
        started = asyncio.Event()

        async def note(_worker: object, _frame: object) -> None:
            started.set()

        self._worker.add_event_handler("on_pipeline_started", note)
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(self._worker)
        running = asyncio.create_task(runner.run())
        try:
            await asyncio.wait_for(started.wait(), 30)
            yield self
        finally:
            await self._worker.cancel()
            await asyncio.wait_for(running, 30)

    async def end(self) -> None:
        """End politely, as the pipeline does at the end of a call."""
        await self._worker.queue_frame(EndFrame())
