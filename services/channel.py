"""One WebSocket to a provider: sent by a task of its own, bounded, dialled again at once.

`send` never waits: the frame path hands data over and goes on, whatever the socket does. A queue
that is full ends the connection: its peer has not read for too long. A channel has no retry policy:
it tells its listener that a connection was lost and why, and the listener dials again when it wants
to. What is queued while a connection is being made is sent when it stands.

aiohttp's client, because it keeps one TLS context per process, parses in C and masks without a
system call per message.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from weakref import proxy

import aiohttp

from call.errors import ProviderFault
from services.fault import Origin, from_close, from_exception

_CLOSE_S = 0.2  # how long a closing handshake may take; a call's end does not wait for politeness
_MAX_MESSAGE_BYTES = 16 * 1024 * 1024  # a minute of speech in base64, with room


@dataclass(frozen=True)
class Address:
    """Where to dial and what to show at the door."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False, hash=False)


@dataclass(frozen=True)
class Care:
    """How a channel is looked after."""

    connect_timeout_s: float = 3.0
    """The opening handshake may take this long."""
    capacity: int = 256
    """Messages that may wait to be sent."""
    keepalive_s: float = 0.0
    """Ask the listener for a keep-alive after this long without sending; 0 never asks."""
    ping_s: float = 0.0
    """Ping a silent peer this often; one that does not answer within half of it is gone. 0 never
    pings."""


class Spares(Protocol):
    """Where connections wait that were made before they were needed."""

    session: aiohttp.ClientSession
    """Makes the others."""

    async def take(self, address: Address) -> tuple[aiohttp.ClientWebSocketResponse, int] | None:
        """One that waits at this address, or is being made, and bytes of audio it has heard."""


class Listener(Protocol):
    """Who owns a channel."""

    def address(self) -> Address:
        """Where to dial; asked for each connection."""

    def opened(self, heard_bytes: int) -> None:
        """A connection stands; it has heard so much audio, which is not the caller's."""

    async def received(self, text: str) -> None:
        """A text message arrived."""

    async def lost(self, fault: ProviderFault, *, uptime_s: float) -> None:
        """The connection ended, or never stood (`uptime_s` 0). Dial again if it is wanted."""

    def keepalive(self) -> str | None:
        """What to send so that an idle connection lives."""


