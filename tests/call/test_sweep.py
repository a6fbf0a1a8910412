"""Garbage is collected when nobody hears it, or when there is enough of it."""

from __future__ import annotations

import pytest

from call.sweep import LONGEST_S, MOST_ENDED, Sweep

pytestmark = pytest.mark.rule


def test_behind_the_last_caller_it_is_swept_once() -> None:
    """And not again until another call has ended."""
    sweep = Sweep(0.0)
    assert not sweep.is_due(ended=0, active=0, now=1.0)
    assert not sweep.is_due(ended=1, active=1, now=2.0)
    assert sweep.is_due(ended=2, active=0, now=3.0)
    assert not sweep.is_due(ended=2, active=0, now=LONGEST_S * 2)


def test_beside_living_calls_it_waits_for_many() -> None:
    """Each sweep stops them all for a moment."""
    sweep = Sweep(0.0)
    due = [n for n in range(3 * MOST_ENDED) if sweep.is_due(ended=n, active=36, now=1.0)]
    assert due == [MOST_ENDED, 2 * MOST_ENDED]


def test_a_call_of_hours_is_swept_now_and_then() -> None:
    """It leaves cycles behind as well, although nobody hangs up."""
    sweep = Sweep(0.0)
    due = [at for at in range(0, 2000, 100) if sweep.is_due(ended=0, active=1, now=float(at))]
    assert due == [LONGEST_S, 2 * LONGEST_S, 3 * LONGEST_S]
