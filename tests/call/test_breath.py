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