class Channel:
    """A connection to one provider, replaced as often as needed."""

    def __init__(
        self, listener: Listener, *, origin: Origin, care: Care, spares: Spares | None = None
    ) -> None:
        self._listener: Listener = proxy(listener)  # which holds us
        self._spares = spares
        self._takes_spare = spares is not None  # once: what replaces a lost one is fresh
        self._origin = origin
        self._care = care
        self._queue: deque[str | bytes] = deque()
        self._waiting = asyncio.Event()
        self._session: aiohttp.ClientSession | None = None
        self._life: asyncio.Task[None] | None = None
        self._broken: asyncio.Future[ProviderFault] | None = None
        self._leaving: set[asyncio.Task[Any]] = set()  # hanging up beside the next one
        self._delivering = asyncio.Lock()  # a message is handed on whole, or not at all
        self._sent_at = 0.0
        self._is_closed = False

    @property
    def is_open(self) -> bool:
        """A connection stands."""
        return self._broken is not None

    def dial(self, *, after_s: float = 0.0) -> None:
        """Make a connection unless one stands or is being made."""
        if self._life is None and not self._is_closed:
            self._life = asyncio.create_task(self._live(after_s))

    def send(self, data: str | bytes) -> None:
        """Queue a message."""
        if len(self._queue) >= self._care.capacity:
            self._queue.clear()
            self.drop(self._origin.slow("nothing was read from the socket"))
        self._queue.append(data)
        self._waiting.set()

    def forget(self) -> None:
        """Drop what is queued."""
        self._queue.clear()

    def drop(self, fault: ProviderFault) -> None:
        """Give up the standing connection, for a reason the listener noticed."""
        if self._broken is not None and not self._broken.done():
            self._broken.set_result(fault)

    def leave(self) -> None:
        """Turn away from the present connection, which is not told to the listener as lost; the
        next `dial` makes another at once. What is queued stays for it."""
        life, self._life = self._life, None
        self._broken = None
        if life is not None:
            life.cancel()
            self._see_off(life)

    async def close(self, *, farewell: str | None = None) -> None:
        """End the connection and stay closed; the farewell is sent if a connection stands."""
        self._is_closed = True
        try:
            if farewell is not None and self.is_open:
                self._queue.clear()
                self.send(farewell)
                await asyncio.sleep(0)
            self.leave()
            while self._leaving:
                await asyncio.gather(*self._leaving, return_exceptions=True)
        finally:  # also for who is told to go in the middle of this
            self.leave()
            if self._session is not None:
                await self._session.close()
                self._session = None

    # ── one connection's life ────────────────────────────────────────────────────────

    async def _live(self, after_s: float) -> None:
        if after_s:
            await asyncio.sleep(after_s)
        opened_at = 0.0
        try:
            async with asyncio.timeout(self._care.connect_timeout_s):
                socket, heard_bytes = await self._connect()
            opened_at = time.monotonic()
            fault = await self._converse(socket, heard_bytes)
        except Exception as exc:  # whatever a connection dies of, the call goes on
            fault = from_exception(self._origin, exc)
        uptime_s = time.monotonic() - opened_at if opened_at else 0.0
        self._life = None
        if not self._is_closed:
            await self._listener.lost(fault, uptime_s=uptime_s)

    async def _connect(self) -> tuple[aiohttp.ClientWebSocketResponse, int]:
        address = self._listener.address()
        if self._spares is not None and self._takes_spare:
            self._takes_spare = False
            if (taken := await self._spares.take(address)) is not None:
                return taken
        return await open_socket(self._session_of(), address, ping_s=self._care.ping_s), 0

    def _session_of(self) -> aiohttp.ClientSession:
        if self._spares is not None:
            return self._spares.session
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session

    async def _converse(
        self, socket: aiohttp.ClientWebSocketResponse, heard_bytes: int
    ) -> ProviderFault:
        """Send and receive until one of them, or `drop`, ends it."""
        broken: asyncio.Future[ProviderFault] = asyncio.get_running_loop().create_future()
        self._broken = broken
        self._sent_at = time.monotonic()
        self._listener.opened(heard_bytes)
        tasks = [
            asyncio.create_task(self._receive(socket)),
            asyncio.create_task(self._transmit(socket)),
        ]
        if self._care.keepalive_s:
            tasks.append(asyncio.create_task(self._keep_alive()))
        try:
            done, _ = await asyncio.wait({*tasks, broken}, return_when=asyncio.FIRST_COMPLETED)
            return broken.result() if broken in done else next(iter(done)).result()
        finally:
            if self._broken is broken:
                self._broken = None
            try:
                async with self._delivering:
                    for task in tasks:
                        task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            finally:  # also when the call ends in the middle of this
                for task in tasks:
                    task.cancel()
                self._see_off(asyncio.create_task(hang_up(socket)))  # nobody waits for politeness

    def _see_off(self, task: asyncio.Task[Any]) -> None:
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse) -> ProviderFault:
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                async with self._delivering:
                    await self._listener.received(message.data)
            elif message.type is aiohttp.WSMsgType.ERROR:
                break
        return from_close(self._origin, socket.close_code)

    async def _transmit(self, socket: aiohttp.ClientWebSocketResponse) -> ProviderFault:
        while True:
            while self._queue:
                data = self._queue.popleft()
                self._sent_at = time.monotonic()
                try:
                    if isinstance(data, str):
                        await socket.send_str(data)
                    else:
                        await socket.send_bytes(data)
                except (OSError, aiohttp.ClientError):
                    await asyncio.sleep(_CLOSE_S)  # whoever reads knows better why it ended
                    raise
            self._waiting.clear()
            await self._waiting.wait()

    async def _keep_alive(self) -> ProviderFault:
        while True:
            due_s = self._sent_at + self._care.keepalive_s - time.monotonic()
            await asyncio.sleep(max(due_s, self._care.keepalive_s / 4))
            if time.monotonic() - self._sent_at < self._care.keepalive_s:
                continue
            text = self._listener.keepalive()
            if text is not None:
                self.send(text)


async def open_socket(
    session: aiohttp.ClientSession, address: Address, *, ping_s: float
) -> aiohttp.ClientWebSocketResponse:
    """The upgrade; a silent peer that does not answer a ping within half of `ping_s` is gone."""
    return await session.ws_connect(
        address.url,
        headers=address.headers,
        max_msg_size=_MAX_MESSAGE_BYTES,
        timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSE_S),
        heartbeat=ping_s or None,
    )


async def hang_up(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Close it, and untie it: aiohttp's connection still holds the socket that is told of its data,
    and the socket the connection. tests/calls/test_nothing_left.py fails without it."""
    try:
        await socket.close()
    finally:
        socket._writer.protocol._data_received_cb = None  # type: ignore[attr-defined]
