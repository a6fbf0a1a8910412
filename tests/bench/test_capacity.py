"""A load is carried by the rule of its page; the largest counts only without a gap below."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.capacity_page import BY_HAND, goals, page, rewritten, table
from bench.capacity_step import FALLBACK_S, STEADY_S, Step, carried, is_beyond

pytestmark = pytest.mark.rule


def step(bot: str, calls: int, *, added_s: float = 0.1, lost: int = 0, underruns: int = 0) -> Step:
    return Step(
        bot, calls, asked=20, lost=lost, added=[added_s] * 20, underruns=underruns, talk_s=60.0,
        greetings=[0.1], lab_share=0.2, callers_share=0.3, start_s=4.0, cpu_share=0.02 * calls,
        cpu_s=1.2,
        rss_bytes=200_000_000 + 2_000_000 * calls,
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


def test_a_bot_is_spared_above_two_loads_it_did_not_carry() -> None:
    """The second may have been the bad luck of the first."""
    steps = [step("ours", 1), step("stock", 1), step("stock", 10, lost=1)]
    assert not is_beyond(steps, "stock") and not is_beyond(steps, "ours")
    steps.append(step("stock", 20))
    assert is_beyond(steps, "stock") and not is_beyond(steps, "ours")
    assert not is_beyond([], "ours")


@pytest.mark.parametrize(
    "worse", [{"lost": 1}, {"underruns": 2}, {"added_s": 0.25}], ids=["lost", "choppy", "slow"]
)
def test_any_of_the_three_breaks_a_load(worse: dict[str, float]) -> None:
    """A lost turn, two underruns a minute, or 100 ms more than alone."""
    assert carried([step("ours", 1), step("ours", 10, **worse)]) == {"ours": 1}  # type: ignore[arg-type]


def test_the_table_says_what_a_call_costs() -> None:
    """Of the core, and of memory beyond the idle process."""
    one = step("ours", 10)
    one.scores = 28
    row = table([one]).splitlines()[4]
    assert row == (
        "| ours | 10 | 20/20 | 100 / 100 / 100 (20) | 0.0 | 100 | 20 | 2.0 | 2.0 | 1.40 | 20 + 30 |"
    )
    assert STEADY_S == pytest.approx(0.28)
    assert FALLBACK_S < 3.0


def test_a_load_that_fills_the_callers_core_is_not_judged() -> None:
    """Nobody knows whose fault its figures are."""
    full = step("ours", 10)
    full.callers_share = 0.75
    assert carried([step("ours", 1), full]) == {"ours": 1}
    assert "20 + 75: full, not judged" in table([full])


def test_the_goals_are_those_of_carried_loads() -> None:
    """What a load beyond them costs is no figure of ours."""
    steps = [step("ours", 1), step("ours", 40), step("ours", 50, lost=1), step("stock", 1)]
    steps[2].cpu_s, steps[0].start_s = 9.0, 9.0
    rows = {what: (measured, is_met) for what, _, measured, is_met in goals(steps, imports_s=2.5)}
    assert rows["calls a core carries"] == ("40, stock 1", "yes")
    assert rows["core a call, at 10 calls and more"] == ("2.0 %", "yes")
    assert rows["start to ready"] == ("4.0 s, 2.5 s of them imports", "yes")


def test_what_was_written_by_hand_outlives_the_page(tmp_path: Path) -> None:
    """Everything below the mark stays as it was."""
    file = tmp_path / "benchmarks.md"
    steps = [step("ours", 1), step("stock", 1)]
    text = page(steps, imports_s=2.0, picture=tmp_path / "img" / "benchmarks.svg")
    rewritten(file, text)
    assert file.read_text("utf-8").endswith(f"(img/benchmarks.svg)\n\n{BY_HAND}\n")
    file.write_text(file.read_text("utf-8") + "\n## Why\n", "utf-8")
    rewritten(file, "# Anew\n")
    assert file.read_text("utf-8") == f"# Anew\n\n{BY_HAND}\n\n## Why\n"
