"""Groups of digits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.digits import WESTERN, grouped, international_groups, written_groups

pytestmark = pytest.mark.rule


@pytest.mark.parametrize(
    ("digits", "groups"),
    [
        ("12345", ["12345"]),
        ("123456", ["123", "456"]),
        ("5550142", ["555", "0142"]),
        ("8506874000", ["850", "687", "4000"]),
        ("18506874000", ["1", "850", "687", "4000"]),
        ("01012345678", ["010", "1234", "5678"]),
        ("378282246310005", ["3782", "822463", "10005"]),
        ("12345678901234", ["1234", "5678", "9012", "34"]),
    ],
)
def test_a_plain_run_falls_into_groups(digits: str, groups: list[str]) -> None:
    """Three or four at a time, as people say them."""
    assert grouped(digits) == groups


def test_written_groups_are_kept() -> None:
    """The writer's groups stand; only long ones are parted."""
    assert written_groups("(850) 687-4000") == ["850", "687", "4000"]
    assert written_groups("12 12345678") == ["12", "1234", "5678"]


def test_a_country_groups_its_numbers() -> None:
    """One run behind a plus is parted as its country does; an unknown country's by length."""
    assert international_groups("+201012345678") == ["20", "10", "1234", "5678"]
    assert international_groups("+0") == ["0"]


def test_eastern_digits_are_the_same() -> None:
    """Arabic and Persian digits translate."""
    assert "٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹".translate(WESTERN) == "01234567890123456789"


@given(st.text("0123456789", min_size=1, max_size=40))
def test_no_digit_is_lost(digits: str) -> None:
    """Groups together are the number."""
    assert "".join(grouped(digits)) == digits
