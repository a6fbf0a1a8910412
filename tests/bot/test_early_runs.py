"""Read-only tools that run before the turn is decided: kept, or cut off and counted."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.early_runs import EarlyRuns
from call.speculation import Guess, Verdict

pytestmark = pytest.mark.rule


class Bench:
    """Some early runs; each says what became of it."""

    def __init__(self, most_wasted: int = 3) -> None:
        self.runs = EarlyRuns(most_wasted=most_wasted)
        self.told: list[str] = []
        self.wasted: list[tuple[str, float]] = []

    async def _run(self, answer: str) -> str:
        try:
            await asyncio.sleep(0)
            if answer == "never":
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.told.append(f"{answer} cut off")
            raise
        return answer

    def begin(self, call_id: str, answer: str = "found") -> Guess:
        """A guess of its own that wants one tool."""
        guess = Guess("how much")
        self.runs.begin(guess, self._run(answer), call_id=call_id)
        return guess

    def settle(self, guess: Guess, verdict: Verdict) -> None:
        """The verdict, and everybody knows it."""
        guess.settle(verdict, wasted=lambda kind, amount: self.wasted.append((kind, amount)))
        guess.announce()


async def test_a_run_whose_guess_is_kept_is_taken_once() -> None:
    """And costs nothing in vain."""
    bench = Bench()
    guess = bench.begin("1")
    bench.settle(guess, Verdict.KEPT)
    task: Any = bench.runs.take("1")
    assert await task == "found"
    assert bench.runs.take("1") is None and bench.wasted == []


async def test_a_run_whose_guess_is_withdrawn_is_cut_off_and_counted() -> None:
    """Nobody can take it; one that is over already is forgotten."""
    bench = Bench()
    slow, quick = bench.begin("1", "never"), bench.begin("2")
    for _ in range(4):
        await asyncio.sleep(0)
    for guess in (slow, quick):
        bench.settle(guess, Verdict.WITHDRAWN)
    await bench.runs.close()
    assert bench.told == ["never cut off"]
    assert bench.runs.take("1") is None and bench.runs.take("2") is None
    assert bench.wasted == [("tool_calls", 1), ("tool_calls", 1)]


async def test_only_so_many_may_be_in_vain_in_one_call() -> None:
    """Those under way count as if they were; a kept one gives its place back."""
    bench = Bench(most_wasted=2)
    first, second = bench.begin("1"), bench.begin("2")
    assert not bench.runs.may_begin
    bench.settle(first, Verdict.KEPT)
    assert bench.runs.take("1") is not None and bench.runs.may_begin
    bench.settle(second, Verdict.WITHDRAWN)
    bench.settle(bench.begin("3"), Verdict.WITHDRAWN)
    assert not bench.runs.may_begin
    assert not EarlyRuns(most_wasted=0).may_begin


async def test_the_end_of_the_call_cuts_off_what_runs() -> None:
    """So does an interruption of the call it belongs to; what is not there is no matter."""
    bench = Bench()
    bench.begin("1", "never")
    bench.begin("2", "never")
    await asyncio.sleep(0)
    bench.runs.drop("1")
    bench.runs.drop("7")
    await bench.runs.close()
    assert bench.told == ["never cut off"] * 2
