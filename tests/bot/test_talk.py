"""Front and worker tell and ask each other over a real socket pair, and hand connections over."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from bot.talk import Ear, Talk, TalkOverError, hand_over, take_over
from tests.conftest import eventually

pytestmark = pytest.mark.wire


@asynccontextmanager
async def pair(ear: Ear, *, other: Ear = lambda *_: None) -> AsyncIterator[tuple[Talk, Talk]]:
    """Two ends that listen; the second hears with `ear`."""
    a, b = socket.socketpair()
    ends = await Talk.over(a, ear=other), await Talk.over(b, ear=ear)
    listening = [asyncio.create_task(end.listen()) for end in ends]
    try:
        yield ends
    finally:
        for end in ends:
            await end.close()
        await asyncio.gather(*listening)


async def test_what_is_told_arrives_in_order() -> None:
    """With all its fields, whatever stands in them."""
    heard: list[tuple[str, Mapping[str, Any]]] = []
    async with pair(lambda what, told: heard.append((what, told))) as (front, _):
        for n in range(100):
            front.tell("record", document={"n": n, "text": "line\nbreak \u0646"})
        await eventually(lambda: len(heard) == 100, what="everything was heard")
    assert [told["document"]["n"] for _, told in heard] == list(range(100))
    assert heard[0] == ("record", {"document": {"n": 0, "text": "line\nbreak \u0646"}})


async def test_what_is_asked_is_answered_to_whoever_asked() -> None:
    """Several questions at once, answered out of order, by functions and coroutines."""

    async def slow(n: int) -> int:
        await asyncio.sleep(0.01 * (5 - n))
        return n

    def ear(what: str, told: Mapping[str, Any]) -> object:
        return slow(told["n"]) if what == "slow" else told["n"]

    async with pair(ear) as (front, _):
        answers = await asyncio.gather(
            *(front.ask("slow" if n % 2 else "quick", n=n) for n in range(5))
        )
    assert answers == [0, 1, 2, 3, 4]


async def test_a_question_to_an_end_that_is_gone_is_answered_with_that() -> None:
    """Nobody waits for the dead."""
    async with pair(lambda *_: asyncio.sleep(60)) as (front, worker):
        asking = asyncio.create_task(front.ask("figures", within_s=30))
        await asyncio.sleep(0)
        await worker.close()
        with pytest.raises(TalkOverError):
            await asking


async def test_a_question_without_an_answer_ends_in_time() -> None:
    """A worker that is stuck costs a page nothing but its own figures."""
    async with pair(lambda *_: asyncio.sleep(60)) as (front, _):
        with pytest.raises(TimeoutError):
            await front.ask("figures", within_s=0.05)


async def test_garbage_ends_the_talk_and_nothing_else() -> None:
    """A half-written line of a killed worker."""
    a, b = socket.socketpair()
    front = await Talk.over(a, ear=lambda *_: None)
    b.sendall(b'{"what": "rec')
    b.close()
    await front.listen()
    await front.close()


async def test_what_cannot_be_heard_does_not_end_the_talk() -> None:
    """A fault of ours in one message: the others are heard, and nobody waits for its answer."""
    heard: list[int] = []

    def ear(what: str, told: Mapping[str, Any]) -> None:
        heard.append(100 // told["n"])

    async with pair(ear) as (front, _):
        front.tell("record", n=0)
        with pytest.raises(TimeoutError):
            await front.ask("figures", within_s=0.05, n=0)
        front.tell("record", n=50)
        await eventually(lambda: heard == [2], what="the next was heard")


def test_a_connection_that_changes_hands_has_lost_nothing() -> None:
    """What was sent before is read after."""
    here, there = socket.socketpair()
    peer, connection = socket.socketpair()
    there.setblocking(False)
    assert take_over(there) == []
    peer.sendall(b"GET / HTTP/1.1\r\n")
    assert hand_over(here, connection)
    assert connection.fileno() == -1  # it is no longer ours
    (taken,) = take_over(there) or []
    assert taken.recv(100) == b"GET / HTTP/1.1\r\n"
    taken.send(b"ok")
    assert peer.recv(2) == b"ok"
    here.close()
    assert take_over(there) is None
    for each in (there, peer, taken):
        each.close()


def test_a_connection_nobody_takes_is_closed() -> None:
    """A worker that is gone: the peer sees the end, not silence."""
    here, there = socket.socketpair()
    peer, connection = socket.socketpair()
    there.close()
    assert not hand_over(here, connection)
    assert peer.recv(1) == b""
    here.close()
    peer.close()
