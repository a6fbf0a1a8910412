"""What a run of digits and letters is."""

from __future__ import annotations

import pytest

from call.privacy_finding import find

pytestmark = pytest.mark.rule


def kinds(text: str, *asked: str) -> list[str]:
    """The kinds found."""
    return [each.kind for each in find(text, asked=asked)]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("put it on 4539 1488 0343 6467", "card"),
        ("take 5553914880343646 please", "card"),
        ("take 9953914880343646 please", "number"),
        ("the number 536904399 there", "ssn"),
        ("the 036904399 there", "phone"),
        ("text 699 956 915 now", "phone"),
        ("text 69995691 now", "number"),
        ("text 4155550198 now", "phone"),
        ("text +44 20 7946 0958 now", "phone"),
        ("text plus four four two oh seven nine four six oh nine five eight now", "phone"),
        ("text forty one fifty five eleven ninety two now", "number"),
        ("take 604827 now", "code"),
        ("wire gb82 west 1234 5698 7654 32 to us", "bank"),
        ("g b eight two w e s t one two three four five six nine eight seven six five four three"
         " two", "bank"),
        ("it is h o p k i n s", "name"),
        ("h k seven seven eight two", "account"),
        ("bank account 12345678", "bank"),
        ("e mail address is jo", "email"),
        ("call me on five five five", "phone"),
        ("my zip-code is 12345", "address"),
        ("my number is h k seven seven eight", "account"),
        ("my number is five five five", "phone"),
        ("my code is 4455 and my number is 5550142", "phone"),
        ("the card: card number. 4539", "card"),
        ("the policy, live, 4455 there", "policy"),
        ("my email is a 4155550142 there", "phone"),
        ("a policy, and one more thing I want to say to all of you, number 5550142", "phone"),
        ("my name is spelled b e l l", "name"),
    ],
)  # fmt: skip
def test_a_run_is_told_by_its_shape_or_its_announcement(text: str, kind: str):
    """Checksums, lengths and groups, or the words in front of it."""
    assert kind in kinds(text)


@pytest.mark.parametrize(
    "text",
    [
        "from 1985 1990 2020 there",
        "nineteen eighty five twenty twenty we moved",
        "12 34 56 78 are the rooms",
        "twenty twenty one to twenty five in all",
        "w w w dot shop",
        "my e-mail 5 is",
        "2024",
        "two thousand five hundred",
        "IBAN GB82 XXXX 1234 5698 7654 32 is wrong",
        "there is no live 5 here",
        "on 0/14/85",
        "email address 44 " + "there " * 17,
    ],
)
def test_numbers_of_every_day_are_left(text: str):
    """Years, rooms, sums, web pages."""
    assert [kind for kind in kinds(text) if kind not in ("number", "bank", "code")] == []


@pytest.mark.parametrize(
    ("text", "asked", "kind"),
    [
        ("b e l l", ("name", "policy"), "name"),
        ("b e l l", ("policy",), "policy"),
        ("five five five five", ("policy", "account"), "account"),
        ("five five five five", ("name",), "number"),
        ("4539 1488 0343 6467", ("account",), "card"),
        ("4155550198", ("phone", "account"), "phone"),
        ("my number is five five five five", ("account",), "account"),
        ("I typed 5", ("code",), None),
        ("I typed 4455", (), "code"),
        ("it is four four five five", ("code",), "code"),
        ("well then four four five five", ("code",), "code"),
    ],
)
def test_the_answer_to_a_question_is_of_the_kind_that_was_asked_for(
    text: str, asked: tuple[str, ...], kind: str | None
):
    """Unless it cannot be."""
    assert next(iter(kinds(text, *asked)), None) == kind


def test_a_document_shows_only_what_is_sure():
    """Strictly read: no date and no number that nobody announced."""
    assert find("on March 5, 1985 in room 4455", strict=True) == []
    assert [each.kind for each in find("born March 5, 1985", strict=True)] == ["birthdate"]
