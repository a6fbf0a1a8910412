"""The soak's report: windows beside each other, what is held before and after, memory's slope."""

from __future__ import annotations

import random

import pytest

from bench.soak import Soaked, Window, plan, report, slope_mb_a_minute
from lab.dialling import Phone
from lab.script import HangUp, Interrupt

pytestmark = pytest.mark.rule


def test_the_slope_is_that_of_the_second_half() -> None:
    """Caches fill in the first."""
    rising = [(minute, 1e8 + 2e6 * minute) for minute in range(20)]
    flat = [(minute, 1e8 if minute < 10 else 2e8) for minute in range(20)]
    noisy = [(minute, 1e8 + 1e6 * (-1) ** minute) for minute in range(20)]
    assert slope_mb_a_minute(rising) == pytest.approx((2.0, 0.0), abs=1e-6)
    assert slope_mb_a_minute(flat) == pytest.approx((0.0, 0.0), abs=1e-6)
    assert slope_mb_a_minute(flat[:3]) == (0.0, 0.0)
    slope, noise = slope_mb_a_minute(noisy)
    assert abs(slope) < noise < 0.5


def test_the_report_puts_windows_beside_each_other() -> None:
    """With n, and whatever went wrong once."""
    held = {"tasks": 12.0, "threads": 7.0, "open_files": 30.0, "memory_bytes": 2e8}
    soaked = Soaked(
        [Window([0.1] * 40, talk_s=60.0), Window([0.2] * 50, lost=1, underruns=2, talk_s=60.0)],
        before=held, after=held, calls=9, problems=["no answer", "no answer"],
    )  # fmt: skip
    text = report(soaked, calls=3, minutes=2)
    assert "| 1 | 100 / 100 / 100 (40) | 0 | 0.0 |" in text
    assert "| 2 | 200 / 200 / 200 (50) | 1 | 2.0 |" in text
    assert "tasks 12 → 12" in text
    assert "first half → second half: 100 ms (n 40) → 200 ms (n 50)" in text
    assert text.count("problem: no answer") == 1


def test_callers_are_drawn_by_their_seed_and_of_all_kinds() -> None:
    """Some interrupt, some vanish, the others hang up."""
    first, again = (
        [plan(random.Random(seed), {}, Phone(), seed) for seed in range(50)] for _ in range(2)
    )
    assert [p.script for p in first] == [p.script for p in again]
    assert any(p.impairments.vanish_s for p in first)
    assert any(isinstance(step, Interrupt) for p in first for step in p.script.steps)
    assert all(isinstance(p.script.steps[-1], HangUp) for p in first)
