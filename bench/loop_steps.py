"""`python -m bench.loop_steps serve …`: the bot, with each step of its event loop weighed.

A step is what the loop runs between two looks at its clock. It is weighed in processor time of the
loop's thread: how long it keeps every call waiting by itself, whatever else the machine does. The
loop is the standard library's, because the product's (uvloop) cannot be looked into; what it runs
is the same. Long steps are appended to the file named by `OFFHOOK_STEPS`, one line each, with a
count of all behind every thousand.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

FILE = "OFFHOOK_STEPS"
LONG_S = 0.005
EVERY = 1000  # steps between two counts


@dataclass(frozen=True)
class Steps:
    """What a run's steps were like: how many, the long ones as (instant, seconds, what)."""

    total: int
    long: tuple[tuple[float, float, str], ...]


class Scales:
    """Weighs steps."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._count = 0

    def weigh(self, step: Any, run: Any) -> None:
        """Run a step."""
        began_s = time.thread_time()
        run(step)
        took_s = time.thread_time() - began_s
        self._count += 1
        if took_s >= LONG_S:
            self._write(at=time.monotonic(), cpu_s=round(took_s, 6), what=name(step))
        if self._count == EVERY:
            self._count = 0
            self._write(at=time.monotonic(), steps=EVERY)

    def _write(self, **line: object) -> None:
        self._file.write(json.dumps(line) + "\n")


def name(step: Any) -> str:
    """What a step runs: the task's coroutine, or the callback."""
    callback = getattr(step, "_callback", None)
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        return str(getattr(owner.get_coro(), "__qualname__", "a coroutine"))
    return str(getattr(callback, "__qualname__", callback))


def read(path: Path, *, since: float) -> Steps:
    """The steps of a run from an instant on."""
    lines: Iterable[str] = path.read_text("utf-8").splitlines() if path.is_file() else ()
    found = [entry for entry in map(json.loads, lines) if entry["at"] >= since]
    return Steps(
        total=sum(entry.get("steps", 0) for entry in found),
        long=tuple((e["at"], e["cpu_s"], e["what"]) for e in found if "cpu_s" in e),
    )


def main() -> None:
    """The bot's own command line, weighed."""
    import uvloop

    from bot.__main__ import main as run_bot

    uvloop.run = asyncio.run  # type: ignore[assignment]

    file = open(os.environ[FILE], "a", buffering=1, encoding="utf-8")
    scales, run = Scales(file), asyncio.events.Handle._run

    def weighed(step: asyncio.Handle) -> None:
        scales.weigh(step, run)

    asyncio.events.Handle._run = weighed  # type: ignore[method-assign, assignment]
    run_bot()


if __name__ == "__main__":
    main()
