"""However late the clause and whatever the first voice does, the caller hears something in time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.relief import PATH_S, PROMISE_S, Relief, relief

pytestmark = pytest.mark.rule

LATEST_S = 1.7  # a later clause is preceded by a holding phrase (`patience.first_clause_s`)
NORMAL_S = PROMISE_S - PATH_S - LATEST_S  # a stand-in's first sound, at most
BUDGETS = st.floats(0.2, 0.4)
"""The first voice's own deadline, as `Health.budget_s` has it."""


def heard_s(
    clause_s: float,
    *,
    budget_s: float,
    first_s: float,
    fails_s: float,
    usual_s: float,
    other_s: float,
) -> tuple[float, bool]:
    """Silence until something is heard, and whether another voice was asked before the first one
    was late or failed. The first sounds so long after it was asked, or never, or it fails after
    so long; the other one sounds so long after it was asked."""
    late_s = clause_s + budget_s
    rule = relief(0.0, usual_s=usual_s)
    felt_s = min(late_s, clause_s + fails_s)
    asked_s = max(clause_s, min(rule.ask_at, felt_s))
    let_out_s = min(rule.sound_at, felt_s)
    sounds_s = max(asked_s + other_s, let_out_s)
    first_at = clause_s + (first_s if first_s <= fails_s else float("inf"))
    return min(first_at, sounds_s) + PATH_S, asked_s < min(felt_s, first_at)


@given(
    clause_s=st.floats(0.0, LATEST_S),
    budget_s=BUDGETS,
    first_s=st.floats(0.0, 5.0) | st.just(float("inf")),
    fails_s=st.floats(0.0, 5.0) | st.just(float("inf")),
    usual_s=st.floats(0.2, 0.4),
    share=st.floats(0.0, 1.0),
)
def test_sound_is_heard_in_time_at_every_clause_time_and_every_fault(
    clause_s: float, budget_s: float, first_s: float, fails_s: float, usual_s: float, share: float
) -> None:
    """A stall, an error at any moment, a slow voice: given a stand-in whose first sound is normal,
    by what is known of it and by what the promise allows at all."""
    silence_s, _ = heard_s(
        clause_s,
        budget_s=budget_s,
        first_s=first_s,
        fails_s=fails_s,
        usual_s=usual_s,
        other_s=share * min(usual_s, NORMAL_S),
    )
    assert silence_s <= PROMISE_S + 1e-9


@given(clause_s=st.floats(0.0, 2.0), budget_s=BUDGETS, usual_s=st.floats(0.2, 0.4))
def test_a_clause_that_comes_early_asks_nobody_else(
    clause_s: float, budget_s: float, usual_s: float
) -> None:
    """Where the first voice's own deadline leaves the other one its time, nothing is asked twice
    unless the first one fails."""
    is_early = clause_s + budget_s <= PROMISE_S - PATH_S - usual_s
    _, is_asked = heard_s(
        clause_s,
        budget_s=budget_s,
        first_s=budget_s,
        fails_s=float("inf"),
        usual_s=usual_s,
        other_s=0.0,
    )
    assert not (is_early and is_asked)


@given(clause_s=st.floats(0.0, LATEST_S), first_s=st.floats(0.0, NORMAL_S))
def test_a_first_voice_that_is_well_is_the_one_that_is_heard(
    clause_s: float, first_s: float
) -> None:
    """However fast the other one is: it is held back for as long as the first may be in time."""
    silence_s, _ = heard_s(
        clause_s, budget_s=0.4, first_s=first_s, fails_s=float("inf"), usual_s=0.3, other_s=0.0
    )
    assert silence_s == pytest.approx(clause_s + first_s + PATH_S)


def test_the_other_voice_is_asked_so_early_that_its_sound_is_in_time() -> None:
    """And sounds at the last moment."""
    asked = relief(10.0, usual_s=0.25)
    assert asked == Relief(asked.ask_at, sound_at=11.9)
    assert asked.ask_at == pytest.approx(11.65)
