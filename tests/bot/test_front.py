"""What workers pass on is kept once, at the front: calls, records, figures, tokens, and the word on
what follows; when a worker dies it is all still there."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from bot import workers
from bot.front import Front, open_front
from bot.relay import (
    RelayedAdmission,
    RelayedAfterwards,
    RelayedMetrics,
    RelayedRecords,
)
from bot.settings import load
from bot.talk import Talk
from bot.worker import relayed
from bot.zygote import Born
from call.admission import Capacity
from call.measures import FILLERS
from call.way_out import BROKEN, After, Reason, Step
from telemetry.merging import snapshot
from tests.bot.test_workers import FakeZygote
from tests.conftest import TICK, eventually

pytestmark = pytest.mark.wire

TOKEN = "throw-away"
CALLER, NEIGHBOUR = "+15550100001", "+15550100002"


class Far:
    """A worker as the front knows it: everything it has is relayed."""

    def __init__(self, talk: Talk) -> None:
        self.talk = talk
        self.told: list[str] = []
        self.living: list[dict[str, Any]] = []
        self.metrics = RelayedMetrics()
        self.admission = RelayedAdmission(Capacity(max_calls=2), talk)
        self.records = RelayedRecords(talk)
        self.afterwards = RelayedAfterwards(talk)

    def hear(self, what: str, _told: Mapping[str, Any]) -> object:
        self.told.append(what)
        if what == "go":
            self.die()
        return {"figures": snapshot(self.metrics.registry), "living": self.living}.get(what)

    def begin(self, caller: str, name: str) -> dict[str, Any]:
        """A call comes in; its document so far."""
        assert self.admission.enter(caller)
        document = {
            "call_id": f"id of {name}",
            "provider_call_id": name,
            "started_at": datetime.now(UTC).isoformat(),
            "ending": None,
            "fault_party": None,
            "duration_s": 0.0,
            "turns": [{"turn": 1, "end_to_end_s": 0.2}],
        }
        self.records.put(document)
        return document

    def end(self, document: dict[str, Any], caller: str) -> None:
        """It is over, and the agent said goodbye."""
        self.records.put({**document, "ending": "agent_said_goodbye", "duration_s": 9.0})
        self.admission.leave(caller)

    def die(self) -> None:
        """Its end of the talk is gone with it."""
        self.talk._writer.transport.abort()


class House:
    """A front over workers that the test plays."""

    def __init__(self) -> None:
        self.far: list[Far] = []
        self.front: Front

    async def page(self) -> dict[str, float]:
        """The figures by series."""
        text = (await self.front.metrics_page(""))[0].decode()
        lines = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in lines}

    def kept(self) -> dict[str, dict[str, Any]]:
        """The calls that are over, by the carrier's name."""
        return {each["provider_call_id"]: each for each in self.front.records.newest()}


class Bearing(FakeZygote):
    """Each worker that is born speaks up as soon as the loop has its turn."""

    def __init__(self, house: House) -> None:
        super().__init__()
        self._house = house
        self._loop = asyncio.get_running_loop()

    def bear(self) -> Born:
        born = super().bear()
        talk_there, _ = self.far[-1]
        self._loop.call_soon_threadsafe(lambda: self._loop.create_task(self._live(talk_there)))
        return born

    async def _live(self, end: socket.socket) -> None:
        talk = await Talk.over(end, ear=lambda what, told: far.hear(what, told))
        far = Far(talk)
        self._house.far.append(far)
        talk.tell("ready")
        await talk.listen()
        await talk.close()


@asynccontextmanager
async def opened(**environ: str) -> AsyncIterator[House]:
    house = House()
    loaded = load(
        {
            "TWILIO_AUTH_TOKEN": TOKEN,
            "OFFHOOK__STORE__URL": "",
            "OFFHOOK__CAPACITY__MAX_CALLS": "2",
            **environ,
        }
    )
    zygote = Bearing(house)
    async with open_front(loaded, zygote=zygote, environ={}, secret="s", count=2) as house.front:
        yield house


