"""What the last words say about whether more is to come."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.cues import Cue, asks_yes_or_no, content, cue, normal

pytestmark = pytest.mark.rule


@pytest.mark.parametrize(
    "text",
    [
        "I'd like to book an appointment for",
        "I need to see the doctor because",
        "It is for my wife and",
        "Tuesday or",
        "I need to reschedule my",
        "how much does a",
        "My name is",
        "my phone number is",
        "I'm calling about",
        "Um",
        "can you tell me what",
        "sorry could you",
        "is there parking near the",
        "The internet at my house has been",
        "my date of birth is March",
        "let me think",
        "I'd like",
        "لازم اشوف الدكتور بس",
        "عندي موعد في",
        "رقمي",
        "يعني",
        "okay so",
        "I'll just",
        "my name is john I",
        "do you have anything",
        "some stuff like",
    ],
)
def test_nobody_ends_a_turn_so(text: str) -> None:
    """Joiners, prepositions, articles, fillers, announcements and half requests want more."""
    assert cue(text) is Cue.UNFINISHED


@pytest.mark.parametrize(
    "text",
    [
        "What are your opening hours?",
        "Hello, do you have parking",
        "Actually, can I ask something else?",
        "what is this about",
        "what is it like",
        "what should I do about that",
        "where are they",
        "Can I book an appointment for Tuesday morning?",
        "okay, thank you very much, goodbye",
        "No, that's all.",
        "That's all, thank you very much.",
        "ten thirty is fine",
        "a table for two please",
        "موعد بكرة لو سمحت",
        "هل عندكم موعد بكره؟",
        "كم سعر تنظيف الأسنان",
        "شكراً",
    ],
)
def test_a_whole_question_or_a_farewell_is_complete(text: str) -> None:
    """Nothing is missing from them."""
    assert cue(text) is Cue.COMPLETE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Tuesday morning",
        "I'd like to book an appointment",
        "I don't think so",
        "yes I can",
        "the third of March",
        "it is fine weather today",
        "two people",
        "I don't need anything",
        "so am I",
        "بكرة الصبح",
    ],
)
def test_other_words_may_end_here_or_go_on(text: str) -> None:
    """They say nothing either way."""
    assert cue(text) is Cue.OPEN


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("My phone number is five five five", Cue.UNFINISHED),
        ("My phone number is five five five zero", Cue.DICTATING),
        ("my order number is 73", Cue.UNFINISHED),
        ("my order number is 7301", Cue.DICTATING),
        ("five five five, zero one four two", Cue.OPEN),
        ("555-0142", Cue.OPEN),
        ("it's five five five", Cue.DICTATING),
        ("for two", Cue.OPEN),
        ("my name is spelled j o n", Cue.DICTATING),
        ("my number is [PHONE_1] …", Cue.DICTATING),
        ("رقمي خمسة خمسة", Cue.UNFINISHED),
    ],
)
def test_digits_and_letters_get_patience_until_there_are_enough(text: str, expected: Cue) -> None:
    """A string shorter than expected is still being dictated, and behind its first group there is
    another for sure."""
    assert cue(text) is expected


def test_one_digit_is_enough_when_a_number_was_asked_for() -> None:
    """After "what is your phone number" a lone "five" is a beginning."""
    assert cue("five", asked="What is your phone number?") is Cue.UNFINISHED
    assert cue("five", asked="For how many people?") is Cue.OPEN


def test_how_many_digits_are_expected_can_be_said() -> None:
    """A slot of four digits is full with four."""
    assert cue("my pin is 1234", digits_expected=4) is Cue.OPEN
    assert cue("my pin is 123", digits_expected=4) is Cue.UNFINISHED


@pytest.mark.parametrize(
    ("text", "asked", "expected"),
    [
        ("Yes.", "Is that right?", Cue.COMPLETE),
        ("No", "I have ten thirty. Does that work?", Cue.COMPLETE),
        ("Yes.", "Would you like Tuesday or Wednesday?", Cue.BEGUN),
        ("Okay", "What is your name?", Cue.BEGUN),
        ("okay", "I will look it up.", Cue.BEGUN),
        ("نعم", "هل هذا صحيح؟", Cue.COMPLETE),
        ("yes but not on Tuesday", "Is that right?", Cue.OPEN),
    ],
)
def test_one_word_answers_a_yes_or_no_question(text: str, asked: str, expected: Cue) -> None:
    """And no other question."""
    assert cue(text, asked=asked) is expected


@pytest.mark.parametrize("text", ["Hello", "hi good morning", "yes", "well okay", "مرحبا"])
def test_a_greeting_or_a_nod_is_only_a_beginning(text: str) -> None:
    """What the caller wants is still to come."""
    assert cue(text) is Cue.BEGUN
    assert cue(f"{text} Tuesday") is Cue.OPEN


def test_hesitations_are_no_content() -> None:
    """The same words with and without them ask for the same."""
    assert content("Um, at, uh, ten.") == content("at ten") == ["at", "ten"]


def test_nothing_asked_is_no_question() -> None:
    """An agent that has not spoken asked nothing."""
    assert not asks_yes_or_no("")
    assert not asks_yes_or_no("?")


def test_arabic_spellings_are_one() -> None:
    """Hamza forms, ta marbuta and vowel marks do not hide a word."""
    assert normal("أَوْ إلى مدرسة") == "او الي مدرسه"


@given(st.text(max_size=60), st.text(max_size=40))
def test_any_text_has_a_cue(text: str, asked: str) -> None:
    """No transcript can break the reading of it, and case does not matter."""
    assert cue(text, asked=asked) in Cue
    assert cue(text.lower(), asked=asked) in Cue
