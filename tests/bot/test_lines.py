"""The lines of all hosts are counted in one Redis; without it each host counts its own."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from bot.lines import LinesHere, LinesInRedis, open_lines
from bot.settings import load
from call.lines import LIFE_S
from call.measures import NullRecorder
from tests.bot.test_seen import Counts, away_url, redis_url

__all__ = ["away_url", "redis_url"]
pytestmark = [pytest.mark.wire, pytest.mark.timeout(60)]

LIMITS = {"deepgram": 2, "elevenlabs": 3}


async def test_two_hosts_share_the_lines(redis_url: str) -> None:
    """The third caller is refused on whichever host; a line given back is free on both."""
    here, there = (LinesInRedis(redis_url, LIMITS, recorder=NullRecorder()) for _ in range(2))
    assert await here.take("a") is None
    assert await there.take("b") is None
    assert await here.take("c") == "deepgram"
    assert await there.take("b") is None  # asked twice
    await there.release("a")
    assert await here.take("c") is None
    for call in ("b", "c"):
        await here.release(call)
    for each in (here, there):
        await each.close()


async def test_callers_who_ring_in_the_same_instant_take_no_line_twice(
    redis_url: str,
) -> None:
    """Twenty at once on two hosts, two come in."""
    hosts = [LinesInRedis(redis_url, {"deepgram": 2}, recorder=NullRecorder()) for _ in range(2)]
    taken = await asyncio.gather(*(hosts[n % 2].take(f"call{n}") for n in range(20)))
    assert taken.count(None) == 2
    for n, answer in enumerate(taken):
        if answer is None:
            await hosts[0].release(f"call{n}")
    for host in hosts:
        await host.close()


async def test_a_dead_hosts_lines_fall_free(redis_url: str) -> None:
    """Nothing of a line outlives its time."""
    lines = LinesInRedis(redis_url, {"cartesia": 1}, recorder=NullRecorder())
    await lines.take("a")
    score = float(await lines._redis.zscore("offhook:lines:cartesia", "a") or 0)
    seconds, micro = await lines._redis.time()
    assert 0 < score - (seconds + micro / 1e6) <= LIFE_S
    assert 0 < await lines._redis.ttl("offhook:lines:cartesia") <= 2 * LIFE_S
    await lines._redis.zadd("offhook:lines:cartesia", {"a": seconds - 1})
    assert await lines.take("b") is None
    await lines.renew(["b", "c"])  # a renewal takes no line that is not there
    assert await lines._redis.zcard("offhook:lines:cartesia") == 1
    await lines.release("b")
    await lines.close()


async def test_while_redis_is_away_each_host_counts_for_itself(away_url: str) -> None:
    """Callers are answered, the limit is kept as far as one host can, and it is counted."""
    counts = Counts()
    lines = LinesInRedis(away_url, {"deepgram": 1}, recorder=counts)
    assert await lines.take("a") is None
    assert await lines.take("b") == "deepgram"
    await lines.renew(["a"])
    await lines.release("a")
    assert await lines.take("b") is None
    assert set(counts.seen) == {"offhook_store_away_total"}
    await lines.close()


async def test_while_redis_is_away_every_call_that_goes_on_keeps_its_line(
    away_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only the first that is asked about."""
    now = [0.0]
    monkeypatch.setattr("bot.lines.time", SimpleNamespace(monotonic=lambda: now[0]))
    lines = LinesInRedis(away_url, {"deepgram": 2}, recorder=Counts())
    assert await lines.take("a") is await lines.take("b") is None
    for now[0] in (0.6 * LIFE_S, 1.2 * LIFE_S):
        await lines.renew(["a", "b"])
    assert await lines.take("c") == "deepgram"
    await lines.close()


async def test_who_counts_follows_the_settings(redis_url: str) -> None:
    """Here unless there is both a Redis and a limit."""
    limited = {"OFFHOOK__LIMITS__DEEPGRAM": "1"}
    for environ, kind in (
        ({}, LinesHere),
        (limited, LinesHere),
        ({"REDIS_URL": redis_url}, LinesHere),
        ({**limited, "REDIS_URL": redis_url}, LinesInRedis),
    ):
        async with open_lines(load(environ), NullRecorder()) as lines:
            assert isinstance(lines, kind)
