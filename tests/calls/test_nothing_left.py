"""However calls end, the process is soon as it was before: no task, thread, socket or file stays
behind, nothing goes round in circles, and memory does not grow."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from bench.fault_campaign import settled
from bench.fault_house import House, open_house
from bot.serve import ASIDE
from lab.caller import Caller
from lab.dialling import Phone
from lab.impairments import Impairments
from lab.mouth import Clips
from lab.plan import Plan
from lab.script import HangUp, Say, Script, Silence, Step, WaitAgent
from lab.stream import Event

pytestmark = [pytest.mark.call, pytest.mark.timeout(300)]

GONE_WITHIN_S = 2.0
SHORT_CALLS, EVERY_S = 32, 0.25  # many, so that what each leaves behind adds up
KEPT_MB = 0.5  # half of what a call holds while it lasts
GARBAGE = 20  # objects a call that wait for the collector; its list alone has two thousand
READERS = 30  # that list the calls at once
QUESTION: tuple[Step, ...] = (WaitAgent(timeout_s=12.0), Say("where", pause_s=0.1))
HANGING_UP: dict[str, tuple[Step, ...]] = {
    "behind the answer": (*QUESTION, WaitAgent(timeout_s=12.0), HangUp()),
    "in the answer": (*QUESTION, Silence(1.2), HangUp()),
    "in the greeting": (Silence(0.6), HangUp()),
    "at once": (HangUp(),),
}
TALKS_ON: tuple[Step, ...] = (*QUESTION, WaitAgent(timeout_s=12.0), *QUESTION, Silence(60.0))
VANISHING_S = (0.02, 0.5, 1.5, 4.0, 6.0)
"""Seconds into a talk at which the carrier's connection is cut without a word."""


@dataclass
class Ended:
    """Calls, by how they were ended."""

    before: dict[str, float] = field(default_factory=dict)
    after: dict[str, float] = field(default_factory=dict)
    took_s: dict[str, list[float]] = field(default_factory=dict)
    """From the carrier's stop, or the cut, until the call's record was closed."""
    late_s: float = 0.0
    """How long the bot took meanwhile to say that it is ready, at worst: the machine is so late."""
    parties: dict[str, set[Any]] = field(default_factory=dict)
    garbage: float = 0.0
    """Objects that had to be found by the collector, once there were no calls any more."""
    read: dict[str, float] = field(default_factory=dict)
    """After many have read the list of calls at once."""


async def _watch(house: House, ended: Ended) -> None:
    while True:
        began_at = time.monotonic()
        async with house.http.get(f"{house.base_url}/readyz"):
            ended.late_s = max(ended.late_s, time.monotonic() - began_at)
        await asyncio.sleep(0.05)


async def _call(
    house: House,
    ended: Ended,
    how: str,
    steps: tuple[Step, ...],
    *,
    vanish_s: float | None = None,
    after_s: float = 0.0,
) -> None:
    await asyncio.sleep(after_s)
    over_at: list[float] = []

    def heard(event: Event) -> None:
        if event["type"] == "lab.call.ended":
            over_at.append(time.time())

    script, clips = Script(how, steps), Clips()
    plan = Plan(
        script,
        {name: clips[name] for name in script.clips()},
        phone=Phone(auth_token=house.auth_token),
        impairments=Impairments(vanish_s=vanish_s),
        max_call_s=60.0,
    )
    outcome = await Caller(plan, on_event=heard).call(house.url)
    assert not outcome.problem, outcome.problem
    record = await house.record(outcome.timeline.call_sid)
    closed_at = datetime.fromisoformat(record["ended_at"]).timestamp()
    ended.took_s.setdefault(how, []).append(closed_at - over_at[0])
    ended.parties.setdefault(how, set()).add(record["fault_party"])


async def _round(house: House, ended: Ended) -> None:
    calls: list[tuple[str, tuple[Step, ...], float | None]] = [
        *((how, steps, None) for how, steps in HANGING_UP.items()),
        *((f"cut after {at:g} s", TALKS_ON, at) for at in VANISHING_S),
    ]
    await asyncio.gather(
        *(
            _call(house, ended, how, steps, vanish_s=vanish_s, after_s=0.2 * number)
            for number, (how, steps, vanish_s) in enumerate(calls)
        )
    )


