"""The gate answers "pardon?" in the model's place, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from pipecat.frames.frames import Frame, LLMContextFrame, TextFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection
from pipecat.tests.utils import run_test

from call.endpoint import Outlook
from call.measures import PARDONS, Measure, NullRecorder
from call.pardon import LastWords
from call.speculation import Ask, Guess, Speculation
from frames.speculation import guess_of
from frames.speech import SpeakNowFrame
from processors.pardon_gate import PardonGate

pytestmark = pytest.mark.frame


class Counts(NullRecorder):
    """Counts."""

    def __init__(self) -> None:
        self.pardons = 0

    def count(self, measure: Measure, amount: float = 1, **labels: str) -> None:
        """Keep it."""
        self.pardons += measure is PARDONS


class Stage:
    """A gate behind an agent that was heard to say "At ten."."""

    def __init__(self) -> None:
        self.last_words, self.speculation, self.counts = LastWords(), Speculation(), Counts()
        self.last_words.written(1, 1, "At ten.", kind="reply")
        self.last_words.began(1, 1, kind="reply")
        self.last_words.played(1, 1, is_end=True)

    def guess(self, text: str) -> Guess:
        """A turn that is likely to end on these words is being answered in advance."""
        (move,) = self.speculation.look(Outlook(text, 10.0), 10.0)
        assert isinstance(move, Ask)
        return move.guess

    async def through(self, *frames: Frame, up: bool = False) -> list[Frame]:
        """What leaves in the direction the frames go."""
        gate = PardonGate(self.last_words, self.counts, speculation=self.speculation)
        direction = FrameDirection.UPSTREAM if up else FrameDirection.DOWNSTREAM
        down, upward = await run_test(
            gate, frames_to_send=list(frames), frames_to_send_direction=direction
        )
        return list(upward if up else down)


def request(*messages: Any, early: bool = False) -> LLMContextFrame:
    """A request to the model; the caller's words, or whole messages."""
    talk: list[Any] = [
        {"role": "user", "content": told} if isinstance(told, str) else told for told in messages
    ]
    return LLMContextFrame(context=LLMContext(talk), speculation=early)


async def test_pardon_is_answered_with_the_last_words() -> None:
    """The model hears nothing of it."""
    stage = Stage()
    (again,) = await stage.through(request("Hello?", "Sorry?"))
    assert isinstance(again, SpeakNowFrame)
    assert (again.text, again.kind, guess_of(again)) == ("At ten.", "again", None)
    assert stage.counts.pardons == 1


@pytest.mark.parametrize(
    "message",
    [
        "Sorry, I meant Tuesday.",
        {"role": "assistant", "content": "Sorry?"},
        {"role": "user", "content": [{"type": "text", "text": "Sorry?"}]},
    ],
)
async def test_everything_else_is_the_models(message: Any) -> None:
    """Also what no caller has said in so many words; its answer is owed from then on."""
    stage, frame = Stage(), request(message)
    assert await stage.through(frame) == [frame]
    assert stage.last_words.is_answer_owed
    assert stage.counts.pardons == 0


async def test_an_empty_request_and_other_frames_pass() -> None:
    """A request on its way up is a tool's result."""
    stage, frames = Stage(), [request(), TextFrame("a")]
    assert await stage.through(*frames) == frames
    upward = request("Sorry?")
    assert await Stage().through(upward, up=True) == [upward]


async def test_in_advance_it_is_held_with_its_guess() -> None:
    """And counted only once the turn has ended on it."""
    stage = Stage()
    guess = stage.guess("Sorry")
    (again,) = await stage.through(request("Sorry", early=True))
    assert guess_of(again) is guess
    assert stage.counts.pardons == 0
    stage.speculation.keep(11.0)
    guess.announce()
    assert stage.counts.pardons == 1


async def test_a_pardon_that_goes_on_was_none() -> None:
    """ "Sorry", and then "I meant Tuesday"."""
    stage = Stage()
    guess = stage.guess("Sorry")
    await stage.through(request("Sorry", early=True))
    stage.speculation.look(Outlook("Sorry I meant Tuesday", 12.0), 11.0)
    assert guess.is_withdrawn
    assert stage.counts.pardons == 0


async def test_one_withdrawn_on_its_way_is_not_answered() -> None:
    """Nor given to the model."""
    stage = Stage()
    stage.guess("Sorry")
    stage.speculation.drop(10.5)
    assert await stage.through(request("Sorry", early=True)) == []


async def test_a_guess_that_the_model_answers_owes_an_answer_until_it_is_withdrawn() -> None:
    """As any request does."""
    stage = Stage()
    stage.guess("hello")
    await stage.through(request("hello", early=True))
    assert stage.last_words.is_answer_owed
    stage.speculation.drop(10.5)
    assert not stage.last_words.is_answer_owed
