"""Marks that are written but never said."""

from __future__ import annotations

import pytest

from call.spoken import spoken
from tests.text_vectors import vectors

pytestmark = pytest.mark.rule


@pytest.mark.parametrize(("written", "said"), vectors("english_marks"))
def test_markup_is_said_as_people_say_it(written: str, said: str) -> None:
    """No asterisk, hash, bullet or emoji reaches the voice; signs between words have names."""
    assert spoken(written, language="en") == said


def test_lines_and_tables_become_pauses() -> None:
    """A line break is a pause unless a mark already makes one; rules of tables are nothing."""
    assert spoken("We offer:\n- whitening\n- checks\n", language="en") == (
        "We offer: whitening, checks"
    )
    assert spoken("| day | hour |\n|-----|-----|\n| one | two |", language="en") == (
        "day, hour, one, two,"
    )
