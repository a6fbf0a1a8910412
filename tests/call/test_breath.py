"""A speaker breathes before a phrase, and never inside one."""

from __future__ import annotations

import pytest

from call.breath import may_breathe

pytestmark = pytest.mark.rule


@pytest.mark.parametrize(
    ("said", "opener"),
    [
        ("A cleaning is 90 dollars", "and"),
        ("Thank you", "for"),
        ("We're open Monday to Friday", "from"),
        ("The visit takes", "about"),
        ("عيادتنا مفتوحة اليوم", "من"),
    ],
)
def test_a_phrase_begins(said: str, opener: str) -> None:
    """Behind words that stand by themselves."""
    assert may_breathe(said.split(), opener, least_words=2)


@pytest.mark.parametrize(
    ("said", "opener"),
    [
        ("The dentist is", "in"),  # the verb wants it
        ("You can look", "for"),  # one verb
        ("I have a", "for"),  # nothing to hold
        ("It costs 90", "and"),  # the sum may go on
        ("We close on Tuesday", "and"),  # a row of days
        ("We close in March", "and"),
        ("He is Doctor J", "with"),  # an initial
        ("Thanks", "for"),  # too little
        ("A cleaning takes", "half"),  # no phrase begins here
        ("It is fine,", "and"),  # punctuation has a rule of its own
    ],
)
def test_words_that_belong_together_stay_together(said: str, opener: str) -> None:
    """Wherever the next word completes the last."""
    assert not may_breathe(said.split(), opener, least_words=2)


@pytest.mark.parametrize(
    ("said", "opener"),
    [
        ("We're open", "Monday"),
        ("We can see you", "tomorrow"),
        ("On Saturday", "we're"),
        ("Is there anything else", "I"),
        ("A cleaning", "is"),
    ],
)
def test_the_first_words_of_a_reply_may_part_a_little_earlier(said: str, opener: str) -> None:
    """Before a day, a subject, or the verb of one; later words may not."""
    assert may_breathe(said.split(), opener, least_words=2, is_first=True)
    assert not may_breathe(said.split(), opener, least_words=2)


@pytest.mark.parametrize(
    ("said", "opener"),
    [
        ("Let me check", "Tuesday"),  # what is checked
        ("What time", "is"),  # a question
        ("We all", "are"),
        ("There", "is"),  # too little
        ("We can help", "you"),  # the verb's
        ("Is that", "it"),
    ],
)
def test_even_the_first_words_stand_by_themselves(said: str, opener: str) -> None:
    """What belongs together stays together."""
    assert not may_breathe(said.split(), opener, least_words=2, is_first=True)
