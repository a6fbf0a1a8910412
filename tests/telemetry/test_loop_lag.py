"""A stalled event loop is noticed."""

from __future__ import annotations

import time

import pytest

from call.measures import LOOP_LAG, Measure, NullRecorder
from telemetry import loop_lag
from telemetry.loop_lag import watching_the_loop
from tests.conftest import TICK, eventually

pytestmark = pytest.mark.rule


class Lags(NullRecorder):
    """Keeps what was observed."""

    def __init__(self) -> None:
        self.seen: list[float] = []

    def observe(self, measure: Measure, value: float, **labels: str) -> None:
        assert measure is LOOP_LAG
        self.seen.append(value)


async def test_a_stall_is_observed_and_the_watch_ends_with_its_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Work of 40 ms on the loop, between two looks 10 ms apart, makes the next one late."""
    monkeypatch.setattr(loop_lag, "LOOK_EVERY_S", TICK)
    lags = Lags()
    async with watching_the_loop(lags):
        await eventually(lambda: lags.seen, what="a first look")
        looks = len(lags.seen)
        time.sleep(4 * TICK)  # noqa: ASYNC251 - the stall itself
        await eventually(lambda: len(lags.seen) > looks, what="the next look")
    assert max(lags.seen[looks:]) >= 2 * TICK
    seen = len(lags.seen)
    await eventually(lambda: True)
    assert len(lags.seen) == seen
