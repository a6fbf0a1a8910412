"""Sums of money in English."""

from __future__ import annotations

import pytest

from call.spoken import spoken
from tests.text_vectors import vectors

pytestmark = pytest.mark.rule


@pytest.mark.parametrize(("written", "said"), vectors("english_money"))
def test_english_money_is_said_as_people_say_it(written: str, said: str) -> None:
    """Units, parts, scales, ranges and rates."""
    assert spoken(written, language="en") == said
