"""The next caller goes where there is room; whoever dies is replaced, and its neighbours stay."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

import pytest

from bot import workers
from bot.places import SETTLED_S, Worker
from bot.talk import take_over
from bot.workers import Crew, CrewLost
from bot.zygote import Born, Zygote, ZygoteGone
from tests.conftest import TICK, eventually

pytestmark = pytest.mark.wire


class FakeZygote(Zygote):
    """Bears the near end of workers; the test plays the far end."""

    def __init__(self) -> None:
        self.far: list[tuple[socket.socket, socket.socket]] = []
        self.failures: list[Exception] = []
        self.stillborn = False

    def bear(self) -> Born:
        if self.failures:
            raise self.failures.pop()
        talk, talk_there = socket.socketpair()
        connections, connections_there = socket.socketpair()
        connections_there.setblocking(False)
        connections.setblocking(False)
        self.far.append((talk_there, connections_there))
        if self.stillborn:
            talk_there.shutdown(socket.SHUT_RDWR)
        return Born(2**22 + len(self.far), talk, connections)  # a pid nobody has

    def say(self, index: int, **message: Any) -> None:
        self.far[index][0].sendall(json.dumps(message).encode() + b"\n")

    def answer(self, index: int) -> None:
        """Answer whatever is asked, until the talk is over."""
        for line in self.far[index][0].makefile():
            if asked := json.loads(line).get("ask"):
                with suppress(OSError):
                    self.say(index, answer=asked, **{"is": None})

    def taken(self, index: int) -> int:
        found = take_over(self.far[index][1]) or []
        for each in found:
            each.close()
        return len(found)

    def close(self) -> None:
        for ends in self.far:
            for end in ends:
                end.close()


class Played:
    """A crew of two whose workers the test plays."""

    def __init__(self) -> None:
        self.zygote = FakeZygote()
        self.heard: list[tuple[int, str]] = []
        self.crew = Crew(self.zygote, count=2, max_calls=2, begin={"environ": {}}, heard=self.hear)

    def hear(self, worker: Worker, what: str, told: Mapping[str, Any]) -> None:
        self.heard.append((worker.number, what))

    async def saw(self, index: int, what: str, **fields: Any) -> None:
        before = len(self.heard)
        self.zygote.say(index, what=what, **fields)
        await eventually(lambda: len(self.heard) > before, what=f"{what} was heard")

    def hand(self, now: float) -> None:
        peer, connection = socket.socketpair()
        self.crew.hand(connection, now)
        peer.close()


@pytest.fixture
async def played(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Played]:
    monkeypatch.setattr(workers, "ASK_EVERY_S", TICK)
    story = Played()
    opening = asyncio.create_task(story.crew.open())
    await eventually(lambda: len(story.zygote.far) == 2, what="two were born")
    for index in (0, 1):
        story.zygote.say(index, what="ready")
    await opening
    try:
        yield story
    finally:
        story.zygote.close()
        await story.crew.close()


async def test_each_is_told_how_to_begin(played: Played) -> None:
    """Its number, and the environment."""
    for index, (talk, _) in enumerate(played.zygote.far):
        assert json.loads(talk.makefile().readline()) == {
            "what": "begin", "number": index + 1, "environ": {},
        }  # fmt: skip


async def test_calls_are_shared_out_evenly(played: Played) -> None:
    """Sockets on their way count as calls already."""
    for _ in range(4):
        played.hand(now=0.0)
    assert [played.zygote.taken(0), played.zygote.taken(1)] == [2, 2]


async def test_a_full_worker_takes_no_call_while_another_has_room(played: Played) -> None:
    """Only a full house hands it to somebody, who turns it away politely."""
    for _ in range(2):
        await played.saw(0, "entered", caller="")
    played.hand(now=0.0)
    played.hand(now=0.0)
    assert [played.zygote.taken(0), played.zygote.taken(1)] == [0, 2]
    for _ in range(2):
        await played.saw(1, "entered", caller="")
    assert played.crew.hold(now=0.0) is None
    played.hand(now=0.0)
    assert played.zygote.taken(0) + played.zygote.taken(1) == 1


async def test_a_socket_goes_to_the_worker_that_holds_its_place(played: Played) -> None:
    """The one that has warmed up for it; a place held for nobody falls free."""
    await played.saw(0, "entered", caller="")
    await played.saw(0, "entered", caller="")
    held = played.crew.hold(now=0.0)
    assert held is not None
    assert held.number == 2
    await played.saw(0, "left", caller="")
    await played.saw(0, "left", caller="")
    played.hand(now=1.0)
    assert [played.zygote.taken(0), played.zygote.taken(1)] == [0, 1]
    assert not held.held
    played.crew.hold(now=1.0)
    later = 1.0 + SETTLED_S + 0.1
    assert sum(w.room(2, later) for w in played.crew) == 4


async def test_a_dead_worker_is_replaced_and_its_counters_stay(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits for it is told; the other one goes on."""
    monkeypatch.setattr(workers, "PAUSES_S", (0.0,))
    first = next(iter(played.crew))
    first.figures = [{"name": "n", "help": "", "type": "counter", "samples": [["n_total", {}, 3]]}]
    played.zygote.far[0][0].close()
    await eventually(lambda: (1, "died") in played.heard, what="its death was told")
    await eventually(lambda: len(played.zygote.far) == 3, what="another was born")
    assert played.crew.departed[0]["samples"] == [["n_total", {}, 3]]
    played.hand(now=0.0)
    assert played.zygote.taken(1) == 1  # the new one is not ready yet
    assert played.crew.places == 2
    await played.saw(2, "ready")
    assert played.crew.places == 4


