"""Speaks into a caller's silence, and lets a silent caller go."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    LLMRunFrame,
    TranscriptionFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)

from call.floor import Floor
from call.idle import (
    Action,
    AgentCut,
    Fact,
    HearingBack,
    HearingLost,
    Idle,
    IdleLadder,
    ReplyHeard,
    Rung,
    SoundBegan,
    SoundCeased,
    Speak,
    Stay,
    TurnClosed,
    TurnOpened,
    WordsHeard,
)
from call.measures import IDLE, NullRecorder, Recorder
from call.pardon import LastWords
from call.phrases import Phrases
from call.tongue import Tongue, tongue_of
from frames.floor import KeyPressedFrame
from frames.recovery import HearingBackFrame, HearingLostFrame
from frames.speech import FarewellFrame, ReplyHeardFrame, SpeakNowFrame
from processors.deciding import DecidingProcessor, Leaving

_WORDS = {
    Rung.ASK: "still_there",
    Rung.AGAIN: "still_there_again",
    Rung.GOODBYE: "silent_goodbye",
}


class IdleGuard(DecidingProcessor):
    """Hosts `call.idle.IdleLadder`.

    Stands ahead of the turn: the caller's words and sounds come down to it, what was heard of the
    agent and whose turn it is come up.
    """

    def __init__(
        self,
        settings: Idle,
        recorder: Recorder | None = None,
        *,
        phrases: Phrases | Tongue,
        floor: Floor,
        last_words: LastWords,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(clock=clock, is_direct=True)
        self._rule = IdleLadder(settings, floor)
        self._floor = floor
        self._last_words = last_words
        self._tongue = tongue_of(phrases)
        self._recorder = recorder or NullRecorder()

    def decide(self, frame: Frame, now: float) -> Leaving | None:
        """Everything passes; what leaves goes ahead of it."""
        fact = _fact(frame)
        leaving = self._frames(self._rule.decide(fact, now)) if fact is not None else []
        return [*leaving, frame] if leaving else None

    def next_deadline(self) -> float | None:
        """When the silence has lasted long enough."""
        return self._rule.next_deadline()

    def on_deadline(self, now: float) -> Leaving:
        """What is said into it."""
        return self._frames(self._rule.on_deadline(now))

    def _frames(self, actions: Sequence[Action]) -> list[Frame]:
        frames: list[Frame] = []
        for action in actions:
            if isinstance(action, Stay):
                frames.append(FarewellFrame(is_meant=False))
            elif action.rung is Rung.PICK_UP:
                frames += self._pick_up()
            else:
                self._recorder.count(IDLE, rung=action.rung.value)
                frames += self._climb(action)
        return frames

    def _climb(self, action: Speak) -> list[Frame]:
        is_last = action.rung is Rung.GOODBYE
        kind = "goodbye" if is_last else "idle"
        words = getattr(self._tongue.phrases, _WORDS[action.rung])
        said = SpeakNowFrame(words, kind, interruptible=not action.is_protected)
        return [FarewellFrame(), said] if is_last else [said]

    def _pick_up(self) -> list[Frame]:
        """The rest of what was cut short, or the answer that was swept away unheard."""
        words = self._last_words.cut()
        if not words and not self._last_words.is_answer_owed:
            return []
        self._recorder.count(IDLE, rung=Rung.PICK_UP.value)
        self._floor.agent_began()
        return [SpeakNowFrame(words, "again") if words else LLMRunFrame()]


def _fact(frame: Frame) -> Fact | None:
    return _told_by_the_line(frame) or _told_by_the_talk(frame)


def _told_by_the_talk(frame: Frame) -> Fact | None:
    match frame:
        case TranscriptionFrame() if frame.text.strip():
            return WordsHeard(frame.text)
        case InterimTranscriptionFrame() if frame.text.strip():
            return WordsHeard(frame.text, final=False)
        case KeyPressedFrame():
            return WordsHeard("", final=False)
        case UserStartedSpeakingFrame():
            return TurnOpened()
        case UserStoppedSpeakingFrame():
            return TurnClosed()
        case ReplyHeardFrame():
            return ReplyHeard()
        case InterruptionFrame():
            return AgentCut()
    return None


def _told_by_the_line(frame: Frame) -> Fact | None:
    match frame:
        case VADUserStartedSpeakingFrame():
            return SoundBegan()
        case VADUserStoppedSpeakingFrame():
            return SoundCeased()
        case HearingLostFrame():
            return HearingLost()
        case HearingBackFrame():
            return HearingBack()
    return None
