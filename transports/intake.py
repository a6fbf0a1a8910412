"""The caller's side of every wire: audio bounded before the pipeline, and an end that is one."""

from __future__ import annotations

import asyncio
import time

from loguru import logger
from pipecat.frames.frames import CancelWorkerFrame, Frame, InputAudioRawFrame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.transports.base_input import BaseInputTransport

from call.audio import pcm_seconds
from call.backlog import Backlog
from call.measures import WIRE_SHED, Recorder
from call.mixdown import NoRecording, Recording
from frames.wire import WireStoppedFrame
from transports.wire import Wire

CREDIT = 2  # audio frames the next station may have in hand; the rest waits here, where it is shed


class BoundedInput(BaseInputTransport):
    """Mixed into a transport's input, in front of it.

    The framework's queues have no bound, so the bound stands here: the next station has at most
    `CREDIT` audio frames in hand, at most `wire.inbound_backlog_s` wait, and the oldest go.
    """

    recording: Recording = NoRecording()

    def bound(self, settings: Wire, recorder: Recorder) -> None:
        """Give it its limits; called once, when it is built."""
        self._settings = settings
        self._recorder = recorder
        self._waiting: Backlog[InputAudioRawFrame] = Backlog(settings.inbound_backlog_s)
        self._in_hand = 0  # audio frames the next station has not finished
        self._handed_at = 0.0  # when the last one was handed over
        self._last_word: asyncio.Task[None] | None = None

    def _create_audio_task(self) -> None:
        """Nothing: audio is handed on by whoever has it, not through an unbounded queue."""

    async def push_audio_frame(self, frame: InputAudioRawFrame) -> None:
        """Hand on, or let wait while the next station is late; what waits too long is shed."""
        now = time.monotonic()
        self.recording.caller(frame.audio, now)
        seconds = pcm_seconds(len(frame.audio))
        # A station that raises never reports back. A frame in hand for as long as the backlog
        # counts as lost, so that one error does not make the call deaf.
        is_late = self._in_hand >= CREDIT
        if is_late and now - self._handed_at < self._settings.inbound_backlog_s:
            shed = self._waiting.add(frame, seconds)
            if shed:
                self._recorder.count(WIRE_SHED, shed)
            return
        self._waiting.add(frame, seconds)
        await self._hand_on(now)

    async def _hand_on(self, now: float) -> None:
        frame = self._waiting.take()
        if frame is None or self._next is None:
            return
        self._in_hand = min(self._in_hand + 1, CREDIT)
        self._handed_at = now
        await self._next.queue_frame(frame, FrameDirection.DOWNSTREAM, self._taken)

    async def _taken(self, _station: FrameProcessor, _frame: Frame, _way: FrameDirection) -> None:
        self._in_hand = max(self._in_hand - 1, 0)
        await self._hand_on(time.monotonic())

    async def stopped(self, reason: str) -> None:
        """The caller is gone: tell every station, and see to it that somebody acts on it."""
        await self.broadcast_frame(WireStoppedFrame, reason=reason)
        if self._last_word is None:
            self._last_word = self.create_task(self._insist(reason))

    async def _insist(self, reason: str) -> None:
        """A pipeline that outlives its caller is cancelled before `wire.teardown_s` is over."""
        await asyncio.sleep(self._settings.teardown_s / 2)
        logger.debug("the pipeline outlived its wire; cancelling it")
        await self.push_frame(CancelWorkerFrame(reason=reason), FrameDirection.UPSTREAM)

    async def cleanup(self) -> None:
        """Withdraw what was still to be said."""
        if self._last_word is not None:
            await self.cancel_task(self._last_word)
            self._last_word = None
        await super().cleanup()
