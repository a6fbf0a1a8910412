"""Time that was slept through decides nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.lateness import LATE_S, MOST_S, reading_s

pytestmark = pytest.mark.rule


def test_a_timer_that_is_on_time_decides_at_once() -> None:
    """As late as a busy process is: no word was missed."""
    assert reading_s(0.0) == reading_s(0.01) == reading_s(LATE_S) == 0.0


@given(st.floats(LATE_S, 60.0, exclude_min=True))
def test_one_that_was_slept_through_waits_no_longer_than_the_sleep_and_a_bound(late: float) -> None:
    """Neither is the caller kept waiting."""
    assert 0.0 < reading_s(late) == min(late, MOST_S)
