"""One provider socket: bounded, never waiting, replaced when its owner says so."""

from __future__ import annotations

import asyncio
import gc
import warnings
from dataclasses import dataclass, field

import pytest

from call.errors import ProviderDown, ProviderFault, ProviderSlow
from services.channel import Address, Care, Channel
from services.fault import Origin
from tests.conftest import eventually
from tests.services.stage import Lab

pytestmark = pytest.mark.provider

ORIGIN = Origin("deepgram", "hear")


@dataclass
class Owner:
    """Remembers what its channel tells."""

    lab: Lab
    received_: list[str] = field(default_factory=list)
    faults: list[ProviderFault] = field(default_factory=list)
    uptimes: list[float] = field(default_factory=list)
    alive: int = 0
    opened_: int = 0

    def address(self) -> Address:
        query = "model=nova-3&encoding=mulaw&sample_rate=8000"
        return Address(f"{self.lab.ws}/v1/listen?{query}", {"Authorization": "Token k"})

    async def received(self, text: str) -> None:
        self.received_.append(text)

    async def lost(self, fault: ProviderFault, *, uptime_s: float) -> None:
        self.faults.append(fault)
        self.uptimes.append(uptime_s)

    def keepalive(self) -> str | None:
        self.alive += 1
        return '{"type":"KeepAlive"}'

    def opened(self, heard_bytes: int) -> None:
        self.opened_ += 1


def channel(owner: Owner, **care: float) -> Channel:
    return Channel(owner, origin=ORIGIN, care=Care(**care))  # type: ignore[arg-type]


async def test_what_is_queued_before_the_connection_stands_is_sent(lab: Lab) -> None:
    """In order; and answers come back."""
    owner = Owner(lab)
    line = channel(owner)
    line.send(b"\xff" * 160)
    line.send('{"type":"Finalize"}')
    line.dial()
    await eventually(lambda: owner.received_, what="an answer")
    assert "from_finalize" in owner.received_[0]
    await line.close(farewell='{"type":"CloseStream"}')
    await eventually(lambda: lab.entries("deepgram", "closed"), what="closed")
    texts = [entry["text"] for entry in lab.entries("deepgram", "message")]
    assert texts == ['{"type":"Finalize"}', '{"type":"CloseStream"}']
    assert owner.faults == []


async def test_a_queue_that_nobody_reads_ends_the_connection(lab: Lab) -> None:
    """The peer has not read for long; nothing waits for it, and its owner learns why."""
    lab.fault("deepgram", "half_open")
    owner = Owner(lab)
    line = channel(owner, capacity=8)
    line.dial()
    await eventually(lambda: line.is_open, what="open")
    for _ in range(400):
        line.send('{"type":"' + "x" * 200_000 + '"}')
        await asyncio.sleep(0)
        if owner.faults:
            break
    await eventually(lambda: owner.faults, what="a fault")
    assert isinstance(owner.faults[0], ProviderSlow)
    await line.close()


async def test_a_silent_peer_is_pinged_and_found_out(lab: Lab) -> None:
    """A dead connection with nothing to say is noticed all the same."""
    lab.fault("deepgram", "half_open")
    owner = Owner(lab)
    line = channel(owner, ping_s=0.05)
    line.dial()
    await eventually(lambda: owner.faults, what="a fault")
    assert isinstance(owner.faults[0], ProviderDown)
    line.dial()
    await eventually(lambda: owner.opened_ == 2, what="open again")
    await asyncio.sleep(0.05)
    assert line.is_open  # a living peer answers pings
    await line.close()


async def test_a_message_is_handed_on_whole_though_the_connection_ends_in_it(lab: Lab) -> None:
    """What the owner began to act on, it ends."""
    done: list[str] = []

    class Slow(Owner):
        async def received(self, text: str) -> None:
            line.drop(ORIGIN.slow("any"))
            await asyncio.sleep(0.02)
            done.append(text)

    owner = Slow(lab)
    line = channel(owner)
    line.send(b"\xff" * 160)
    line.send('{"type":"Finalize"}')
    line.dial()
    await eventually(lambda: owner.faults, what="a fault")
    assert len(done) == 1
    await line.close()


async def test_nobody_home_is_a_fault_without_uptime(lab: Lab) -> None:
    """The owner sees that the connection never stood."""
    lab.fault("deepgram", "down", for_next=2)  # the client asks once more by itself
    owner = Owner(lab)
    line = channel(owner)
    line.dial()
    await eventually(lambda: owner.faults, what="a fault")
    assert isinstance(owner.faults[0], ProviderDown)
    assert owner.uptimes == [0.0]
    await line.close()


async def test_a_handshake_that_hangs_is_bounded(lab: Lab) -> None:
    """Slow, not endless."""

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    lab.url = f"http://127.0.0.1:{port}"
    owner = Owner(lab)
    line = channel(owner, connect_timeout_s=0.05)
    line.dial()
    await eventually(lambda: owner.faults, what="a fault")
    assert isinstance(owner.faults[0], ProviderSlow)
    await line.close()
    server.close()


async def test_dialling_twice_makes_one_connection(lab: Lab) -> None:
    """And none after the end."""
    owner = Owner(lab)
    line = channel(owner)
    line.dial()
    line.dial()
    await eventually(lambda: line.is_open, what="open")
    await line.close()
    line.dial()
    await asyncio.sleep(0.02)
    assert len(lab.entries("deepgram", "open")) == 1


async def test_an_idle_connection_is_kept_alive(lab: Lab) -> None:
    """Only when nothing else was sent."""
    owner = Owner(lab)
    line = channel(owner, keepalive_s=0.02)
    line.dial()
    await eventually(lambda: owner.alive >= 2, what="keep-alive")
    await line.close()
    assert owner.faults == []


async def test_closing_is_fast_while_the_peer_is_deaf(lab: Lab) -> None:
    """A call's end does not wait for politeness."""
    lab.fault("deepgram", "half_open")
    owner = Owner(lab)
    line = channel(owner)
    line.dial()
    await eventually(lambda: line.is_open, what="open")
    async with asyncio.timeout(1.0):
        await line.close(farewell="bye")


async def test_a_given_up_connection_tells_why(lab: Lab) -> None:
    """The owner's own reason comes back to it, and it may dial again."""
    owner = Owner(lab)
    line = channel(owner)
    line.dial()
    await eventually(lambda: line.is_open, what="open")
    reason = ORIGIN.slow("silent")
    line.drop(reason)
    await eventually(lambda: owner.faults, what="a fault")
    assert owner.faults == [reason]
    line.dial()
    await eventually(lambda: line.is_open, what="open again")
    await line.close()


@pytest.mark.parametrize("steps", [1, 2])
async def test_a_farewell_that_is_broken_off_leaves_nothing_open(lab: Lab, steps: int) -> None:
    """Who hangs up may be told to go in the middle of it, as at the end of a process."""
    owner = Owner(lab)
    await _broken_off(channel(owner), steps)
    with warnings.catch_warnings(record=True) as said:
        gc.collect()
    assert [str(warning.message) for warning in said if "session" in str(warning.message)] == []


async def _broken_off(line: Channel, steps: int) -> None:
    line.dial()
    await eventually(lambda: line.is_open, what="open")
    hanging_up = asyncio.create_task(line.close(farewell='{"type":"CloseStream"}'))
    for _ in range(steps):
        await asyncio.sleep(0)
    assert not hanging_up.done()
    hanging_up.cancel()
    await asyncio.wait([hanging_up])
