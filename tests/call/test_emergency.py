"""Emergency words are heard however they are said, and numbers that only look like them are not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.emergency import Emergency, EmergencyEar, emergency_of

pytestmark = pytest.mark.rule


def hears(text: str, /, *, final: bool = True, asked: str = "", **knobs: Any) -> bool:
    ear = EmergencyEar(Emergency(**knobs))
    return ear.hears(text, final=final, asked=asked, now=0.0)


@pytest.mark.parametrize(
    "text",
    [
        "911",
        "Nine one one.",
        "nine eleven",
        "9-1-1!",
        "9 1 1",
        "Please call 911, my father fell.",
        "call nine, um, one one",
        "I need one one two now",
        "triple nine please",
        "nine double one",
        "I typed 911",
        "Can you send an ambulance?",
        "AMBULANCE",
        "is it an emergency. 112",
        "should I dial the number 911",
        "My chest hurts. Nine one one.",
    ],
)
def test_a_number_or_word_is_heard_however_it_is_said(text: str):
    """Figures, digits one by one, pairs, doubles; with or without words around."""
    assert hears(text)


@pytest.mark.parametrize(
    "text",
    [
        "my number is nine one one five five five",
        "555 911 0142",
        "It's 911-555-0142",
        "my phone is 911",
        "I live at 112 Harbour Street",
        "it costs nine ninety-nine",
        "$9.11 or $911",
        "at 9:11",
        "1,112 of them",
        "in room 112",
        "911 dollars",
        "one hundred twelve",
        "nine",
        "double",
        "ambulances",
        "what are your hours",
        "",
    ],
)
def test_what_only_looks_like_one_is_not(text: str):
    """Longer numbers, prices, times, streets, rooms, cardinals."""
    assert not hears(text)


def test_a_bare_number_in_an_interim_waits_for_more():
    """It may be the beginning of a longer one; with a word beside it, it is heard at once."""
    assert not hears("nine one one", final=False)
    assert hears("nine one one please", final=False)
    assert hears("an ambulance", final=False)


def test_where_a_number_was_asked_for_a_bare_one_is_the_answer():
    """With a word beside it, it is not."""
    asked = "What is the area code of your phone number?"
    assert not hears("nine one one", asked=asked)
    assert hears("oh god, call nine one one", asked=asked)


def test_the_line_is_said_once_in_a_while():
    """Interims repeat the words; much later they count again."""
    ear = EmergencyEar(Emergency(again_after_s=30.0))
    assert ear.hears("call 911", final=False, asked="", now=10.0)
    assert not ear.hears("call 911", final=True, asked="", now=11.0)
    assert not ear.hears("call 911", final=True, asked="", now=39.9)
    assert ear.hears("call 911", final=True, asked="", now=40.0)


def test_words_are_the_operators():
    """Phrases of several words too; with none nothing is heard."""
    assert hears("I can't breathe, help", words=("can't breathe",))
    assert not hears("call 911", words=("can't breathe",))
    assert hears("eins eins zwei bitte", words=("eins eins zwei",))
    assert not hears("call 911", words=())


def test_arabic_has_words_of_its_own():
    """Numbers in its digits and as spoken."""
    knobs: dict[str, Any] = {**emergency_of("ar-EG")}
    for text in ("اتصل ٩١١", "تسعه تسعه سبعه من فضلك", "أرسلوا الإسعاف", "أحتاج سيارة إسعاف"):
        assert hears(text, **knobs)
    assert not hears("رقمي ٩١١", **knobs)
    assert emergency_of("en") == {}


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"text": " "}, "text"),
        ({"words": ("!",)}, "words"),
        ({"number": "call 911"}, "number"),
        ({"again_after_s": -1.0}, "again_after_s"),
    ],
)
def test_settings_name_what_is_wrong(wrong: dict[str, object], named: str):
    """One line; three digits can be dialled."""
    with pytest.raises(ValueError, match=named):
        Emergency(**wrong)  # type: ignore[arg-type]
    assert Emergency(number="911").number == "911"


@given(st.text(max_size=200), st.booleans())
def test_any_words_can_be_listened_to(text: str, final: bool):
    """Without an accident; no digit and no word of ours means no."""
    assert hears(text, final=final) in (True, False)


@given(st.text("0123456789", min_size=4, max_size=12))
def test_no_longer_number_is_an_emergency(digits: str):
    """Written or said digit by digit."""
    said = "zero one two three four five six seven eight nine".split()
    assert not hears(f"please {digits}")
    assert not hears("please " + " ".join(said[int(d)] for d in digits))
