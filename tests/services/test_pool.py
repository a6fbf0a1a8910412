"""Sockets that wait for calls: alive, young, few, and gone when nobody is expected."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial

import pytest
from pipecat.frames.frames import TranscriptionFrame

from call.audio import MULAW_SILENCE
from call.errors import ProviderFault
from call.measures import POOL_AGE, POOL_LOST, POOL_SOCKETS
from call.warmth import Warmth
from services.cartesia import Cartesia, CartesiaDialect
from services.channel import Address, Care, Channel, open_socket
from services.deepgram import DeepgramSTT
from services.deepgram_address import Deepgram
from services.elevenlabs import ElevenLabs, ElevenLabsDialect
from services.fault import Origin
from services.pool import Keep, Pool
from services.voice import Dialect, Voice
from tests.conftest import eventually
from tests.services.stage import Lab, Notes, Stage
from tests.services.test_deepgram import speak

pytestmark = pytest.mark.provider

ORIGIN = Origin("deepgram", "hear")


@dataclass
class Owner:
    """A channel's listener."""

    where: Address
    heard: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    faults: list[ProviderFault] = field(default_factory=list)

    def address(self) -> Address:
        return self.where

    def opened(self, heard_bytes: int) -> None:
        self.heard.append(heard_bytes)

    async def received(self, text: str) -> None:
        self.texts.append(text)

    async def lost(self, fault: ProviderFault, *, uptime_s: float) -> None:
        self.faults.append(fault)

    def keepalive(self) -> str | None:
        return None


def ear(lab: Lab, *, model: str = "nova-3", **knobs: float) -> Keep:
    """Where the recogniser is."""
    settings = Deepgram(url=lab.ws, model=model, **knobs)  # type: ignore[arg-type]
    return settings.keep("k", language="en", keyterms=())


@asynccontextmanager
async def pool(notes: Notes, **knobs: object) -> AsyncIterator[Pool]:
    """A pool, and no socket of it left behind."""
    here = Pool(Warmth(**knobs), notes)  # type: ignore[arg-type]
    try:
        yield here
    finally:
        await here.close()
        assert here.waiting == 0
        assert here.session.closed


def opened(lab: Lab, provider: str = "deepgram") -> int:
    return len(lab.entries(provider, "open"))


def lines(lab: Lab) -> int:
    return len(lab.world.lines)


async def test_a_caller_who_rings_finds_a_socket_waiting(lab: Lab, notes: Notes) -> None:
    """It has heard 20 ms of silence, which is not the caller's; another is made for the next."""
    async with pool(notes) as here:
        here.expect([ear(lab)])
        await eventually(lambda: here.waiting == 2, what="one for the call, one for the next")
        owner = Owner(ear(lab).address)
        line = Channel(owner, origin=ORIGIN, care=Care(), spares=here)
        line.dial()
        await eventually(lambda: line.is_open, what="open")
        assert owner.heard == [160]
        assert opened(lab) == 2  # none was dialled for it
        line.send('{"type":"Finalize"}')
        await eventually(lambda: owner.texts, what="an answer")
        await line.close()
        assert owner.faults == []
    assert notes.of(POOL_SOCKETS, provider="deepgram", outcome="waited") == 1
    assert [name for name, _ in notes.observed] == [POOL_AGE.name]
    await eventually(lambda: not lines(lab), what="everything hung up")


async def test_one_that_is_being_made_is_waited_for(lab: Lab, notes: Notes) -> None:
    """It was begun earlier than any other could be."""
    lab.world.knobs.network.handshake_s = 0.1
    async with pool(notes, most=1) as here:
        here.expect([ear(lab)])
        taken = await here.take(ear(lab).address)
        assert taken is not None
        assert opened(lab) == 1
        await taken[0].close()
    assert notes.of(POOL_SOCKETS, outcome="in_the_making") == 1


async def test_a_call_that_gives_up_waiting_leaves_nothing_behind(lab: Lab, notes: Notes) -> None:
    """It hung up, or its own patience ended, while the socket was being made."""
    lab.world.knobs.network.handshake_s = 0.2
    async with pool(notes, most=1) as here:
        here.expect([ear(lab)])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await here.take(ear(lab).address)
        assert not here._shelves[ear(lab).address].spares
    await eventually(lambda: not lines(lab), what="hung up")


async def test_a_call_that_ends_while_its_connection_is_replaced_hangs_up(
    lab: Lab, notes: Notes
) -> None:
    """At every instant of it."""
    async with pool(notes, enabled=False) as here:
        for instants in range(6):
            owner = Owner(ear(lab).address)
            line = Channel(owner, origin=ORIGIN, care=Care(), spares=here)
            line.dial()
            await eventually(partial(getattr, line, "is_open"), what="open")
            line.drop(ORIGIN.slow("silent"))
            for _ in range(instants):
                await asyncio.sleep(0)
            await line.close()
            await eventually(lambda: not lines(lab), what=f"hung up after {instants} instants")


