"""The two ways a provider's words leave the lab, a WebSocket and a server-sent event stream, down
to the bytes: where network faults bite."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from typing import Any

from aiohttp import WSCloseCode, web

CLOSE_WAIT_S = 2.0  # for the peer's half of the close handshake


def reset(request: web.BaseRequest) -> None:
    """Drop the TCP connection with RST, as a crashed peer or a firewall does."""
    transport = request.transport
    if transport is None:
        return
    raw = transport.get_extra_info("socket")
    if raw is not None:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


class Pipe:
    """Bytes towards the client, whole or (under a fault) in slices and up to a limit."""

    def __init__(self, request: web.BaseRequest) -> None:
        self.request = request
        self.slice_bytes = 0
        self.slice_delay_s = 0.0
        self.bytes_left: int | None = None
        self.close_delay_s = 0.0
        self._whole = asyncio.Lock()  # slices of two messages must not mix

    @property
    def is_open(self) -> bool:
        """Can anything still be sent?"""
        transport = self.request.transport
        return transport is not None and not transport.is_closing()

    async def say(self, message: dict[str, Any]) -> None:
        """Send one message of the protocol."""
        raise NotImplementedError

    async def text(self, text: str) -> None:
        """Send text that need not be a message of the protocol."""
        raise NotImplementedError

    async def close(self, code: int = WSCloseCode.OK, reason: str = "") -> None:
        """End politely."""
        raise NotImplementedError

    def reset(self) -> None:
        """End rudely."""
        reset(self.request)

    async def _trickle(self, data: bytes) -> None:
        """Write raw bytes under the slicer and the byte limit."""
        transport = self.request.transport
        if self.bytes_left is not None:
            data, is_last = data[: self.bytes_left], len(data) >= self.bytes_left
            self.bytes_left -= len(data)
        else:
            is_last = False
        step = self.slice_bytes or len(data) or 1
        for start in range(0, len(data), step):
            if transport is None or transport.is_closing():
                return
            transport.write(data[start : start + step])
            await asyncio.sleep(self.slice_delay_s)
        if is_last and transport is not None:
            transport.close()

    @property
    def _is_rough(self) -> bool:
        return bool(self.slice_bytes) or self.bytes_left is not None


class SocketPipe(Pipe):
    """Text messages of a WebSocket. Made by the task that reads the socket.

    Only the reader can do the whole close handshake, taking in what the client still sends;
    whoever else wants to close interrupts it.
    """

    def __init__(self, request: web.Request, ws: web.WebSocketResponse) -> None:
        super().__init__(request)
        self.ws = ws
        self.goodbye: tuple[int, str] | None = None
        self._reader = asyncio.current_task()
        self._is_bye_said = asyncio.Event()

    async def say(self, message: dict[str, Any]) -> None:
        await self.text(json.dumps(message))

    async def text(self, text: str) -> None:
        if self.ws.closed or not self.is_open or self.goodbye is not None:
            return
        async with self._whole:
            try:
                if self._is_rough:
                    await self._trickle(_frame(text.encode()))
                else:
                    await self.ws.send_str(text)
            except ConnectionError:
                pass  # the client left in the middle; its reader ends the connection

    async def close(self, code: int = WSCloseCode.OK, reason: str = "") -> None:
        is_first = self.goodbye is None
        self.goodbye = self.goodbye or (code, reason)
        if asyncio.current_task() is self._reader:
            await self.say_goodbye()
            return
        if is_first and self._reader is not None:
            self._reader.cancel()
        await self._is_bye_said.wait()

    async def say_goodbye(self) -> None:
        """The reader's part: the close frame, and the client's answer to it."""
        code, reason = self.goodbye or (WSCloseCode.OK, "")
        if self._is_bye_said.is_set():
            return
        self._is_bye_said.set()
        if self.close_delay_s:
            await asyncio.sleep(self.close_delay_s)
        await self.ws.close(code=code, message=reason.encode())


class EventPipe(Pipe):
    """Events of a server-sent stream."""

    def __init__(self, request: web.Request, response: web.StreamResponse) -> None:
        super().__init__(request)
        self.response = response

    async def say(self, message: dict[str, Any]) -> None:
        await self.text(f"event: {message['type']}\ndata: {json.dumps(message)}\n\n")

    async def text(self, text: str) -> None:
        if not self.is_open:
            raise ConnectionResetError("the client left")
        async with self._whole:
            data = text.encode()
            if self._is_rough:
                await self._trickle(f"{len(data):x}\r\n".encode() + data + b"\r\n")
            else:
                await self.response.write(data)

    async def close(self, code: int = WSCloseCode.OK, reason: str = "") -> None:
        if self.is_open:
            await self.response.write_eof()


def _frame(payload: bytes) -> bytes:
    """A whole, unmasked text frame (RFC 6455 §5.2)."""
    if len(payload) < 126:
        head = bytes((0x81, len(payload)))
    elif len(payload) < 1 << 16:
        head = struct.pack("!BBH", 0x81, 126, len(payload))
    else:
        head = struct.pack("!BBQ", 0x81, 127, len(payload))
    return head + payload
