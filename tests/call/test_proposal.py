"""A yes counts for a deed of which the caller was told something."""

from __future__ import annotations

from typing import Any

import pytest

from call.consent import Exchanged
from call.proposal import is_told

pytestmark = pytest.mark.rule

BOOKING = {"day": "Tuesday", "time": "10:30", "phone": "[PHONE_1]"}


def of(question: str, *before: str) -> Exchanged:
    """A yes to this question, behind these words of the agent's."""
    return Exchanged(1, question, "Yes.", told=" ".join((*before, question)))


@pytest.mark.parametrize(
    "said",
    [
        ("Would you like to book?",),
        ("Hello, this is Mia.", "Shall I go ahead?"),
        ("Is your telephone the right one to reach you?",),
        ("هل أحجز الموعد؟",),
    ],
)
def test_a_question_without_a_detail_tells_nothing(said: tuple[str, ...]) -> None:
    """Whatever it is about."""
    *before, question = said
    assert not is_told(of(question, *before), BOOKING)


@pytest.mark.parametrize(
    "said",
    [
        ("Shall I book Tuesday?",),
        ("Half past ten, then. Shall I?",),
        ("I have [PHONE_1].", "Shall I book it?"),
        ("On Tuesday at ten thirty. Is that right?", "Then shall I book it?"),
        ("الثلاثاء، صحيح؟",),
    ],
)
def test_a_detail_tells(said: tuple[str, ...]) -> None:
    """In the question, or in what was heard before it."""
    *before, question = said
    assert is_told(of(question, *before), BOOKING)


@pytest.mark.parametrize("arguments", [{}, {"all": True}, {"note": None}, {"days": []}])
def test_a_deed_without_details_needs_none(arguments: dict[str, Any]) -> None:
    """The question is all there is to say."""
    assert is_told(of("Shall I cancel it?"), arguments)


def test_details_are_found_however_deep() -> None:
    """In lists and in what they hold; a short word tells nothing."""
    order = {"items": [{"what": "pizza", "of": "a", "count": 2}]}
    assert is_told(of("Shall I order a pizza?"), order)
    assert not is_told(of("Shall I order a meal?"), order)
