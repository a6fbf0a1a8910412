"""A tiny bot on loopback that does what a test tells it; what the caller's tests talk to."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from aiohttp import WSCloseCode, web

from lab.loudness import audible, encode

TONE = encode(8000 * np.sin(np.arange(80_000) * 0.5))


class Bot:
    """One call seen from the bot's side."""

    def __init__(self, socket: web.WebSocketResponse, headers: dict[str, str]) -> None:
        self.socket = socket
        self.headers = headers
        self.received: list[dict[str, Any]] = []
        self.stream_sid = ""

    async def next(self, *events: str) -> dict[str, Any]:
        """The next message, skipping others when events are named; {} when the caller left."""
        async for message in self.socket:
            body: dict[str, Any] = json.loads(message.data)
            self.received.append(body)
            self.stream_sid = body.get("streamSid", self.stream_sid)
            if not events or body["event"] in events:
                return body
        return {}

    async def hear_utterance(self, *, quiet_frames: int = 15) -> None:
        """Return once the caller has spoken and been silent for a while."""
        quiet, has_spoken = 0, False
        while body := await self.next("media"):
            if 1 in audible(b64decode(body["media"]["payload"])):
                has_spoken, quiet = True, 0
            else:
                quiet += 1
            if has_spoken and quiet >= quiet_frames:
                return

    async def until_stop(self) -> None:
        """Read until the caller has left."""
        while await self.next():
            pass

    async def send(self, body: dict[str, Any] | str) -> None:
        """A message of the bot."""
        text = body if isinstance(body, str) else json.dumps({"streamSid": self.stream_sid} | body)
        await self.socket.send_str(text)

    async def say(self, seconds: float, *, sound: bytes = TONE) -> None:
        """Sound, all of it at once."""
        payload = b64encode(sound[: round(seconds * 8000)]).decode()
        await self.send({"event": "media", "media": {"payload": payload}})

    async def mark(self, name: str) -> None:
        """Ask to be told."""
        await self.send({"event": "mark", "mark": {"name": name}})

    async def clear(self) -> None:
        """Take back what has not been played."""
        await self.send({"event": "clear"})


Part = Callable[[Bot], Awaitable[None]]


@asynccontextmanager
async def bot(part: Part, routes: list[web.RouteDef] | None = None):
    """Serve `part` at ws://…/ws; gives host:port and the calls it saw."""
    calls: list[Bot] = []

    async def media(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        calls.append(Bot(socket, dict(request.headers)))
        try:
            await part(calls[-1])
        except ConnectionError:
            pass
        if not socket.closed:
            await socket.close(code=WSCloseCode.OK)
        return socket

    app = web.Application()
    app.add_routes([web.get("/ws", media), *(routes or [])])
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"{host}:{port}", calls
    finally:
        await runner.cleanup()
        await asyncio.sleep(0)
