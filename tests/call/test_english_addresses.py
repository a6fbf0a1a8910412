"""Telephone numbers, cards, codes and net addresses in English."""

from __future__ import annotations

import pytest

from call.spoken import spoken
from tests.text_vectors import vectors

pytestmark = pytest.mark.rule


@pytest.mark.parametrize(
    ("written", "said"), vectors("english_telephone") + vectors("english_electronic")
)
def test_english_addresses_is_said_as_people_say_it(written: str, said: str) -> None:
    """Digits one by one in natural groups, leading zeros kept; signs by name."""
    assert spoken(written, language="en") == said


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("1234567890123", "one two three four, five six seven eight, nine zero one two, three"),
        ("+999123456789", "plus nine nine nine one, two three four five, six seven eight nine"),
        ("3000000", "three million"),
        ("iPhone15 and B2B", "iPhone fifteen and B two B"),
        ("5G, A4", "five G, A four"),
        ("A01", "A zero one"),
        ("ending in *0042", "ending in zero zero four two"),
        ("ABC-123", "A B C, one two three"),
        (
            "$1,000 555-0142",
            "one thousand dollars five five five, zero one four two",
        ),
        ("2,500 555-0142", "two thousand five hundred five five five, zero one four two"),
        (
            "555-0142,555-0143",
            "five five five, zero one four two,five five five, zero one four three",
        ),
        ("SKU 4Q-77", "SKU four Q, seven seven"),
    ],
)
def test_unusual_codes(written: str, said: str) -> None:
    """Round numbers stay numbers; letters are spelled unless they are a name."""
    assert spoken(written, language="en") == said
