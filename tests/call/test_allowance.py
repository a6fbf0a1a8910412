"""A steady rate for ever, a burst after a stall, and no more."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.allowance import Allowance

pytestmark = pytest.mark.rule


def test_real_time_is_paid_for_ever() -> None:
    """An hour of 20 ms frames, each at its time."""
    audio = Allowance(rate=1.05, most=10.0)
    assert all(audio.pays(0.02, now=i * 0.02) for i in range(180_000))


def test_what_a_stall_held_back_may_come_at_once() -> None:
    """Five seconds of it are no offence; ten times real time soon is."""
    audio = Allowance(rate=1.05, most=10.0)
    assert all(audio.pays(0.02, now=5.0) for _ in range(250))
    fast = Allowance(rate=1.05, most=10.0)
    paid = [fast.pays(0.02, now=i * 0.002) for i in range(2000)]
    assert not all(paid)
    assert 0.02 * paid.index(False) == pytest.approx(11.2, abs=0.3)


def test_a_refused_amount_is_not_taken() -> None:
    """What was too much does not eat into what is left; a clock that stands still adds nothing."""
    allowance = Allowance(rate=1.0, most=2.0)
    assert not allowance.pays(3.0, now=1.0)
    assert allowance.pays(2.0, now=1.0)
    assert not allowance.pays(0.1, now=0.5)


@given(st.lists(st.tuples(st.floats(0, 3), st.floats(0, 2)), max_size=50))
def test_no_more_is_paid_than_has_come_in(steps: list[tuple[float, float]]) -> None:
    """At any instant: the burst and the rate since the beginning."""
    allowance, now, paid = Allowance(rate=2.0, most=5.0), 0.0, 0.0
    for amount, pause in steps:
        now += pause
        paid += amount if allowance.pays(amount, now=now) else 0.0
        assert paid <= 5.0 + 2.0 * now + 1e-6
