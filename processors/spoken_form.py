"""Reword each clause as it is to be said: digits, money, dates and addresses become words."""

from __future__ import annotations

from loguru import logger
from pipecat.frames.frames import Frame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from call.spoken import spoken
from frames.speech import ClauseFrame


class SpokenForm(FrameProcessor):
    """Rewrites `ClauseFrame.text`; `written` stays as the model wrote it."""

    def __init__(self, language: str) -> None:
        super().__init__()
        self._language = language

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Reword a clause; pass everything on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, ClauseFrame):
            frame.text = self._spoken(frame)
        await self.push_frame(frame, direction)

    def _spoken(self, clause: ClauseFrame) -> str:
        try:
            return spoken(clause.text, language=self._language)
        except Exception as exc:  # protects the reply: a clause said as written, never lost
            logger.error(f"clause {clause.clause_id} is said as written: {type(exc).__name__}")
            return clause.text