@pytest.fixture
async def house(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr(workers, "PAUSES_S", (TICK,) * 5)
    async with opened() as house:
        yield house


async def test_calls_of_all_workers_are_counted_and_kept_once(house: House) -> None:
    """With their turns; a call that is over makes room."""
    first, second = house.far
    one, two = first.begin(CALLER, "CA1"), second.begin(NEIGHBOUR, "CA2")
    await eventually(lambda: house.front.admission.active == 2, what="both are counted")
    await eventually(lambda: set(house.front.carrier_calls()) == {"CA1", "CA2"}, what="known")
    first.end(one, CALLER)
    second.end(two, NEIGHBOUR)
    await eventually(lambda: house.front.admission.active == 0, what="both have left")
    assert set(house.kept()) == {"CA1", "CA2"}
    page = await house.page()
    assert page['offhook_turns_total{interrupted="no"}'] == 2
    assert page['offhook_calls_total{ending="agent_said_goodbye",party="none"}'] == 2


async def test_a_dead_workers_calls_end_as_our_fault_and_hold_no_place(house: House) -> None:
    """The carrier asks about them and finds no word; the neighbour's go on; another one comes."""
    victim, neighbour = house.far
    victim.begin(CALLER, "CA1")
    neighbour.begin(NEIGHBOUR, "CA2")
    await eventually(lambda: house.front.admission.active == 2, what="both are counted")
    victim.die()
    await eventually(lambda: house.front.admission.active == 1, what="its call is over")
    assert (house.kept()["CA1"]["ending"], house.kept()["CA1"]["fault_party"]) == ("fault", "us")
    assert house.front.afterwards.of("CA1") is BROKEN
    assert house.front.carrier_calls() == ["CA2"]
    await eventually(lambda: len(house.far) == 3, what="another one is born")
    await eventually(lambda: house.front.admission.max_calls == 4, what="and takes calls")


async def test_no_counter_falls_when_a_worker_dies(house: House) -> None:
    """And its gauges are gone with it."""
    victim, neighbour = house.far
    for far, times in ((victim, 3), (neighbour, 2)):
        far.metrics.gauge("offhook_pool_waiting", "Sockets", lambda: 1.0)
        far.metrics.count(FILLERS, times, stage="think")
    series = 'offhook_fillers_total{stage="think"}'
    before = await house.page()
    assert (before[series], before["offhook_pool_waiting"]) == (5, 2)
    victim.die()
    await eventually(lambda: len(list(house.front.crew)) == 2 and len(house.far) == 3, what="new")
    after = await house.page()
    assert (after[series], after["offhook_pool_waiting"]) == (5, 1)


async def test_without_a_worker_nobody_is_told_to_come(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not ready, until one is back."""
    assert house.front.admission.refusal() is None
    monkeypatch.setattr(workers, "PAUSES_S", (100 * TICK,) * 5)
    for far in list(house.far):
        far.die()
    await eventually(lambda: house.front.admission.refusal() == "full", what="nobody has room")
    assert (await house.page())["offhook_ready"] == 0
    await eventually(lambda: house.front.admission.refusal() is None, what="they are back")


@pytest.mark.parametrize("redis", [{}, {"REDIS_URL": "unix:///nowhere/s"}])
async def test_a_token_is_good_at_one_worker_once(redis: dict[str, str]) -> None:
    """Whichever it comes to; also while the Redis that would know it of other hosts is away."""
    async with opened(**redis) as house, AsyncExitStack() as stack:
        front = house.front
        books = [relayed(far.talk, secret="s") for far in house.far]
        first, second = [(await each(stack, front.loaded)).tickets for each in books]
        token = front.tickets.issue("CA1", caller=CALLER, called=NEIGHBOUR, now=0.0)
        assert await first.redeem(token, call_id="CA1", now=1.0)
        assert await second.redeem(token, call_id="CA1", now=1.0) is None
        assert await first.redeem(token, call_id="CA1", now=1.0) is None


async def test_the_word_on_what_follows_outlives_its_worker(house: House) -> None:
    """The front is asked."""
    word = After(Step.TRANSFER, reason=Reason.CALLER_ASKED, number="+442079460000", summary="Tea.")
    house.far[0].afterwards.decide("CA1", word)
    await eventually(lambda: house.front.afterwards.of("CA1") == word, what="it is known")
    house.far[0].die()
    assert house.front.afterwards.of("CA1") == word


async def test_workers_are_asked_for_their_calls_only_when_somebody_looks(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writing down all turns of all calls takes time from the calls."""
    monkeypatch.setattr("bot.front.LOOK_EVERY_S", TICK)
    first, second = house.far
    first.begin(CALLER, "CA1")
    began = datetime(2026, 1, 2, tzinfo=UTC)
    first.living = [
        {"call_id": "a", "wire": "twilio", "started": began.isoformat(), "state": "x", "turns": []}
    ]
    await eventually(lambda: first.told.count("figures") > 2, what="it is looked after")
    assert "living" not in first.told
    (living,) = await house.front.all_living()
    assert (living.call_id, living.started) == ("a", began)
    assert "living" in second.told


async def test_whoever_is_born_into_a_house_that_drains_is_told(house: House) -> None:
    """It takes nobody either."""
    house.front.drain()
    house.far[0].die()
    await eventually(lambda: len(house.far) == 3, what="another one is born")
    await eventually(lambda: "drain" in house.far[-1].told, what="it is told")
