"""The caller's clock."""

from __future__ import annotations

import time

import pytest

from lab.clock import Clock

pytestmark = pytest.mark.rule


async def test_a_faster_clock_passes_more_seconds() -> None:
    """A hundred times: one second is ten milliseconds."""
    clock = Clock(100.0)
    began_at, real = clock.now(), time.monotonic()
    await clock.sleep_until(began_at + 1.0)
    assert clock.now() >= began_at + 1.0 - 1e-6
    assert clock.real_s(1.0) == pytest.approx(0.01)
    assert time.monotonic() - real >= 0.0099


async def test_an_instant_that_has_passed_is_not_waited_for() -> None:
    """It gives way once."""
    clock = Clock()
    await clock.sleep_until(clock.now() - 10)
