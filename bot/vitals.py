"""What the process holds at this moment, to see on a board, or after many calls, that nothing stays
behind: tasks, threads, open files and sockets, memory, and what had to be found as garbage."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from bot.garbage import found

_FDS = Path("/proc/self/fd") if sys.platform == "linux" else Path("/dev/fd")
ENOUGH_FILES = 65_536
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


def allow_open_files(most: int = ENOUGH_FILES) -> None:
    """Ask for as many as we may have: systems begin with 256 or 1024, and strangers' connections
    that have said nothing yet come out of the same purse as calls."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most if hard == resource.RLIM_INFINITY else min(most, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):  # macOS knows a limit it does not tell
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


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
        ("offhook_process_garbage_objects", "Objects found by the garbage collector", found),
    )
