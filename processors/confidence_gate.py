"""Asks unsure words back itself, in place of the model: "Did I hear that right: …?"

Stands behind the conversation, where a turn has become a request: the turn's end has gathered what
was heard and how surely (`processors/turn_stop.py` feeds the same `Doubt`), and let no answer be
begun early. The request is dropped, the question is said, and both the caller's words and the
question stand in the conversation for the next one.
"""

from __future__ import annotations

from pipecat.frames.frames import Frame, LLMContextFrame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from call.confidence import AskBack, Doubt, GiveUp, Verdict
from call.measures import UNSURE, NullRecorder, Recorder
from call.way_out import Reason
from frames.recovery import WayOutFrame
from frames.speech import SpeakNowFrame

ASKED_BACK = "asked_back"
"""Kind of a question about unsure words."""


class ConfidenceGate(FrameProcessor):
    """Everything but the request of an unsure turn passes."""

    def __init__(self, doubt: Doubt, recorder: Recorder | None = None) -> None:
        super().__init__(enable_direct_mode=True)
        self._doubt = doubt
        self._recorder = recorder or NullRecorder()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """A request made in advance is of a turn that was sure so far."""
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame) and direction is FrameDirection.DOWNSTREAM:
            instead = None if frame.speculation else self._in_place(self._doubt.take())
            if instead is not None:
                await self.push_frame(instead)
                return
        await self.push_frame(frame, direction)

    def _in_place(self, verdict: Verdict) -> Frame | None:
        """What leaves in place of the request."""
        match verdict:
            case AskBack():
                self._recorder.count(UNSURE, outcome=verdict.why)
                return SpeakNowFrame(verdict.text, ASKED_BACK)
            case GiveUp():
                self._recorder.count(UNSURE, outcome="given_up")
                return WayOutFrame(reason=Reason.UNSURE)
        return None
