"""What a caller's words mean, however a recogniser wrote them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import meaning

pytestmark = pytest.mark.provider

SLOTS = ("09:15", "10:30", "11:45", "14:15")


@pytest.mark.parametrize(
    ("words", "slot"),
    [
        ("Ten thirty is fine.", "10:30"),
        ("10:30 is fine", "10:30"),
        ("1030 please", "10:30"),
        ("half past ten", "10:30"),
        ("quarter past nine", "09:15"),
        ("quarter to twelve", "11:45"),
        ("two fifteen", "14:15"),
        ("nine", "09:15"),
        ("the first one", "09:15"),
        ("the second", "10:30"),
        ("the last one please", "14:15"),
        ("four o'clock", ""),
        ("three thirty", ""),
        ("I do not know", ""),
    ],
)
def test_a_time_is_found_among_those_offered(words: str, slot: str) -> None:
    """Clock times, bare hours and positions in the list."""
    assert meaning.choose(words, SLOTS) == slot


@pytest.mark.parametrize(
    "words",
    [
        "My phone number is five five five, zero one four two.",
        "555-0142",
        "5550142",
        "it's 555 0142 thank you",
        "five five five oh one for two",
        "triple five zero one forty two",
        "five five five, uh, zero one four two",
    ],
)
def test_a_number_is_read_however_it_was_written(words: str) -> None:
    """Digits, words, homophones, doubles and hesitation."""
    assert meaning.phone(words) == "5550142"


@pytest.mark.parametrize("words", ["ten thirty", "I have two questions for you", "", "12345"])
def test_other_numbers_are_no_telephone_number(words: str) -> None:
    """Fewer than seven digits are something else."""
    assert meaning.phone(words) == ""


@given(number=st.text("0123456789", min_size=7, max_size=12))
def test_a_number_written_for_the_voice_keeps_its_digits(number: str) -> None:
    """Groups of at most four, the last of exactly four."""
    written = meaning.written(number)
    assert written.replace("-", "") == number
    assert len(written.split("-")[-1]) == 4 and all(1 <= len(g) <= 4 for g in written.split("-"))


@given(text=st.text(max_size=60))
def test_no_text_breaks_the_understanding(text: str) -> None:
    """Whatever a recogniser writes is understood or not, without an error."""
    meaning.topics(text)
    meaning.phone(text)
    meaning.choose(text, SLOTS)
    meaning.name(text)
    assert not (meaning.is_yes(text) and meaning.is_no(text))


@pytest.mark.parametrize(
    ("words", "topic"),
    [
        ("Hello, what are your opening hours?", "hours"),
        ("Can I move my appointment to Thursday?", "move"),
        ("Sorry, wait, do you have parking?", "parking"),
        ("No, that's all. Thank you, goodbye.", "goodbye"),
        ("How much does a cleaning cost, and do you take insurance?", "price"),
        ("what time do you open on Saturday", "hours"),
        ("I'd like to book an appointment for a checkup.", "book"),
    ],
)
def test_the_weightiest_topic_comes_first(words: str, topic: str) -> None:
    """A greeting or an excuse does not hide the question behind it."""
    assert meaning.topics(words)[0] == topic


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("My name is Robert Miller.", "Robert Miller"),
        ("this is anna and my number is", "Anna"),
        ("I'm calling about a tooth", ""),
        ("I'm sorry", ""),
        ("Tuesday", ""),
    ],
)
def test_a_name_is_told_from_other_sentences(words: str, name: str) -> None:
    """Only what follows an introduction is a name."""
    assert meaning.name(words) == name


def test_days_and_parts_of_days_are_found() -> None:
    """Weekdays, today, tomorrow; mornings that are no greeting."""
    assert meaning.day("Do you have anything on Fridays?") == "friday"
    assert meaning.day("tomorrow morning") == "tomorrow"
    assert meaning.part("tomorrow morning") == "morning"
    assert meaning.part("good morning") == ""
    assert meaning.part("after work") == "afternoon"
