"""Percentiles are measured values, budgets are judged only on enough of them, causes are fair."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from call.budgets import Budgets, cause, percentiles, totals, verdicts

pytestmark = pytest.mark.rule


def test_every_percentile_is_a_value_that_was_measured() -> None:
    """Nearest rank over 1..1000 milliseconds."""
    figures = percentiles([n / 1000 for n in range(1, 1001)])
    assert figures.document() == {"n": 1000, "p50": 0.5, "p95": 0.95, "p99": 0.99, "p999": 0.999}


@settings(deadline=None)
@given(st.lists(st.floats(0, 10), min_size=1, max_size=50))
def test_percentiles_rise_and_lie_among_the_values(values: list[float]) -> None:
    """Whatever was measured."""
    row = [figure for figure in percentiles(values).by_quantile.values() if figure is not None]
    assert len(row) == 4
    assert row == sorted(row)
    assert set(row) <= set(values)


def test_no_values_are_no_figures() -> None:
    """n is 0 and says so."""
    assert percentiles([]).document() == {
        "n": 0,
        "p50": None,
        "p95": None,
        "p99": None,
        "p999": None,
    }


def test_a_budget_is_neither_kept_nor_broken_on_too_few_turns() -> None:
    """p95 of three turns is a lie."""
    few = verdicts(Budgets(), percentiles([0.9] * 3), {})
    assert {verdict.is_kept for verdict in few} == {None}
    enough = verdicts(Budgets(), percentiles([0.1] * 19 + [0.9]), {"llm": percentiles([0.9] * 20)})
    told = {verdict.name: verdict.is_kept for verdict in enough}
    assert told["end to end p50"] is True
    assert told["end to end p95"] is True
    assert told["end to end p99"] is None
    assert told["llm p95"] is False
    assert told["tts p95"] is None


def test_budgets_that_fall_are_refused() -> None:
    """A p99 below the p95 is a slip of the pen."""
    with pytest.raises(ValueError, match="must not fall"):
        Budgets(p99_s=0.1)
    with pytest.raises(ValueError, match="above 0"):
        Budgets(slow_turn_s=0)


def test_the_guilty_stage_is_the_one_above_its_usual_share_not_the_largest() -> None:
    """Patience is always there; the model was late."""
    path = [("endpoint", 0.30), ("llm", 0.25), ("tts", 0.1)]
    assert cause(path, {"endpoint": 0.30, "llm": 0.1, "tts": 0.1}) == "llm"
    assert cause(path, {}) == "endpoint"
    assert cause([], {}) is None


def test_a_model_that_writes_slowly_is_blamed_as_one_that_begins_late() -> None:
    """The wait for the first clause is the model's; a usual first clause is nobody's fault."""
    usual = {"endpoint": 0.30, "llm": 0.1, "clause": 0.05, "tts": 0.1}
    slow_writing = [("endpoint", 0.32), ("llm", 0.12), ("clause", 0.4), ("tts", 0.2)]
    assert cause(slow_writing, usual) == "llm"
    assert cause([("endpoint", 0.30), ("llm", 0.1), ("clause", 0.05), ("tts", 0.6)], usual) == "tts"


def test_a_stage_that_comes_twice_counts_as_one() -> None:
    """The model before and after its tool."""
    assert totals([("llm", 0.2), ("tool", 0.1), ("llm", 0.3)]) == {"llm": 0.5, "tool": 0.1}
