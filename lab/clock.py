"""The one clock of a caller: monotonic, and faster than life when a test asks for it."""

from __future__ import annotations

import asyncio
import time


class Clock:
    """Seconds that pass `speed` times faster than real ones."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed

    def now(self) -> float:
        """Monotonic seconds."""
        return time.monotonic() * self.speed

    async def sleep_until(self, at: float) -> None:
        """Return when `at` has come; at once, but giving way, when it has passed."""
        await asyncio.sleep(max(0.0, (at - self.now()) / self.speed))

    def real_s(self, seconds: float) -> float:
        """How long `seconds` of this clock take in the world."""
        return seconds / self.speed
