"""Stamps whose turn it is on the call's time line; only looks.

Stands behind the user aggregator, where the voice detector's signals, the turn's decision, every
hold and every interruption pass.
"""

from __future__ import annotations

import time

from pipecat.frames.frames import (
    Frame,
    InterruptionFrame,
    UserSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from call.measures import INTERRUPTIONS, Moment, NullRecorder, Recorder
from frames.floor import (
    AgentStopsFrame,
    HoldFrame,
    ResumeFrame,
    VoiceEbbFrame,
    VoiceOnsetFrame,
    VoicePauseFrame,
)

# How the caller's voice comes and goes matters for whose turn it is, which is decided above; it is
# told so often that carrying it on to the end of the list would cost more than all decisions.
_ENDS_HERE = (VoiceOnsetFrame, VoicePauseFrame, VoiceEbbFrame, UserSpeakingFrame)


class TurnTap(FrameProcessor):
    """Zero of the five numbers; the end of what only whose turn it is depends on."""

    def __init__(self, recorder: Recorder | None = None) -> None:
        super().__init__(enable_direct_mode=True)
        self._recorder = recorder or NullRecorder()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Stamp, then pass."""
        if isinstance(frame, _ENDS_HERE):
            return
        await super().process_frame(frame, direction)
        if direction is FrameDirection.DOWNSTREAM:  # the other half of a broadcast is its copy
            moment = _moment(frame)
            if moment is not None:
                self._recorder.moment(moment, time.monotonic())
            if moment is Moment.INTERRUPTED:
                self._recorder.count(INTERRUPTIONS)
        await self.push_frame(frame, direction)


def _moment(frame: Frame) -> Moment | None:
    match frame:
        case VADUserStartedSpeakingFrame():
            return Moment.SPEECH_STARTED
        case VADUserStoppedSpeakingFrame():
            return Moment.SPEECH_STOPPED
        case UserStoppedSpeakingFrame():
            return Moment.TURN_DECIDED
        case InterruptionFrame() if not isinstance(frame, AgentStopsFrame):
            return Moment.INTERRUPTED
        case HoldFrame():
            return Moment.HELD
        case ResumeFrame():
            return Moment.RESUMED
    return None
