"""Street addresses in what was said."""

from __future__ import annotations

import pytest

from call.privacy_places import addresses
from call.privacy_tokens import Tokens

pytestmark = pytest.mark.rule


def read(text: str, *, announced_at: int | None = None) -> list[str]:
    """The addresses in a text, as said."""
    return [value for *_, value in addresses(Tokens(text), announced_at=announced_at)]


@pytest.mark.parametrize(
    "address",
    [
        "12 Maple Street",
        "forty-two old mill road",
        "- 7 Park Avenue",
        "12 Maple Street, Apt. 4B",
        "12 Maple Street West, flat two b",
        "12 Maple Street, Springfield, IL 62704",
        "124 67 Devon Street West\n Suite 240",
    ],
)
def test_a_house_number_and_a_kind_of_street_make_an_address(address: str):
    """With the flat and the postal code that belong to it."""
    assert read(f"I live at {address}. Thanks.") == [address.removeprefix("- ")]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("12 Maple Street and I need a cleaning", "12 Maple Street"),
        ("12 Maple Street, Springfield, please", "12 Maple Street"),
        ("12 Maple Street apt 4 . 5", "12 Maple Street apt 4"),
        ("12 Maple Street?", "12 Maple Street"),
        ("- 12 Maple Street of", "12 Maple Street"),
    ],
)
def test_an_address_ends_where_something_else_begins(text: str, address: str):
    """A wish, a question, the next sentence."""
    assert read(text) == [address]


@pytest.mark.parametrize(
    "text", ["Maple Street", "12; Maple Street", "12, I like a street", "two or three streets"]
)
def test_no_number_no_address(text: str):
    """A street has many houses."""
    assert read(text) == []


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("my address is: 49 Karlova. Thanks", "49 Karlova"),
        ("my address is flat two, the old mill", "flat two, the old mill"),
        ("my address is 49 St. Karlova 7,", "49 St. Karlova 7"),
        ("my address is 49 Karlova, my phone is 5", "49 Karlova"),
        ("my address is 49 Karlova please", "49 Karlova"),
        ("my address is 49 Karlova, Apt. 7", "49 Karlova, Apt. 7"),
        ("my address is 49 Karlova? yes", "49 Karlova"),
        ("my address is 49 " + "karlova " * 20, "49" + " karlova" * 13),
    ],
)
def test_behind_its_announcement_it_needs_no_kind_of_street(text: str, address: str):
    """A number or a flat, then a name."""
    assert read(text, announced_at=1) == [address]


@pytest.mark.parametrize("text", ["my address is", "my address is new", "my address is 49 minutes"])
def test_an_announcement_alone_is_no_address(text: str):
    """Nor is a number of something."""
    assert read(text, announced_at=1) == []


def test_an_arabic_address_goes_to_the_end_of_its_sentence():
    """Behind its announcement, with the word for a street."""
    assert read("عنواني شارع النور. شكرا", announced_at=0) == ["شارع النور"]
    assert read("عنواني حي السلام", announced_at=0) == ["حي السلام"]
