"""SIGTERM: no new calls, the living finish, the deadline or a second signal ends them well."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from bot.drain import Orders, drain
from call.admission import Admission, Capacity
from tests.conftest import TICK, eventually

pytestmark = pytest.mark.wire


class House:
    """An exchange whose calls the test plays, and the server before it."""

    def __init__(self, *, drain_s: float = 60.0) -> None:
        capacity = replace(Capacity(), drain_s=drain_s)
        self.settings = SimpleNamespace(capacity=capacity)
        self.admission = Admission(capacity)
        self.is_lost = asyncio.Event()
        self.ended_with: int | None = None
        self.orders = Orders()
        self._exit = asyncio.Event()

    def drain(self) -> None:
        self.admission.drain()

    async def end_calls(self) -> None:
        self.ended_with = self.admission.active

    @property
    def should_exit(self) -> bool:
        return self._exit.is_set()

    @should_exit.setter
    def should_exit(self, value: bool) -> None:
        if value:
            self._exit.set()

    async def _serve(self) -> None:
        await self._exit.wait()

    def drained(self) -> asyncio.Task[None]:
        here: Any = self
        serving = asyncio.create_task(self._serve())
        return asyncio.create_task(drain(here, here, serving, orders=self.orders))


async def draining(house: House) -> asyncio.Task[None]:
    """A house that was asked to stop."""
    task = house.drained()
    await asyncio.sleep(0)
    assert not house.admission.is_draining
    house.orders.hear()
    await eventually(lambda: house.admission.is_draining, what="it drains")
    return task


async def test_an_empty_house_goes_at_once() -> None:
    """Nobody is waited for."""
    house = House()
    await (await draining(house))
    assert house.ended_with == 0


async def test_the_living_finish_first() -> None:
    """The server stays until the last of them has left."""
    house = House()
    house.admission.enter()
    task = await draining(house)
    await asyncio.sleep(3 * TICK)
    assert not task.done() and not house.should_exit
    house.admission.leave()
    await task
    assert house.ended_with == 0


async def test_who_was_told_to_come_is_waited_for() -> None:
    """A caller who rang just before: the house stays until they are served."""
    house = House()
    house.admission.tell_to_come(time.monotonic())
    task = await draining(house)
    await asyncio.sleep(3 * TICK)
    assert not task.done()
    assert house.admission.enter(is_awaited=True)
    await asyncio.sleep(3 * TICK)
    assert not task.done()
    house.admission.leave()
    await task


async def test_a_second_signal_waits_no_longer() -> None:
    """Who is still there is ended well."""
    house = House()
    house.admission.enter()
    task = await draining(house)
    house.orders.hear()
    await task
    assert house.ended_with == 1


async def test_nor_does_the_deadline() -> None:
    """`capacity.drain_s`."""
    house = House(drain_s=0.05)
    house.admission.enter()
    await (await draining(house))
    assert house.ended_with == 1


async def test_a_house_that_is_lost_drains_by_itself() -> None:
    """Whoever is there may finish; then it goes, to be started anew."""
    house = House()
    house.admission.enter()
    task = house.drained()
    house.is_lost.set()
    await eventually(lambda: house.admission.is_draining, what="it drains")
    house.admission.leave()
    await task


async def test_asked_while_it_opens_it_closes_what_is_open() -> None:
    """And that is a good end; a second signal changes nothing."""
    orders, closed = Orders(), asyncio.Event()

    async def opening() -> int:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(TICK)
            closed.set()
        return 0

    obeying = asyncio.create_task(orders.obeyed_by(opening()))
    await asyncio.sleep(0)
    orders.hear()
    orders.hear()
    assert await obeying == 0
    assert closed.is_set()


async def test_the_exit_code_of_what_serves_is_the_processes() -> None:
    """Whether it was asked to stop or not; an error is not swallowed."""
    orders = Orders()

    async def serving(code: int) -> int:
        if code > 1:
            raise ValueError
        orders.is_serving = True
        await orders.to_stop.wait()
        return code

    obeying = asyncio.create_task(orders.obeyed_by(serving(1)))
    await asyncio.sleep(0)
    orders.hear()
    assert await obeying == 1
    with pytest.raises(ValueError):
        await Orders().obeyed_by(serving(2))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_each_signal_that_ends_processes_is_heard(number: signal.Signals) -> None:
    """A closed terminal asks for the same as an orchestrator."""
    before = signal.signal(number, signal.SIG_DFL)  # the suite may run under `nohup`
    orders, loop = Orders(), asyncio.get_running_loop()
    try:
        orders.listen()
        os.kill(os.getpid(), number)
        await eventually(orders.to_stop.is_set, what="it was heard")
    finally:
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(each)
        signal.signal(number, before)


async def test_an_ignored_closed_terminal_stays_ignored() -> None:
    """`nohup` means it."""
    before, loop = signal.signal(signal.SIGHUP, signal.SIG_IGN), asyncio.get_running_loop()
    try:
        Orders().listen()
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(each)
        signal.signal(signal.SIGHUP, before)
