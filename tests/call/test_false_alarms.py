"""A line that cries wolf is not believed for a while."""

from __future__ import annotations

import pytest

from call.false_alarms import FalseAlarms

pytestmark = pytest.mark.rule


def test_some_in_a_row_are_many() -> None:
    """None of them forgotten, no word in between."""
    alarms = FalseAlarms(limit=2, memory_s=60.0)
    assert not alarms.are_many(0.0)
    alarms.false(1.0)
    assert not alarms.are_many(1.0)
    alarms.false(2.0)
    assert alarms.are_many(2.0)
    assert alarms.are_many(60.9)
    assert not alarms.are_many(61.0)
    alarms.false(61.0)
    assert alarms.are_many(61.5)
    alarms.real()
    assert not alarms.are_many(61.5)
