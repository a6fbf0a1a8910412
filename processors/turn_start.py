"""When does the caller's turn begin, and does it stop the agent?

A turn opens when the voice detector has heard speech long enough, or, should it have missed a very
quiet caller, with the first words. It interrupts only an agent that is thinking or speaking, and
never a phrase that must be finished; a caller who is still speaking when that phrase is over then
takes the floor.
"""

from __future__ import annotations

import time

from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    TranscriptionFrame,
    UserSpeakingFrame,
    VADUserStartedSpeakingFrame,
)
from pipecat.turns.types import ProcessFrameResult
from pipecat.turns.user_start.base_user_turn_start_strategy import BaseUserTurnStartStrategy

from call.floor import Floor
from frames.speech import SayFrame


class TurnStart(BaseUserTurnStartStrategy):
    """Pipecat's start strategy for the user aggregator."""

    def __init__(self, *, floor: Floor) -> None:
        super().__init__()
        self._floor = floor
        self._is_open = False

    async def handle_user_turn_started(self) -> None:
        """The turn is open, whoever opened it."""
        self._is_open = True

    async def handle_user_turn_stopped(self) -> None:
        """The turn is over, whoever ended it."""
        self._is_open = False

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Open the turn on speech or words."""
        match frame:
            case SayFrame():
                self._floor.agent_began()
            case VADUserStartedSpeakingFrame() | UserSpeakingFrame() if self._is_open:
                if self._floor.take(time.monotonic()):
                    await self.broadcast_frame(InterruptionFrame)
            case VADUserStartedSpeakingFrame():
                await self._open()
            case TranscriptionFrame() | InterimTranscriptionFrame() if frame.text.strip():
                await self._open()
        return ProcessFrameResult.CONTINUE

    async def _open(self) -> None:
        if not self._is_open:
            await self.trigger_user_turn_started(
                enable_interruptions=self._floor.take(time.monotonic())
            )
