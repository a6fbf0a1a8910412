"""When is the caller's turn over? Hosts `call.endpoint.EndpointFilter` in Pipecat's aggregator.

Frames become facts, the decision ends the turn; one timer asks again when the evidence so far says
so. Meanwhile `call.speculation.Speculation` has the likely ending answered in advance. Nothing here
reads the wall-clock times that frames carry.
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
    UserBackchannelFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.turns.types import ProcessFrameResult, UserTurnSpeculation
from pipecat.turns.user_stop.base_user_turn_stop_strategy import BaseUserTurnStopStrategy

from call.confidence import Doubt, Doubts
from call.endpoint import (
    DecideTurn,
    EndpointFilter,
    Fact,
    Finalized,
    Outlook,
    ProbabilityArrived,
    RecogniserLost,
    SpeechStarted,
    SpeechStopped,
    TurnClosed,
    TurnOpened,
    VoiceBegan,
    VoiceEbbed,
    VoicePaused,
    WordsArrived,
)
from call.floor import Floor
from call.lateness import reading_s
from call.measures import TURNS_DECIDED, NullRecorder, Recorder
from call.speculation import Ask, Move, Speculation
from call.waits import Endpoint
from frames.floor import VoiceEbbFrame, VoiceOnsetFrame, VoicePauseFrame
from frames.recovery import HearingLostFrame
from frames.turns import STTFinalizedFrame, TurnProbabilityFrame, WordsDismissedFrame


class TurnStop(BaseUserTurnStopStrategy):
    """Pipecat's stop strategy for the user aggregator."""

    def __init__(
        self,
        settings: Endpoint | None = None,
        *,
        floor: Floor,
        recorder: Recorder | None = None,
        speculation: Speculation | None = None,
        doubt: Doubt | None = None,
        shows_interims: bool = True,
    ) -> None:
        """`shows_interims`: words that may still change are seen in the live view."""
        super().__init__()
        settings = settings or Endpoint()
        self._filter = EndpointFilter(settings)
        self._is_open = False
        self._floor = floor
        self._recorder = recorder or NullRecorder()
        self._speculation = speculation or Speculation(settings, recorder=recorder)
        self._doubt = doubt or Doubt(Doubts(below=0.0, short_words=0))
        self._shows_interims = shows_interims
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = 0.0  # by the loop's clock; the handle of a timer due now cannot tell
        # What the conversation will hold of the turn, also words from before it was opened;
        # signs of listening and echoes are not among them.
        self._finals: list[str] = []
        self._is_confirming = False  # the turn is being ended on the words of the guess in hand
        self._late: set[asyncio.Task[None]] = set()  # what the timer set off

    async def cleanup(self) -> None:
        """Stop the timer."""
        self._disarm()
        for task in list(self._late):
            await self.cancel_task(task)
        await super().cleanup()

    async def handle_user_turn_started(self) -> None:
        """The turn is open, whoever opened it."""
        self._is_open = True
        self._doubt.turn_opened(asked=self._floor.last_said)
        await self._tell(TurnOpened(asked=self._floor.last_said))

    async def handle_user_turn_stopped(self) -> None:
        """The turn is over, whoever ended it: only now it is sure that a guess answers it."""
        self._is_open = False
        now = time.monotonic()
        moves: tuple[Move, ...] = ()
        if self._is_confirming:
            self._speculation.keep(now)
        else:
            moves = self._speculation.drop(now)
        self._doubt.turn_closed()
        if self._is_confirming:
            self._doubt.take()  # it has its answer
        self._finals.clear()
        self._filter.decide(TurnClosed(), now)
        self._arm()
        await self._act((), moves)

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Turn what frames say into facts."""
        if isinstance(frame, UserBackchannelFrame | WordsDismissedFrame):
            self._finals.clear()
            self._doubt.forget()
        elif isinstance(frame, TranscriptionFrame):
            self._finals.append(frame.text)
            self._doubt.heard(frame.text, _confidence(frame), _words(frame))
        if isinstance(frame, TranscriptionFrame | InterimTranscriptionFrame):
            self._report(frame)
        for fact in _facts(frame):
            await self._tell(fact)
        return ProcessFrameResult.CONTINUE

    async def _tell(self, fact: Fact) -> None:
        """Decide and re-arm before anything is awaited; then act."""
        now = time.monotonic()
        decisions = self._filter.decide(fact, now)
        moves = () if decisions else self._speculation.look(self._outlook(), now)
        self._arm()
        await self._act(decisions, moves)

    def _outlook(self) -> Outlook | None:
        """What may be answered early: nothing that is to be asked back."""
        return None if self._doubt.keeps_back else self._filter.outlook()

    def _arm(self) -> None:
        self._disarm()
        deadlines = (self._filter.next_deadline(), self._speculation.next_deadline())
        due_at = min((at for at in deadlines if at is not None), default=None)
        if due_at is not None:
            loop = asyncio.get_running_loop()
            self._rings_at = loop.time() + max(0.0, due_at - time.monotonic())
            self._timer = loop.call_at(self._rings_at, self._ask_again)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ask_again(self) -> None:
        """The timer rang; so late that the caller may have gone on in what is not read yet, that is
        read first, once."""
        loop = asyncio.get_running_loop()
        if wait_s := reading_s(loop.time() - self._rings_at):
            self._timer = loop.call_later(wait_s, self._look_again)
        else:
            self._look_again()

    def _look_again(self) -> None:
        """Both look at the evidence anew, and may still say no."""
        now = time.monotonic()
        decisions = self._filter.on_deadline(now)
        moves = () if decisions else self._speculation.on_deadline(self._outlook(), now)
        self._arm()
        if decisions or moves:
            task = self.create_task(self._act(decisions, moves), "decide")
            self._late.add(task)
            task.add_done_callback(self._late.discard)

    async def _act(self, decisions: tuple[DecideTurn, ...], moves: tuple[Move, ...]) -> None:
        for move in moves:
            if not isinstance(move, Ask):
                await self.trigger_user_turn_speculation_cancelled()
            elif move.guess.is_pending:
                await self.trigger_user_turn_inference_triggered(
                    speculation=UserTurnSpeculation(text=move.guess.text)
                )
        for decision in decisions:
            await self._end_turn(decision)

    async def _end_turn(self, decision: DecideTurn) -> None:
        """Give the turn to the agent, with the answer that was begun early if it fits."""
        if not self._filter.is_silent:
            return  # the caller went on before a decision by the timer could be carried out
        logger.debug(f"turn decided: {decision.reason}")
        self._recorder.count(TURNS_DECIDED, reason=decision.reason)
        if any(text.strip() for text in self._finals):
            self._floor.agent_began()  # without words nobody is asked
        now = time.monotonic()
        if self._doubt.keeps_back:
            await self._act((), self._speculation.drop(now))
        else:
            await self._act((), self._speculation.fits(" ".join(self._finals), now))
        guess = self._speculation.in_hand
        self._is_confirming = guess is not None
        try:
            # Announces the end first and asks the model right behind it, unless it has been asked,
            # so that no request is out before everybody knows whose turn it is.
            await self.trigger_user_turn_finalized(confirms_speculation=guess is not None)
        finally:
            self._is_confirming = False
        if guess is not None:
            guess.announce()

    def _report(self, frame: TranscriptionFrame | InterimTranscriptionFrame) -> None:
        is_shown = self._shows_interims or isinstance(frame, TranscriptionFrame)
        if frame.text.strip() and is_shown:
            # signs of listening are said beside a turn, and no turn of the record
            final = isinstance(frame, TranscriptionFrame) and self._is_open
            self._recorder.words("caller", frame.text, final=final, confidence=_confidence(frame))


_SIGNS: dict[type[Frame], Fact] = {
    VADUserStartedSpeakingFrame: SpeechStarted(),
    VADUserStoppedSpeakingFrame: SpeechStopped(),
    VoiceOnsetFrame: VoiceBegan(),
    VoicePauseFrame: VoicePaused(),
    VoiceEbbFrame: VoiceEbbed(),
    STTFinalizedFrame: Finalized(),
    HearingLostFrame: RecogniserLost(),
}


def _facts(frame: Frame) -> tuple[Fact, ...]:
    """What a frame says about the end of the turn."""
    match frame:
        case TurnProbabilityFrame():
            return (ProbabilityArrived(frame.probability, frame.spoken_at),)
        case TranscriptionFrame():
            words = WordsArrived(frame.text, final=True)
            return (words, Finalized()) if frame.finalized else (words,)
        case InterimTranscriptionFrame():
            return (WordsArrived(frame.text, final=False),)
    sign = _SIGNS.get(type(frame))
    return () if sign is None else (sign,)


def _words(frame: TranscriptionFrame) -> list[tuple[str, float]]:
    """Words with the recogniser's confidence in each, where its result tells them."""
    result: Any = frame.result
    try:
        told = [(str(w.word), w.confidence) for w in result.channel.alternatives[0].words or ()]
    except (AttributeError, IndexError, TypeError):
        return []
    return [(word, float(sure)) for word, sure in told if isinstance(sure, int | float)]


def _confidence(frame: TranscriptionFrame | InterimTranscriptionFrame) -> float | None:
    """The recogniser's confidence in the transcript, where its result tells one."""
    result: Any = frame.result
    try:
        value = result.channel.alternatives[0].confidence
    except (AttributeError, IndexError):
        return None
    return float(value) if isinstance(value, int | float) else None
