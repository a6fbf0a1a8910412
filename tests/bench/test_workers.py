"""What is seen of a house from outside: whose a connection is, and how long things took."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from typing import Any

import pytest

from bench.workers import House, report, sockets, workers
from lab.dialling import Phone

pytestmark = pytest.mark.wire


@pytest.mark.skipif(sys.platform != "linux", reason="read from /proc")
def test_a_connection_is_its_holders() -> None:
    """By the port that was called; the caller's own end does not count."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    before = sockets(os.getpid(), port=port)
    calling = socket.create_connection(("127.0.0.1", port))
    taken, _ = listener.accept()
    assert sockets(os.getpid(), port=port) == before + 1
    for each in (calling, taken, listener):
        each.close()


@pytest.mark.skipif(sys.platform != "linux", reason="read from /proc")
async def test_workers_are_the_children_of_the_fronts_child() -> None:
    """Two levels below."""
    command = "sh -c 'sleep 60 & echo $!; wait' & wait"
    front = await asyncio.create_subprocess_exec(
        "sh", "-c", command, stdout=asyncio.subprocess.PIPE
    )
    assert front.stdout is not None
    worker = int(await front.stdout.readline())
    assert workers(front.pid) == [worker]
    os.kill(worker, 9)
    await front.wait()


async def test_the_table_is_in_milliseconds() -> None:
    """Middle, longest, how many; and how the calls went."""
    nothing: Any = None
    house = House(nothing, "http://127.0.0.1:1", Phone(), nothing)

    async def at_once() -> bool:
        return True

    await house.until(at_once, "at once")
    house.seconds["webhook"] = [0.001, 0.003, 0.002]
    lines = report(house, "6 calls").splitlines()
    assert lines[3] == "| webhook | 2.0 | 3.0 | 3 |"
    assert lines[2].startswith("| at once | 0.0 |")
    assert lines[-1] == "6 calls"
