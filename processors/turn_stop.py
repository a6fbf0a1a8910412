"""When is the caller's turn over? Hosts `call.endpoint.EndpointFilter` in Pipecat's aggregator.

Frames become facts, the decision ends the turn; one timer asks again when the evidence so far says
so. Nothing here reads the wall-clock times that frames carry.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from loguru import logger
from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.turns.types import ProcessFrameResult
from pipecat.turns.user_stop.base_user_turn_stop_strategy import BaseUserTurnStopStrategy

from call.endpoint import (
    DecideTurn,
    Endpoint,
    EndpointFilter,
    Fact,
    Finalized,
    ProbabilityArrived,
    SpeechStarted,
    SpeechStopped,
    TurnClosed,
    TurnOpened,
    WordsArrived,
)
from call.floor import Floor
from call.measures import TURNS_DECIDED, NullRecorder, Recorder
from frames.turns import STTFinalizedFrame, TurnProbabilityFrame


class TurnStop(BaseUserTurnStopStrategy):
    """Pipecat's stop strategy for the user aggregator."""

    def __init__(
        self, settings: Endpoint | None = None, *, floor: Floor, recorder: Recorder | None = None
    ) -> None:
        super().__init__()
        self._filter = EndpointFilter(settings or Endpoint())
        self._is_open = False
        self._floor = floor
        self._recorder = recorder or NullRecorder()
        self._timer: asyncio.TimerHandle | None = None
        self._late: asyncio.Task[None] | None = None  # a decision made by the timer

    async def cleanup(self) -> None:
        """Stop the timer."""
        self._disarm()
        if self._late is not None and not self._late.done():
            await self.cancel_task(self._late)
        await super().cleanup()

    async def handle_user_turn_started(self) -> None:
        """The turn is open, whoever opened it."""
        self._is_open = True
        await self._tell(TurnOpened(asked=self._floor.last_said))

    async def handle_user_turn_stopped(self) -> None:
        """The turn is over, whoever ended it."""
        self._is_open = False
        await self._tell(TurnClosed())

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Turn what frames say into facts."""
        match frame:
            case VADUserStartedSpeakingFrame():
                await self._tell(SpeechStarted())
            case VADUserStoppedSpeakingFrame():
                await self._tell(SpeechStopped())
            case TurnProbabilityFrame():
                await self._tell(ProbabilityArrived(frame.probability, frame.spoken_at))
            case TranscriptionFrame():
                self._report(frame, final=True)
                await self._tell(WordsArrived(frame.text, final=True))
                if frame.finalized:
                    await self._tell(Finalized())
            case InterimTranscriptionFrame():
                self._report(frame, final=False)
                await self._tell(WordsArrived(frame.text, final=False))
            case STTFinalizedFrame():
                await self._tell(Finalized())
        return ProcessFrameResult.CONTINUE

    async def _tell(self, fact: Fact) -> None:
        """Decide and re-arm before anything is awaited; then act."""
        actions = self._filter.decide(fact, time.monotonic())
        self._arm()
        await self._act(actions)

    def _arm(self) -> None:
        self._disarm()
        due_at = self._filter.next_deadline()
        if due_at is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, due_at - time.monotonic()), self._ask_again)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ask_again(self) -> None:
        """The timer rang: the filter looks at the evidence anew, and may still say no."""
        actions = self._filter.on_deadline(time.monotonic())
        self._arm()
        if actions:
            self._late = self.create_task(self._act(actions), "decide")

    async def _act(self, actions: tuple[DecideTurn, ...]) -> None:
        for action in actions:
            logger.debug(f"turn decided: {action.reason}")
            self._recorder.count(TURNS_DECIDED, reason=action.reason)
            if action.reason != "nothing":
                self._floor.agent_began()
            # Announces the end first and asks the model right behind it, so that no request is
            # out before everybody knows whose turn it is.
            await self.trigger_user_turn_finalized()

    def _report(
        self, frame: TranscriptionFrame | InterimTranscriptionFrame, *, final: bool
    ) -> None:
        if frame.text.strip():
            final = final and self._is_open  # signs of listening are no turn of the record
            self._recorder.words("caller", frame.text, final=final, confidence=_confidence(frame))


def _confidence(frame: TranscriptionFrame | InterimTranscriptionFrame) -> float | None:
    """The recogniser's confidence in the transcript, where its result tells one."""
    result: Any = frame.result
    try:
        value = result.channel.alternatives[0].confidence
    except (AttributeError, IndexError):
        return None
    return float(value) if isinstance(value, int | float) else None
