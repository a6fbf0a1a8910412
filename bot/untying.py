"""A call that is over lets go of itself, so that nothing of it waits for the garbage collector.

Pipecat ties the parts of a list to each other in both directions: stations to their neighbours, to
the worker that runs them and, by event handlers, to whoever owns them; the runner to its worker.
Nothing of it is untied when the list ends, and what goes round in circles goes only when the
collector has looked at everything that all living calls hold, while they wait. Cut are only ways
back, and only those that Pipecat itself takes for open: a frame or an event that should still come
ends here without a word. tests/calls/test_nothing_left.py fails without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from weakref import WeakMethod

from pipecat.frames.frames import Frame
from pipecat.pipeline.pipeline import PipelineSink, PipelineSource
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.transports.base_transport import BaseTransport
from pipecat.utils.base_object import BaseObject
from pipecat.workers.runner import WorkerRunner


def untie(runner: WorkerRunner, worker: PipelineWorker) -> None:
    """Take a list apart that has run to its end; nothing of it may be running any more."""
    for station in _stations(worker.pipeline):
        _untie_station(station)
    worker._event_handlers.clear()
    runner._entries.clear()
    runner._registry._watches.clear()
    runner._bus._subscriptions.clear()


def _stations(outermost: FrameProcessor) -> Iterator[FrameProcessor]:
    yield outermost
    for station in outermost.processors:
        yield from _stations(station)


def _untie_station(station: FrameProcessor) -> None:
    station._prev = station._next = None
    if station._setup is not None:
        station._setup.pipeline_worker = None  # type: ignore[assignment] # all share it
    if isinstance(station, PipelineSource):
        station._upstream_push_frame = _nowhere
    elif isinstance(station, PipelineSink):
        station._downstream_push_frame = _nowhere
    # Its controllers tell it by handlers, too; the wire is still open, and closed by its own room.
    for part in (station, *vars(station).values()):
        if isinstance(part, BaseObject) and not isinstance(part, BaseTransport):
            part._event_handlers.clear()


async def _nowhere(_frame: Frame, _direction: FrameDirection) -> None:
    """The list is over."""


def weakly(method: Callable[..., Any]) -> Callable[..., Any]:
    """`method` for somebody whom its owner holds: it does not hold its owner in turn, and does
    nothing once that one has gone."""
    held = WeakMethod(method)

    def call(*args: Any, **named: Any) -> Any:
        living = held()
        return None if living is None else living(*args, **named)

    return call
