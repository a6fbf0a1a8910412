"""English number words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.english_numbers import cardinal, in_groups, number, ordinal, year

pytestmark = pytest.mark.rule


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (476, "four hundred seventy-six"),
        (1066, "ten sixty-six"),
        (1700, "seventeen hundred"),
        (1905, "nineteen oh five"),
        (2000, "two thousand"),
        (2009, "two thousand nine"),
        (2110, "twenty-one ten"),
    ],
)
def test_years_are_said_in_pairs(value: int, said: str) -> None:
    """Except those near a thousand."""
    assert year(value) == said


def test_numbers_are_american() -> None:
    """No commas and no "and" inside a number."""
    assert cardinal(1234567) == (
        "one million two hundred thirty-four thousand five hundred sixty-seven"
    )
    assert ordinal(1234) == "one thousand two hundred thirty-fourth"
    assert cardinal(-5) == number("-5") == number("\u22125") == "minus five"


def test_written_numbers() -> None:
    """Decimals one by one, leading zeros said."""
    assert number("1,200.50") == "one thousand two hundred point five zero"
    assert number(".05") == "point zero five"
    assert number("0042") == "zero zero four two"
    assert in_groups(["12", "345"]) == "one two, three four five"


@given(st.integers(0, 10**15))
def test_every_number_has_words_only(value: int) -> None:
    """No digit and no comma."""
    assert cardinal(value).replace("-", " ").replace(" ", "").isalpha()
