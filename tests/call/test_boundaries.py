"""Where text may not be cut."""

from __future__ import annotations

import pytest

from call.boundaries import (
    has_word,
    is_abbreviation,
    is_list_mark,
    is_number_or_date,
    last_safe_split,
    looks_complete,
)

pytestmark = pytest.mark.rule


@pytest.mark.parametrize(
    ("head", "behind"),
    [
        ("on March 3, ", "2"),
        ("one of 1, ", "2"),
        ("it is $5, ", "$6"),
        ("on Tuesday, ", "M"),
        ("on Tuesday, ", "3"),
        ("in March, ", "2"),
        ("up to 5%, ", "1"),
        ("tests (e.g., ", "M"),
    ],
)
def test_a_pause_inside_a_number_or_date_is_none(head: str, behind: str) -> None:
    """What is one thing stays together."""
    assert is_number_or_date(head, behind)


@pytest.mark.parametrize(
    ("head", "behind"),
    [("at 3, ", "o"), ("on Tuesday, ", "w"), ("of course, ", "5"), ("", "w"), ("in May, ", "w")],
)
def test_a_pause_behind_words_is_one(head: str, behind: str) -> None:
    """Numbers that end before the pause do not forbid it."""
    assert not is_number_or_date(head, behind)


@pytest.mark.parametrize(
    ("head", "behind", "is_inside"),
    [
        ("9 - ", "5", True),
        ("Monday - ", "f", True),
        ("9 AM - ", "5", True),
        ("well - ", "y", False),
    ],
)
def test_a_dash_between_numbers_is_a_range(head: str, behind: str, is_inside: bool) -> None:
    """Hours, days and sums are joined by dashes; thoughts are parted by them."""
    assert is_number_or_date(head, behind, is_dash=True) is is_inside


def test_list_marks() -> None:
    """A mark alone is not a clause."""
    assert all(is_list_mark(mark) for mark in ("1.", "(a)", " 2) ", "-", "•", "##"))
    assert not is_list_mark("1. First")
    assert not is_list_mark("Yes.")


def test_abbreviations() -> None:
    """Small letters and digits go on; a lone Arabic letter is a title."""
    assert is_abbreviation("open Mon. ", "to")
    assert is_abbreviation("your appt. ", "5")
    assert not is_abbreviation("open on Sat. ", "We")
    assert not is_abbreviation("of that. ", "then")
    assert is_abbreviation("مع د. ", "أحمد")
    assert not is_abbreviation("مرحبا. ", "كيف")


@pytest.mark.parametrize(
    ("text", "head"),
    [
        ("We are ope", "We are "),
        ("We are open ", "We are open "),
        ("850 687 4000 n", ""),
        ("please call 850", "please "),
        ("please do call 850", "please do "),
        ("see Dr. Smi", "see "),
        ("I will see Dr. Smi", "I will see "),
        ("it is on March ", "it is on "),
        ("that costs $ 5", "that "),
        ("hello (w", "hello "),
        ("word - w", ""),
        ("... wo", ""),
        ("single", ""),
    ],
)
def test_words_part_where_nothing_is_torn(text: str, head: str) -> None:
    """The last place between two words that belong to no number, date or abbreviation."""
    assert text[: last_safe_split(text)] == head


@pytest.mark.parametrize(
    ("text", "is_complete"),
    [
        ("Let me check that.", True),
        ("Really?", True),
        ("Great!", True),
        ('He said "yes please."', True),
        ("With Dr.", False),
        ("It costs 3.", False),
        ("open Mon.", False),
        ("in the U.S.", False),
        ("not yet", False),
        ("...", False),
        ("", False),
    ],
)
def test_a_sentence_looks_complete(text: str, is_complete: bool) -> None:
    """Only when no abbreviation or number can be meant."""
    assert looks_complete(text) is is_complete


def test_words() -> None:
    """Letters and digits can be pronounced, punctuation cannot."""
    assert has_word("a")
    assert has_word("٣")
    assert not has_word("… — 😀")
