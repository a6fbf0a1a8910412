"""A worker process: takes connections from the front and runs their calls; opens no port."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
from loguru import logger

from bot import garbage
from bot.books import Books, OpenBooks, open_meters
from bot.door import Door
from bot.exchange import Exchange, open_exchange
from bot.lines import LinesHere
from bot.relay import (
    RelayedAdmission,
    RelayedAfterwards,
    RelayedMetrics,
    RelayedRecords,
    SeenAtTheFront,
)
from bot.seen import open_tickets
from bot.server import build_app
from bot.settings import Loaded, load, provider_keys
from bot.talk import Talk, take_over
from call.errors import AgentError
from telemetry.logs import configure
from telemetry.merging import snapshot


def work(talk: socket.socket, connections: socket.socket) -> int:
    """A worker's whole life."""
    import uvloop

    try:
        return uvloop.run(_work(talk, connections))
    except AgentError as error:
        logger.error("a worker cannot begin: {}", error)
        return 1


async def _work(talk_end: socket.socket, connections: socket.socket) -> int:
    worker = _Worker()
    talk = worker.talk = await Talk.over(talk_end, ear=worker.hear)
    listening = asyncio.create_task(talk.listen())
    talk.tell("born", pid=os.getpid())
    try:
        began = asyncio.create_task(worker.begun.wait())
        await asyncio.wait({began, listening}, return_when=asyncio.FIRST_COMPLETED)
        began.cancel()
        if worker.begun.is_set():
            await worker.serve(connections, listening)
    finally:
        listening.cancel()
        await talk.close()
    return 0


def relayed(talk: Talk, *, secret: str) -> OpenBooks:
    """How a worker's books are opened; the front's are behind `talk`."""

    async def open_books(stack: AsyncExitStack, loaded: Loaded) -> Books:
        settings = loaded.settings
        metrics = RelayedMetrics(settings.budgets, meters=open_meters(stack, loaded))
        # as at the front, which remembers for all its workers
        tickets = open_tickets(loaded, metrics, secret=secret, here=SeenAtTheFront(talk))
        return Books(
            metrics=metrics,
            records=RelayedRecords(talk),
            tickets=await stack.enter_async_context(tickets),
            admission=RelayedAdmission(settings.capacity, talk),
            afterwards=RelayedAfterwards(talk),
            lines=LinesHere({}),  # the front counts them
            http=await stack.enter_async_context(aiohttp.ClientSession()),
        )

    return open_books


class _Worker:
    """What the front tells and asks."""

    talk: Talk

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.over = asyncio.Event()
        self._begin: Mapping[str, Any] = {}
        self._exchange: Exchange | None = None
        self._watch: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None

    def hear(self, what: str, told: Mapping[str, Any]) -> object:
        """One message of the front."""
        match what:
            case "begin":
                self._begin = told
                self.begun.set()
            case "expect" if self._exchange is not None:
                self._exchange.expect(told["called"])
            case "figures":
                return [] if self._exchange is None else snapshot(self._exchange.metrics.registry)
            case "living":
                return self._living()
            case "drain" if self._exchange is not None:
                self._exchange.drain()
            case "watch":
                self._watching(bool(told["on"]))
            case "end_calls" if self._exchange is not None and self._ending is None:
                self._ending = asyncio.create_task(self._exchange.end_calls())
            case "go":
                self.over.set()
        return None

    def _living(self) -> list[dict[str, Any]]:
        living = [] if self._exchange is None else self._exchange.living()
        return [{**vars(call), "started": call.started.isoformat()} for call in living]

    async def serve(self, connections: socket.socket, listening: asyncio.Task[None]) -> None:
        """Take connections until told to go, or until the front is gone and its calls are over."""
        loaded = load(self._begin["environ"])
        configure(loaded.settings.logs)
        books = relayed(self.talk, secret=self._begin["secret"])
        async with open_exchange(loaded, provider_keys(loaded), books=books) as exchange:
            self._exchange = exchange
            door = Door(build_app(exchange), loaded.settings)
            loop = asyncio.get_running_loop()
            loop.add_reader(connections.fileno(), self._take, connections, door)
            garbage.settle()
            self.talk.tell("ready")
            try:
                told = asyncio.create_task(self.over.wait())
                await asyncio.wait({told, listening}, return_when=asyncio.FIRST_COMPLETED)
                told.cancel()
                if not self.over.is_set():
                    await self._outlive(exchange)
            finally:
                loop.remove_reader(connections.fileno())
                connections.close()
                await door.close()

    def _take(self, connections: socket.socket, door: Door) -> None:
        taken = take_over(connections)
        if taken is None:  # the front is gone; `listening` tells what follows
            asyncio.get_running_loop().remove_reader(connections.fileno())
            return
        for connection in taken:
            door.open_to(connection)

    async def _outlive(self, exchange: Exchange) -> None:
        """The front died: nobody new can come; let the callers who are here finish."""
        logger.error("the front process is gone; {} calls go on", exchange.admission.active)
        exchange.admission.drain()
        try:
            async with asyncio.timeout(exchange.settings.capacity.drain_s):
                while exchange.admission.active:  # noqa: ASYNC110 - looked at, as in `drain`
                    await asyncio.sleep(0.1)
        except TimeoutError:
            await exchange.end_calls()

    def _watching(self, on: bool) -> None:
        """Send the events of running calls on while somebody watches at the front."""
        if on and self._watch is None and self._exchange is not None:
            self._watch = asyncio.create_task(self._pass_on(self._exchange))
        elif not on and self._watch is not None:
            self._watch.cancel()
            self._watch = None

    async def _pass_on(self, exchange: Exchange) -> None:
        with exchange.hub.reading() as reader:
            async for event in reader:
                self.talk.tell("event", event=event)
