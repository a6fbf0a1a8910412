"""SIGTERM: refuse new calls, wait for the living, then go; a second signal waits no longer."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from loguru import logger

from bot.exchange import Exchange

POLL_S = 0.1


async def drain(exchange: Exchange, server: Any, serving: asyncio.Task[None]) -> None:
    """Run until a signal; then admit nobody, wait up to `capacity.drain_s`, stop the server."""
    asked, hurried = asyncio.Event(), asyncio.Event()

    def on_signal() -> None:
        (hurried if asked.is_set() else asked).set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, on_signal)
    stop = asyncio.create_task(asked.wait())
    await asyncio.wait({stop, serving}, return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    exchange.admission.drain()
    living = exchange.admission.active
    if living:
        logger.info("draining: {} calls go on, no new ones are taken", living)
        await _until_empty(exchange, hurried)
    await exchange.end_calls()
    server.should_exit = True
    await serving


async def _until_empty(exchange: Exchange, hurried: asyncio.Event) -> None:
    """Wait for the last call, the deadline or a second signal, whichever is first."""
    deadline_s = exchange.settings.capacity.drain_s
    waiting = asyncio.create_task(hurried.wait())
    try:
        async with asyncio.timeout(deadline_s):
            while exchange.admission.active and not hurried.is_set():
                await asyncio.wait({waiting}, timeout=POLL_S)
    except TimeoutError:
        logger.warning("drain deadline of {} s passed", deadline_s)
    finally:
        waiting.cancel()
