"""What the front process and a worker tell and ask each other: lines of JSON over a socket pair.

A thing told is not answered; a thing asked is, within a time. When the other end is gone the talk
is over, and whoever waits for an answer is told so. Connections are handed over on a socket of
their own: a descriptor travels beside a byte.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from typing import Any

from loguru import logger

MOST_BYTES = 16 * 1024 * 1024  # the record of a long call, many times over
MOST_HANDED = 16  # descriptors taken in one read

Told = Mapping[str, Any]
Ear = Callable[[str, Told], object | Awaitable[object]]


class TalkOverError(Exception):
    """The other end is gone; nothing it was asked will be answered."""


class Talk:
    """One end. `ear` hears what is told and answers what is asked."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, ear: Ear
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._ear = ear
        self._asked = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._answering: set[asyncio.Task[None]] = set()

    @classmethod
    async def over(cls, end: socket.socket, *, ear: Ear) -> Talk:
        """The talk over one end of a socket pair, which it owns from now on."""
        end.setblocking(False)
        reader, writer = await asyncio.open_unix_connection(sock=end, limit=MOST_BYTES)
        return cls(reader, writer, ear=ear)

    def tell(self, what: str, **fields: Any) -> None:
        """Say something; never waits."""
        self._send({"what": what, **fields})

    async def ask(self, what: str, *, within_s: float = 2.0, **fields: Any) -> Any:
        """The answer. Raises `TalkOverError`, or TimeoutError when none comes in time."""
        number = next(self._asked)
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            self._send({"what": what, "ask": number, **fields})
            async with asyncio.timeout(within_s):
                return await waiting
        finally:
            self._waiting.pop(number, None)

    async def listen(self) -> None:
        """Hear the other end out; returns when it is gone."""
        try:
            while line := await self._reader.readline():
                self._hear(json.loads(line))
        except (ConnectionError, ValueError) as error:  # ValueError: a line without an end
            logger.debug("talk broken off: {}", type(error).__name__)
        finally:
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(TalkOverError())

    async def close(self) -> None:
        """Say nothing more."""
        for answer in self._answering:
            answer.cancel()
        self._writer.close()

    def _send(self, message: Told) -> None:
        if not self._writer.is_closing():
            self._writer.write(json.dumps(message, separators=(",", ":")).encode() + b"\n")

    def _hear(self, message: dict[str, Any]) -> None:
        if "answer" in message:
            waiting = self._waiting.get(message["answer"])
            if waiting is not None and not waiting.done():
                waiting.set_result(message["is"])
            return
        what, asked = message.pop("what"), message.pop("ask", None)
        try:
            heard = self._ear(what, message)
        except Exception as error:  # the talk: what follows must be heard all the same
            logger.opt(exception=error).error(
                "{} could not be heard: {}", what, type(error).__name__
            )
            return
        if asked is None and not isawaitable(heard):
            return
        task = asyncio.create_task(self._answer(asked, heard))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer(self, asked: int | None, heard: object) -> None:
        answer = await heard if isawaitable(heard) else heard
        if asked is not None:
            self._send({"answer": asked, "is": answer})


# ── connections that change hands ────────────────────────────────────────────────────
def hand_over(end: socket.socket, connection: socket.socket) -> bool:
    """Pass a connection on and close it here; False when the other end does not take it."""
    try:
        socket.send_fds(end, [b"\0"], [connection.fileno()])
        return True
    except OSError:  # full: it has stopped reading; or gone
        return False
    finally:
        connection.close()


def take_over(end: socket.socket) -> list[socket.socket] | None:
    """The connections that wait to be taken; None when the other end is gone."""
    taken: list[socket.socket] = []
    while True:
        try:
            data, descriptors, _, _ = socket.recv_fds(end, MOST_HANDED, MOST_HANDED)
        except BlockingIOError:
            return taken
        except OSError:
            return taken or None
        if not data:
            return taken or None
        for descriptor in descriptors:
            connection = socket.socket(fileno=descriptor)
            connection.setblocking(False)
            taken.append(connection)
