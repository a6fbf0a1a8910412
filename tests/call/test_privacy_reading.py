"""Digits and letters as people say them, and how a text is cut for it."""

from __future__ import annotations

import pytest

from call.privacy_reading import as_in, runs
from call.privacy_tokens import Tokens

pytestmark = pytest.mark.rule


def read(text: str) -> list[str]:
    """The values of the runs in a text."""
    return [run.value for run in runs(Tokens(text))]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("four one double five", "4155"),
        ("double, um, five three", "553"),
        ("double w two", "ww2"),
        ("double 5 2", "552"),
        ("forty-two eleven", "4211"),
        ("five hundred five five", "50055"),
        ("one two three to five", "12325"),
        ("o as in oscar one", "o1"),
        ("x o x o", "xoxo"),
        ("x 0 as in oscar", "x0"),
        ("b as in bravo two", "b2"),
        ("five five five no, sorry, six", "556"),
        ("five five five start over six six", "66"),
        ("خمسة وعشرين ثلاثة", "253"),
        ("خمسة عشر", "15"),
        ("o, um, x", "ox"),
    ],
)
def test_a_run_is_read_as_it_was_meant(text: str, value: str):
    """Doubles, tens, letters, examples and corrections."""
    assert read(text)[0] == value


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("double trouble", [""]),
        ("double", [""]),
        ("double 55", ["", "55"]),
        ("double twenty three", ["", "23"]),
        ("I want it a lot", []),
        ("o, um, well", ["0"]),
        ("one moment", []),
        ("one two, people", ["12"]),
        ("five five five five - uh four people", ["5555"]),
        ("one two - people", ["12"]),
        ("ten thirty am", []),
        ("eleven o six p m", ["1106", "pm"]),
        ("five five five five but four", ["5555", "4"]),
        ("five five five five to them", ["5555"]),
        ("five five five well um er so okay then uh hmm four", ["555", "4"]),
        ("one two three four people", ["123"]),
    ],
)
def test_what_is_no_run_is_not_read_as_one(text: str, values: list[str]):
    """Counts, times, a word that only sounds like a number."""
    assert [value for value in read(text) if value] == [value for value in values if value]


@pytest.mark.parametrize(
    ("text", "behind"),
    [
        ("b as in bravo", 4),
        ("b, for bravo", 4),
        ("b from bravo", 3),
        ("b as bravo", 1),
        ("b as in b", 1),
        ("b for victor", 1),
        ("b for", 1),
        ("b as in", 1),
        ("b,", 1),
        ("b bravo", 1),
    ],
)
def test_a_letter_goes_with_its_example(text: str, behind: int):
    """If the example begins with it."""
    assert as_in(Tokens(text), 0) == behind


def test_a_text_with_marks_keeps_its_places():
    """Arabic vowel signs are no letters, and are in the text all the same."""
    tokens = Tokens("رَقمي ٥٥ HK78")
    assert tokens.words[0] == "رقمي"
    assert tokens.text[tokens.starts[1] : tokens.ends[1]] == "٥٥"
    assert tokens.values[1] == "55"
    assert (tokens.classes[2], tokens.values[2]) == ("L", "hk")
