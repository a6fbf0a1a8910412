"""The gauges of what a process holds."""

from __future__ import annotations

import asyncio
import os
import resource
import threading

import pytest

from bot import vitals

pytestmark = pytest.mark.rule


async def test_a_task_a_thread_and_a_file_more_are_seen() -> None:
    """And seen to go again."""
    before = {name: read() for name, _, read in vitals.gauges(asyncio.get_running_loop())}
    task = asyncio.create_task(asyncio.sleep(60))
    over = threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    reader, writer = os.pipe()
    during = {name: read() for name, _, read in vitals.gauges(asyncio.get_running_loop())}
    os.close(reader)
    os.close(writer)
    over.set()
    thread.join()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    after = {name: read() for name, _, read in vitals.gauges(asyncio.get_running_loop())}
    assert during["offhook_process_tasks"] == before["offhook_process_tasks"] + 1
    assert during["offhook_process_threads"] == before["offhook_process_threads"] + 1
    assert during["offhook_process_open_files"] == before["offhook_process_open_files"] + 2
    for name in ("tasks", "threads", "open_files"):
        assert after[f"offhook_process_{name}"] == before[f"offhook_process_{name}"]
    assert during["offhook_process_memory_bytes"] > 1e6


async def test_they_can_be_read_off_the_loop() -> None:
    """The page of figures is written in a thread."""
    for _, _, read in vitals.gauges(asyncio.get_running_loop()):
        assert await asyncio.to_thread(read) > 0


def test_as_many_files_are_allowed_as_may_be() -> None:
    """Never more than the system's own limit, and never fewer than before."""
    _, hard = before = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        vitals.allow_open_files(512)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (512, hard)
        vitals.allow_open_files(300)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (512, hard)
        if hard != resource.RLIM_INFINITY:
            vitals.allow_open_files(hard + 1)
            assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
