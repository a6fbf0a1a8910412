"""How many connections wait: enough for the callers to come, none after a quiet while."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.warmth import Arrivals, Warmth, enough

pytestmark = pytest.mark.rule

KNOBS = Warmth()


def rung(*instants: float, settings: Warmth = KNOBS) -> Arrivals:
    arrivals = Arrivals(settings)
    for now in instants:
        arrivals.rings(now)
    return arrivals


def test_nobody_rang_nothing_waits() -> None:
    """Idle sockets count against the vendor's limit."""
    assert rung().wanted(0.0) == 0


def test_a_caller_who_rings_has_one_and_the_next_has_one() -> None:
    """One is made for the call itself, one for whoever is next."""
    arrivals = rung(0.0)
    assert arrivals.wanted(0.0) == 2
    arrivals.answered()
    assert arrivals.wanted(1.0) == 1


def test_a_call_that_nobody_announced_takes_no_ones_place() -> None:
    """A browser's, or one behind another webhook."""
    arrivals = rung()
    arrivals.answered()
    arrivals.rings(0.0)
    assert arrivals.wanted(0.0) == 2


def test_a_caller_who_hung_up_while_it_rang_is_not_waited_for_long() -> None:
    """The carrier connects within a second."""
    arrivals = rung(0.0)
    assert arrivals.wanted(KNOBS.rings_s) == 2
    assert arrivals.wanted(KNOBS.rings_s + 1) == 1


def test_after_five_quiet_minutes_nothing_waits() -> None:
    """And not before."""
    arrivals = rung(0.0)
    assert arrivals.wanted(KNOBS.memory_s) == 1
    assert arrivals.wanted(KNOBS.memory_s + 0.1) == 0


def test_a_rush_is_bounded() -> None:
    """Those beyond make their own."""
    assert rung(*[float(i) / 100 for i in range(500)]).wanted(5.0) == KNOBS.most


@pytest.mark.parametrize(
    ("mean", "count"), [(0.0, 1), (0.005, 1), (0.05, 2), (0.5, 4), (2.0, 7), (800.0, 800)]
)
def test_enough_is_what_so_many_others_hardly_ever_reach(mean: float, count: int) -> None:
    """By the Poisson table; beyond what a float can hold, the mean."""
    assert enough(mean, short_of=0.01) == count


@given(st.floats(0.0, 20.0), st.floats(0.001, 0.5))
def test_more_callers_never_want_fewer(mean: float, short_of: float) -> None:
    """Nor does a stricter promise."""
    assert enough(mean, short_of=short_of) <= enough(mean + 0.5, short_of=short_of)
    assert enough(mean, short_of=short_of) <= enough(mean, short_of=short_of / 2)


@given(st.lists(st.tuples(st.floats(0.0, 60.0), st.booleans()), max_size=60), st.integers(1, 8))
def test_what_waits_is_bounded_and_never_missing_while_callers_ring(
    steps: list[tuple[float, bool]], most: int
) -> None:
    """Whoever rings and whoever is answered."""
    arrivals, now, ringing = Arrivals(Warmth(most=most)), 0.0, 0
    for wait_s, is_ring in steps:
        now += wait_s
        if is_ring:
            arrivals.rings(now)
            ringing += 1
            assert arrivals.wanted(now) >= 1
        else:
            arrivals.answered()
        assert 0 <= arrivals.wanted(now) <= most


def test_at_the_promised_rate_hardly_anybody_finds_none() -> None:
    """Callers at random, a connection made in the promised time: 1 % at most make their own."""
    draw = random.Random(1)
    settings = Warmth(most=20, made_within_s=0.5)
    made: list[float] = []
    arrivals, now, missed = Arrivals(settings), 0.0, 0
    for number in range(4000):
        now += draw.expovariate(1.5)
        waiting = [at for at in made if at <= now]
        if number >= 1000:
            missed += not waiting
        if waiting:
            made.remove(waiting[0])
        arrivals.rings(now)
        arrivals.answered()
        made += [now + settings.made_within_s] * (arrivals.wanted(now) - len(made))
    assert missed <= 0.015 * 3000


def test_settings_refuse_what_cannot_work() -> None:
    """A sentence names the value."""
    for wrong in ({"most": 0}, {"short_of": 1.0}, {"memory_s": 0.0}, {"ping_s": -1.0}):
        with pytest.raises(ValueError, match=str(next(iter(wrong.values())))):
            Warmth(**wrong)
