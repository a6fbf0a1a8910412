"""What has been used once, in a Redis that all workers and hosts share.

While the Redis is away this host remembers for itself: a caller who rings is answered, and what
is lost meanwhile is that another host knows of it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import redis.asyncio as redis
from loguru import logger
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as NoAnswer

from bot.finding import Finding, good, problem
from bot.settings import Loaded
from call.errors import SettingsError
from call.measures import STORE_AWAY, NullRecorder, Recorder
from transports.twilio.tickets import SeenHere, SeenOnce, Tickets

ANSWER_S = 0.25  # a caller waits for it
REST_S = 5.0  # one caller in so many seconds finds out whether it answers again
_PREFIX = "offhook:seen:"


class Rest:
    """Leaves a Redis that hangs alone for a while: it is the first caller who waits for it in vain,
    and not each. One that refuses costs nobody any time, and is asked again at once."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._until = float("-inf")

    def check(self) -> None:
        """Raises what a caller who waited would have met."""
        if self._clock() < self._until:
            raise NoAnswer("left alone")

    def met(self, error: Exception) -> None:
        """It was asked, and this came of it."""
        if isinstance(error, NoAnswer) and self._clock() >= self._until:
            self._until = self._clock() + REST_S


class SeenInRedis:
    """Implements `transports.twilio.tickets.SeenOnce`."""

    def __init__(
        self,
        url: str,
        *,
        recorder: Recorder,
        rest: Rest | None = None,
        here: SeenOnce | None = None,
    ) -> None:
        """`rest` is shared with whoever else asks the same Redis; `here` remembers for this host,
        where that is not this process alone."""
        try:
            self._redis = redis.Redis.from_url(
                url,
                socket_timeout=ANSWER_S,
                socket_connect_timeout=ANSWER_S,
                retry=Retry(NoBackoff(), 0),
            )
        except ValueError:
            raise SettingsError(
                "REDIS_URL",
                "is no Redis URL",
                source="environment",
                remedy="write redis://host:6379/0 (rediss:// with TLS)",
            ) from None
        self._here = SeenHere() if here is None else here  # an empty one is false
        self._recorder = recorder
        self._rest = rest or Rest()

    async def first(self, key: str, *, life_s: float, now: float) -> bool:
        """Whether `key` is seen for the first time within `life_s`."""
        is_first_here = await self._here.first(key, life_s=life_s, now=now)
        if not is_first_here:
            return False
        name = _PREFIX + hashlib.sha256(key.encode()).hexdigest()
        try:
            self._rest.check()
            return bool(await self._redis.set(name, b"1", nx=True, px=round(life_s * 1000)))
        except (RedisError, OSError) as error:
            self._rest.met(error)
            self._recorder.count(STORE_AWAY, store="redis")
            logger.error("redis is away, tokens are known here only: {}", type(error).__name__)
            return True

    async def answers(self) -> bool:
        """Whether it is there."""
        try:
            return bool(await self._redis.ping())
        except (RedisError, OSError):
            return False

    async def close(self) -> None:
        """Close its connections."""
        await self._redis.aclose()


@asynccontextmanager
async def open_tickets(
    loaded: Loaded,
    recorder: Recorder,
    *,
    secret: str = "",
    rest: Rest | None = None,
    here: SeenOnce | None = None,
) -> AsyncIterator[Tickets]:
    """The tickets of this process, or of those that share `here`; with REDIS_URL and the carrier's
    secret, of all hosts. `secret` is what they are sealed under where the carrier gave none."""
    secret = loaded.secrets.value("TWILIO_AUTH_TOKEN") or secret
    url = loaded.secrets.value("REDIS_URL")
    life_s = loaded.settings.twilio.token_life_s
    if not url:
        yield Tickets(secret, life_s=life_s, seen=here)
        return
    seen = SeenInRedis(url, recorder=recorder, rest=rest, here=here)
    try:
        if not await seen.answers():
            logger.warning("the redis of REDIS_URL does not answer yet")
        yield Tickets(secret, life_s=life_s, seen=seen)
    finally:
        await seen.close()


async def check_redis(url: str) -> list[Finding]:
    """What `offhook check` says of it."""
    if not url:
        return []
    try:
        seen = SeenInRedis(url, recorder=NullRecorder())
    except SettingsError as error:
        return [problem("redis", f"{error.key} {error.problem}", error.remedy)]
    is_there = await seen.answers()
    await seen.close()
    if is_there:
        return [good("redis", "answers; a media socket's token is used once on all hosts")]
    return [problem("redis", "the redis of REDIS_URL does not answer", "start it, or unset it")]
