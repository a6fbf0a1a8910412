"""Connections that somebody else accepted, given to our HTTP application one by one."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from bot.settings import Settings

CLOSE_WITHIN_S = 5.0


def uvicorn_config(app: Any, settings: Settings) -> uvicorn.Config:
    """How we serve, whoever accepts."""
    return uvicorn.Config(
        app,
        http=Upgraded,
        log_config=None,
        ws_max_size=settings.wire.max_message_bytes,
        ws_per_message_deflate=False,  # audio does not shrink, and trying costs CPU a frame
        proxy_headers=False,  # whoever connected; the rest is wire.public_url
        server_header=False,
        ws_ping_interval=None,  # Twilio's sockets are watched by their own audio
        timeout_graceful_shutdown=5,
    )


class OneRequest:
    """Ends each connection after its answer: what a connection asks next may be a worker's, and
    only a new connection can be handed over."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """One request, or a socket that has come too late to be handed over."""

        async def send_last(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1013})  # try again later
        else:
            await self._app(scope, receive, send_last)


class Upgraded(HttpToolsProtocol):
    """uvicorn's, except that it lets its parser go with its connection, too, when a media socket
    takes that over: the two hold each other. tests/calls/test_nothing_left.py fails without it."""

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection on."""
        super().handle_websocket_upgrade()
        self.parser = None  # type: ignore[assignment]


class Door:
    """One application, no port."""

    def __init__(self, app: Any, settings: Settings) -> None:
        self._config = uvicorn_config(app, settings)
        self._config.load()
        self._state = ServerState()
        self._opening: set[asyncio.Task[Any]] = set()

    def open_to(self, connection: socket.socket) -> None:
        """Serve a connection; what it has sent so far still waits in it."""
        loop = asyncio.get_running_loop()
        opening = loop.create_task(loop.connect_accepted_socket(self._protocol, connection))
        self._opening.add(opening)
        opening.add_done_callback(self._opened)

    def _protocol(self) -> asyncio.Protocol:
        protocol: asyncio.Protocol = self._config.http_protocol_class(  # type: ignore[call-arg]
            config=self._config, server_state=self._state, app_state={}
        )
        return protocol

    def _opened(self, opening: asyncio.Task[Any]) -> None:
        self._opening.discard(opening)
        if not opening.cancelled():
            opening.exception()  # the peer was gone already: nobody's loss

    async def close(self) -> None:
        """Ask every connection to end, and wait a moment for those that do."""
        for connection in list(self._state.connections):
            connection.shutdown()
        try:
            async with asyncio.timeout(CLOSE_WITHIN_S):
                while self._state.connections or self._state.tasks:  # noqa: ASYNC110 - uvicorn's
                    await asyncio.sleep(0.02)
        except TimeoutError:
            for task in self._state.tasks:
                task.cancel()
