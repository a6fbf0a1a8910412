"""When the sender of the agent's audio wakes: with a packet of the caller's, if one comes in time.

The carrier sends every 20 ms. Whoever would have to wake a moment later anyway does it with the
packet that is there: two things to do in one waking, and half as many of them.
"""

from __future__ import annotations

import asyncio
import time

EARLY_S = 0.025  # a packet's 20 ms, and what it may be late by: no timer rings while packets come


class Beat:
    """One sender's waiting."""

    def __init__(self) -> None:
        self._sleeper: asyncio.Future[None] | None = None
        self._due_at = 0.0

    async def sleep(self, seconds: float) -> None:
        """Until so many have passed, or little less when the caller's packet comes."""
        loop = asyncio.get_running_loop()
        self._due_at = time.monotonic() + seconds
        sleeper = self._sleeper = loop.create_future()
        timer = loop.call_later(seconds, _wake, sleeper)
        try:
            await sleeper
        finally:
            timer.cancel()

    def strike(self, now: float) -> None:
        """A packet of the caller's has been dealt with."""
        if self._sleeper is not None and self._due_at - now <= EARLY_S:
            _wake(self._sleeper)
            self._sleeper = None


def _wake(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)
