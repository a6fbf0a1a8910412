"""The event loop's steps, weighed in processor time."""

from __future__ import annotations

import asyncio
import io
import json
import time
from pathlib import Path
from typing import Any

import pytest

from bench.loop_steps import EVERY, LONG_S, Scales, Steps, name, read

pytestmark = pytest.mark.rule


def work(seconds: float) -> None:
    """Use the processor."""
    began = time.thread_time()
    while time.thread_time() - began < seconds:
        pass


def test_a_long_step_is_written_down_with_what_it_ran(tmp_path: Path) -> None:
    """Short ones and waits are only counted."""
    file = io.StringIO()
    scales = Scales(file)
    for seconds in (0.0, 2 * LONG_S):
        scales.weigh("a step", lambda _, seconds=seconds: work(seconds))
    scales.weigh("a wait", lambda _: time.sleep(2 * LONG_S))
    for _ in range(EVERY):
        scales.weigh("a step", lambda _: None)
    lines = [json.loads(line) for line in file.getvalue().splitlines()]
    assert [("cpu_s" in line, line.get("steps")) for line in lines] == [
        (True, None), (False, EVERY),
    ]  # fmt: skip
    assert lines[0]["cpu_s"] >= 2 * LONG_S
    path = tmp_path / "steps.jsonl"
    path.write_text(file.getvalue())
    assert read(path, since=0.0).total == EVERY
    assert len(read(path, since=0.0).long) == 1
    assert read(path, since=time.monotonic()) == Steps(0, ())
    assert read(tmp_path / "none", since=0.0) == Steps(0, ())


async def test_a_step_is_named_by_its_coroutine_or_callback() -> None:
    """Whatever the loop holds."""

    async def speak() -> None:
        await asyncio.sleep(0)

    names: list[str] = []
    loop = asyncio.get_running_loop()
    original: Any = asyncio.events.Handle._run

    def spy(step: asyncio.Handle) -> None:
        names.append(name(step))
        original(step)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio.events.Handle, "_run", spy)
        loop.call_soon(work, 0.0)
        await loop.create_task(speak())
    assert any(each.endswith("speak") for each in names)
    assert "work" in names
