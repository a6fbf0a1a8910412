"""Sockets to voices and recognisers that were made before a call needs them.

A caller who rings is announced with the addresses that the call will dial; some sockets wait for
those who have not rung yet (`call/warmth.py`). A waiting socket is read, pinged and kept alive by
the vendor's own rule, so that one that died is found here and not by a caller; it is replaced when
it is old, and closed when nobody is expected any more. Options such as language, key terms and
voice are part of an address, so a socket is only ever handed to who asks for that very address.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import aiohttp
from loguru import logger

from call.measures import POOL_AGE, POOL_LOST, POOL_SOCKETS, Recorder
from call.warmth import Arrivals, Warmth
from services.channel import Address, hang_up, open_socket

_MOST_ADDRESSES = 64  # numbers called times providers; the one longest unused goes
_LOOK_S = 1.0  # how often it is seen to that neither too many wait nor too few
_REST_S = (1.0, 2.0, 5.0, 15.0, 30.0)  # after so many failures in a row nobody is dialled so long


@dataclass(frozen=True)
class Keep:
    """An address, and what its vendor asks of who waits there."""

    provider: str
    address: Address
    connect_timeout_s: float
    prime: bytes = b""
    """Sent at once: a recogniser that has heard nothing at all cannot be kept alive."""
    keepalive: str = ""
    """Sent every `keepalive_s`; empty for a vendor without such a message."""
    keepalive_s: float = 0.0
    life_s: float = float("inf")
    """The vendor closes what was idle for longer than this."""


class Pool:
    """The process's waiting sockets. It is also what makes all others (`services/channel.py`)."""

    def __init__(self, settings: Warmth, recorder: Recorder) -> None:
        # No limit: admission bounds the calls. No cookies: no call shows what another was given.
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
        )
        self._settings = settings
        self._recorder = recorder
        self._shelves: OrderedDict[Address, _Shelf] = OrderedDict()
        self._looking: asyncio.Task[None] | None = None

    @property
    def waiting(self) -> int:
        """Sockets that stand and wait; also for whoever asks from another thread."""
        shelves = list(self._shelves.values())
        return sum(spare.stands for shelf in shelves for spare in list(shelf.spares))

    def expect(self, keeps: Sequence[Keep]) -> None:
        """A caller rings, and will want these."""
        if not self._settings.enabled:
            return
        for keep in keeps:
            shelf = self._shelves.get(keep.address) or self._shelf(keep)
            self._shelves.move_to_end(keep.address)
            shelf.arrivals.rings(time.monotonic())
            shelf.see_to()
        if self._looking is None:
            self._looking = asyncio.create_task(self._look())

    async def take(self, address: Address) -> tuple[aiohttp.ClientWebSocketResponse, int] | None:
        """The oldest that stands at the address, or the first that will; None when none waits."""
        shelf = self._shelves.get(address)
        if shelf is None:
            return None
        shelf.arrivals.answered()
        taken = await shelf.take()
        shelf.see_to()
        return taken

    async def close(self) -> None:
        """Hang up on all of them."""
        if self._looking is not None:
            self._looking.cancel()
        shelves, self._shelves = list(self._shelves.values()), OrderedDict()
        for shelf in shelves:
            shelf.clear()
        try:
            await asyncio.gather(*(shelf.closed() for shelf in shelves))
        finally:
            await self.session.close()

    def _shelf(self, keep: Keep) -> _Shelf:
        if len(self._shelves) >= _MOST_ADDRESSES:
            self._shelves.popitem(last=False)[1].clear()
        shelf = self._shelves[keep.address] = _Shelf(
            keep, session=self.session, settings=self._settings, recorder=self._recorder
        )
        return shelf

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            for shelf in self._shelves.values():
                shelf.see_to()


