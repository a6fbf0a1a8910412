"""A process that goes down ends what still goes on, and waits for it, but not for ever."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from bot.exchange import Exchange
from tests.bot.test_server import exchange
from tests.conftest import TICK, eventually

pytestmark = pytest.mark.wire


class Call:
    """One that is over when the test says so."""

    def __init__(self, house: Exchange, name: str) -> None:
        self.caller = SimpleNamespace(provider_call_id=name)
        self.over = asyncio.Event()
        self.is_told = False
        self._house, self._name = house, name
        here: Any = self
        house.sessions[name] = here

    async def drain(self) -> None:
        self.is_told = True
        await self.over.wait()
        self._house.sessions.pop(self._name, None)


async def test_calls_have_time_for_their_last_words() -> None:
    """Whoever stops the process waits for them; one that comes in meanwhile is told as well."""
    house = exchange()
    first = Call(house, "CA1")
    ending = asyncio.create_task(house.end_calls())
    await eventually(lambda: first.is_told, what="it is told")
    second = Call(house, "CA2")
    await asyncio.sleep(TICK)
    assert not ending.done()
    first.over.set()
    await eventually(lambda: second.is_told, what="so is the next")
    assert not ending.done()
    second.over.set()
    await ending


async def test_a_call_that_does_not_end_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process goes without it."""
    monkeypatch.setattr("bot.exchange.END_WITHIN_S", TICK)
    house = exchange()
    Call(house, "CA1")
    await house.end_calls()
    assert house.sessions
