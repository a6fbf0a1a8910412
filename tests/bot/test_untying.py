"""A list that has run to its end holds nobody, and what comes too late ends without a word."""

from __future__ import annotations

import gc
from weakref import ref

import pytest
from pipecat.frames.frames import EndFrame, Frame, TextFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.workers.runner import WorkerRunner

from bot.untying import untie, weakly

pytestmark = pytest.mark.rule


class Passing(FrameProcessor):
    """Passes everything on."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """On."""
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)


class Owner:
    """Holds a list that tells it things."""

    def __init__(self) -> None:
        self.told: list[object] = []
        self.stations = [Passing(name="first"), Passing(name="last")]
        self.worker = PipelineWorker(Pipeline(self.stations), enable_rtvi=False)
        self.worker.add_event_handler("on_pipeline_finished", self.finished)

    async def finished(self, _worker: PipelineWorker, frame: object) -> None:
        """The list is over."""
        self.told.append(frame)

    async def run(self) -> None:
        """Until the end."""
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(self.worker)
        await self.worker.queue_frame(EndFrame())
        await runner.run()
        untie(runner, self.worker)


async def test_a_list_goes_with_its_owner() -> None:
    """At once, without anybody looking for circles."""
    owner = Owner()
    gc.disable()
    try:
        await owner.run()
        assert owner.told
        parts: list[object] = [owner, owner.worker, *owner.stations]
        gone = [ref(part) for part in parts]
        parts.clear()
        del owner
        assert [one() for one in gone] == [None] * 4
    finally:
        gc.enable()


async def test_what_comes_too_late_ends_there() -> None:
    """A frame pushed, a frame sent back from the ends, an event called."""
    owner = Owner()
    await owner.run()
    told = len(owner.told)
    for direction in FrameDirection:
        for station in (*owner.stations, *owner.worker.pipeline.processors):
            await station.push_frame(TextFrame("late"), direction)
            await station.process_frame(TextFrame("late"), direction)
    await owner.worker._call_event_handler("on_pipeline_finished", None)
    await owner.worker.cancel()
    assert len(owner.told) == told


def test_a_method_that_is_known_weakly_is_called_while_its_owner_lives() -> None:
    """With all that it is given; afterwards nothing happens."""

    class Told:
        def hear(self, what: str, *, again: bool = False) -> str:
            return what * (1 + again)

    owner = Told()
    hear = weakly(owner.hear)
    assert hear("a", again=True) == "aa"
    del owner
    assert hear("a") is None
