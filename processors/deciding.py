"""Hosts a station's decisions on the frame path: one clock, one timer.

A station decides synchronously: `decide(frame, now)` gives the frames that leave in place of the
one that came. The timer is re-armed before the first await, so it never fires on withdrawn state. A
deadline comes back through the station's own queue, in order with the frames that wait there, and
is asked again when its turn comes: a late timer never overrules a fact.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipecat.frames.frames import ControlFrame, Frame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor


@dataclass
class _DeadlineFrame(ControlFrame):
    """A station's own timer; it never leaves the station."""


@dataclass(frozen=True)
class Upstream:
    """A frame that leaves against the stream."""

    frame: Frame


Leaving = Sequence[Frame | Upstream]


class DecidingProcessor(FrameProcessor):
    """A station whose decisions are plain functions of frames and time."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, is_direct: bool = False
    ) -> None:
        """`is_direct`: without a queue of its own, for a station that mostly passes frames on."""
        super().__init__(enable_direct_mode=is_direct)
        self._clock = clock
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._wake: asyncio.Task[None] | None = None

    def decide(self, frame: Frame, now: float) -> Leaving | None:
        """Frames that leave in place of `frame`; None passes it on.

        `frame` itself keeps its direction; everything else goes downstream, unless it says
        otherwise.
        """
        raise NotImplementedError

    def next_deadline(self) -> float | None:
        """When to ask `on_deadline`, unless a frame changes it; None for never."""
        raise NotImplementedError

    def on_deadline(self, now: float) -> Leaving:
        """Frames that leave because time passed; none if it was asked too early."""
        raise NotImplementedError

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Decide, re-arm, then let go."""
        await super().process_frame(frame, direction)
        now = self._clock()
        if isinstance(frame, _DeadlineFrame):
            leaving: Leaving | None = self.on_deadline(now)
        else:
            leaving = self.decide(frame, now)
        self._rearm(now)
        for each in (frame,) if leaving is None else leaving:
            if isinstance(each, Upstream):
                await self.push_frame(each.frame, FrameDirection.UPSTREAM)
                continue
            onward = direction if each is frame else FrameDirection.DOWNSTREAM
            await self.push_frame(each, onward)

    async def cleanup(self) -> None:
        """Stop the timer."""
        if self._timer:
            self._timer.cancel()
        if self._wake and not self._wake.done():
            await self.cancel_task(self._wake)
        await super().cleanup()

    def _rearm(self, now: float) -> None:
        due_at = self.next_deadline()
        if self._timer and (due_at is None or due_at < self._timer_at):
            self._timer.cancel()
            self._timer = None
        if due_at is not None and self._timer is None:  # an earlier timer asks again when it rings
            self._timer_at = due_at
            delay_s = max(0.0, due_at - now)
            self._timer = self.get_event_loop().call_later(delay_s, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._wake = self.create_task(self.queue_frame(_DeadlineFrame()), "deadline")
