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
