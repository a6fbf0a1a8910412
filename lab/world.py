"""What all emulated providers share: one world of delays, faults, knobs, engines and memory, and
the way a client gets in."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Container, Coroutine
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4
from weakref import WeakSet

from aiohttp import WSMsgType, web

from lab.delays import Delays, Spread
from lab.engines import Engines
from lab.faults import AT_THE_DOOR, CONNECT, Fault, Faults
from lab.knobs import Knobs
from lab.log import Log
from lab.outlet import Ended, Outlet, Quota
from lab.pipes import CLOSE_WAIT_S, SocketPipe, reset

MAX_MESSAGE_BYTES = 4 << 20  # a client that sends more in one message is at fault
SILENT_AT_MOST_S = 600.0  # a half-open socket is let go after this long

_log = logging.getLogger("lab")


class Crew:
    """The tasks of one connection; none outlives it."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run beside the connection's reader."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def close(self) -> None:
        """Cancel what still runs and wait for it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None and not isinstance(error, Ended | ConnectionError):
            _log.error("an emulated provider stumbled", exc_info=error)


@dataclass(eq=False)
class Line:
    """One living connection of a client."""

    id: str
    provider: str
    ws: web.WebSocketResponse
    outlet: Outlet
    crew: Crew = field(default_factory=Crew)
    request_id: str = field(default_factory=lambda: str(uuid4()))

    async def messages(self) -> AsyncIterator[str | bytes]:
        """Text as str and binary as bytes until the client leaves."""
        async for message in self.ws:
            if message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                yield message.data


@dataclass(frozen=True)
class Stream:
    """One request being answered."""

    request: web.BaseRequest
    provider: str


@dataclass(eq=False)
class World:
    """Everything one lab process knows."""

    engines: Engines
    delays: Delays = field(default_factory=Delays)
    faults: Faults = field(default_factory=Faults)
    log: Log = field(default_factory=Log)
    knobs: Knobs = field(default_factory=Knobs)
    lines: set[Line] = field(default_factory=set)
    streams: dict[int, Stream] = field(default_factory=dict)
    closed_until: dict[str, float] = field(default_factory=dict)
    running: dict[str, int] = field(default_factory=dict)
    on_reset: list[Callable[[], None]] = field(default_factory=list)
    _lines_made: int = 0
    _met: WeakSet[asyncio.Task[None]] = field(default_factory=WeakSet)

    def count_lines(self, provider: str) -> int:
        """Open sockets at this provider."""
        return sum(1 for line in self.lines if line.provider == provider)

    async def knock(
        self,
        request: web.Request,
        provider: str,
        *,
        refuse: Callable[[int, Fault], web.Response],
        words: str | None = None,
    ) -> tuple[list[Fault], web.Response | None]:
        """The faults that strike at the door, and the answer when it stays shut."""
        await self.shake_hands(request, provider)
        faults = self.faults.match(provider, CONNECT, words=words)
        shut = time.monotonic() < self.closed_until.get(provider, 0.0)
        for fault in faults:
            self.log.add(provider, "fault", id=fault.id, shape=fault.shape, moment=CONNECT)
            if fault.shape in AT_THE_DOOR:
                self.log.add(provider, "felt", id=fault.id, shape=fault.shape, line="")
        if shut or any(fault.shape == "down" for fault in faults):
            reset(request)
            return faults, web.Response(status=503)
        for fault in faults:
            if fault.shape == "http_status":
                return faults, refuse(fault["status"], fault)
        return faults, None

    async def shake_hands(self, request: web.BaseRequest, provider: str) -> None:
        """A new connection takes its time."""
        median_s = self.knobs.network.handshake_s
        if not median_s or request.task in self._met:
            return
        self._met.add(request.task)  # aiohttp serves a connection by one task
        spread = Spread(median_s, 1.5 * median_s)
        draw = self.delays.spread(provider, "handshake", spread)
        self.log.add(provider, "handshake", **draw.as_dict())
        await asyncio.sleep(draw.delay_s)

    async def converse(
        self,
        request: web.Request,
        provider: str,
        *,
        faults: list[Fault],
        quota: Callable[[], Quota],
        talk: Callable[[Line], Awaitable[None]],
        headers: dict[str, str] | None = None,
    ) -> web.WebSocketResponse:
        """Upgrade, talk until one side leaves, tidy up."""
        slow = any(fault.shape == "slow_close" for fault in faults)
        ws = web.WebSocketResponse(
            compress=False, timeout=CLOSE_WAIT_S, max_msg_size=MAX_MESSAGE_BYTES, autoclose=not slow
        )
        ws.headers.update(headers or {})
        await ws.prepare(request)
        self._lines_made += 1
        pipe = SocketPipe(request, ws)
        name = f"{provider}-{self._lines_made}"
        outlet = Outlet(pipe, faults=faults, quota=quota, note=self.noting(provider, name))
        line = Line(name, provider, ws, outlet)
        self.lines.add(line)
        self.log.add(provider, "open", line=line.id, path=request.path, query=_query(request))
        try:
            if not await _strangled(line):
                await talk(line)
        except Ended:
            pass
        except asyncio.CancelledError:
            if pipe.goodbye is None:
                raise
            _uncancel()
        finally:
            self.lines.discard(line)
            code = pipe.goodbye[0] if pipe.goodbye else ws.close_code
            self.log.add(provider, "closed", line=line.id, code=code)
            await line.crew.close()
            if pipe.goodbye is not None or slow:
                await pipe.say_goodbye()
        return ws

    def noting(self, provider: str, line: str) -> Callable[[Fault], None]:
        """What writes down that a client has come to feel a fault."""

        def note(fault: Fault) -> None:
            self.log.add(provider, "felt", id=fault.id, shape=fault.shape, line=line)

        return note

    def strike(
        self, line: Line, moment: str, *, words: str, met: Container[int] | None = None
    ) -> list[Fault]:
        """The faults that strike a request on a living line, noted in the log."""
        faults = self.faults.match(line.provider, moment, words=words, met=met)
        for fault in faults:
            self.log.add(line.provider, "fault", id=fault.id, shape=fault.shape, line=line.id)
        return faults

    async def restart(self, fault: Fault) -> int:
        """Drop every connection of the fault's provider; how many there were."""
        names = {line.provider for line in self.lines}
        names |= {stream.provider for stream in self.streams.values()}
        names = names if fault.provider == "any" else {fault.provider}
        for name in names:
            self.closed_until[name] = time.monotonic() + fault["down_s"]
        lines = [line for line in self.lines if line.provider in names]
        streams = [stream for stream in self.streams.values() if stream.provider in names]
        for line in lines:
            if fault["code"]:
                line.crew.start(line.outlet.close(fault["code"], fault["reason"]))
            else:
                line.outlet.reset()
        for stream in streams:
            reset(stream.request)
        return len(lines) + len(streams)

    def reset(self) -> None:
        """As freshly started: no faults, ordinals at 0, caches cold, log empty. Lines stay up."""
        self.faults.clear()
        self.delays.reset()
        self.log.clear()
        self.closed_until.clear()
        for forget in self.on_reset:
            forget()

    async def close(self) -> None:
        """Hang up on everybody."""
        for line in list(self.lines):
            line.outlet.reset()
        for stream in list(self.streams.values()):
            reset(stream.request)


