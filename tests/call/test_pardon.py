"""The agent's last words are said again, as written and as far as they were heard."""

from __future__ import annotations

import pytest

from call.pardon import LastWords, Pardon
from call.phrases import FILLER
from call.speculation import Guess, Verdict

pytestmark = pytest.mark.rule


def spoken(
    *clauses: str,
    heard: float = 99,
    kind: str = "reply",
    reply: int = 1,
    words: LastWords | None = None,
) -> LastWords:
    """A reply of these clauses, of which so many were heard; 1.5 is one and a half."""
    words = words or LastWords()
    for number, text in enumerate(clauses, 1):
        words.written(reply, number, text, kind=kind)
    for number in range(1, -int(-heard // 1) + 1):
        if number <= len(clauses):
            words.began(reply, number, kind=kind)
    for number in range(1, min(int(heard), len(clauses)) + 1):
        words.played(reply, number, is_end=True)
    if heard % 1:
        words.played(reply, int(heard) + 1, is_end=False)
    return words


def test_the_last_reply_is_said_again() -> None:
    """Whole, when it is short; personal data stay stand-ins."""
    words = spoken("I have [PHONE_1].", "Is that right?")
    assert words.answer("Sorry?") == "I have [PHONE_1]. Is that right?"


def test_of_a_long_reply_its_end_is() -> None:
    """In whole clauses, at least one."""
    words = spoken("a" * 150 + ".", "b" * 150 + ".", "c" * 40 + ".")
    assert words.answer("Pardon?") == "b" * 150 + ". " + "c" * 40 + "."
    long = "d" * 300
    assert spoken("One.", long).answer("Pardon?") == long


def test_as_far_as_it_was_heard() -> None:
    """The clause that was being said is said to its end; what nobody heard is not said *again*."""
    words = spoken("We have nine,", "ten thirty,", "and two.", heard=1.5)
    assert words.answer("What was that?") == "We have nine, ten thirty,"


def test_a_clause_that_has_just_begun_counts_as_heard() -> None:
    """Word of it comes a little later than its sound; a reply of which nobody has word does not."""
    words = spoken("We have nine,", "ten thirty,", "and two.", heard=1)
    words.began(1, 2, kind="reply")
    assert words.answer("Sorry?") == "We have nine, ten thirty,"
    words.written(2, 1, "Which one?", kind="reply")
    words.began(2, 1, kind="reply")
    assert words.answer("Sorry?") == "We have nine,"


def test_other_words_are_for_the_model() -> None:
    """However they begin."""
    assert spoken("At ten.").answer("Sorry, I meant Tuesday.") == ""


def test_before_anything_was_heard_there_is_nothing_to_say_again() -> None:
    """Nor when the reply is long forgotten, or was a phrase to bridge a silence."""
    assert LastWords().answer("Sorry?") == ""
    assert spoken("At ten.", heard=0).answer("Sorry?") == ""
    assert spoken("One moment.", kind=FILLER).answer("Sorry?") == ""
    words = spoken("At ten.")
    for reply in range(2, 8):
        words.written(reply, 1, "a guess", kind="reply")
    assert words.answer("Sorry?") == ""


def test_twice_in_a_row_and_then_the_model_is_asked() -> None:
    """Other words may help; anything else in between starts the count anew."""
    words = spoken("At ten.")
    for _ in range(2):
        assert words.answer("Sorry?") == "At ten."
        words.said_again()
    assert words.answer("Sorry?") == ""
    assert words.answer("At ten?") == ""
    assert words.answer("Sorry?") == "At ten."
    assert LastWords(Pardon(times=0)).answer("Sorry?") == ""


def test_while_an_answer_is_owed_the_model_is_asked() -> None:
    """The caller waits for more than the last words: the model was asked, or a tool at work."""
    words = spoken("Let me look.")
    assert not words.is_answer_owed
    words.asked()
    assert words.is_answer_owed
    assert words.answer("Sorry?") == ""
    words = spoken("One moment.", kind=FILLER, reply=2, words=words)
    assert words.is_answer_owed
    words = spoken("Ten is free.", reply=3, words=words)
    assert words.answer("Sorry?") == "Ten is free."
    words.answer_lost()
    assert words.answer("Sorry?") == ""


def test_a_guess_that_came_to_nothing_owes_nothing() -> None:
    """The caller went on speaking."""
    words, guess = spoken("At ten."), Guess("hello")
    words.asked(guess)
    assert words.is_answer_owed
    guess.settle(Verdict.WITHDRAWN, wasted=lambda kind, amount: None)
    assert not words.is_answer_owed


def test_what_was_cut_goes_on_from_the_clause_it_was_cut_in() -> None:
    """With the clauses that were on their way to the voice."""
    assert spoken("One,", "two,", "three.", heard=1.5).cut() == "two, three."
    assert spoken("One,", "two.", heard=0.5).cut() == "One, two."
    assert spoken("One,", "two.", heard=2).cut() == ""


def test_nothing_was_cut_when_nothing_was_said() -> None:
    """Or when it was a phrase to bridge a silence, or the answer itself is owed."""
    assert LastWords().cut() == ""
    assert spoken("One moment.", heard=0.5, kind=FILLER).cut() == ""
    words = spoken("Let me look.", heard=0.5)
    words.answer_lost()
    assert words.cut() == ""
    assert words.is_answer_owed


def test_a_reply_of_which_nothing_was_heard_yet_is_cut_whole() -> None:
    """The one before it was heard."""
    words = spoken("One.", "Two.")
    for number, text in enumerate(("Three,", "four."), 1):
        words.written(2, number, text, kind="reply")
    words.began(2, 1, kind="reply")
    assert words.cut() == "Three, four."


def test_a_phrase_that_was_to_follow_belongs_to_it() -> None:
    """The greeting behind a disclosure; a guess at an answer does not."""
    words = spoken("This call is recorded.", kind="disclosure")
    words.written(2, 1, "How can I help?", kind="greeting")
    words.written(3, 1, "We open at eight.", kind="reply")
    assert words.cut() == "How can I help?"


@pytest.mark.parametrize("knob", [{"chars": 0}, {"times": -1}])
def test_bad_bounds_are_refused(knob: dict[str, int]) -> None:
    """By name."""
    with pytest.raises(ValueError, match=next(iter(knob))):
        Pardon(**knob)
