"""The spoken form rewrites what the voice says, never what was written."""

from __future__ import annotations

import pytest
from pipecat.frames.frames import Frame, LLMFullResponseStartFrame, TextFrame
from pipecat.tests.utils import run_test
from pipecat.utils.text.base_text_aggregator import TextType

import processors.spoken_form
from call.pardon import LastWords
from frames.speech import ClauseFrame
from processors.spoken_form import SpokenForm

pytestmark = pytest.mark.frame


def clause(text: str) -> ClauseFrame:
    """The first clause of a call."""
    return ClauseFrame(text, TextType.SENTENCE, written=text, reply=1, clause=1)


async def through(station: SpokenForm, *frames: Frame) -> list[Frame]:
    """What leaves downstream."""
    return list((await run_test(station, frames_to_send=list(frames)))[0])


async def test_a_clause_is_reworded_and_stays_as_written() -> None:
    """Digits become words in `text`; `written` and the clause's name do not change."""
    frame = clause("Call 850-687-4000.")
    (out,) = [each for each in await through(SpokenForm("en"), frame) if each is frame]
    assert isinstance(out, ClauseFrame)
    assert out.text == "Call eight five zero, six eight seven, four zero zero zero."
    assert out.written == "Call 850-687-4000."
    assert out.clause_id == "1.1"


async def test_what_was_written_is_remembered() -> None:
    """For "pardon?", with its stand-ins."""
    last_words = LastWords()
    await through(SpokenForm("en", last_words=last_words), clause("At 10:30."))
    last_words.played(1, 1, is_end=True)
    assert last_words.answer("Sorry?") == "At 10:30."


async def test_the_language_decides_the_words() -> None:
    """An Arabic call hears Arabic numbers."""
    frame = clause("الرمز 0098.")
    await through(SpokenForm("ar"), frame)
    assert frame.text == "الرمز صفر صفر تسعة ثمانية."


async def test_other_frames_pass_in_order() -> None:
    """Only clauses are touched; nothing overtakes."""
    frames: list[Frame] = [LLMFullResponseStartFrame(), clause("5%"), TextFrame("5%")]
    out = [each for each in await through(SpokenForm("en"), *frames) if each in frames]
    assert out == frames
    assert [each.text for each in out if isinstance(each, TextFrame)] == ["five percent", "5%"]


async def test_a_clause_is_never_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the wording fails, the clause is said as written."""

    def broken(text: str, *, language: str) -> str:
        raise KeyError(text)

    monkeypatch.setattr(processors.spoken_form, "spoken_with_map", broken)
    frame = clause("Call 850-687-4000.")
    assert frame in await through(SpokenForm("en"), frame)
    assert frame.text == "Call 850-687-4000."
