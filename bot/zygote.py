"""The process that workers are copied from: everything is imported, nothing is started.

It is itself a copy of the front process, made before that has a thread, a loop or a connection; a
worker that replaces a crashed one is as clean as the first. Models load in the worker: a live ONNX
session owns threads, and threads do not survive a copy.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from call.errors import AgentError

_PID = struct.Struct("!i")
BEARS_WITHIN_S = 10.0

Work = Callable[[socket.socket, socket.socket], int]
"""A worker's whole life: its end of the talk, its end for connections; the exit code."""


@dataclass(frozen=True)
class Born:
    """A new worker, seen from the front."""

    pid: int
    talk: socket.socket
    connections: socket.socket


class ZygoteGone(AgentError):
    """No worker can be copied any more."""

    def __str__(self) -> str:
        return "the process that workers are copied from is gone"


class Zygote:
    """The front's hand on it."""

    def __init__(self, pid: int, line: socket.socket) -> None:
        self.pid = pid
        self._line = line
        self._line.settimeout(BEARS_WITHIN_S)

    def bear(self) -> Born:
        """A new worker; takes a few milliseconds, and blocks. Raises `ZygoteGone`, or OSError when
        this process has no descriptors left."""
        talk, talk_there = socket.socketpair()
        with talk_there:
            connections, connections_there = _pair_beside(talk)
            with connections_there:
                pid = self._copy([talk_there.fileno(), connections_there.fileno()])
        if pid is None:
            talk.close()
            connections.close()
            raise ZygoteGone
        connections.setblocking(False)
        return Born(pid, talk, connections)

    def _copy(self, ends: list[int]) -> int | None:
        try:
            socket.send_fds(self._line, [b"\1"], ends)
            answer = self._line.recv(_PID.size)
        except OSError:  # also: it does not answer
            return None
        return int(_PID.unpack(answer)[0]) if len(answer) == _PID.size else None

    def close(self) -> None:
        """No more workers; those that live go on. Blocks until the zygote is gone, which is at
        once."""
        self._line.close()
        with suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def _pair_beside(first: socket.socket) -> tuple[socket.socket, socket.socket]:
    """A second pair of sockets, or neither."""
    try:
        return socket.socketpair()
    except OSError:
        first.close()
        raise


def start(work: Work) -> Zygote:
    """Copy this process. To be called before it has threads or a loop of its own."""
    ours, theirs = socket.socketpair()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        ours.close()
        os._exit(_breed(theirs, work))
    theirs.close()
    return Zygote(pid, ours)


def _breed(line: socket.socket, work: Work) -> int:
    """Copy a worker for each request, until the front is gone."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the dead
    # the front tells when it is over; a closed terminal tells all of a group
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    gc.collect()
    gc.freeze()  # what is here now is shared by all copies, and stays unwritten
    while True:
        data, ends, _, _ = socket.recv_fds(line, 1, 2)
        if not data:
            return 0
        pid = os.fork()
        if pid == 0:
            line.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os._exit(_live(work, ends))
        for end in ends:
            os.close(end)
        line.send(_PID.pack(pid))


def _live(work: Work, ends: list[int]) -> int:
    """One worker's life; a traceback is all that can leave it."""
    talk, connections = (socket.socket(fileno=end) for end in ends)
    try:
        return work(talk, connections)
    except BaseException:  # the copy: nothing of it may run on in the zygote's code
        sys.excepthook(*sys.exc_info())
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
