"""Spoken text and the map back to what was written."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from call.spoken import Spoken, language_of, spoken, spoken_with_map
from tests.text_vectors import vectors

pytestmark = pytest.mark.rule

_SETS = [
    "english_telephone",
    "english_money",
    "english_date",
    "english_time",
    "english_cardinal",
    "english_marks",
    "arabic_money",
    "arabic_other",
]
PIECES = st.sampled_from(
    [written for name in _SETS for written, _ in vectors(name)]
    + ["Hello there,", "we", "-", "and", ".", "…", "مرحبا", "**", "\n", "  ", "!"]
)
TEXTS = st.one_of(
    st.lists(PIECES, max_size=8).map(" ".join),
    st.text("ab MP 0123459.,:-/$%#*_()@+x'", max_size=40),
    st.text(max_size=60),
)
LANGUAGES = st.sampled_from(["en", "en-GB", "ar"])


@pytest.mark.parametrize(
    "text",
    [
        "We are open all day, and you're welcome to come by.",
        "مرحبا بك في العيادة، كيف أساعدك؟",
        "Dr. Lee can see you on Tuesday morning at ten.",
        "",
    ],
)
def test_text_that_needs_nothing_is_returned_as_it_is(text: str) -> None:
    """The very same string, mapped onto itself."""
    language = "ar" if "م" in text else "en"
    assert spoken(text, language=language) is text
    assert spoken_with_map(text, language=language).text is text


def test_a_sentence_of_the_telephone() -> None:
    """Several kinds in one sentence keep what stands between them."""
    said = spoken(
        "I have Tuesday, March 3 at 10:30 AM for $85; your number is 555-0142, right?",
        language="en",
    )
    assert said == (
        "I have Tuesday, March third at ten thirty A M for eighty-five dollars; your number is "
        "five five five, zero one four two, right?"
    )


def test_words_never_stick_together() -> None:
    """A number glued to a word is parted from it."""
    assert spoken("It is 5pmish, 12apples", language="en") == "It is five pmish, twelve apples"


def test_an_unknown_language_is_said_as_english() -> None:
    """Numbers are never left to chance."""
    assert spoken("5%", language="fr") == "five percent"


@pytest.mark.parametrize(
    ("text", "call", "language"),
    [
        ("الساعة 10:30.", "en", "ar"),
        ("[PHONE_1]، صحيح؟", "en-GB", "ar"),
        ("[PHONE_1:7-long]، صحيح؟", "en", "ar"),
        ("الساعة 10:30.", "ar-EG", "ar-EG"),
        ("We say مرحبا at 10:30.", "en", "en"),
        ("WhatsApp", "ar", "ar"),
        ("10:30.", "en", "en"),
    ],
)
def test_arabic_is_said_as_arabic_whatever_the_call(text: str, call: str, language: str) -> None:
    """The first letter decides; without one, and for every other script, the call does."""
    assert language_of(text, otherwise=call) == language


def test_the_map_points_back() -> None:
    """Each spoken piece knows the written characters it came from."""
    mapped = spoken_with_map("Call 555-0142 now.", language="en")
    said = {
        "Call 555-0142 now."[a:b]: mapped.text[first:last] for a, b, first, last in mapped.spans
    }
    assert said == {
        "Call ": "Call ",
        "555-0142": "five five five, zero one four two",
        " now.": " now.",
    }


def test_how_much_of_the_writing_was_said() -> None:
    """Inside a reworded piece in proportion, elsewhere exactly."""
    mapped = spoken_with_map("Call 555-0142 now.", language="en")
    assert mapped.written_chars(-1) == mapped.written_chars(0) == 0
    assert mapped.written_chars(3) == 3
    assert 5 < mapped.written_chars(20) < 13
    assert mapped.written_chars(5 + len("five five five, zero one four two")) == 13
    assert mapped.written_chars(10**6) == len("Call 555-0142 now.")
    assert Spoken("", ()).written_chars(5) == 0


@given(TEXTS, LANGUAGES)
@example("a 😀 ", "en")
@example("a 😀  **", "en")
def test_spans_rise_and_cover_both_texts(text: str, language: str) -> None:
    """No written and no spoken character is outside, none is counted twice."""
    mapped = spoken_with_map(text, language=language)
    assert mapped.text == spoken(text, language=language)
    written_at = spoken_at = 0
    for a, b, first, last in mapped.spans:
        assert (a, first) == (written_at, spoken_at)
        assert a < b
        assert first <= last
        written_at, spoken_at = b, last
    assert (written_at, spoken_at) == (len(text), len(mapped.text))


@given(TEXTS, LANGUAGES, st.integers(0, 400))
def test_hearing_more_never_means_less_was_written(text: str, language: str, chars: int) -> None:
    """`written_chars` rises from nothing to everything."""
    mapped = spoken_with_map(text, language=language)
    assert 0 <= mapped.written_chars(chars) <= mapped.written_chars(chars + 1) <= len(text)
    if mapped.text:
        assert mapped.written_chars(len(mapped.text)) == len(text)


@given(TEXTS)
@example("$1,000 555-0142")
def test_no_digit_or_mark_is_left_for_the_voice(text: str) -> None:
    """What the voice gets holds neither digits nor markdown."""
    if text.isascii():
        assert not set(spoken(text, language="en")) & set("0123456789*`|")
