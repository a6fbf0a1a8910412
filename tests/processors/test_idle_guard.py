"""The guard turns silence into the agent's own phrases, and the last of them into a farewell."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    LLMRunFrame,
    TextFrame,
    TranscriptionFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.tests.utils import SleepFrame, run_test

from call.floor import Floor
from call.idle import Idle
from call.measures import IDLE, Measure, NullRecorder
from call.pardon import LastWords
from call.phrases import Phrases, phrases_in
from call.tongue import Tongue
from frames.floor import KeyPressedFrame
from frames.recovery import HearingBackFrame, HearingLostFrame
from frames.speech import FarewellFrame, ReplyHeardFrame, SpeakNowFrame
from processors.idle_guard import IdleGuard
from tests.conftest import TICK

pytestmark = pytest.mark.frame

KNOBS = Idle(ask_s=8, again_s=7, goodbye_s=6, hold_s=60, sound_s=5, words_s=2, pick_up_s=1)
PHRASES = Phrases(still_there="There?", still_there_again="Hello?", silent_goodbye="Goodbye.")


class Counts(NullRecorder):
    """Counts by label."""

    def __init__(self) -> None:
        self.counted: list[str] = []

    def count(self, measure: Measure, amount: float = 1, **labels: str) -> None:
        """Keep it."""
        assert measure is IDLE
        self.counted += labels.values()


class Stage:
    """A guard at 10 s, when the caller has heard the agent."""

    def __init__(self) -> None:
        self.floor, self.last_words, self.counts = Floor(), LastWords(), Counts()
        self.tongue = Tongue("en", PHRASES, {"ar": phrases_in("ar")})
        self.guard = IdleGuard(
            KNOBS, self.counts, phrases=self.tongue, floor=self.floor, last_words=self.last_words
        )
        self.tell(10.0, ReplyHeardFrame())

    def tell(self, now: float, *frames: Frame) -> list[Frame]:
        """What leaves ahead of each frame, which passes."""
        ahead: list[Frame] = []
        for frame in frames:
            leaving = self.guard.decide(frame, now)
            if leaving is not None:
                *first, last = leaving
                assert last is frame
                ahead += first  # type: ignore[arg-type]
        return ahead

    def ring(self, now: float) -> list[tuple[str, str, bool]]:
        """Phrases said when the timer rings; a farewell goes ahead of a goodbye."""
        leaving = list(self.guard.on_deadline(now))
        said = [frame for frame in leaving if isinstance(frame, SpeakNowFrame)]
        is_farewell = any(isinstance(frame, FarewellFrame) for frame in leaving)
        assert is_farewell == any(frame.kind == "goodbye" for frame in said)
        return [(frame.text, frame.kind, frame.interruptible) for frame in said]


def test_silence_is_asked_asked_again_and_let_go() -> None:
    """In the agent's own phrases, each counted."""
    stage = Stage()
    assert stage.guard.next_deadline() == 18.0
    assert stage.ring(17.0) == []
    assert stage.ring(18.0) == [("There?", "idle", True)]
    stage.tell(20.0, ReplyHeardFrame())
    assert stage.ring(27.0) == [("Hello?", "idle", True)]
    assert stage.ring(33.0) == [("Goodbye.", "goodbye", True)]
    assert stage.counts.counted == ["ask", "again", "goodbye"]


def test_the_ladder_is_in_the_language_of_the_last_answer() -> None:
    """The caller who changed to it is asked in it."""
    stage = Stage()
    stage.tongue.answered("نفتح يوم الأحد في العاشرة.")
    assert stage.ring(18.0) == [(phrases_in("ar").still_there, "idle", True)]


def test_a_word_behind_the_goodbye_takes_the_farewell_back() -> None:
    """Ahead of the word."""
    stage = Stage()
    for now in (18.0, 27.0, 33.0):
        stage.ring(now)
    (back,) = stage.tell(34.0, InterimTranscriptionFrame("wait", "", ""))
    assert isinstance(back, FarewellFrame) and not back.is_meant
    assert stage.tell(34.1, TranscriptionFrame("wait", "", "")) == []


@pytest.mark.parametrize(
    ("life", "due_at"),
    [
        (lambda: TranscriptionFrame("yes", "", ""), 23.0),
        (lambda: InterimTranscriptionFrame("yes", "", ""), 23.0),
        (KeyPressedFrame, 23.0),
        (lambda: TranscriptionFrame("hold on", "", ""), 75.0),
        (lambda: TranscriptionFrame("  ", "", ""), 18.0),
        (lambda: InterimTranscriptionFrame("", "", ""), 18.0),
        (VADUserStartedSpeakingFrame, 23.0),
        (VADUserStoppedSpeakingFrame, 18.0),
        (lambda: TextFrame("a"), 18.0),
    ],
)
def test_signs_of_life_put_the_question_off(life: Callable[[], Frame], due_at: float) -> None:
    """Words, keys, a request to wait, sound for a while; nothing else."""
    stage = Stage()
    assert stage.tell(15.0, life()) == []
    assert stage.guard.next_deadline() == due_at


def test_a_caller_in_a_turn_and_a_lost_recogniser_are_known() -> None:
    """Nobody is asked in the middle of a turn, or for want of an ear."""
    stage = Stage()
    stage.tell(15.0, TranscriptionFrame("My name is", "", ""), UserStartedSpeakingFrame())
    assert stage.ring(23.0) == []
    stage.tell(24.0, UserStoppedSpeakingFrame(), HearingLostFrame(), VADUserStartedSpeakingFrame())
    assert stage.guard.next_deadline() == 32.0
    stage.tell(24.0, HearingBackFrame(), VADUserStartedSpeakingFrame())
    assert stage.guard.next_deadline() == 37.0


def cut_by_noise(stage: Stage) -> None:
    """A door slams while the agent speaks."""
    stage.tell(12.0, InterruptionFrame(), UserStartedSpeakingFrame(), UserStoppedSpeakingFrame())


def test_what_a_noise_has_cut_is_said_again() -> None:
    """From the clause that was being said."""
    stage = Stage()
    for number, text in enumerate(("One,", "two."), 1):
        stage.last_words.written(1, number, text, kind="reply")
    stage.last_words.began(1, 1, kind="reply")
    stage.last_words.played(1, 1, is_end=True)
    cut_by_noise(stage)
    assert stage.ring(13.0) == [("two.", "again", True)]
    assert stage.floor.is_agents
    assert stage.counts.counted == ["pick_up"]


def test_an_answer_that_a_noise_has_swept_away_is_asked_for_again() -> None:
    """The caller's question stands in the conversation, unanswered."""
    stage = Stage()
    stage.last_words.asked()
    cut_by_noise(stage)
    (run,) = stage.guard.on_deadline(13.0)
    assert isinstance(run, LLMRunFrame)
    assert stage.floor.is_agents


def test_where_nothing_was_cut_nothing_is_said() -> None:
    """A noise in a pause; the floor stays free."""
    stage = Stage()
    cut_by_noise(stage)
    assert list(stage.guard.on_deadline(13.0)) == []
    assert not stage.floor.is_agents
    assert stage.counts.counted == []


async def test_on_the_stream() -> None:
    """What comes passes, and the question leaves when its time has come."""
    guard = IdleGuard(Idle(ask_s=0.5), phrases=PHRASES, floor=Floor(), last_words=LastWords())
    sent = [ReplyHeardFrame(), TextFrame("a"), *[SleepFrame(sleep=TICK * 5)] * 20]
    down, _ = await run_test(guard, frames_to_send=sent)
    assert [type(frame) for frame in down] == [ReplyHeardFrame, TextFrame, SpeakNowFrame]