def _short_calls(house: House, ended: Ended) -> list[Coroutine[Any, Any, None]]:
    """One after the other: hung up on in the greeting, or cut."""
    return [
        _call(
            house,
            ended,
            "short, cut" if number % 2 else "short",
            TALKS_ON if number % 2 else HANGING_UP["in the greeting"],
            vanish_s=0.6 if number % 2 else None,
            after_s=EVERY_S * number,
        )
        for number in range(SHORT_CALLS)
    ]


async def _run(folder: Path) -> Ended:
    ended = Ended()
    async with open_house("ours", folder=folder) as house:
        await _storm(house, Ended())  # everything warm
        ended.before = await settled(house)
        found_before = await _found(house)
        watching = asyncio.create_task(_watch(house, ended))
        await _storm(house, ended)
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        ended.after = await settled(house, again=ended.before)
        ended.garbage = await _found(house) - found_before
        await asyncio.gather(*(_list(house) for _ in range(READERS)))
        ended.read = await house.gauges()
    return ended


async def _found(house: House) -> float:
    async with house.http.get(f"{house.base_url}/metrics") as answer:
        told = re.search(r"(?m)^offhook_process_garbage_objects (\S+)", await answer.text())
    assert told is not None
    return float(told[1])


async def _list(house: House) -> None:
    async with house.http.get(f"{house.base_url}/api/calls") as answer:
        assert len(await answer.json()) > SHORT_CALLS


async def _storm(house: House, ended: Ended) -> None:
    await asyncio.gather(_round(house, ended), *_short_calls(house, ended))


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ended]:
    yield asyncio.run(_run(tmp_path_factory.mktemp("left")))


def test_a_call_is_taken_down_within_two_seconds(ended: Ended) -> None:
    """From the stop, or the cut, to the closed record, whatever the agent was doing; and what this
    machine adds when it has no time: all calls are late then, and none is left hanging."""
    slowest = {how: max(took_s) for how, took_s in ended.took_s.items()}
    assert len(slowest) == len(HANGING_UP) + len(VANISHING_S) + 2
    usual_s = median(seconds for took_s in ended.took_s.values() for seconds in took_s)
    assert max(slowest.values()) <= GONE_WITHIN_S + 4 * ended.late_s + 2 * usual_s, slowest
    print(f"longest {max(slowest.values()):.2f} s, late {ended.late_s:.2f} s")  # noqa: T201 - a figure to read


def test_who_hangs_up_is_no_fault_and_who_is_cut_off_is_the_carriers(ended: Ended) -> None:
    """So that the one is not found among the others."""
    for how, parties in ended.parties.items():
        assert parties == ({"carrier"} if "cut" in how else {None}), how


def test_nothing_stays_behind(ended: Ended) -> None:
    """Tasks, threads, open files and sockets are what they were, give or take what a process at
    rest has; of sockets those that are kept open to the model, fewer than one for four calls."""
    more = {name: ended.after[name] - ended.before[name] for name in ended.before}
    calls = len(HANGING_UP) + len(VANISHING_S) + SHORT_CALLS
    assert more["tasks"] <= 1, more
    assert more["threads"] <= 1, more
    assert more["open_files"] < calls / 4, more
    assert more["memory_bytes"] < calls * KEPT_MB * 1e6, more
    print(more)  # noqa: T201 - figures to read


def test_what_a_call_was_goes_without_the_collector(ended: Ended) -> None:
    """Looking for garbage makes every living call wait; what is over must not need it. The process
    looks when it is empty, and then there is next to nothing to be found."""
    calls = sum(len(took_s) for took_s in ended.took_s.values())
    assert ended.garbage < calls * GARBAGE, (ended.garbage, calls)
    print(f"{ended.garbage / calls:.0f} objects a call")  # noqa: T201 - a figure to read


def test_a_crowd_of_readers_keeps_few_threads_busy(ended: Ended) -> None:
    """Each thread that ever read and wrote the whole list holds the memory of it."""
    assert ended.read["threads"] <= ended.after["threads"] + ASIDE, (ended.after, ended.read)
