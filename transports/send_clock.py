"""What was played, on wires that do not say: reckoned from when it was sent and what the other end
holds back."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from pipecat.frames.frames import (
    Frame,
    InterruptionFrame,
    LLMFullResponseStartFrame,
    OutputAudioRawFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.transports.base_output import BaseOutputTransport

from call.measures import Moment, Recorder
from call.mixdown import NoRecording, Recording
from frames.floor import HoldFrame, ResumeFrame
from frames.speech import PlayedToFrame, PlayheadFrame

PLAYHEADS_KEPT = 256  # a clause has one; this many are a long reply sent at once


class ClockedOutput(BaseOutputTransport):
    """Mixed into a transport's output, in front of it.

    The base writes in real time and hands over what stands between the audio when everything before
    it was written; `buffer_s` later it has been heard. A barge-in takes back what was not.
    """

    recording: Recording = NoRecording()

    def keep_time(self, buffer_s: float, recorder: Recorder) -> None:
        """Give it its clock; called once, when it is built."""
        self._buffer_s = buffer_s
        self._recorder = recorder
        self._is_reply_silent = True  # nothing of the current reply has left yet
        self._unheard: deque[tuple[float, PlayheadFrame]] = deque(maxlen=PLAYHEADS_KEPT)
        self._arrived = asyncio.Event()
        self._reporter: asyncio.Task[None] | None = None
        self._flowing = asyncio.Event()  # cleared by a hold
        self._flowing.set()
        self._barge_ins = 0

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        """Write, and stamp the first audio of a reply; in a hold, wait for its end."""
        if not self._flowing.is_set() and frame.interruptible:
            before = self._barge_ins
            await self._flowing.wait()
            if before != self._barge_ins:
                return True  # the caller took the floor: this is not wanted any more
        if self._is_reply_silent:
            self._is_reply_silent = False
            self._recorder.moment(Moment.FIRST_AUDIO, time.monotonic())
        self.recording.agent(frame.audio, time.monotonic() + self._buffer_s)
        return bool(await super().write_audio_frame(frame))

    async def write_transport_frame(self, frame: Frame) -> None:
        """What stands between the audio: starts of replies, and playheads."""
        if isinstance(frame, LLMFullResponseStartFrame):
            self._is_reply_silent = True
        elif isinstance(frame, PlayheadFrame):
            self._unheard.append((time.monotonic() + self._buffer_s, frame))
            self._arrived.set()
            if self._reporter is None:
                self._reporter = self.create_task(self._report())
        await super().write_transport_frame(frame)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """A hold sends nothing more; what the other end still has is heard, it knows no `clear`.
        A barge-in: what it holds does not count as heard."""
        if isinstance(frame, HoldFrame):
            self._flowing.clear()
            self._recorder.moment(Moment.CLEAR_SENT, time.monotonic())
        elif isinstance(frame, ResumeFrame):
            self._flowing.set()
        elif isinstance(frame, InterruptionFrame):
            self._barge_ins += 1
            self._unheard = deque(
                (item for item in self._unheard if not item[1].interruptible), PLAYHEADS_KEPT
            )
            self._recorder.moment(Moment.CLEAR_SENT, time.monotonic())
        await super().process_frame(frame, direction)
        if isinstance(frame, InterruptionFrame):
            self._flowing.set()  # only now the framework's queue is empty

    async def cleanup(self) -> None:
        """Stop reporting."""
        if self._reporter is not None:
            await self.cancel_task(self._reporter)
            self._reporter = None
        await super().cleanup()

    async def _report(self) -> None:
        while True:
            self._arrived.clear()
            if not self._unheard:
                await self._arrived.wait()
                continue
            wait_s = self._unheard[0][0] - time.monotonic()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
                continue  # it may have been taken back meanwhile
            at, playhead = self._unheard.popleft()
            await self.broadcast_frame(
                PlayedToFrame,
                clause_id=playhead.clause_id,
                chars=playhead.chars,
                is_end=playhead.is_end,
                at=at,
            )
