"""The providers' lines of this host, or of all hosts that share a Redis.

While the Redis is away each host counts for itself: a caller is answered, and a provider may say
429 where the count would have said it first.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

import redis.asyncio as redis
from loguru import logger
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from bot.seen import ANSWER_S, Rest
from bot.settings import Loaded
from call.lines import LIFE_S, Lines
from call.measures import STORE_AWAY, Recorder

_PREFIX = "offhook:lines:"
# One step for all providers, on the server's clock: hosts' clocks differ, and two callers may ring
# in the same instant.
_TAKE = """
local now = redis.call('TIME')
now = now[1] + now[2] / 1000000
for i, key in ipairs(KEYS) do
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  local has_one = redis.call('ZSCORE', key, ARGV[1])
  if not has_one and redis.call('ZCARD', key) >= tonumber(ARGV[i + 2]) then
    return i
  end
end
for _, key in ipairs(KEYS) do
  redis.call('ZADD', key, now + ARGV[2], ARGV[1])
  redis.call('EXPIRE', key, 2 * ARGV[2])
end
return 0
"""


class SharedLines(Protocol):
    """Who counts the lines."""

    async def take(self, call: str) -> str | None:
        """Take a line of each provider for a call; the provider that has none left, or None."""

    async def renew(self, calls: Iterable[str]) -> None:
        """These calls go on."""

    async def release(self, call: str) -> None:
        """The call is over."""


class LinesHere:
    """Of this process alone."""

    def __init__(self, limits: Mapping[str, int]) -> None:
        self._lines = Lines(limits)

    async def take(self, call: str) -> str | None:
        """Take a line of each provider for a call; the provider that has none left, or None."""
        return self._lines.take(call, now=time.monotonic())

    async def renew(self, calls: Iterable[str]) -> None:
        """These calls go on."""
        self._lines.renew(calls, now=time.monotonic())

    async def release(self, call: str) -> None:
        """The call is over."""
        self._lines.release(call)


class LinesInRedis:
    """Of all hosts that share a Redis."""

    def __init__(
        self,
        url: str,
        limits: Mapping[str, int],
        *,
        recorder: Recorder,
        rest: Rest | None = None,
    ) -> None:
        """`rest` is shared with whoever else asks the same Redis."""
        self._names = tuple(limits)
        self._limits = tuple(limits.values())
        self._keys = [_PREFIX + name for name in limits]
        self._redis = redis.Redis.from_url(
            url,
            socket_timeout=ANSWER_S,
            socket_connect_timeout=ANSWER_S,
            retry=Retry(NoBackoff(), 0),
        )
        self._script = self._redis.register_script(_TAKE)
        self._here = LinesHere(limits)
        self._recorder = recorder
        self._rest = rest or Rest()

    async def take(self, call: str) -> str | None:
        """Take a line of each provider for a call; the provider that has none left, or None."""
        try:
            self._rest.check()
            found = int(await self._script(self._keys, [call, LIFE_S, *self._limits]))
        except (RedisError, OSError) as error:
            self._away(error)
            return await self._here.take(call)
        if found:
            return self._names[found - 1]
        await self._here.renew([call])
        return None

    async def renew(self, calls: Iterable[str]) -> None:
        """These calls go on; taken again where the Redis has forgotten them."""
        calls = list(calls)
        await self._here.renew(calls)
        try:
            for call in calls:
                self._rest.check()
                await self._script(self._keys, [call, LIFE_S, *self._limits])
        except (RedisError, OSError) as error:
            self._away(error)

    async def release(self, call: str) -> None:
        """The call is over."""
        await self._here.release(call)
        try:
            self._rest.check()
            for key in self._keys:
                await self._redis.zrem(key, call)
        except (RedisError, OSError) as error:
            self._away(error)  # the lines fall free by themselves

    async def close(self) -> None:
        """Close its connections."""
        await self._redis.aclose()

    def _away(self, error: Exception) -> None:
        self._rest.met(error)
        self._recorder.count(STORE_AWAY, store="redis")
        logger.error("redis is away, lines are counted here only: {}", type(error).__name__)


@asynccontextmanager
async def open_lines(
    loaded: Loaded, recorder: Recorder, *, rest: Rest | None = None
) -> AsyncIterator[SharedLines]:
    """Of all hosts when REDIS_URL is set, and something is limited."""
    settings, url = loaded.settings, loaded.secrets.value("REDIS_URL")
    in_use = (settings.hear.provider, settings.think.provider, settings.speak.provider)
    limits = settings.limits.of(in_use)
    if not (url and limits):
        yield LinesHere(limits)
        return
    shared = LinesInRedis(url, limits, recorder=recorder, rest=rest)
    try:
        yield shared
    finally:
        await shared.close()
