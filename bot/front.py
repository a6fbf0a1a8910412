"""The front process: owns the port, admission, tokens, records, figures and events of all workers.

It reads the first line of each connection without taking it: a media socket or a browser's offer
is handed to a worker as it is, everything else is answered here. So no message of a call ever
passes through this process, and a worker can die without a door closing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast

from loguru import logger

from bot.agent_file import load_personas
from bot.books import Books, open_books
from bot.exchange import ASKED_WITHIN_S, END_WITHIN_S, Exchange
from bot.persona import Personas
from bot.places import Worker
from bot.relay import told_after
from bot.settings import Loaded
from bot.workers import Crew
from bot.zygote import Zygote
from call.errors import Ending, Party
from telemetry.console.routes import LiveCall
from telemetry.events import EventHub
from telemetry.merging import without_gauges
from transports.twilio.tickets import SeenHere

LOOK_EVERY_S = 1.0


class Front(Exchange):
    """An exchange that answers no call itself."""

    crew: Crew

    def __init__(self, loaded: Loaded, personas: Personas, books: Books) -> None:
        nobody = cast(Any, None)  # no models, no detector, no sockets: they are the workers'
        hub = _WatchedHub(self)
        super().__init__(
            loaded=loaded, keys={}, personas=personas, models=nobody, smart_turn=nobody,
            voices=nobody, pool=nobody, hub=hub, **vars(books),
        )  # fmt: skip
        self._seen = SeenHere()
        self._turns_seen: dict[str, int] = {}

    # ── what workers tell ────────────────────────────────────────────────────────────
    def hear(self, worker: Worker, what: str, told: Mapping[str, Any]) -> object:
        """One thing a worker told or asked."""
        match what:
            case "ready" | "quiet" | "answers" | "died":
                self._staffed(worker, what)
            case "entered":
                self.admission.count(told["caller"])
            case "left":
                self.admission.leave(told["caller"])
            case "record":
                self._keep(worker, told["document"])
            case "follow_up":
                self.records.follow_up(told["call"], **told["fields"])
            case "after":
                self.afterwards.decide(told["call"], told_after(told["after"]))
            case "first":
                return self._seen.first(told["key"], life_s=told["life_s"], now=told["now"])
            case "event":
                self.hub.publish(told["event"])
        return None

    def _staffed(self, worker: Worker, what: str) -> None:
        """There is as much room as there are workers who answer."""
        self.admission.resize(self.crew.places)
        if what == "died":
            self._bury(worker)
        elif what == "ready" and self.admission.is_draining:
            worker.talk.tell("drain")

    def _keep(self, worker: Worker, document: dict[str, Any]) -> None:
        """A call's document so far: kept, and read for what is new in it."""
        call_id, turns = document["call_id"], document["turns"]
        for turn in turns[self._turns_seen.get(call_id, 0) :]:
            self.metrics.turn(turn, call_id=call_id)
        if document["ending"] is None:
            self._turns_seen[call_id] = len(turns)
            worker.records[call_id] = document
        else:
            self._turns_seen.pop(call_id, None)
            worker.records.pop(call_id, None)
            self.metrics.call(document)
            self.spawn(self.lines.release(document["provider_call_id"]))
        self.records.put(document)

    def _bury(self, worker: Worker) -> None:
        """End the calls of a dead worker: the carrier will ask about them, and finds no word."""
        for caller in worker.calls:
            self.admission.leave(caller)
        now = datetime.now(UTC)
        for document in list(worker.records.values()):
            began = datetime.fromisoformat(document["started_at"])
            self._keep(
                worker,
                {
                    **document,
                    "ended_at": now.isoformat(),
                    "duration_s": round((now - began).total_seconds(), 3),
                    "ending": Ending.FAULT.value,
                    "fault_party": Party.US.value,
                },
            )

    def carrier_calls(self) -> list[str]:
        """The carrier's names of the calls that go on, of all workers."""
        return [d["provider_call_id"] for w in self.crew for d in w.records.values()]

    # ── what a call needs, made ready while it rings ─────────────────────────────────
    def expect(self, called: str) -> None:
        """A caller rings: the worker that will take the call makes ready."""
        worker = self.crew.hold(time.monotonic())
        if worker is not None:
            worker.talk.tell("expect", called=called)

    # ── what the pages show ──────────────────────────────────────────────────────────
    async def all_living(self) -> list[LiveCall]:
        """The calls of all workers; they are asked only when somebody looks."""
        answers = await self.crew.ask("living")
        return [
            LiveCall(**{**call, "started": datetime.fromisoformat(call["started"])})
            for _, calls in answers
            for call in calls
        ]

    async def metrics_page(self, accept: str) -> tuple[bytes, str]:
        """All processes' figures as one's."""
        await self._look()
        figures = [worker.figures for worker in self.crew]
        return self.metrics.page(accept, others=[*figures, self.crew.departed])

    async def look_on(self) -> None:
        """Keep the counters of workers, who may die."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self._look()

    async def _look(self) -> None:
        for worker, figures in await self.crew.ask("figures"):
            worker.figures = figures or without_gauges(worker.figures)

    # ── the end ──────────────────────────────────────────────────────────────────────
    def drain(self) -> None:
        """Take no new calls, and see that no worker does."""
        super().drain()
        self.crew.tell("drain")

    async def end_calls(self) -> None:
        """End what is still going on, politely, wherever it is."""
        names = self.carrier_calls()
        self.crew.tell("end_calls")
        try:
            async with asyncio.timeout(END_WITHIN_S):
                while any(worker.calls for worker in self.crew):  # noqa: ASYNC110 - they tell
                    await asyncio.sleep(0.05)
        except TimeoutError:
            logger.error("{} calls did not end", self.admission.active)
        await super().end_calls()
        await self.afterwards.until_asked(names, within_s=ASKED_WITHIN_S)


class _WatchedHub(EventHub):
    """Asks the workers for events only while somebody reads them."""

    def __init__(self, front: Front) -> None:
        super().__init__()
        self._front = front

    def watched(self, on: bool, /) -> None:
        """Somebody begins to read, or nobody does any more."""
        self._front.crew.tell("watch", on=on)


@asynccontextmanager
async def open_front(
    loaded: Loaded, *, zygote: Zygote, environ: Mapping[str, str], secret: str, count: int
) -> AsyncIterator[Front]:
    """Books open, workers ready; all of it closed again in reverse order."""
    began_at = time.monotonic()
    async with AsyncExitStack() as stack:
        books = await open_books(stack, loaded, workers=count, secret=secret)
        front = Front(loaded, load_personas(loaded), books)
        stack.callback(front.hub.close)
        front.crew = Crew(
            zygote,
            count=count,
            max_calls=loaded.settings.capacity.max_calls,
            begin={"environ": dict(environ), "secret": secret},
            heard=front.hear,
        )
        stack.push_async_callback(front.crew.close)
        front.is_lost = front.crew.is_lost
        await front.crew.open()
        front.show_gauges()
        for chore in (front.look_on(), front.renew_lines()):
            stack.callback(asyncio.create_task(chore).cancel)
        logger.info("{} workers ready in {:.1f} s", count, time.monotonic() - began_at)
        yield front
