"""The workers behind one port, as the front sees them: who lives, who died, who comes next.

A worker that dies is replaced; its calls fall to the carrier's next verb and are ended in the
records as our fault, its neighbours notice nothing. One that says nothing any more gets no new
calls, and after a while is killed: it has left its callers in silence.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from asyncio import FIRST_COMPLETED
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from os import kill
from typing import Any

from loguru import logger

from bot.places import Worker, choose, hold
from bot.talk import Talk, TalkOverError, hand_over
from bot.zygote import Zygote, ZygoteGone
from call.errors import AgentError
from telemetry.merging import Snapshot, added, without_gauges

# A worker that dies young is not replaced at once: whatever killed it may kill the next.
YOUNG_S = 5.0
PAUSES_S = (0.0, 0.5, 1.0, 2.0, 5.0)
READY_WITHIN_S = 60.0
GONE_WITHIN_S = 10.0
# A worker is asked every second whether it is there. Answers are a matter of milliseconds, and the
# longest pause that was ever measured in a full one was 0.4 s; one that owes four answers in a row,
# each for so long, is not late, it hangs. One that still loads its models owes none.
ASK_EVERY_S = 1.0
ANSWERS_WITHIN_S = 1.0
OWES_AT_MOST = 3
# An answer that we gave up on so much too late says nothing: so late may the worker have been, too.
LATE_OURSELVES_S = 0.5

Heard = Callable[["Worker", str, Mapping[str, Any]], object]


class CrewLost(AgentError):
    """No worker comes up; why is in the lines before."""

    def __str__(self) -> str:
        return "the workers do not come up; what they said is above"


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
        self._closing = asyncio.Event()
        self._bearing = asyncio.Lock()
        self.is_lost = asyncio.Event()
        """set when no worker can be born any more"""
        self.departed: Snapshot = []
        """the counters of those that died"""

    def __iter__(self) -> Iterator[Worker]:
        return iter(list(self._workers.values()))

    # ── life ─────────────────────────────────────────────────────────────────────────
    async def open(self) -> None:
        """Start them all; returns when each takes calls, raises `CrewLost` when they do not."""
        for number in range(1, self._count + 1):
            self._keep_alive(number)
        ready, lost = (
            asyncio.create_task(event.wait()) for event in (self._all_ready, self.is_lost)
        )
        await asyncio.wait({ready, lost}, return_when=FIRST_COMPLETED, timeout=READY_WITHIN_S)
        ready.cancel()
        lost.cancel()
        if not self._all_ready.is_set():
            raise CrewLost

    async def close(self) -> None:
        """Tell them to go, and see that they do."""
        self._closing.set()
        for worker in self:
            worker.talk.tell("go")
        pids = {worker.born.pid for worker in self}
        if self._lives:
            await asyncio.wait(self._lives, timeout=GONE_WITHIN_S)
        pids |= {worker.born.pid for worker in self}
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
        while not self._is_over:
            worker = await self._born(number)
            if worker is not None:
                await self._live(worker)
            young = young + 1 if worker is None or worker.was_young else 0
            if young == len(PAUSES_S) and not self._all_ready.is_set():
                self.is_lost.set()
            if not self._is_over:
                pause_s = PAUSES_S[min(young, len(PAUSES_S) - 1)]
                logger.info("worker {} is started again in {:g} s", number, pause_s)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closing.wait(), pause_s)

    async def _live(self, worker: Worker) -> None:
        """One worker's life, seen from here."""
        watching = asyncio.create_task(self._watch(worker))
        try:
            await worker.talk.listen()
        finally:
            watching.cancel()
            await worker.talk.close()
            self._died(worker)

    @property
    def _is_over(self) -> bool:
        return self._closing.is_set() or self.is_lost.is_set()

    async def _born(self, number: int) -> Worker | None:
        """A new worker, told how to begin; None when none could be born this time."""
        try:
            async with self._bearing:
                born = await asyncio.to_thread(self._zygote.bear)
        except ZygoteGone as gone:
            logger.error("worker {} cannot be replaced: {}", number, gone)
            self.is_lost.set()
            return None
        except OSError as error:  # out of descriptors: those who are here may free some
            logger.error("worker {} cannot be born: {}", number, error.strerror or error)
            return None
        talk = await Talk.over(born.talk, ear=lambda what, told: self._hear(worker, what, told))
        worker = Worker(number, born, talk, time.monotonic())
        self._workers[number] = worker
        talk.tell("begin", number=number, **self._begin)
        if self._closing.is_set():  # while it was being born
            talk.tell("go")
        return worker

    async def _watch(self, worker: Worker) -> None:
        """See that it answers and gets ready; whoever does neither is killed, and so replaced."""
        while worker.owes <= OWES_AT_MOST:
            await asyncio.sleep(0.0 if worker.owes else ASK_EVERY_S)
            asked_at = time.monotonic()
            try:
                await worker.talk.ask("alive", within_s=ANSWERS_WITHIN_S)
                self._owes(worker, 0)
            except TalkOverError:
                return
            except TimeoutError:
                waited_s = time.monotonic() - asked_at
                were_late = waited_s > ANSWERS_WITHIN_S + LATE_OURSELVES_S
                self._owes(worker, worker.owes + (worker.is_ready and not were_late))
            if not worker.is_ready and asked_at - worker.born_at > READY_WITHIN_S:
                break
        logger.error("worker {} hangs with {} calls: killed", worker.number, len(worker.calls))
        with suppress(ProcessLookupError):
            kill(worker.born.pid, signal.SIGKILL)

    def _owes(self, worker: Worker, answers: int) -> None:
        if answers and not worker.owes:
            logger.warning("worker {} does not answer; it gets no calls", worker.number)
        was_able, worker.owes = worker.is_able, answers
        if was_able != worker.is_able:
            self._heard(worker, "answers" if worker.is_able else "quiet", {})

    def _died(self, worker: Worker) -> None:
        del self._workers[worker.number]
        worker.born.connections.close()
        worker.was_young = not worker.is_ready or time.monotonic() - worker.born_at < YOUNG_S
        self.departed = added(self.departed, without_gauges(worker.figures))
        if not self._closing.is_set():
            logger.error("worker {} died with {} calls", worker.number, len(worker.calls))
        self._heard(worker, "died", {})

    def _hear(self, worker: Worker, what: str, told: Mapping[str, Any]) -> object:
        match what:
            case "ready":
                worker.is_ready = True
                if sum(each.is_ready for each in self) == self._count:
                    self._all_ready.set()
            case "entered":
                worker.entered(told["caller"])
            case "left" if told["caller"] in worker.calls:
                worker.calls.remove(told["caller"])
        return self._heard(worker, what, told)

    # ── who takes the next call ──────────────────────────────────────────────────────
    @property
    def places(self) -> int:
        """Calls that those who are there take at the same time."""
        return self._max_calls * sum(worker.is_able for worker in self)

    def hold(self, now: float) -> Worker | None:
        """A place for a caller who is being connected, at the worker with the most room."""
        return hold(self._able(), max_calls=self._max_calls, now=now)

    def hand(self, connection: socket.socket, now: float) -> bool:
        """Give a media socket to whoever it is for; False when there is nobody to take it."""
        chosen = choose(self._able(), max_calls=self._max_calls, now=now)
        if chosen is None:
            connection.close()
            return False
        return hand_over(chosen.born.connections, connection)

    def _able(self) -> list[Worker]:
        return [worker for worker in self if worker.is_able]

    # ── all at once ──────────────────────────────────────────────────────────────────
    def tell(self, what: str, **fields: Any) -> None:
        """Say something to each."""
        for worker in self:
            worker.talk.tell(what, **fields)

    async def ask(self, what: str) -> list[tuple[Worker, Any]]:
        """Each one's answer; whoever does not answer in time is left out."""
        workers = self._able()
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


async def _are_gone(pids: Iterable[int], *, within_s: float) -> None:
    """A process says goodbye a moment before it is gone."""
    try:
        async with asyncio.timeout(within_s):
            while any(map(_is_there, pids)):  # noqa: ASYNC110 - no child of ours tells
                await asyncio.sleep(0.02)
    except TimeoutError:
        logger.error("workers that did not go are killed")
