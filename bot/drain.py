"""SIGTERM: refuse new calls, wait for the living, then go; a second signal waits no longer."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Coroutine
from typing import Any

from loguru import logger

from bot.exchange import Exchange

POLL_S = 0.1


class Orders:
    """What signals ask of a process that serves, from its first moment on.

    SIGHUP comes when a terminal is closed: it asks for the same, unless whoever started us has it
    ignored (`nohup`).
    """

    def __init__(self) -> None:
        self.to_stop = asyncio.Event()
        self.to_hurry = asyncio.Event()
        self.is_serving = False
        """from now on it is `drain` that stops; before, whatever is being opened is given up"""

    def listen(self) -> None:
        """Hear the signals from now on."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if number is not signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, self.hear)

    def hear(self) -> None:
        """One signal."""
        (self.to_hurry if self.to_stop.is_set() else self.to_stop).set()

    async def obeyed_by(self, serving: Coroutine[Any, Any, int]) -> int:
        """Run `serving` to its exit code; asked to stop before it serves it closes what it has
        opened so far, and that is good."""
        work = asyncio.ensure_future(serving)
        stop = asyncio.create_task(self.to_stop.wait())
        try:
            await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
            if work.done() or self.is_serving:
                return await work
            logger.info("asked to stop before the first call")
            work.cancel()
            await asyncio.wait({work})
            return 0 if work.cancelled() else work.result()
        finally:
            stop.cancel()


async def drain(
    exchange: Exchange, server: Any, serving: asyncio.Task[None], *, orders: Orders
) -> None:
    """Run until a signal; then admit nobody, wait up to `capacity.drain_s`, stop the server."""
    orders.is_serving = True
    stop = asyncio.create_task(orders.to_stop.wait())
    lost = asyncio.create_task(exchange.is_lost.wait())
    await asyncio.wait({stop, lost, serving}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    lost.cancel()
    exchange.drain()
    living = _here_or_coming(exchange)
    if living:
        logger.info("draining: {} calls go on, no new ones are taken", living)
        await _until_empty(exchange, orders.to_hurry)
    await exchange.end_calls()
    server.should_exit = True
    await serving


def _here_or_coming(exchange: Exchange) -> int:
    """Calls that go on, and callers who were told to come while we still took calls."""
    return exchange.admission.active + exchange.admission.awaited(time.monotonic())


async def _until_empty(exchange: Exchange, hurried: asyncio.Event) -> None:
    """Wait for the last call, the deadline or a second signal, whichever is first."""
    deadline_s = exchange.settings.capacity.drain_s
    waiting = asyncio.create_task(hurried.wait())
    try:
        async with asyncio.timeout(deadline_s):
            while _here_or_coming(exchange) and not hurried.is_set():
                await asyncio.wait({waiting}, timeout=POLL_S)
    except TimeoutError:
        logger.warning("drain deadline of {} s passed", deadline_s)
    finally:
        waiting.cancel()
