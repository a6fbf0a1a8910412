"""Many short calls while faults strike at random: does anybody hang, is anybody left without a
word, does anything stay behind in the process?

The faults are drawn from the matrix by a seed and bound to no call: whoever comes next meets them.
A caller who is asked for a moment gives it: who asks something else meanwhile, or hangs up, has not
been left alone. A caller who was misheard is answered in other words, and that is counted too.
Between batches the bot is let go idle, and what it holds then is compared with the first batch.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.fault_calls import PATIENCE_S, Call, Switchboard
from bench.fault_cells import ALWAYS, Cell, cells
from bench.fault_house import House
from bench.fault_verdicts import Verdicts
from bench.holdings import HELD, left_behind
from lab.measures import percentiles

SETTLE_S = 12.0  # what is closing has closed by then
REST_S = 40.0  # and what a fault left waiting has given up
MOST_ARMED = 6
STEADY = 3  # readings alike before the process counts as idle


@dataclass
class Tally:
    """What a campaign came to."""

    at_once: int
    calls: int = 0
    hung: int = 0
    turns: int = 0
    answered: int = 0
    misheard: int = 0
    """Of those, answers to other words than were said."""
    apologised: int = 0
    unanswered: list[str] = field(default_factory=list)
    """Turns in which the caller heard neither an answer nor an apology: call and question."""
    unfinished: int = 0
    """Calls without an ending in the bot's record."""
    problems: list[str] = field(default_factory=list)
    endings: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    silences: list[float] = field(default_factory=list)
    idle: list[dict[str, float]] = field(default_factory=list)
    """The bot's gauges after each batch, when nobody is calling."""

    @property
    def leaked(self) -> dict[str, float]:
        """What the idle process holds at the end beyond what it held after the first batch."""
        first, last = self.idle[0], self.idle[-1]
        return left_behind(first, last, calls=self.at_once)

    @property
    def memory_slope(self) -> tuple[float, float]:
        """Bytes a call, and the standard error of that; the first batch is warming up."""
        sizes = np.array([gauges["memory_bytes"] for gauges in self.idle[1:]])
        if len(sizes) < 3:
            return 0.0, float("inf")
        per_batch = self.calls / len(self.idle)
        at = np.arange(len(sizes)) * per_batch
        slope, base = np.polyfit(at, sizes, 1)
        spread = sizes - (slope * at + base)
        error = np.sqrt(np.sum(spread**2) / (len(sizes) - 2) / np.sum((at - at.mean()) ** 2))
        return float(slope), float(error)

    @property
    def is_good(self) -> bool:
        """Nobody hung, nobody was left alone, nothing stayed behind."""
        alone = self.hung or self.unanswered or self.unfinished or self.problems
        return not alone and not self.leaked


