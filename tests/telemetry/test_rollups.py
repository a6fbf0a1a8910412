"""The figures of many turns: counts that add up, and the tail laid at the right door."""

from __future__ import annotations

import itertools
import random
import threading
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from call.budgets import Budgets
from telemetry.rollups import USUAL_TURNS, WINDOW_TURNS, Rollups, endings, of_calls

pytestmark = pytest.mark.rule

STAGES = ("stt", "endpoint", "context", "llm", "tool", "clause", "tts", "wire")


def turn(number: int = 1, **shares: float) -> dict[str, Any]:
    """A turn's document with these shares of its critical path."""
    total = round(sum(shares.values()), 6)
    return {
        "turn": number,
        "critical_path": [[stage, seconds] for stage, seconds in shares.items()],
        "end_to_end_s": total,
        "llm_first_token_s": shares.get("llm"),
        "silence_s": total + 0.25,
    }


def usual(draw: random.Random, number: int, **late: float) -> dict[str, Any]:
    """A turn as on most days, where patience is the largest share."""
    shares = {"endpoint": 0.12, "llm": 0.08, "tts": 0.07, "wire": 0.005}
    jittered = {stage: seconds * draw.uniform(0.8, 1.2) for stage, seconds in shares.items()}
    return turn(number, **{stage: s + late.get(stage, 0.0) for stage, s in jittered.items()})


@pytest.mark.parametrize("slowed", ["llm", "tts", "endpoint"])
def test_the_tail_of_two_hundred_turns_names_the_stage_slowed_in_one_of_twenty(slowed: str) -> None:
    """5 % of the turns are late by half a second at one provider."""
    draw, rollups = random.Random(7), Rollups()
    late = set(draw.sample(range(30, 200), 10))
    for number in range(200):
        rollups.add(usual(draw, number, **({slowed: 0.5} if number in late else {})))
    assert rollups.tail() == {slowed: 10}
    assert {slow.turn for slow in rollups.slow()} == late


def test_a_model_late_by_less_than_the_patience_is_still_named() -> None:
    """The largest stage is not the guilty one."""
    rollups = Rollups()
    for number in range(30):
        rollups.add(turn(number, endpoint=0.3, llm=0.08, tts=0.07))
    slow = rollups.add(turn(30, endpoint=0.3, llm=0.28, tts=0.07), call_id="c")
    assert slow is not None
    assert (slow.cause, slow.call_id, slow.turn) == ("llm", "c", 30)


@settings(deadline=None)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(STAGES), st.floats(0, 1), min_size=0, max_size=8),
        max_size=60,
    )
)
def test_the_causes_always_sum_to_the_tail(turns: list[dict[str, float]]) -> None:
    """Whatever the turns are."""
    rollups = Rollups(Budgets())
    for number, shares in enumerate(turns):
        rollups.add(turn(number, **shares))
    over = sum(1 for shares in turns if round(sum(shares.values()), 6) > 0.5)
    assert sum(rollups.tail().values()) == len(rollups.slow()) == over
    assert rollups.document()["slow_turns"] == over


def test_every_percentile_comes_with_its_n_and_turns_without_a_number_are_left_out() -> None:
    """A turn that was never answered has no end to end."""
    rollups = Rollups()
    rollups.add(turn(1, llm=0.1))
    rollups.add({"turn": 2, "end_to_end_s": None, "critical_path": []})
    document = rollups.document()
    assert document["turns"] == 2
    assert document["figures"]["end_to_end_s"]["n"] == 1
    assert document["stages"]["llm"]["p50"] == 0.1
    assert document["figures"]["stt_final_s"] == {
        "n": 0, "p50": None, "p95": None, "p99": None, "p999": None,
    }  # fmt: skip


def test_the_window_lets_the_oldest_turns_go() -> None:
    """Memory has a bound."""
    rollups = Rollups(window=3)
    for number in range(5):
        rollups.add(turn(number, llm=number / 10))
    assert rollups.n == 3
    assert rollups.figure("end_to_end_s").p50 == 0.3


def test_stored_calls_give_the_same_figures_as_the_running_process() -> None:
    """Same turns, same sums."""
    draw, running = random.Random(3), Rollups()
    calls: list[dict[str, Any]] = [
        {"call_id": str(c), "turns": [usual(draw, t, llm=0.6 * (t == 9)) for t in range(10)]}
        for c in range(4)
    ]
    for call in calls:
        for one in call["turns"]:
            running.add(one, call_id=call["call_id"])
    assert of_calls(calls).document() == running.document()


def test_endings_are_counted_by_how_long_the_calls_had_lasted() -> None:
    """Callers who leave within ten seconds are another matter than those who stay."""
    calls = [
        {"ending": "caller_hung_up", "duration_s": 4.0},
        {"ending": "caller_hung_up", "duration_s": 9.9},
        {"ending": "caller_hung_up", "duration_s": 3000.0},
        {"ending": "fault", "duration_s": 10.0},
    ]
    assert endings(calls) == {
        "caller_hung_up": {"< 10 s": 2, ">= 600 s": 1},
        "fault": {"< 30 s": 1},
    }


def test_a_full_window_is_small() -> None:
    """Ten thousand turns, all of them slow, take 7 MB at most."""
    draw, rollups = random.Random(1), Rollups()
    for number in range(USUAL_TURNS):
        rollups.add(turn(number, **dict.fromkeys(STAGES, draw.random())))
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(1000):
            shares = {stage: draw.random() for stage in STAGES[: 4 + 4 * (number % 2)]}
            rollups.add(turn(number, **shares), call_id=f"call {number // 2}")
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 1000 * 7e6 / WINDOW_TURNS


def test_figures_are_read_while_turns_come() -> None:
    """Pages are written by a thread of their own: a window that moves meanwhile is no fault."""
    rollups, draw = Rollups(window=2000), random.Random(1)
    rollups_full = threading.Event()
    is_over = threading.Event()

    def come() -> None:
        for number in itertools.count(1):
            rollups.add(usual(draw, number, llm=9.0))
            if number == 2000:
                rollups_full.set()
            if is_over.is_set():
                return

    coming = threading.Thread(target=come)
    coming.start()
    try:
        assert rollups_full.wait(60)
        for _ in range(100):
            assert rollups.figure("end_to_end_s").n == 2000
            assert len(rollups.slow()) == 2000
            assert rollups.stages() and rollups.usual()
    finally:
        is_over.set()
        coming.join()