WORLD = web.AppKey("world", World)


async def _strangled(line: Line) -> bool:
    """Faults that leave no conversation to be had. True when the connection is over."""
    outlet = line.outlet
    if closing := outlet.has("accept_then_close"):
        if not closing["after_s"]:
            await outlet.close(closing["code"], closing["reason"])
            return True
        line.crew.start(_close_later(outlet, closing))
    if half_open := outlet.has("half_open"):
        transport = outlet.pipe.request.transport
        if transport is not None:
            transport.pause_reading()
        await asyncio.sleep(half_open["for_s"] or SILENT_AT_MOST_S)
        outlet.reset()
        return True
    if hole := outlet.has("black_hole"):
        if hole["for_s"]:
            line.crew.start(_abandon_later(outlet, hole["for_s"]))
        async for _ in line.messages():
            pass
        return True
    return False


def _uncancel() -> None:
    """The interruption was ours: the task goes on."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()


async def _close_later(outlet: Outlet, fault: Fault) -> None:
    await asyncio.sleep(fault["after_s"])
    await outlet.close(fault["code"], fault["reason"])


async def _abandon_later(outlet: Outlet, delay_s: float) -> None:
    await asyncio.sleep(delay_s)
    outlet.reset()


def _query(request: web.Request) -> dict[str, Any]:
    """The query with repeated names as lists and secrets left out."""
    hidden = {"api_key", "token", "access_token"}
    return {
        name: values[0] if len(values := request.query.getall(name)) == 1 else values
        for name in dict.fromkeys(request.query)
        if name not in hidden
    }


def parse_object(text: str) -> dict[str, Any] | None:
    """A JSON object, or None for anything else."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def is_wrong_key(key: str | None) -> bool:
    """The lab takes any key but none, and none that begins with `wrong`: that one stands for all
    the keys a vendor does not know."""
    return not key or key.startswith("wrong")


def is_missing(name: str) -> bool:
    """Voices and models exist unless their name begins with `missing`."""
    return name.startswith("missing")