class _Shelf:
    """What waits at one address."""

    def __init__(
        self, keep: Keep, *, session: aiohttp.ClientSession, settings: Warmth, recorder: Recorder
    ) -> None:
        self.arrivals = Arrivals(settings)
        self.spares: list[_Spare] = []  # oldest first
        self._keep = keep
        self._session = session
        self._settings = settings
        self._recorder = recorder
        self._failures = 0
        self._rests_until = 0.0
        self._tasks: set[asyncio.Task[None]] = set()

    def see_to(self) -> None:
        """As many as are wanted, no more and no fewer."""
        now = time.monotonic()
        wanted = self.arrivals.wanted(now)
        for spare in self.spares[: max(0, len(self.spares) - wanted)]:
            spare.stop()
            self.spares.remove(spare)
        if now < self._rests_until:
            return
        while len(self.spares) < wanted:
            spare = _Spare(self._keep)
            self.spares.append(spare)
            task = spare.task = asyncio.create_task(self._attend(spare))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def take(self) -> tuple[aiohttp.ClientWebSocketResponse, int] | None:
        """One that stands, else the first that is being made."""
        provider = self._keep.provider
        while self.spares:
            spare = next((spare for spare in self.spares if spare.stands), self.spares[0])
            self.spares.remove(spare)
            outcome = "waited" if spare.stands else "in_the_making"
            socket = await spare.hand_over()
            if socket is not None:
                self._recorder.count(POOL_SOCKETS, provider=provider, outcome=outcome)
                self._recorder.observe(POOL_AGE, time.monotonic() - spare.opened_at)
                return socket, len(self._keep.prime)
        self._recorder.count(POOL_SOCKETS, provider=provider, outcome="none")
        return None

    def clear(self) -> None:
        """Nobody is expected here any more."""
        for task in self._tasks:
            task.cancel()
        self.spares.clear()

    async def closed(self) -> None:
        """Everything here has been hung up."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _attend(self, spare: _Spare) -> None:
        """One socket, from its dialling until it is taken, old or dead."""
        try:
            reason = await spare.live(self._session, self._settings)
        except Exception as exc:  # whatever it dies of, no call depends on it
            reason = type(exc).__name__
        if spare in self.spares:
            self.spares.remove(spare)
        if reason == "old":
            self.see_to()
            return
        if spare.is_handed_over:
            return
        self._recorder.count(POOL_LOST, provider=self._keep.provider)
        logger.debug("a waiting socket of {} was lost: {}", self._keep.provider, reason)
        self._failures = 0 if spare.opened_at else self._failures + 1
        rest_s = _REST_S[min(self._failures, len(_REST_S) - 1)]
        self._rests_until = time.monotonic() + rest_s


@dataclass(eq=False)
class _Spare:
    """One socket that waits."""

    keep: Keep
    opened_at: float = 0.0
    is_handed_over: bool = False
    task: asyncio.Task[None] | None = None
    _socket: aiohttp.ClientWebSocketResponse | None = None
    _made: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def stands(self) -> bool:
        """It can be used at once."""
        return self._socket is not None and not self._socket.closed

    def stop(self) -> None:
        """Nobody needs it."""
        if self.task is not None:
            self.task.cancel()

    async def hand_over(self) -> aiohttp.ClientWebSocketResponse | None:
        """The socket, once it stands; None when it never does."""
        self.is_handed_over = True
        try:
            await self._made.wait()
            if self.task is not None:
                self.task.cancel()
                await asyncio.wait([self.task])
                self.task = None  # with it goes where it was when it ended, which is here
        except asyncio.CancelledError:  # who asked has gone
            self.is_handed_over = False
            self.stop()
            if self._socket is not None:
                await hang_up(self._socket)
            raise
        return self._socket if self.stands else None

    async def live(self, session: aiohttp.ClientSession, settings: Warmth) -> str:
        """Dial and wait; answers why it ended. A socket that was handed over stays open."""
        try:
            async with asyncio.timeout(self.keep.connect_timeout_s):
                self._socket = await open_socket(session, self.keep.address, ping_s=settings.ping_s)
            if self.keep.prime:
                await self._socket.send_bytes(self.keep.prime)
            self.opened_at = time.monotonic()
            self._made.set()
            return await self._wait(self._socket, min(settings.oldest_s, self.keep.life_s))
        finally:
            self._made.set()
            if self._socket is not None and not self.is_handed_over:
                await hang_up(self._socket)

    async def _wait(self, socket: aiohttp.ClientWebSocketResponse, life_s: float) -> str:
        old_at = self.opened_at + life_s
        alive_at = self.opened_at + (self.keep.keepalive_s or life_s)
        while (now := time.monotonic()) < old_at:
            with suppress(TimeoutError):
                message = await socket.receive(timeout=max(0.001, min(old_at, alive_at) - now))
                if message.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
                    return f"closed {socket.close_code}"
            if self.keep.keepalive and time.monotonic() >= alive_at:
                await socket.send_str(self.keep.keepalive)
                alive_at = time.monotonic() + self.keep.keepalive_s
        return "old"
