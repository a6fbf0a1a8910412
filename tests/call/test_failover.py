"""When a provider is waited for, gone round, and come back to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.failover import Answered, Close, Fact, Failed, Health, Open, Probed, Tolerance

pytestmark = pytest.mark.rule

TOLERANCE = Tolerance(first_byte_budget_s=0.4, faults_to_open=2, probe_s=5.0)


def usual(after_s: float = 0.1, *, times: int = 20) -> Health:
    """A provider that has answered so for a while."""
    health = Health(TOLERANCE)
    for _ in range(times):
        assert health.decide(Answered(after_s), 0.0) == ()
    return health


def broken(now: float = 0.0) -> Health:
    """One whose circuit has opened."""
    health = Health(TOLERANCE)
    health.decide(Failed(), now)
    assert health.decide(Failed(), now) == (Open("faults"),)
    return health


def test_a_stranger_gets_the_whole_budget():
    """Nothing is usual yet."""
    assert Health(TOLERANCE).budget_s == 0.4
    assert usual(times=9).budget_s == 0.4


@pytest.mark.parametrize(("usual_s", "budget_s"), [(0.15, 0.3), (0.3, 0.4), (0.01, 0.2)])
def test_the_budget_follows_what_is_usual(usual_s: float, budget_s: float):
    """Twice the 95th percentile, never above the setting nor below the jitter of a network."""
    assert usual(usual_s).budget_s == pytest.approx(budget_s)


@pytest.mark.parametrize(("after_s", "usual_s"), [(0.25, 0.25), (0.01, 0.2), (1.0, 0.4)])
def test_a_first_sound_takes_what_is_usual(after_s: float, usual_s: float):
    """Within what is waited for at all; a stranger is reckoned to take 0.3 s."""
    assert Health(TOLERANCE).usual_s == 0.3
    assert usual(after_s).usual_s == pytest.approx(usual_s)


def test_faults_in_a_row_open_the_circuit_once():
    """More of them change nothing."""
    health = Health(TOLERANCE)
    assert health.decide(Failed(), 1.0) == ()
    assert not health.is_open
    assert health.next_deadline() is None
    assert health.decide(Failed(), 2.0) == (Open("faults"),)
    assert health.decide(Failed(), 3.0) == ()
    assert health.is_open
    assert health.next_deadline() == 7.0


def test_an_answer_between_two_faults_keeps_it_closed():
    """They are not in a row."""
    health = Health(TOLERANCE)
    for fact in (Failed(), Answered(0.1), Failed()):
        assert health.decide(fact, 0.0) == ()
    assert not health.is_open


def test_an_answer_beyond_the_budget_does_not_count_as_well():
    """It was given up for slow before it came."""
    health = Health(TOLERANCE)
    for fact in (Failed(), Answered(0.9)):
        health.decide(fact, 0.0)
    assert health.decide(Failed(), 0.0) == (Open("faults"),)


def test_a_refusal_opens_it_at_once():
    """A wrong key does not mend itself."""
    assert Health(TOLERANCE).decide(Failed(is_permanent=True), 0.0) == (Open("refused"),)


def test_three_answers_far_above_the_usual_open_it():
    """Still within the budget, but something is wrong there; a single one is an accident."""
    health = usual(0.05)
    assert health.decide(Answered(0.3), 1.0) == ()
    assert health.decide(Answered(0.05), 1.0) == ()
    for _ in range(2):
        assert health.decide(Answered(0.3), 1.0) == ()
    assert health.decide(Answered(0.3), 1.0) == (Open("spike"),)


def test_fast_answers_are_never_a_spike():
    """Three times nothing is nothing."""
    health = usual(0.001)
    for _ in range(10):
        assert health.decide(Answered(0.1), 1.0) == ()


def test_a_probe_that_is_answered_in_time_closes_it():
    """And its time counts as usual; the faults before are forgotten."""
    health = broken()
    assert health.decide(Probed(0.1), 5.0) == (Close(),)
    assert not health.is_open
    assert health.next_deadline() is None
    assert health.decide(Failed(), 6.0) == ()


@pytest.mark.parametrize("answer_s", [None, 0.5])
def test_failed_probes_are_made_less_and_less_often(answer_s: float | None):
    """Up to once a minute."""
    health = broken()
    pauses, now = [], 0.0
    for _ in range(6):
        due_at = health.next_deadline()
        assert due_at is not None
        pauses.append(due_at - now)
        now = due_at
        assert health.decide(Probed(answer_s), now) == ()
    assert pauses == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]


def test_one_that_comes_back_only_to_fail_is_probed_less_often():
    """Until it has answered a caller in time."""
    health = broken()
    health.decide(Probed(0.1), 5.0)
    health.decide(Failed(), 6.0)
    health.decide(Failed(), 6.0)
    assert health.next_deadline() == 16.0
    health.decide(Probed(0.1), 16.0)
    health.decide(Answered(0.1), 17.0)
    health.decide(Failed(), 18.0)
    health.decide(Failed(), 18.0)
    assert health.next_deadline() == 23.0


def test_an_answer_while_it_is_open_leaves_it_open():
    """It was the last resort; the probe decides."""
    health = broken()
    assert health.decide(Answered(0.1), 1.0) == ()
    assert health.is_open


def test_a_provider_that_names_its_time_is_asked_after_it():
    """Within reason."""
    for asked_s, given_s in ((20.0, 20.0), (1.0, 5.0), (3600.0, 60.0)):
        health = Health(TOLERANCE)
        health.decide(Failed(is_permanent=True, retry_after_s=asked_s), 0.0)
        assert health.next_deadline() == given_s


def test_a_probe_of_a_closed_circuit_says_nothing():
    """It came too late to matter."""
    assert usual().decide(Probed(None), 0.0) == ()


def test_limits_are_checked():
    """A sentence names the value."""
    with pytest.raises(ValueError, match="first_byte_budget_s 0 must be above 0 seconds"):
        Tolerance(first_byte_budget_s=0, faults_to_open=2, probe_s=5.0)
    with pytest.raises(ValueError, match="probe_s -1 must be above 0 seconds"):
        Tolerance(first_byte_budget_s=0.4, faults_to_open=2, probe_s=-1)
    with pytest.raises(ValueError, match="faults_to_open 0 must be at least 1"):
        Tolerance(first_byte_budget_s=0.4, faults_to_open=0, probe_s=5.0)


FACTS = st.one_of(
    st.builds(Answered, st.floats(0, 2)),
    st.builds(Failed, st.booleans(), st.none() | st.floats(0, 100)),
    st.builds(Probed, st.none() | st.floats(0, 2)),
)


@given(st.lists(st.tuples(FACTS, st.floats(0, 10))))
def test_whatever_happens_an_open_circuit_will_be_probed(facts: list[tuple[Fact, float]]):
    """It opens and closes in turn, is probed within a minute, and the budget keeps its bounds."""
    health, now, is_open = Health(TOLERANCE), 0.0, False
    for fact, pause_s in facts:
        now += pause_s
        for action in health.decide(fact, now):
            assert isinstance(action, Open) != is_open
            is_open = isinstance(action, Open)
        assert health.is_open is is_open
        due_at = health.next_deadline()
        assert (due_at is not None) is is_open
        assert due_at is None or due_at <= now + 60.0
        assert 0.2 <= health.budget_s <= 0.4
