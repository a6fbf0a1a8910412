"""Answers "pardon?" itself: the agent's last words again, at once, without the model."""

from __future__ import annotations

from typing import Any

from pipecat.frames.frames import Frame, LLMContextFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from call.measures import PARDONS, NullRecorder, Recorder
from call.pardon import LastWords
from call.speculation import Guess, Speculation
from frames.speculation import mark
from frames.speech import SpeakNowFrame

AGAIN = "again"
"""Kind of what is said again."""


class PardonGate(FrameProcessor):
    """Stands between the conversation and the model: drops the request, speaks in its place.

    The conversation stays true: it holds the caller's "pardon?", and the words said again as far as
    they were heard. A request in advance is answered in advance, and held with its guess.
    """

    def __init__(
        self,
        last_words: LastWords,
        recorder: Recorder | None = None,
        *,
        speculation: Speculation | None = None,
    ) -> None:
        super().__init__(enable_direct_mode=True)
        self._last_words = last_words
        self._speculation = speculation or Speculation()
        self._recorder = recorder or NullRecorder()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Everything but a request passes."""
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame) and direction is FrameDirection.DOWNSTREAM:
            await self._request(frame)
        else:
            await self.push_frame(frame, direction)

    async def _request(self, frame: LLMContextFrame) -> None:
        text = _last_of_caller(frame.context)
        words = self._last_words.answer(text)
        if not words:
            self._last_words.asked(self._speculation.in_hand if frame.speculation else None)
            await self.push_frame(frame)
            return
        guess = self._speculation.claim(text) if frame.speculation else None
        if frame.speculation and guess is None:
            return  # withdrawn on its way
        again = SpeakNowFrame(words, AGAIN)
        mark(again, guess)
        self._count(guess)
        await self.push_frame(again)

    def _count(self, guess: Guess | None) -> None:
        def said() -> None:
            if guess is None or guess.is_kept:
                self._last_words.said_again()
                self._recorder.count(PARDONS)

        if guess is None:
            said()
        else:
            guess.when_settled(said)


def _last_of_caller(context: LLMContext) -> str:
    """What the caller said last; empty when the request is about something else."""
    last: Any = context.messages[-1] if context.messages else {}
    is_callers = isinstance(last, dict) and last.get("role") == "user"
    content = last.get("content", "") if is_callers else ""
    return content if isinstance(content, str) else ""
