"""E-mail addresses, said in every way people say them."""

from __future__ import annotations

import pytest

from call.privacy_email import emails
from call.privacy_finding import find
from call.privacy_tokens import Tokens

pytestmark = pytest.mark.rule


def read(text: str, *, announced_at: int | None = None, asked: bool = False) -> list[str]:
    """The addresses in a text."""
    tokens = Tokens(text)
    return [value for *_, value in emails(tokens, announced_at=announced_at, asked=asked)]


@pytest.mark.parametrize(
    ("said", "address"),
    [
        ("jane dot doe at example dot com", "jane.doe@example.com"),
        ("write to jo ninety nine at gmail please", "jo99@gmail"),
        ("it's j for john smith at example dot c o m okay", "smith@example.com"),
        ("ana at shop dot c o 4 you", "ana@shop.co"),
        ("bob, at example dot com", "bob@example.com"),
        ("my name, jo, dot, bell at example dot com", "bell@example.com"),
        ("bob at mail.example.org", "bob@mail.example.org"),
        ("well. bob at example dot com", "bob@example.com"),
        ("yes, a b two at example dot com", "ab2@example.com"),
        ("no 22 at example dot com", "22@example.com"),
        ("mary one at example dot com", "mary1@example.com"),
        ("- 5 at example dot com", "5@example.com"),
        ("dot five at example dot com", "5@example.com"),
    ],
)
def test_an_address_is_read_as_it_is_written(said: str, address: str):
    """Words for signs, letters one by one, digits, hosts that everybody knows."""
    assert address in [value.removeprefix(".") for value in read(said)]


@pytest.mark.parametrize(
    "text",
    [
        "at example dot com",
        ", at example dot com",
        "meet me at noon",
        "meet me at p.o. box",
        "I am at the office dot",
        "at 5 . 30",
    ],
)
def test_what_has_no_name_or_no_host_is_no_address(text: str):
    """A place, a time, an office."""
    assert read(text) == []


def test_an_announced_address_is_hidden_before_its_host_is_said():
    """What follows "my e-mail is" is taken while it looks like one."""
    assert read("my email is j n e,", announced_at=1) == ["jne"]
    assert read("my email is", announced_at=1) == []
    assert read("my email is " + "jo " * 20 + "dot x", announced_at=1) == []
    assert read("jane underscore", asked=True) == ["jane_"]


def test_a_written_address_loses_no_full_stop():
    """The one behind it is the sentence's."""
    (found,) = find("write to jo@example.com. Thanks")
    assert found.value == "jo@example.com"
