"""When does the caller's turn begin, and does it stop the agent?

Hosts `call.interruption.Interruption` in Pipecat's aggregator. While the agent speaks, the first
sound of the caller holds the agent's sound; the verdict opens the turn and interrupts, or lets the
agent go on and keeps the words out of the conversation. While it is silent or thinking, a turn
opens when the voice detector has heard speech long enough, or, should it have missed a very quiet
caller, with the first words. A phrase that must be finished is never held; a caller who is still
speaking when it is over then takes the floor.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque

from loguru import logger
from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    TranscriptionFrame,
    UserBackchannelFrame,
    UserSpeakingFrame,
    VADUserStartedSpeakingFrame,
)
from pipecat.turns.types import ProcessFrameResult
from pipecat.turns.user_start.base_user_turn_start_strategy import BaseUserTurnStartStrategy
from pipecat.utils.time import time_now_iso8601

from call.floor import Floor
from call.interruption import (
    Action,
    BargeIn,
    Dismiss,
    Fact,
    Hold,
    Interruption,
    Resume,
    TurnTaken,
    VoiceBegan,
    VoiceLasted,
    VoicePaused,
    WordsHeard,
    WordsOver,
    Yield,
)
from call.lateness import reading_s
from call.measures import FALSE_INTERRUPTIONS, HOLDS, NullRecorder, Recorder
from frames.floor import HoldFrame, ResumeFrame, VoiceOnsetFrame, VoicePauseFrame
from frames.speech import SpeakNowFrame
from frames.turns import STTFinalizedFrame, WordsDismissedFrame


class TurnStart(BaseUserTurnStartStrategy):
    """Pipecat's start strategy for the user aggregator."""

    def __init__(
        self,
        settings: BargeIn | None = None,
        *,
        floor: Floor,
        recorder: Recorder | None = None,
    ) -> None:
        super().__init__()
        self._floor = floor
        self._recorder = recorder or NullRecorder()
        self._rule = Interruption(settings or BargeIn(), floor)
        self._is_open = False
        self._interrupts_for_nothing = False  # no words since the interruption
        self._is_holding = False  # the agent's sound waits for our word
        self._onset_at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = 0.0  # by the loop's clock; the handle of a timer due now cannot tell
        self._late: asyncio.Task[None] | None = None  # a verdict the timer brought
        self._due: deque[Action] = deque()  # decided, not done yet; in this order

    async def cleanup(self) -> None:
        """Stop the timer."""
        self._disarm()
        if self._late is not None and not self._late.done():
            await self.cancel_task(self._late)
        await super().cleanup()

    async def handle_user_turn_started(self) -> None:
        """The turn is open, whoever opened it."""
        self._is_open = True
        await self._tell(TurnTaken())

    async def handle_user_turn_stopped(self) -> None:
        """The turn is over, whoever ended it."""
        self._is_open = False
        if self._interrupts_for_nothing:
            self._interrupts_for_nothing = False
            self._rule.came_to_nothing(time.monotonic())
            self._recorder.count(FALSE_INTERRUPTIONS)

    async def process_frame(self, frame: Frame) -> ProcessFrameResult:
        """Open the turn on speech or words, unless the agent is to go on."""
        if isinstance(frame, SpeakNowFrame):
            self._floor.agent_began()
        elif isinstance(frame, InterruptionFrame):
            await self._interrupted()
        elif isinstance(frame, TranscriptionFrame | InterimTranscriptionFrame):
            if frame.text.strip():
                self._interrupts_for_nothing = False
        if self._is_open:
            if isinstance(frame, VADUserStartedSpeakingFrame | UserSpeakingFrame):
                await self._take_over()
            return ProcessFrameResult.CONTINUE
        fact = self._fact(frame)
        if fact is not None:
            await self._tell(fact)
        return ProcessFrameResult.CONTINUE

    def _fact(self, frame: Frame) -> Fact | None:
        match frame:
            case VoiceOnsetFrame():
                self._onset_at = frame.at
                return VoiceBegan()
            case VoicePauseFrame():
                return VoicePaused(frame.over_db)
            case VADUserStartedSpeakingFrame():
                return VoiceLasted()
            case TranscriptionFrame() if frame.text.strip():
                return WordsHeard(frame.text, final=True)
            case InterimTranscriptionFrame() if frame.text.strip():
                return WordsHeard(frame.text, final=False)
            case STTFinalizedFrame():
                return WordsOver()
        return None

    async def _interrupted(self) -> None:
        """Keys or an emergency took the floor: what was held has been dropped."""
        if self._is_holding:
            self._is_holding = False
            self._recorder.count(HOLDS, verdict="yielded")
            await self._tell(TurnTaken())

    async def _take_over(self) -> None:
        """A turn is open: whatever else the agent begins to say is stopped."""
        if self._floor.take(time.monotonic()):
            await self.broadcast_frame(InterruptionFrame)

    # ── verdicts ─────────────────────────────────────────────────────────────────────
    async def _tell(self, fact: Fact) -> None:
        """Decide and re-arm before anything is awaited; then act."""
        self._due += self._rule.decide(fact, time.monotonic())
        self._arm()
        await self._act()

    def _arm(self) -> None:
        self._disarm()
        due_at = self._rule.next_deadline()
        if due_at is not None:
            loop = asyncio.get_running_loop()
            self._rings_at = loop.time() + max(0.0, due_at - time.monotonic())
            self._timer = loop.call_at(self._rings_at, self._ask_again)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ask_again(self) -> None:
        """The timer rang; so late that the voice may have ceased in what is not read yet, that is
        read first, once."""
        loop = asyncio.get_running_loop()
        if wait_s := reading_s(loop.time() - self._rings_at):
            self._timer = loop.call_later(wait_s, self._judge)
        else:
            self._judge()

    def _judge(self) -> None:
        self._due += self._rule.on_deadline(time.monotonic())
        self._arm()
        if self._due:
            self._late = self.create_task(self._act(), "verdict")

    async def _act(self) -> None:
        """What is due, by whoever comes first: a frame may overtake the timer's own task."""
        while self._due:
            match action := self._due.popleft():
                case Hold():
                    self._is_holding = True
                    await self.broadcast_frame(HoldFrame, onset_at=self._onset_at)
                case Resume():
                    self._recorder.count(HOLDS, verdict="resumed")
                    await self._release()
                case Yield():
                    await self._open(action.reason)
                case Dismiss():
                    await self._dismiss(action.text)

    async def _open(self, reason: str) -> None:
        if self._is_open:
            return
        interrupts = self._floor.take(time.monotonic())
        if interrupts:
            logger.debug(f"caller takes the floor: {reason}")
            if self._is_holding:
                self._recorder.count(HOLDS, verdict="yielded")
            self._is_holding = False  # the interruption drops what was held
            self._interrupts_for_nothing = reason == "voice"
        await self._release()
        await self.trigger_user_turn_started(enable_interruptions=interrupts)

    async def _release(self) -> None:
        if self._is_holding:
            self._is_holding = False
            await self.broadcast_frame(ResumeFrame)

    async def _dismiss(self, text: str) -> None:
        await self.trigger_reset_aggregation()
        sign = UserBackchannelFrame(text, "", time_now_iso8601()) if text else WordsDismissedFrame()
        await self.push_frame(sign)
