"""How late the event loop wakes: what stalls it is heard as a gap on every call of the process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from call.measures import LOOP_LAG, Recorder

# Ten looks a second cost nothing, and find a stall of 0.1 s for sure.
LOOK_EVERY_S = 0.1


@asynccontextmanager
async def watching_the_loop(recorder: Recorder) -> AsyncIterator[None]:
    """Observe the lag for the length of a block."""
    watch = asyncio.create_task(_watch(recorder))
    try:
        yield
    finally:
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch


async def _watch(recorder: Recorder) -> None:
    while True:
        due_at = time.monotonic() + LOOK_EVERY_S
        await asyncio.sleep(LOOK_EVERY_S)
        recorder.observe(LOOP_LAG, max(0.0, time.monotonic() - due_at))