async def test_a_full_house_is_not_held_up_by_the_pool(lab: Lab, notes: Notes) -> None:
    """Its session makes as many connections as there are calls, however many wait."""
    async with pool(notes) as here:
        sockets = await asyncio.gather(
            *(open_socket(here.session, ear(lab).address, ping_s=0) for _ in range(120))
        )
        assert lines(lab) == 120
        await asyncio.gather(*(socket.close() for socket in sockets))


async def test_nobody_waits_at_another_address(lab: Lab, notes: Notes) -> None:
    """Language, words, voice and key are part of it."""
    async with pool(notes) as here:
        here.expect([ear(lab)])
        await eventually(lambda: here.waiting, what="waiting")
        assert await here.take(ear(lab, model="nova-2").address) is None
        keyed = replace(ear(lab).address, headers={"Authorization": "Token another"})
        assert await here.take(keyed) is None


async def test_a_socket_that_died_is_found_and_replaced_before_a_caller_meets_it(
    lab: Lab, notes: Notes
) -> None:
    """The vendor restarts: what waits is gone at once, and made anew after a rest."""
    async with pool(notes, most=1) as here:
        here.expect([ear(lab)])
        await eventually(lambda: here.waiting == 1, what="waiting")
        await lab.world.restart(lab.world.faults.add({"provider": "deepgram", "shape": "restart"}))
        await eventually(lambda: here.waiting == 0, what="found dead")
        assert await here.take(ear(lab).address) is None
        assert notes.of(POOL_LOST, provider="deepgram") == 1
        await eventually(lambda: here.waiting == 1, what="made anew")
    assert notes.of(POOL_SOCKETS, outcome="none") == 1


async def test_a_deaf_socket_is_found_by_its_ping(lab: Lab, notes: Notes) -> None:
    """No goodbye, no answer."""
    lab.fault("deepgram", "half_open")
    async with pool(notes, most=1, ping_s=0.05) as here:
        here.expect([ear(lab)])
        await eventually(lambda: notes.of(POOL_LOST), what="found")
        assert here.waiting == 0


async def test_a_vendor_that_is_down_is_asked_less_and_less(lab: Lab, notes: Notes) -> None:
    """And rings do not hurry it: each call dials for itself."""
    lab.fault("deepgram", "http_status", status=503, for_next=100)
    async with pool(notes, most=1) as here:
        for _ in range(20):
            here.expect([ear(lab)])
            await asyncio.sleep(0.01)
        await eventually(lambda: notes.of(POOL_LOST) == 1, what="refused")
        assert await here.take(ear(lab).address) is None
        await asyncio.sleep(0.05)
        assert notes.of(POOL_LOST) == 1


async def test_the_recognisers_rule_of_ten_seconds_is_kept(lab: Lab, notes: Notes) -> None:
    """Primed with silence, without which KeepAlive counts for nothing; then kept alive."""
    lab.world.knobs.deepgram.idle_s = 1.0
    async with pool(notes, most=1) as here:
        here.expect([ear(lab, keepalive_s=0.05)])
        await eventually(lambda: here.waiting == 1, what="waiting")
        for _ in range(24):
            await asyncio.sleep(0.05)
        assert here.waiting == 1
        assert opened(lab) == 1
    await eventually(lambda: lab.entries("deepgram", "audio"), what="closed")
    assert lab.entries("deepgram", "audio")[0]["bytes"] == len(MULAW_SILENCE * 160)
    assert not notes.of(POOL_LOST)


def voices(lab: Lab) -> list[Dialect]:
    return [
        ElevenLabsDialect(ElevenLabs(url=lab.ws, keepalive_s=0.05), "k", voice="v", language="en"),
        CartesiaDialect(
            Cartesia(url=f"{lab.ws}/tts/websocket", renew_s=0.2), "k", voice="v", language="en"
        ),
    ]


@pytest.mark.parametrize("number", [0, 1], ids=["elevenlabs", "cartesia"])
async def test_a_voices_rule_is_kept(lab: Lab, notes: Notes, number: int) -> None:
    """ElevenLabs is kept alive; Cartesia has no such message, so its sockets are renewed."""
    lab.world.knobs.elevenlabs.inactivity_s = 0.3
    dialect = voices(lab)[number]
    voice = Voice(dialect, connect_timeout_s=1.0, recorder=notes)
    provider = dialect.origin.provider
    async with pool(notes, most=1) as here:
        here.expect([voice.keep()])
        await eventually(lambda: here.waiting == 1, what="waiting")
        for _ in range(12):
            await asyncio.sleep(0.05)
        await eventually(lambda: here.waiting == 1, what="waiting")
        assert (opened(lab, provider) > 1) is (provider == "cartesia")
        assert not notes.of(POOL_LOST)
        taken = await here.take(voice.keep().address)
        assert taken is not None
        await taken[0].close()
    await voice.close()


