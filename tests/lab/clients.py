"""A plain client for every door of the lab: what a test sends and reads, with a deadline."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import aiohttp

import lab.server
from tests.lab import plain

DEADLINE_S = 5.0
DEEPGRAM = {"Authorization": "Token good"}
CLAUDE = {"x-api-key": "good", "anthropic-version": "2023-06-01"}
ELEVEN = {"xi-api-key": "good"}
CARTESIA = {"X-API-Key": "good", "Cartesia-Version": "2026-03-01"}
TWILIO = {"Authorization": "Basic " + base64.b64encode(b"AC1:secret").decode()}


class Socket:
    """One WebSocket to the lab."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws

    async def send(self, *messages: dict[str, Any] | bytes | str) -> None:
        """Objects as JSON text, bytes as binary, text as it is."""
        for message in messages:
            if isinstance(message, bytes):
                await self.ws.send_bytes(message)
            elif isinstance(message, str):
                await self.ws.send_str(message)
            else:
                await self.ws.send_str(json.dumps(message))

    async def raw(self) -> aiohttp.WSMessage:
        """The next frame, whatever it is."""
        return await asyncio.wait_for(self.ws.receive(), DEADLINE_S)

    async def next(self, **wanted: Any) -> dict[str, Any]:
        """The next message that has these fields; the socket must not close before."""
        while True:
            frame = await self.raw()
            assert frame.type is aiohttp.WSMsgType.TEXT, f"{frame.type} while waiting for {wanted}"
            message: dict[str, Any] = json.loads(frame.data)
            if all(message.get(name) == value for name, value in wanted.items()):
                return message

    async def rest(self) -> list[dict[str, Any]]:
        """All messages until the socket closes."""
        messages = []
        while (frame := await self.raw()).type is aiohttp.WSMsgType.TEXT:
            messages.append(json.loads(frame.data))
        return messages

    async def is_quiet(self, seconds: float = 0.05) -> bool:
        """Does nothing come for this long?"""
        try:
            await asyncio.wait_for(self.ws.receive(), seconds)
        except TimeoutError:
            return True
        return False

    @property
    def code(self) -> int | None:
        """Close code, once closed."""
        return self.ws.close_code


@asynccontextmanager
async def providers(**options: Any) -> AsyncIterator[lab.server.Lab]:
    """A lab with the plain engines and no delays, unless told otherwise."""
    chosen: dict[str, Any] = {"profile": "zero", "engine": plain.engines()} | options
    async with lab.server.start(**chosen) as it:
        yield it


@asynccontextmanager
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    """A client that gives up."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=DEADLINE_S)) as client:
        yield client


@asynccontextmanager
async def socket(
    it: lab.server.Lab,
    path: str,
    query: dict[str, Any] | list[tuple[str, Any]] | None = None,
    headers: dict[str, str] | None = None,
) -> AsyncIterator[Socket]:
    """A socket to one path."""
    url = f"{it.ws_url}{path}?{urlencode(query or {}, doseq=True)}"
    async with session() as client, client.ws_connect(url, headers=headers or {}) as ws:
        yield Socket(ws)


async def refusal(
    it: lab.server.Lab,
    path: str,
    query: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Status, body and headers of an upgrade that is refused."""
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(bytes(16)).decode(),
    }
    url = f"{it.http_url}{path}?{urlencode(query or {}, doseq=True)}"
    async with session() as client:
        async with client.get(url, headers=upgrade | (headers or {})) as answer:
            assert answer.status != 101, "the upgrade was not refused"
            return answer.status, await answer.json(), dict(answer.headers)


def audio_of(messages: list[dict[str, Any]], field: str = "audio") -> bytes:
    """All audio of these messages."""
    return b"".join(base64.b64decode(m[field]) for m in messages if m.get(field))