async def test_what_strangers_open_keeps_nobody_out(played: Played) -> None:
    """Sockets that become no call make a worker less welcome, and not full."""
    for _ in range(2):
        await played.saw(0, "entered", caller="")
    for _ in range(5):
        played.hand(now=0.0)
    assert [played.zygote.taken(0), played.zygote.taken(1)] == [0, 5]


async def test_a_worker_that_says_nothing_gets_no_calls_and_is_killed(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its neighbour takes them; when it is gone it is replaced as any other."""
    killed: list[int] = []
    monkeypatch.setattr(workers, "kill", lambda pid, _: killed.append(pid))
    monkeypatch.setattr(workers, "ANSWERS_WITHIN_S", 5 * TICK)
    answering = asyncio.create_task(asyncio.to_thread(played.zygote.answer, 1))
    await eventually(lambda: (1, "quiet") in played.heard, what="it was seen")
    assert played.crew.places == 2
    for _ in range(2):
        played.hand(now=0.0)
    assert [played.zygote.taken(0), played.zygote.taken(1)] == [0, 2]
    await eventually(lambda: killed, what="it was killed")
    assert killed == [next(iter(played.crew)).born.pid]
    for talk, _ in played.zygote.far:
        talk.shutdown(socket.SHUT_RDWR)
    await answering


async def test_an_answer_that_this_process_was_too_late_to_hear_is_not_owed(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine was busy; so may the worker have been."""
    monkeypatch.setattr(workers, "ASK_EVERY_S", TICK / 8)
    monkeypatch.setattr(workers, "ANSWERS_WITHIN_S", TICK / 8)
    monkeypatch.setattr(workers, "LATE_OURSELVES_S", -TICK / 8)
    await asyncio.sleep(3 * TICK)
    assert (1, "quiet") not in played.heard
    monkeypatch.setattr(workers, "LATE_OURSELVES_S", 1.0)
    await eventually(lambda: (1, "quiet") in played.heard, what="now it is missed")


async def test_a_worker_that_loads_its_models_owes_no_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a busy machine that takes a while; it has a time of its own for it."""
    killed: list[int] = []
    monkeypatch.setattr(workers, "kill", lambda pid, _: killed.append(pid))
    for name in ("ASK_EVERY_S", "ANSWERS_WITHIN_S"):
        monkeypatch.setattr(workers, name, TICK / 8)
    loading = Played()
    opening = asyncio.create_task(loading.crew.open())
    await eventually(lambda: len(loading.zygote.far) == 2, what="both are born")
    await asyncio.sleep(3 * TICK)
    assert not killed
    monkeypatch.setattr(workers, "READY_WITHIN_S", 0.0)
    await eventually(lambda: killed, what="it took too long")
    opening.cancel()
    monkeypatch.undo()
    loading.zygote.close()
    await loading.crew.close()


def test_callers_of_a_worker_that_hangs_wait_five_seconds_at_most() -> None:
    """Ten times as long as a full worker was ever seen to pause, and no longer."""
    longest_s = workers.ASK_EVERY_S + (workers.OWES_AT_MOST + 1) * workers.ANSWERS_WITHIN_S
    assert 10 * 0.4 < longest_s <= 5.0


async def test_a_worker_that_answers_again_gets_calls_again(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was busy, and did not hang."""
    monkeypatch.setattr(workers, "ANSWERS_WITHIN_S", 5 * TICK)
    monkeypatch.setattr(workers, "OWES_AT_MOST", 10**6)
    await eventually(lambda: played.crew.places == 0, what="both are quiet")
    peer, connection = socket.socketpair()
    assert not played.crew.hand(connection, 0.0)
    peer.close()
    answering = [asyncio.to_thread(played.zygote.answer, index) for index in (0, 1)]
    both = asyncio.gather(*answering)
    await eventually(lambda: played.crew.places == 4, what="both are back")
    assert {(1, "answers"), (2, "answers")} <= set(played.heard)
    for talk, _ in played.zygote.far:
        talk.shutdown(socket.SHUT_RDWR)
    await both


async def test_without_descriptors_a_worker_is_born_a_little_later(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first try fails, the next one does not."""
    monkeypatch.setattr(workers, "PAUSES_S", (0.0, 0.0))
    played.zygote.failures = [OSError(24, "Too many open files")]
    played.zygote.far[0][0].close()
    await eventually(lambda: len(played.zygote.far) == 3, what="another was born")
    assert not played.crew.is_lost.is_set()


async def test_a_crew_that_nobody_can_be_born_into_is_lost(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever serves is told, and takes no more calls; the neighbour goes on."""
    monkeypatch.setattr(workers, "PAUSES_S", (0.0,))
    played.zygote.failures = [ZygoteGone()]
    played.zygote.far[0][0].close()
    await eventually(played.crew.is_lost.is_set, what="it was told")
    assert played.crew.places == 2


async def test_workers_that_die_at_their_start_are_not_tried_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One clear line, instead of a house that never answers."""
    monkeypatch.setattr(workers, "PAUSES_S", (0.0, 0.0, 0.0))
    story = Played()
    story.zygote.stillborn = True
    with pytest.raises(CrewLost, match="the workers do not come up"):
        await story.crew.open()
    assert len(story.zygote.far) <= 2 * 3
    await story.crew.close()


async def test_a_pause_before_the_next_start_keeps_nobody_from_going(
    played: Played, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers that die young are started again ever later; whoever stops the house waits not."""
    monkeypatch.setattr(workers, "PAUSES_S", (1000.0,) * 5)
    for talk, _ in played.zygote.far:
        talk.shutdown(socket.SHUT_RDWR)
    await eventually(lambda: not list(played.crew), what="both are dead")
    async with asyncio.timeout(workers.GONE_WITHIN_S / 2):
        await played.crew.close()


async def test_who_does_not_answer_is_left_out(played: Played) -> None:
    """The page shows the others."""

    def answer(index: int) -> None:
        lines = played.zygote.far[index][0].makefile()
        for line in lines:
            message = json.loads(line)
            if message.get("what") == "figures":
                played.zygote.say(index, answer=message["ask"], **{"is": [index]})
                return

    asking = asyncio.create_task(played.crew.ask("figures"))
    await asyncio.to_thread(answer, 1)
    assert [(worker.number, figures) for worker, figures in await asking] == [(2, [1])]
