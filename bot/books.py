"""What is kept about all calls, apart from what runs them: figures, records, tokens, admission.

A process that serves alone and the front of several workers keep books of their own; a worker's
pass on what they are given (`bot/relay.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import aiohttp

from bot.afterwards import Afterwards
from bot.lines import SharedLines, open_lines
from bot.notify import Notifier
from bot.seen import Rest, open_tickets
from bot.settings import Loaded
from call.admission import Admission
from telemetry.meters import Meters
from telemetry.metrics import Metrics
from telemetry.records import Records
from transports.twilio.tickets import Tickets


@dataclass(frozen=True)
class Books:
    """Opened once a process."""

    metrics: Metrics
    records: Records
    tickets: Tickets
    admission: Admission
    afterwards: Afterwards
    lines: SharedLines
    http: aiohttp.ClientSession
    notifier: Notifier | None = None
    """who announces messages; only where the carrier tells of them"""


OpenBooks = Callable[[AsyncExitStack, Loaded], Awaitable[Books]]


def open_meters(stack: AsyncExitStack, loaded: Loaded) -> Meters | None:
    """The way of the figures to a collector, where one is named."""
    if not loaded.settings.telemetry.otlp_url:
        return None
    meters = Meters(loaded.settings.telemetry)
    stack.push_async_callback(asyncio.to_thread, meters.close)
    return meters


async def open_books(
    stack: AsyncExitStack, loaded: Loaded, *, workers: int = 1, secret: str = ""
) -> Books:
    """Books of this process's own; `workers` processes take calls for it, and open tokens with
    `secret`."""
    settings, secrets = loaded.settings, loaded.secrets.value
    metrics = Metrics(settings.budgets, meters=open_meters(stack, loaded))
    records = Records(settings.store, url=secrets("DATABASE_URL"), recorder=metrics)
    records.start()
    stack.push_async_callback(asyncio.to_thread, records.close)
    http = await stack.enter_async_context(aiohttp.ClientSession())
    notifier = Notifier(
        settings.voicemail, http=http, secret=secrets("OFFHOOK_NOTIFY_SECRET"), recorder=metrics
    )
    stack.push_async_callback(notifier.aclose)
    rest, opened = Rest(), stack.enter_async_context
    capacity = replace(settings.capacity, max_calls=settings.capacity.max_calls * workers)
    return Books(
        metrics=metrics,
        records=records,
        tickets=await opened(open_tickets(loaded, metrics, secret=secret, rest=rest)),
        admission=Admission(capacity),
        afterwards=Afterwards(),
        lines=await opened(open_lines(loaded, metrics, rest=rest)),
        http=http,
        notifier=notifier,
    )
