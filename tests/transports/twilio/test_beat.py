"""The sender wakes with the caller's packets."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.conftest import eventually
from transports.twilio.beat import EARLY_S, Beat

pytestmark = pytest.mark.wire

LONG_S = 3600.0


async def asleep(beat: Beat, seconds: float) -> asyncio.Task[None]:
    """Somebody who waits for so long."""
    task = asyncio.create_task(beat.sleep(seconds))
    await asyncio.sleep(0)
    return task


async def test_without_packets_it_sleeps_its_time() -> None:
    """A carrier that stalls does not hold the agent's voice back."""
    began_at = time.monotonic()
    await Beat().sleep(0.03)
    assert time.monotonic() - began_at >= 0.029  # the loop's clock counts milliseconds


async def test_a_packet_that_comes_early_wakes_nobody() -> None:
    """Else the agent would be far ahead of the ear, and a barge-in would throw more away."""
    beat = Beat()
    sleeper = await asleep(beat, LONG_S)
    beat.strike(time.monotonic() + LONG_S - 2 * EARLY_S)
    await asyncio.sleep(0)
    assert not sleeper.done()
    sleeper.cancel()


async def test_a_packet_shortly_before_its_time_wakes_the_sender() -> None:
    """Once; a second one finds nobody asleep."""
    beat = Beat()
    sleeper = await asleep(beat, LONG_S)
    for _ in range(2):
        beat.strike(time.monotonic() + LONG_S - EARLY_S / 2)
    await eventually(sleeper.done, what="the sender awake")
    beat.strike(time.monotonic())


async def test_a_sleeper_that_is_cancelled_is_let_go() -> None:
    """A packet that comes afterwards is no trouble."""
    beat = Beat()
    sleeper = await asleep(beat, LONG_S)
    sleeper.cancel()
    await asyncio.gather(sleeper, return_exceptions=True)
    beat.strike(time.monotonic() + LONG_S)
    assert sleeper.cancelled()
