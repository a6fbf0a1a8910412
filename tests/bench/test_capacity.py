"""A load is carried by the rule of its page; the largest counts only without a gap below."""

from __future__ import annotations

import pytest

from bench.capacity import FALLBACK_S, STEADY_S, Step, carried, table

pytestmark = pytest.mark.rule


def step(bot: str, calls: int, *, added_s: float = 0.1, lost: int = 0, underruns: int = 0) -> Step:
    return Step(
        bot, calls, asked=20, lost=lost, added=[added_s] * 20, underruns=underruns, talk_s=60.0,
        greetings=[0.1], cpu_share=0.02 * calls, rss_bytes=200_000_000 + 2_000_000 * calls,
        idle_rss_bytes=200_000_000,
    )  # fmt: skip


def test_the_largest_load_without_a_worse_one_below_is_carried() -> None:
    """One lucky step above a bad one does not count."""
    steps = [
        step("ours", 1),
        step("ours", 20, added_s=0.19),
        step("ours", 30, added_s=0.21),
        step("ours", 40),
        step("stock", 1),
        step("stock", 10, underruns=2),
    ]
    assert carried(steps) == {"ours": 20, "stock": 1}


@pytest.mark.parametrize(
    "worse", [{"lost": 1}, {"underruns": 2}, {"added_s": 0.25}], ids=["lost", "choppy", "slow"]
)
def test_any_of_the_three_breaks_a_load(worse: dict[str, float]) -> None:
    """A lost turn, two underruns a minute, or 100 ms more than alone."""
    assert carried([step("ours", 1), step("ours", 10, **worse)]) == {"ours": 1}  # type: ignore[arg-type]


def test_the_table_says_what_a_call_costs() -> None:
    """Of the core, and of memory beyond the idle process."""
    row = table([step("ours", 10)]).splitlines()[4]
    assert row == "| ours | 10 | 20/20 | 100 / 100 / 100 (20) | 0.0 | 100 | 20 | 2.0 | 2.0 |"
    assert STEADY_S == pytest.approx(0.28)
    assert FALLBACK_S < 3.0
