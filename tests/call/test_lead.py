"""The lead follows late wake-ups and jitter within its bounds, up at once and down slowly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.lead import Bounds, Lead

pytestmark = pytest.mark.rule

BOUNDS = Bounds(start_s=0.08, least_s=0.04, most_s=0.12)


def test_a_call_begins_with_what_is_set() -> None:
    """Nothing is known yet."""
    assert Lead(BOUNDS).seconds == pytest.approx(0.08)
    assert Lead(Bounds(0.02, 0.02, 0.02)).seconds == pytest.approx(0.02)


def test_quiet_seconds_narrow_it_slowly() -> None:
    """Half of the way after seven seconds of speech, all of it in the end."""
    lead = Lead(BOUNDS)
    for _ in range(350):
        lead.woke(0.0)
    assert lead.seconds == pytest.approx(0.06, abs=0.001)
    for _ in range(5000):
        lead.woke(0.0)
    assert lead.seconds == pytest.approx(0.04, abs=0.001)


def test_one_late_wake_up_widens_it_at_once() -> None:
    """The next one as late is not heard."""
    lead = Lead(BOUNDS)
    for _ in range(5000):
        lead.woke(0.0)
    lead.woke(0.05)
    assert lead.seconds > 0.04 + 0.05
    lead.woke(3.0)
    assert lead.seconds == 0.12


def test_a_steady_round_trip_adds_nothing_a_shaky_one_does() -> None:
    """However long the way is, only its changes run the ear dry."""
    steady, shaky = Lead(BOUNDS), Lead(BOUNDS)
    for n in range(50):
        steady.echoed(0.2)
        shaky.echoed(0.2 + 0.03 * (n % 2))
    assert steady.seconds == pytest.approx(0.08)
    assert 0.09 < shaky.seconds < 0.12


@given(
    st.lists(
        st.tuples(st.sampled_from(["woke", "echoed"]), st.floats(0, 5, allow_nan=False)),
        max_size=80,
    )
)
def test_it_never_leaves_its_bounds(seen: list[tuple[str, float]]) -> None:
    """Whatever happens."""
    lead = Lead(BOUNDS)
    for what, seconds in seen:
        getattr(lead, what)(seconds)
        assert BOUNDS.least_s <= lead.seconds <= BOUNDS.most_s
