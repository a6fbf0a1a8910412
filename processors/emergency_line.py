"""A caller who needs other help than ours is told so at once, in whatever state the call is.

Stands behind the recogniser and ahead of the redactor: a number of three digits must be seen to be
understood. Its words pass like all others; nothing of them is kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    TranscriptionFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from call.emergency import Emergency, EmergencyEar
from call.farewell import EMERGENCY
from call.floor import Floor
from call.measures import EMERGENCIES, NullRecorder, Recorder
from call.way_out import Reason
from frames.recovery import WayOutFrame
from frames.speech import SpeakNowFrame


class EmergencyLine(FrameProcessor):
    """Hosts `call.emergency.EmergencyEar`."""

    def __init__(
        self,
        settings: Emergency,
        *,
        floor: Floor,
        recorder: Recorder | None = None,
        hands_over: bool = False,
        on_said: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`hands_over`: the line is a way out of the call, not a word in it; `on_said` is told of a
        word in it."""
        super().__init__(enable_direct_mode=True)
        self._settings = settings
        self._ear = EmergencyEar(settings)
        self._floor = floor
        self._recorder = recorder or NullRecorder()
        self._hands_over = hands_over
        self._on_said = on_said
        self._clock = clock

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Listen, speak first, then pass."""
        await super().process_frame(frame, direction)
        if isinstance(frame, TranscriptionFrame | InterimTranscriptionFrame):
            final = isinstance(frame, TranscriptionFrame)
            asked, now = self._floor.last_said, self._clock()
            if self._ear.hears(frame.text, final=final, asked=asked, now=now):
                await self._say(now)
        await self.push_frame(frame, direction)

    async def _say(self, now: float) -> None:
        self._recorder.count(EMERGENCIES)
        if self._hands_over:
            await self.push_frame(WayOutFrame(reason=Reason.EMERGENCY))
            return
        if (
            self._floor.is_agents
        ):  # whatever it says or thinks about; a protected phrase is finished
            self._floor.take(now)
            await self.push_frame(InterruptionFrame())
        self._on_said()
        await self.push_frame(SpeakNowFrame(self._settings.text, EMERGENCY, interruptible=False))
