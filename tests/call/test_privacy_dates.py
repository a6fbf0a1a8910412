"""Dates, said and written."""

from __future__ import annotations

import pytest

from call.privacy_dates import DATE, spoken_dates, written_date
from call.privacy_tokens import Tokens

pytestmark = pytest.mark.rule


def said(text: str) -> list[tuple[str, int]]:
    """Dates and their years."""
    return [(value, year) for _, _, value, year in spoken_dates(Tokens(text))]


@pytest.mark.parametrize(
    ("text", "date", "year"),
    [
        ("the twenty-third of May 1990", "1990-05-23", 1990),
        ("the twenty third of may nineteen ninety", "1990-05-23", 1990),
        ("on May the 5th, 1971", "1971-05-05", 1971),
        ("14 March 1985", "1985-03-14", 1985),
        ("March fourteenth two thousand and five", "2005-03-14", 2005),
        ("the first of June, two thousand nine", "2009-06-01", 2009),
        ("April 4, twenty twenty six", "2026-04-04", 2026),
        ("October nineteen oh five", "1905-10-00", 1905),
        ("March nineteen eighty five", "1985-03-00", 1985),
        ("november third", "0-11-03", 0),
        ("june 31", "0-06-31", 0),
        ("june two thousand", "2000-06-00", 2000),
        ("june nineteen eighty five eighty", "1985-06-00", 1985),
        ("the twenty of june two thousand", "2000-06-20", 2000),
        ("june first two thousand and what", "2000-06-01", 2000),
        ("june first nineteen eighty and five", "1980-06-01", 1980),
        ("٥ مارس ١٩٨٠", "1980-03-05", 1980),
    ],
)
def test_a_spoken_date_is_read(text: str, date: str, year: int):
    """Day before or behind the month, ordinals, every way to say a year."""
    assert said(text) == [(date, year)]


@pytest.mark.parametrize(
    "text",
    [
        "may I come in",
        "you may",
        "n as in november",
        "november four five nine",
        "june 45 12",
        "june",
        "june 19 85",
        "june five hundred and nine",
    ],
)
def test_a_month_alone_is_no_date(text: str):
    """Nor a letter, nor a wish."""
    assert [year for _, year in said(text) if year] == []


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("1985-03-14", ("1985-03-14", 1985)),
        ("3/14/1985", ("1985-03-14", 1985)),
        ("14.3.85", ("1985-03-14", 1985)),
        ("14.3.05", ("2005-03-14", 2005)),
        ("0/14/1985", None),
        ("31/30/1985", None),
    ],
)
def test_a_written_date_is_read(text: str, date: tuple[str, int] | None):
    """Either order, as far as it can be told."""
    found = DATE.search(text)
    assert found is not None
    assert written_date(found) == date
