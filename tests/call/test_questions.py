""" "Is that all?": the place tells which question is answered."""

from __future__ import annotations

import pytest

from call.questions import Question, Questions

pytestmark = pytest.mark.rule

S = 8000


def asked(*places_s: float, sent: bool = True) -> Questions:
    questions = Questions()
    for place_s in places_s:
        questions.ask(round(place_s * S), place_s)
        unsent = questions.unsent
        if sent and unsent is not None:
            unsent.sent_at = place_s
    return questions


def test_nothing_is_answered_when_nothing_was_asked() -> None:
    """Nor is anything awaited."""
    questions = Questions()
    assert questions.answered(S, is_marked=True) is None
    assert not questions
    assert questions.awaited is None
    assert questions.unsent is None


def test_a_marked_answer_is_for_the_only_question_wherever_it_ends() -> None:
    """The recogniser may count only what held words."""
    questions = asked(9.0)
    answer = questions.answered(2 * S, is_marked=True)
    assert answer is not None
    assert answer.place == 9 * S
    assert not questions


def test_with_several_the_place_tells() -> None:
    """And those before it are done as well."""
    questions = asked(1.0, 2.0, 3.0)
    answer = questions.answered(round(1.8 * S), is_marked=True)
    assert answer is not None
    assert answer.place == 2 * S
    assert questions.answered(round(2.5 * S), is_marked=False) is None
    answer = questions.answered(round(2.99 * S), is_marked=False)
    assert answer is not None
    assert answer.place == 3 * S


def test_words_for_good_beyond_the_question_answer_it_without_saying_so() -> None:
    """The mark is optional."""
    questions = asked(1.0)
    assert questions.answered(round(0.9 * S), is_marked=False) is None
    assert questions.answered(round(1.1 * S), is_marked=False) is not None


def test_only_what_was_sent_can_be_answered() -> None:
    """Another connection has to be asked again."""
    questions = asked(1.0)
    questions.ask_again()
    assert questions.answered(2 * S, is_marked=True) is None
    assert questions.unsent is not None


def test_the_last_one_is_awaited_unless_nobody_waits() -> None:
    """The caller went on."""
    questions = asked(1.0, 2.0)
    assert questions.awaited is not None
    assert questions.awaited.place == 2 * S
    questions.wait_no_longer()
    assert questions.awaited is None
    assert questions
    questions.clear()
    assert not questions


def test_old_ones_go() -> None:
    """A recogniser that stays away is not asked a hundred times when it returns."""
    questions = asked(*range(1, 101), sent=False)
    places = []
    while (question := questions.unsent) is not None:
        places.append(question.place)
        question.sent_at = 0.0
    assert len(places) == 32
    assert places[-1] == 100 * S
    assert isinstance(questions.awaited, Question)


def test_a_question_answered_ahead_leaves_nothing_to_wait_for() -> None:
    """It is asked once more all the same; unless it was not answered, a voice came behind it, or
    words are under way."""
    for answered, voice, missing, waits in (
        (True, False, False, False),
        (False, False, False, True),
        (True, True, False, True),
        (True, False, True, True),
    ):
        questions = Questions()
        questions.ask_ahead(S, 1.0)
        assert questions.awaited is None
        assert questions.unsent is not None
        questions.unsent.sent_at = 1.0
        if answered:
            assert questions.answered(S, is_marked=True) is not None
        if voice:
            questions.voice_came()
        assert questions.ask_last(2 * S, 2.0, is_missing=missing) is not waits
        assert questions.unsent is not None
        assert (questions.awaited is not None) is waits


def test_what_was_asked_ahead_is_forgotten_with_the_rest() -> None:
    """Its answer is not wanted."""
    questions = Questions()
    questions.ask_ahead(S, 1.0)
    questions.clear()
    assert not questions.ask_last(2 * S, 2.0, is_missing=False)
