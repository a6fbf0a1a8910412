"""The tail's report names the slowed provider and tells one of its calls."""

from __future__ import annotations

import random

import pytest

from bench.tail import report
from tests.telemetry.test_rollups import usual
from tests.telemetry.test_why import call

pytestmark = pytest.mark.rule


def test_the_report_names_the_provider_that_was_late() -> None:
    """Two turns of forty, and the story of the worse one."""
    draw = random.Random(2)
    records = [
        call(str(n), [usual(draw, t, llm=0.9 * (t == 5 and n % 2 == 0)) for t in range(10)])
        for n in range(4)
    ]
    text = report(records, slowed="anthropic")
    assert "4 calls, 40 turns, 2 over 500 ms; anthropic was made late" in text
    assert 'tail by cause: {"llm": 2}' in text
    assert "Turn 5 took" in text
    assert "because of llm" in text
