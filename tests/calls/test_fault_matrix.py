"""Whole calls in which every provider fails in every way it can: what the caller heard of it.

One bot, one lab, some dozens of calls at once; each fault is armed for one turn of one call. What
was heard is known from the bytes the carrier played. `OFFHOOK_TEST_FAULTS=all` tries every fault at
every place; without it each is tried once, and the commonest everywhere.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench.fault_calls import Call, Switchboard, deal
from bench.fault_campaign import settled
from bench.fault_cells import Cell, cells, short
from bench.fault_house import IN_CROWDS, open_house, unrehearsed
from bench.fault_verdicts import LONGEST_SILENCE_S, Seen, misses, try_all

pytestmark = [pytest.mark.call, pytest.mark.timeout(600)]

AT_ONCE = 6
USUAL_S = 0.6  # the longest silence of a call in which nothing fails, on a machine that is idle
TRIED = cells() if os.environ.get("OFFHOOK_TEST_FAULTS") == "all" else short()


@dataclass
class Tried:
    """What came of all of it."""

    seen: dict[tuple[str, str], Seen]
    allowed_s: float
    """The promised silence, and what this machine adds to it when nothing fails."""
    calls: list[Call]
    before: dict[str, float]
    after: dict[str, float]


async def _try(folder: Path) -> Tried:
    async with open_house(
        "ours", folder=folder, beforehand=unrehearsed(), environ=IN_CROWDS
    ) as house:
        board = Switchboard(house, at_once=AT_ONCE)
        await board.run([Call(None, (None,)) for _ in range(4)])  # everything warm
        before = await settled(house)
        # calls in which nothing fails go beside the others, and say how loaded the machine is
        controls = [Call(None, (None, None, None)) for _ in range(3)]
        faulty = deal(TRIED)
        half = len(faulty) // 2
        calls = [*controls[:1], *faulty[:half], *controls[1:], *faulty[half:]]
        # what fails in the crowd is tried once more, alone: a fault of ours fails again
        verdicts = await try_all(house, board, calls, is_to_repeat=misses)
        fine = [one.decided_s or one.silence_s for one in verdicts if one.cell is None]
        allowed_s = LONGEST_SILENCE_S + 2 * max(0.0, max(fine) - USUAL_S)
        seen = {_key(one.cell): one for one in verdicts if one.cell is not None}
        return Tried(seen, allowed_s, calls, before, await settled(house, again=before))


def _key(cell: Cell) -> tuple[str, str]:
    return cell.name, cell.place


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tried]:
    yield asyncio.run(_try(tmp_path_factory.mktemp("faults")))


@pytest.mark.parametrize("cell", TRIED, ids=lambda cell: f"{cell.name} at {cell.place}")
def test_the_caller_is_answered_or_led_out(tried: Tried, cell: Cell):
    """No silence beyond two seconds, every word once and in order, and the call goes on; or, when
    nothing works any more, it ends with an apology and a way out."""
    seen = tried.seen[_key(cell)]
    assert misses(seen, allowed_s=tried.allowed_s) == []


def test_the_record_says_what_failed(tried: Tried):
    """Every fault the caller could have noticed stands in its call's record, by provider."""
    silent = [
        (cell.name, cell.place, sorted(_named(call)))
        for call in tried.calls
        for cell in [turn.cell for turn in call.turns if turn.is_struck]
        if cell is not None and cell.is_fault and cell.provider not in _named(call)
    ]
    assert silent == []


def test_every_turns_stages_sum_to_its_end_to_end(tried: Tried):
    """Whoever failed in it, and whoever took over: to the microsecond, and none is negative."""
    turns = [
        turn
        for call in tried.calls
        for turn in call.record.get("turns") or ()
        if turn["end_to_end_s"] is not None
    ]
    taken_over = [turn for turn in turns if "cartesia" in " ".join(turn["provider_by_clause"])]
    assert len(turns) > 50 and taken_over
    for turn in turns:
        shares = [seconds for _, seconds in turn["critical_path"]]
        assert sum(shares) == pytest.approx(turn["end_to_end_s"], abs=2e-6), turn["turn"]
        assert min(shares) >= 0
        assert turn["slowest"] in {stage for stage, _ in turn["critical_path"]}


def _named(call: Call) -> set[str]:
    return {str(fault["provider"]) for fault in call.record.get("faults") or ()}


def test_nothing_stays_behind(tried: Tried):
    """Once nobody calls: no more tasks and threads than a process has at rest, give or take one;
    of sockets those that are kept open to the model, one a call at most; a thread more of the store
    has its three files of the database open."""
    more = {name: tried.after[name] - tried.before[name] for name in tried.before}
    assert more["tasks"] <= 1, more
    assert more["threads"] <= 1, more
    assert more["open_files"] <= AT_ONCE + 3 * max(0, more["threads"]), more
