"""Where faults end: they travel upstream to this desk, which asks the one table and acts.

It stands right behind the wire's input, so that no fault of a station passes it by. A fault that
comes with its remedy has been dealt with by its own stage (`services/` asks again, the guard says a
holding phrase); what is left for the desk is what the caller hears else, and the way out.

The recogniser's absence is no frame but a span: once the caller has spoken into it and waits, they
are told, and led out if it does not come back.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection

from call.errors import Party, ProviderFault
from call.first_token import Patience
from call.phrases import CATCHING_UP, Phrases
from call.recovery import Line, Recovery, Remedy, Stage, Step, Trouble, trouble
from call.tongue import Tongue, tongue_of
from call.way_out import Reason
from frames.recovery import HearingBackFrame, HearingLostFrame, WayOutFrame, remedy_of
from frames.speech import SpeakNowFrame
from processors.deciding import DecidingProcessor

_BEHIND_S = 0.3  # less is caught up with before anybody waits


class RecoveryDesk(DecidingProcessor):
    """One desk a call."""

    def __init__(
        self,
        patience: Patience,
        *,
        phrases: Phrases | Tongue | None = None,
        recovery: Recovery | None = None,
        on_fault: Callable[[ErrorFrame, Remedy | None], object] = lambda frame, remedy: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`on_fault` is told of every fault, with what is done about it."""
        super().__init__(clock=clock)
        self._patience = patience
        self._tongue = tongue_of(phrases)
        self._recovery = recovery or Recovery()
        self._on_fault = on_fault
        self._deaf_since: float | None = None
        self._is_caller_speaking = False
        self._waits_since: float | None = None  # the caller has spoken, and no turn came of it
        self._told_at: float | None = None  # that we are hard of hearing
        self._is_behind = False  # the recogniser is back, and hears again what it missed

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """The caller's audio, fifty frames a second, is no business of the desk's."""
        if isinstance(frame, InputAudioRawFrame) and self._next is not None:
            await self._next.queue_frame(frame, direction)
            return
        await super().process_frame(frame, direction)

    def decide(self, frame: Frame, now: float) -> Sequence[Frame] | None:
        """What leaves for what came."""
        match frame:
            case ErrorFrame() if not frame.fatal:
                return self._fault(frame)
            case HearingLostFrame():
                self._deaf_since = now
            case HearingBackFrame(behind_s=behind_s):
                self._is_behind = behind_s > _BEHIND_S and self._told_at is None
                self._deaf_since = self._told_at = None
                self._recovery.is_well(Stage.HEAR)
            case VADUserStartedSpeakingFrame():
                self._is_caller_speaking, self._waits_since = True, now
            case VADUserStoppedSpeakingFrame():
                self._is_caller_speaking, self._waits_since = False, now
            case UserStoppedSpeakingFrame():
                self._waits_since, self._is_behind = None, False
        return None

    def next_deadline(self) -> float | None:
        """When the caller is to be told, or led out."""
        if self._told_at is not None:
            return self._told_at + self._patience.hearing_again_s
        deaf_since = self._waits_since if self._is_behind else self._deaf_since
        if deaf_since is None or self._waits_since is None or self._is_caller_speaking:
            return None
        return max(self._waits_since, deaf_since) + self._patience.hearing_s

    def on_deadline(self, now: float) -> Sequence[Frame]:
        """The ear is still gone, or still behind."""
        due_at = self.next_deadline()
        if due_at is None or now < due_at:
            return ()
        if self._is_behind:
            self._is_behind = False
            return (SpeakNowFrame(self._tongue.phrases.catching_up, CATCHING_UP),)
        self._told_at = now
        return self._act(self._recovery.met(Stage.HEAR, Trouble.GONE), Party.STT)

    def _fault(self, frame: ErrorFrame) -> Sequence[Frame]:
        fault, remedy = frame.exception, remedy_of(frame)
        party = Party.US
        if isinstance(fault, ProviderFault):
            party = fault.party
            if remedy is None and fault.stage in list(Stage):
                remedy = self._recovery.met(Stage(fault.stage), trouble(fault))
        self._on_fault(frame, remedy)
        return () if remedy is None else self._act(remedy, party)

    def _act(self, remedy: Remedy, party: Party) -> Sequence[Frame]:
        if remedy.step is Step.GIVE_UP:
            return (WayOutFrame(reason=Reason.FAULTS, party=party),)
        match remedy.line:
            case Line.SAY_AGAIN:
                return (SpeakNowFrame(self._tongue.phrases.say_again, "say_again"),)
            case Line.HARD_OF_HEARING:
                return (SpeakNowFrame(self._tongue.phrases.hard_of_hearing, "hard_of_hearing"),)
        return ()  # a holding phrase was said by the guard, at once
