"""The process's garbage: collected by our own clock (`call/sweep.py`) instead of in mid-call."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager

from call.admission import Admission
from call.sweep import Sweep

LOOK_EVERY_S = 2.0  # what a call that has just ended still holds is let go by then
_NEVER = 2**31 - 1


@contextmanager
def sweeping(admission: Admission) -> Iterator[None]:
    """For the length of a block the interpreter collects the young by itself, the old when we say.

    Needs a running loop.
    """
    before = gc.get_threshold()
    gc.set_threshold(*before[:2], _NEVER)
    task = asyncio.get_running_loop().create_task(_sweep(admission), name="sweep")
    try:
        yield
    finally:
        task.cancel()
        gc.set_threshold(*before)


async def _sweep(admission: Admission) -> None:
    sweep = Sweep(time.monotonic())
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        now = time.monotonic()
        if sweep.is_due(ended=admission.ended, active=admission.active, now=now):
            gc.collect()
