"""What the process holds at this moment, to see on a board, or after many calls, that nothing stays
behind: tasks, threads, open files and sockets, memory."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path

_FDS = Path("/proc/self/fd") if sys.platform == "linux" else Path("/dev/fd")
_STATM = Path("/proc/self/statm")


def tasks(loop: asyncio.AbstractEventLoop) -> float:
    """Tasks of a loop, which need not be the asker's: the figures are written off the loop."""
    return float(len(asyncio.all_tasks(loop)))


def threads() -> float:
    """Threads the interpreter knows."""
    return float(threading.active_count())


def open_files() -> float:
    """Files, sockets and pipes; the folder that is being read counts itself."""
    return float(len(os.listdir(_FDS)) - 1)


def memory_bytes() -> float:
    """Resident memory; where the kernel does not tell, the most there ever was."""
    if _STATM.is_file():
        return float(int(_STATM.read_text().split()[1]) * resource.getpagesize())
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def gauges(loop: asyncio.AbstractEventLoop) -> tuple[tuple[str, str, Callable[[], float]], ...]:
    """Name, meaning and reader of each, for a process with this loop."""
    return (
        ("offhook_process_tasks", "Tasks of the event loop", partial(tasks, loop)),
        ("offhook_process_threads", "Threads of the process", threads),
        ("offhook_process_open_files", "Open files and sockets of the process", open_files),
        ("offhook_process_memory_bytes", "Resident memory of the process", memory_bytes),
    )
