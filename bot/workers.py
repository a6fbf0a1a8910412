"""The workers behind one port, as the front sees them: who has room, who died, who comes next.

A worker that dies is replaced; its calls fall to the carrier's next verb and are ended in the
records as our fault, its neighbours notice nothing.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from os import kill
from typing import Any

from loguru import logger

from bot.talk import Talk, TalkOverError, hand_over
from bot.zygote import Born, Zygote
from telemetry.merging import Snapshot, added, without_gauges

# A socket that was handed over becomes a call, or is turned away, within this (wire.start_timeout_s
# and a margin); a place held for a caller whose phone is being connected is needed about as long.
SETTLED_S = 8.0
# A worker that dies young is not replaced at once: whatever killed it may kill the next.
YOUNG_S = 5.0
PAUSES_S = (0.0, 0.5, 1.0, 2.0, 5.0)
READY_WITHIN_S = 60.0
GONE_WITHIN_S = 10.0

Heard = Callable[["Worker", str, Mapping[str, Any]], object]


@dataclass(eq=False)
class Worker:
    """One worker process."""

    number: int
    born: Born
    talk: Talk
    born_at: float
    is_ready: bool = False
    calls: list[str] = field(default_factory=list)
    """the callers of its calls; numbers are personal data"""
    records: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)
    """the documents of its running calls"""
    figures: Snapshot = field(default_factory=list, repr=False)
    handed: deque[float] = field(default_factory=deque)
    """when sockets were handed over that have not become calls yet"""
    held: deque[float] = field(default_factory=deque)
    """when places were held for callers who are being connected"""

    def room(self, max_calls: int, now: float) -> int:
        """Places left."""
        for waiting in (self.handed, self.held):
            while waiting and now - waiting[0] > SETTLED_S:
                waiting.popleft()
        return max_calls - len(self.calls) - len(self.handed) - len(self.held)


class Crew:
    """All of them."""

    def __init__(
        self, zygote: Zygote, *, count: int, max_calls: int, begin: Mapping[str, Any], heard: Heard
    ) -> None:
        """`begin` is what each is told first; `heard` is what it tells of its calls."""
        self._zygote = zygote
        self._count = count
        self._max_calls = max_calls
        self._begin = begin
        self._heard = heard
        self._workers: dict[int, Worker] = {}
        self._lives: set[asyncio.Task[None]] = set()
        self._all_ready = asyncio.Event()
        self._is_closing = False
        self.departed: Snapshot = []
        """the counters of those that died"""

    def __iter__(self) -> Any:
        return iter(list(self._workers.values()))

    # ── life ─────────────────────────────────────────────────────────────────────────
    async def open(self) -> None:
        """Start them all; returns when each takes calls."""
        for number in range(1, self._count + 1):
            self._keep_alive(number)
        async with asyncio.timeout(READY_WITHIN_S):
            await self._all_ready.wait()

    async def close(self) -> None:
        """Tell them to go, and see that they do."""
        self._is_closing = True
        for worker in self:
            worker.talk.tell("go")
        pids = [worker.born.pid for worker in self]
        if self._lives:
            await asyncio.wait(self._lives, timeout=GONE_WITHIN_S)
        await _are_gone(pids, within_s=GONE_WITHIN_S)
        for pid in filter(_is_there, pids):  # those that did not go
            with suppress(ProcessLookupError):
                kill(pid, signal.SIGKILL)
        for life in list(self._lives):
            life.cancel()
        await asyncio.to_thread(self._zygote.close)

    def _keep_alive(self, number: int) -> None:
        life = asyncio.create_task(self._live_on(number))
        self._lives.add(life)
        life.add_done_callback(self._lives.discard)

    async def _live_on(self, number: int) -> None:
        """One worker after another in one place."""
        young = 0
        while not self._is_closing:
            await asyncio.sleep(PAUSES_S[min(young, len(PAUSES_S) - 1)])
            if self._is_closing:
                return
            worker = await self._bear(number)
            await worker.talk.listen()
            self._died(worker)
            lived_s = time.monotonic() - worker.born_at
            young = young + 1 if lived_s < YOUNG_S else 0

    async def _bear(self, number: int) -> Worker:
        born = self._zygote.bear()
        talk = await Talk.over(born.talk, ear=lambda what, told: self._hear(worker, what, told))
        worker = Worker(number, born, talk, time.monotonic())
        self._workers[number] = worker
        talk.tell("begin", number=number, **self._begin)
        return worker

    def _died(self, worker: Worker) -> None:
        del self._workers[worker.number]
        worker.born.connections.close()
        self.departed = added(self.departed, without_gauges(worker.figures))
        if not self._is_closing:
            logger.error("worker {} died with {} calls", worker.number, len(worker.calls))
        self._heard(worker, "died", {})

    def _hear(self, worker: Worker, what: str, told: Mapping[str, Any]) -> object:
        match what:
            case "ready":
                worker.is_ready = True
                if sum(each.is_ready for each in self) == self._count:
                    self._all_ready.set()
            case "entered":
                worker.calls.append(told["caller"])
                if worker.handed:
                    worker.handed.popleft()
            case "left" if told["caller"] in worker.calls:
                worker.calls.remove(told["caller"])
        return self._heard(worker, what, told)

    # ── who takes the next call ──────────────────────────────────────────────────────
    @property
    def is_ready(self) -> bool:
        """Whether any worker takes calls."""
        return any(worker.is_ready for worker in self)

    def hold(self, now: float) -> Worker | None:
        """A place for a caller who is being connected, at the worker with the most room."""
        worker = self._roomiest(now)
        if worker is not None:
            worker.held.append(now)
        return worker

    def hand(self, connection: socket.socket, now: float) -> bool:
        """Give a media socket to the worker that holds the oldest place, else to the one with the
        most room. A full house hands it to somebody all the same, who turns it away politely."""
        held = [w for w in self if w.is_ready and w.held and now - w.held[0] <= SETTLED_S]
        chosen: Worker | None
        if held:
            chosen = min(held, key=lambda worker: worker.held[0])
            chosen.held.popleft()
        else:
            chosen = self._roomiest(now) or next((w for w in self if w.is_ready), None)
        if chosen is None:
            connection.close()
            return False
        chosen.handed.append(now)
        return hand_over(chosen.born.connections, connection)

    def _roomiest(self, now: float) -> Worker | None:
        able = [w for w in self if w.is_ready and w.room(self._max_calls, now) > 0]
        return max(able, key=lambda worker: worker.room(self._max_calls, now), default=None)

    # ── all at once ──────────────────────────────────────────────────────────────────
    def tell(self, what: str, **fields: Any) -> None:
        """Say something to each."""
        for worker in self:
            worker.talk.tell(what, **fields)

    async def ask(self, what: str) -> list[tuple[Worker, Any]]:
        """Each one's answer; whoever does not answer in time is left out."""
        workers = [worker for worker in self if worker.is_ready]
        answers = await asyncio.gather(
            *(worker.talk.ask(what) for worker in workers), return_exceptions=True
        )
        found = []
        for worker, answer in zip(workers, answers, strict=True):
            if isinstance(answer, TalkOverError | TimeoutError):
                logger.warning("worker {} does not answer", worker.number)
            elif isinstance(answer, BaseException):
                raise answer
            else:
                found.append((worker, answer))
        return found


def _is_there(pid: int) -> bool:
    try:
        kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def _are_gone(pids: Sequence[int], *, within_s: float) -> None:
    """A process says goodbye a moment before it is gone."""
    try:
        async with asyncio.timeout(within_s):
            while any(map(_is_there, pids)):  # noqa: ASYNC110 - no child of ours tells
                await asyncio.sleep(0.02)
    except TimeoutError:
        logger.error("workers that did not go are killed")
