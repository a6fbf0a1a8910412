"""Takes connections off the one port and reads, without taking it, what each of them wants."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable

from loguru import logger

from bot.door import Door
from bot.workers import Crew

FIRST_LINE_S = 5.0  # whoever connects says within this what for
FIRST_LINE_BYTES = 512
MOST_UNSPOKEN = 1000  # connections that have not said anything yet
STUCK_S = 0.1  # between two tries to take a connection where none can be taken
_AGAIN_S = 0.005  # half a line came: look again soon
# What a worker answers; the rest is the front's.
CALLS = (b"GET /twilio/media", b"POST /webrtc/offer")


class Acceptor:
    """Runs until `should_exit`; stands where uvicorn's server stands for a process alone."""

    def __init__(self, listener: socket.socket, *, crew: Crew, door: Door) -> None:
        self._listener = listener
        self._crew = crew
        self._door = door
        self._asking: set[asyncio.Task[None]] = set()
        self._exit = asyncio.Event()

    @property
    def should_exit(self) -> bool:
        """Whether it stops taking connections."""
        return self._exit.is_set()

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        if value:
            self._exit.set()

    async def serve(self) -> None:
        """Take connections until told to stop, then let go of those that are open."""
        self._listener.setblocking(False)
        taking = asyncio.create_task(self._take())
        await self._exit.wait()
        taking.cancel()
        for asking in list(self._asking):
            asking.cancel()
        await self._door.close()

    async def _take(self) -> None:
        loop = asyncio.get_running_loop()
        is_stuck = False
        while True:
            try:
                connection, _ = await loop.sock_accept(self._listener)
            except OSError as error:  # out of descriptors: those who are here may free some
                if not is_stuck:
                    logger.error("no connection can be taken: {}", error.strerror or error)
                is_stuck = True
                await asyncio.sleep(STUCK_S)
                continue
            if is_stuck:
                logger.info("connections are taken again")
            is_stuck = False
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if len(self._asking) >= MOST_UNSPOKEN:
                connection.close()
                continue
            asking = asyncio.create_task(self._usher(connection))
            self._asking.add(asking)
            asking.add_done_callback(self._asking.discard)

    async def _usher(self, connection: socket.socket) -> None:
        try:
            async with asyncio.timeout(FIRST_LINE_S):
                line = await first_line(connection)
        except (TimeoutError, OSError, asyncio.CancelledError):
            connection.close()
            return
        if not line:
            connection.close()
        elif line.startswith(CALLS):
            self._crew.hand(connection, time.monotonic())
        else:
            self._door.open_to(connection)


async def first_line(connection: socket.socket) -> bytes:
    """What a connection begins with, up to its first line's end; it can still be read from there.
    Empty when the peer is gone."""
    while True:
        try:
            seen = connection.recv(FIRST_LINE_BYTES, socket.MSG_PEEK)
        except BlockingIOError:
            await _readable(connection)
            continue
        if not seen or b"\r\n" in seen or len(seen) == FIRST_LINE_BYTES:
            return seen
        await asyncio.sleep(_AGAIN_S)


async def _readable(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    tell: Callable[[None], None] = lambda _: None if ready.done() else ready.set_result(None)  # noqa: E731
    loop.add_reader(connection.fileno(), tell, None)
    try:
        await ready
    finally:
        loop.remove_reader(connection.fileno())
