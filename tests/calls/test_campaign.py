"""Short calls while faults strike at random: nobody hangs, nobody is left without a word, nothing
stays behind. `offhook bench faults --campaign 1000` is the long version."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bench.fault_campaign import Campaign, Tally
from bench.fault_house import open_house

pytestmark = [pytest.mark.call, pytest.mark.timeout(400)]


AT_ONCE = 5


async def _campaign(folder: Path) -> Tally:
    async with open_house("ours", folder=folder) as house:
        campaign = Campaign(house, seed=4, at_once=AT_ONCE, every_s=0.8)
        return await campaign.run(30, batch=15)


def test_nobody_is_left_alone_and_nothing_stays_behind(tmp_path: Path):
    """Thirty calls, as many faults."""
    tally = asyncio.run(_campaign(tmp_path))
    assert sum(tally.struck.values()) >= 15, tally.struck
    assert (tally.hung, tally.unfinished, tally.unanswered, tally.problems) == (0, 0, [], [])
    assert not tally.leaked
