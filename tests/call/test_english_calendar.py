"""Dates and times in English."""

from __future__ import annotations

import pytest

from call.spoken import spoken
from tests.text_vectors import vectors

pytestmark = pytest.mark.rule


@pytest.mark.parametrize(("written", "said"), vectors("english_date") + vectors("english_time"))
def test_english_calendar_is_said_as_people_say_it(written: str, said: str) -> None:
    """Ordinal days, paired years, hours with A M and P M."""
    assert spoken(written, language="en") == said


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "March fifth, twenty twenty-five"),
        ("en-US", "March fifth, twenty twenty-five"),
        ("en-GB", "May third, twenty twenty-five"),
        ("en-AU", "May third, twenty twenty-five"),
    ],
)
def test_the_country_decides_which_number_is_the_month(language: str, said: str) -> None:
    """3/5 is in March in the United States and in May elsewhere."""
    assert spoken("3/5/2025", language=language) == said


@pytest.mark.parametrize("written", ["45/45/2025", "on 45/99", "2.0.19"])
def test_what_cannot_be_a_date_is_none(written: str) -> None:
    """No month is invented."""
    said = spoken(written, language="en")
    assert "first" not in said
    assert not any(month in said for month in ("January", "April", "September", "February"))


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("the 3-5 March", "the third to the fifth of March"),
        ("10am-2", "ten A M to two"),
        ("Come at 5 p.m. tomorrow.", "Come at five P M tomorrow."),
        ("We close at 5 p.m.", "We close at five P M."),
        ("1100", "one thousand one hundred"),
        ("24:00", "midnight"),
        ("Sat. and Sun.", "Saturday and Sun."),
        ("on 25/3", "on March twenty-fifth"),
        ("2005-09", "two thousand five to zero nine"),
    ],
)
def test_dates_and_times_in_sentences(written: str, said: str) -> None:
    """Articles, full stops and halves of the day come out right."""
    assert spoken(written, language="en") == said