async def test_no_socket_grows_old(lab: Lab, notes: Notes) -> None:
    """It is replaced before it is taken."""
    async with pool(notes, most=1, oldest_s=0.05) as here:
        here.expect([ear(lab)])
        await eventually(lambda: opened(lab) >= 3, what="renewed")
        taken = await here.take(ear(lab).address)
        assert taken is not None
        await taken[0].close()
    assert max(age for name, age in notes.observed if name == POOL_AGE.name) < 1
    assert not notes.of(POOL_LOST)


async def test_when_nobody_rings_any_more_nothing_waits(lab: Lab, notes: Notes) -> None:
    """After a quiet while the sockets are closed."""
    async with pool(notes, memory_s=0.1, rings_s=0.1) as here:
        here.expect([ear(lab)])
        await eventually(lambda: here.waiting, what="waiting")
        await eventually(lambda: not here.waiting, what="closed")
        await eventually(lambda: not lines(lab), what="hung up")


async def test_a_rush_makes_no_more_than_may_wait(lab: Lab, notes: Notes) -> None:
    """Bounded for each address, and so are the addresses."""
    async with pool(notes, most=3) as here:
        for _ in range(50):
            here.expect([ear(lab)])
        await eventually(lambda: here.waiting == 3, what="three")
        assert opened(lab) == 3
        for number in range(70):
            here.expect([ear(lab, model=f"nova-{number}")])
        assert len(here._shelves) == 64
        await here.close()


async def test_switched_off_it_makes_nothing_ahead(lab: Lab, notes: Notes) -> None:
    """Each call dials for itself."""
    async with pool(notes, enabled=False) as here:
        here.expect([ear(lab)])
        owner = Owner(ear(lab).address)
        line = Channel(owner, origin=ORIGIN, care=Care(), spares=here)
        line.dial()
        await eventually(lambda: line.is_open, what="open")
        assert owner.heard == [0]
        await line.close()
    assert opened(lab) == 1


async def test_what_replaces_a_lost_connection_is_fresh(lab: Lab, notes: Notes) -> None:
    """What dropped one may have harmed those that wait."""
    async with pool(notes) as here:
        here.expect([ear(lab)])
        await eventually(lambda: here.waiting == 2, what="waiting")
        owner = Owner(ear(lab).address)
        line = Channel(owner, origin=ORIGIN, care=Care(), spares=here)
        line.dial()
        await eventually(lambda: line.is_open, what="open")
        line.drop(ORIGIN.slow("silent"))
        await eventually(lambda: owner.faults, what="lost")
        line.dial()
        await eventually(lambda: line.is_open, what="open again")
        assert owner.heard == [160, 0]
        await line.close()


async def test_a_call_hears_the_same_on_a_socket_that_waited(lab: Lab, notes: Notes) -> None:
    """Words and their times, as on one of its own."""
    settings = Deepgram(url=lab.ws)
    keep = settings.keep("k", language="en", keyterms=())
    async with pool(notes) as here:
        here.expect([keep])
        await eventually(lambda: here.waiting, what="waiting")
        stage = Stage(DeepgramSTT(settings, "k", recorder=notes, language="en", spares=here))
        async with stage.open():
            await speak(stage)
            await stage.until(lambda: stage.seen(TranscriptionFrame))
        final = stage.seen(TranscriptionFrame)[0]
        assert final.result is not None
        assert final.text.lower().rstrip(".") == "hello there"
        assert final.result.start == 0
        assert final.result.duration == pytest.approx(1.4)
    assert notes.of(POOL_SOCKETS, outcome="waited") == 1


async def test_many_calls_and_restarts_leave_no_task_and_no_socket(lab: Lab, notes: Notes) -> None:
    """Ring, take, hang up, restart, in any order."""
    before = len(asyncio.all_tasks())
    async with pool(notes, most=2) as here:
        for number in range(12):
            here.expect([ear(lab), ear(lab, model="nova-2")])
            if number % 3:
                taken = await here.take(ear(lab).address)
                if taken is not None:
                    await taken[0].close()
            if number % 4 == 3:
                spec = {"provider": "deepgram", "shape": "restart"}
                await lab.world.restart(lab.world.faults.add(spec))
            await asyncio.sleep(0.01)
    await eventually(lambda: not lines(lab), what="hung up")
    gc.collect()
    await eventually(lambda: len(asyncio.all_tasks()) <= before, what="tasks ended")
