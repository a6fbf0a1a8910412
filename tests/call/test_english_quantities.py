"""Plain numbers and measures in English."""

from __future__ import annotations

import pytest

from call.spoken import spoken
from tests.text_vectors import vectors

pytestmark = pytest.mark.rule


@pytest.mark.parametrize(
    ("written", "said"), vectors("english_cardinal") + vectors("english_measure")
)
def test_english_quantities_is_said_as_people_say_it(written: str, said: str) -> None:
    """Cardinals, decimals, ranges, percentages, units, fractions."""
    assert spoken(written, language="en") == said