class Campaign:
    """Random faults, many calls."""

    def __init__(self, house: House, *, seed: int, at_once: int, every_s: float) -> None:
        self._house = house
        self._draw = random.Random(seed)
        self._board = Switchboard(house, at_once=at_once, seed=seed)
        self._every_s = every_s
        self._pool = [cell for cell in cells() if cell.place != ALWAYS]
        self.tally = Tally(at_once=at_once)

    async def run(self, calls: int, *, batch: int) -> Tally:
        """So many calls, in batches."""
        left = calls
        while left > 0:
            size = min(batch, left)
            left -= size
            await self._batch(size)
        return self.tally

    async def _batch(self, size: int) -> None:
        chaos = asyncio.create_task(self._chaos())
        try:
            calls = [Call(None, (None,), patience_s=PATIENCE_S) for _ in range(size)]
            placed = await self._board.run(calls)
        finally:
            chaos.cancel()
            await asyncio.gather(chaos, return_exceptions=True)
            await self._house.disarm_all()
        await self._house.listen()
        self._count(placed)
        first = self.tally.idle[0] if self.tally.idle else None
        self.tally.idle.append(await settled(self._house, again=first))
        self._house.forget()

    async def _chaos(self) -> None:
        """Arm one fault after the other, as long as calls go on."""
        while True:
            await asyncio.sleep(self._draw.uniform(0.5, 1.5) * self._every_s)
            if len(await self._house.armed()) < MOST_ARMED:
                await self._house.arm([self._fault()])

    def _fault(self) -> dict[str, Any]:
        if self._draw.random() < 0.03:
            provider = self._draw.choice(("deepgram", "anthropic", "elevenlabs", "cartesia"))
            down_s = self._draw.choice((0.0, 0.3, 1.0))
            return {"provider": provider, "shape": "restart", "down_s": down_s}
        cell: Cell = self._draw.choice(self._pool)
        spec = {"provider": cell.provider, "shape": cell.shape, **cell.parameters}
        return spec | {"for_next": self._draw.choice((1, 1, 2))}

    def _count(self, placed: Sequence[Call]) -> None:
        tally, verdicts = self.tally, Verdicts(self._house)
        for call in placed:
            assert call.outcome is not None
            tally.calls += 1
            tally.hung += call.outcome.timeline.ended_by in ("limit", "")
            ending = call.record.get("ending")
            tally.unfinished += not ending
            tally.endings[str(ending)] += 1
            if call.outcome.problem:
                tally.problems.append(call.outcome.problem)
            for turn in verdicts.answers(call):
                tally.turns += 1
                tally.silences.append(turn.silence_s)
                tally.answered += turn.is_answered
                tally.misheard += turn.is_answered and not turn.is_understood
                tally.apologised += turn.is_apologised and not turn.is_answered
                if not (turn.is_answered or turn.is_apologised):
                    tally.unanswered.append(f"{call.sid} {turn.clip}")
        for entry in self._house.entries:
            if entry["kind"] == "felt":
                tally.struck[f"{entry['provider']} {entry['shape']}"] += 1


async def settled(house: House, *, again: Mapping[str, float] | None = None) -> dict[str, float]:
    """The bot's gauges once nobody is calling and nothing changes any more; `again`: once it holds
    no more than that, or after a while all the same."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + (SETTLE_S if again is None else REST_S)
    seen: list[dict[str, float]] = []
    while loop.time() < deadline and not _is_settled(seen, again):
        await asyncio.sleep(1.0)
        seen.append(await house.gauges())
    return seen[-1]


def _is_settled(seen: Sequence[dict[str, float]], again: Mapping[str, float] | None) -> bool:
    """Nobody calls, and what is held has been the same for some readings."""
    last = [tuple(one[name] for name in HELD[:3]) for one in seen[-STEADY:]]
    if len(last) < STEADY or seen[-1]["active_calls"]:
        return False
    if again is None:
        return len(set(last)) == 1
    return all(seen[-1][name] <= again[name] + 1 for name in ("tasks", "threads"))


def report(tally: Tally) -> str:
    """The result as markdown."""
    silence = percentiles(tally.silences)
    slope, error = tally.memory_slope
    endings = ", ".join(f"{n} {name}" for name, n in tally.endings.most_common())
    left = ", ".join(f"{tally.idle[0][n]:.0f} → {tally.idle[-1][n]:.0f} {n}" for n in HELD[:3])
    rows = [
        ("calls", f"{tally.calls}, {sum(tally.struck.values())} faults felt by the bot"),
        ("hung calls", f"{tally.hung}"),
        ("calls without an ending", f"{tally.unfinished}"),
        (
            "turns",
            f"{tally.turns}: {tally.answered} answered ({tally.misheard} of them misheard), "
            f"{tally.apologised} apologised",
        ),
        ("left without an answer or an apology", f"{len(tally.unanswered)}"),
        ("endings", endings),
        (
            "longest silence of a turn, p50 / p95 / p99 / longest",
            " / ".join(
                f"{value:.2f}"
                for value in (silence.p50, silence.p95, silence.p99, silence.longest)
                if value is not None
            )
            + " s",
        ),
        ("held when idle, after the first batch → after the last", left),
        ("memory", f"{slope:+.0f} ± {2 * error:.0f} bytes a call (2 standard errors)"),
    ]
    lines = ["| | |", "| --- | --- |", *(f"| {name} | {text} |" for name, text in rows)]
    return "\n".join(lines)
