"""The first line of a connection decides who answers it, and is still there for whoever does."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from fastapi import FastAPI
from loguru import logger

from bot import acceptor
from bot.acceptor import Acceptor, first_line
from bot.door import Door, OneRequest
from bot.settings import Settings
from tests.conftest import TICK, eventually

pytestmark = pytest.mark.wire


class Crew:
    """Takes what it is handed."""

    def __init__(self) -> None:
        self.handed: list[socket.socket] = []

    def hand(self, connection: socket.socket, now: float) -> bool:
        self.handed.append(connection)
        return True


@pytest.fixture
async def house() -> AsyncIterator[tuple[int, Crew]]:
    app = FastAPI()

    @app.get("/healthz")
    async def healthz() -> str:
        return "alive"

    listener = socket.create_server(("127.0.0.1", 0))
    crew = Crew()
    door = Door(OneRequest(app), Settings())
    front = Acceptor(listener, crew=crew, door=door)  # type: ignore[arg-type]
    serving = asyncio.create_task(front.serve())
    try:
        yield listener.getsockname()[1], crew
    finally:
        front.should_exit = True
        await serving
        assert front.should_exit
        listener.close()
        for each in crew.handed:
            each.close()


async def test_a_media_socket_is_handed_on_unread(house: tuple[int, Crew]) -> None:
    """Also when its first line comes in pieces."""
    port, crew = house
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for piece in (b"GET /twi", b"lio/media HT", b"TP/1.1\r\nhost: x\r\n\r\n"):
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(TICK)
    await eventually(lambda: crew.handed, what="it was handed on")
    assert crew.handed[0].recv(100).startswith(b"GET /twilio/media HTTP/1.1\r\nhost: x")
    writer.close()


async def test_everything_else_is_answered_here_and_closed(house: tuple[int, Crew]) -> None:
    """What the connection asks next could be a worker's."""
    port, crew = house
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n")
    answer = await reader.read()  # to the end: the other side closes
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in answer
    assert answer.endswith(b'"alive"')
    assert not crew.handed
    writer.close()


async def test_silence_and_an_early_end_cost_nothing(
    house: tuple[int, Crew], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closed within its time, and nobody else notices."""
    monkeypatch.setattr(acceptor, "FIRST_LINE_S", 5 * TICK)
    port, crew = house
    silent_reader, silent = await asyncio.open_connection("127.0.0.1", port)
    _, early = await asyncio.open_connection("127.0.0.1", port)
    early.close()
    assert await silent_reader.read() == b""
    await test_everything_else_is_answered_here_and_closed(house)
    silent.close()


async def test_without_descriptors_it_goes_on_as_soon_as_there_are_some(
    house: tuple[int, Crew], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever knocks meanwhile waits; it is said once, and not ten times a second."""
    said: list[str] = []
    sink = logger.add(lambda line: said.append(line.record["message"]), level="INFO")
    monkeypatch.setattr(acceptor, "STUCK_S", TICK)
    loop = asyncio.get_running_loop()
    accept, tries = loop.sock_accept, iter(range(5))

    async def stuck(listener: socket.socket) -> tuple[socket.socket, object]:
        if next(tries, None) is not None:
            raise OSError(24, "Too many open files")
        return await accept(listener)

    monkeypatch.setattr(loop, "sock_accept", stuck)
    for _ in range(2):  # the first is taken by the accept that waits already
        await test_everything_else_is_answered_here_and_closed(house)
    logger.remove(sink)
    assert said.count("no connection can be taken: Too many open files") == 1
    assert said.count("connections are taken again") == 1


async def test_a_line_without_an_end_is_somebody_elses_garbage() -> None:
    """So much is looked at and no more; the HTTP parser says what it thinks of it."""
    peer, connection = socket.socketpair()
    connection.setblocking(False)
    peer.sendall(b"x" * 5000)
    assert await first_line(connection) == b"x" * acceptor.FIRST_LINE_BYTES
    peer.close()
    connection.close()


async def test_a_websocket_that_comes_too_late_is_told_to_come_again() -> None:
    """On a connection that has been answered already nothing can be handed over."""
    sent: list[dict[str, object]] = []

    async def receive() -> dict[str, object]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    await OneRequest(FastAPI())({"type": "websocket"}, receive, send)
    assert sent == [{"type": "websocket.close", "code": 1013}]
