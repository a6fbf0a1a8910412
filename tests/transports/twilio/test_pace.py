"""The pace of outgoing audio, on a clock of our own."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.lead import Bounds, Lead
from transports.twilio.pace import Pace

pytestmark = pytest.mark.wire

FRAME_S = 0.02


def steady(seconds: float) -> Lead:
    """A lead that stays as it is."""
    return Lead(Bounds(seconds, seconds, seconds))


def sent_by(pace: Pace, now: float) -> int:
    """How many frames leave at this instant, without waiting."""
    number = 0
    while pace.wait_s(now) == 0.0:
        pace.sent(FRAME_S, now)
        number += 1
    return number


def test_the_lead_leaves_at_once_and_then_real_time() -> None:
    """80 ms of lead: four frames and the one that is playing at once, then one every 20 ms."""
    pace = Pace(steady(0.08))
    assert sent_by(pace, 100.0) == 5
    assert pace.wait_s(100.0) == pytest.approx(0.02)
    assert [sent_by(pace, 100.0201 + n * FRAME_S) for n in range(50)] == [1] * 50


def test_a_late_wake_up_is_caught_up() -> None:
    """A stall of 60 ms makes no gap, and afterwards the lead is what it was."""
    pace = Pace(steady(0.08))
    sent_by(pace, 100.0)
    assert pace.sent(FRAME_S, 100.08) == 0.0  # 60 ms late
    sent_by(pace, 100.08)
    assert pace.ends_at - 100.08 == pytest.approx(0.1)


def test_a_stall_longer_than_the_lead_is_a_gap_of_that_length() -> None:
    """When the ear ran dry, the gap is told, and the clock starts anew instead of racing after."""
    pace = Pace(steady(0.08))
    sent_by(pace, 100.0)
    assert pace.sent(FRAME_S, 100.25) == pytest.approx(0.15)
    assert pace.ends_at == pytest.approx(100.27)


def test_a_clear_leaves_nothing_to_be_played() -> None:
    """After a clear the next frame leaves at once; a clear in silence changes nothing."""
    pace = Pace(steady(0.08))
    sent_by(pace, 100.0)
    pace.cleared(100.01)
    assert pace.ends_at == 100.01
    assert sent_by(pace, 100.01) == 5
    pace.cleared(200.0)
    assert pace.ends_at == pytest.approx(100.11)


@given(st.lists(st.floats(0.0, 0.3), max_size=60), st.floats(0.0, 0.3))
def test_the_ear_is_dry_only_for_what_the_lead_cannot_cover(
    stalls: list[float], lead_s: float
) -> None:
    """For any stalls: never further ahead than the lead and one frame, never dry within it."""
    pace = Pace(steady(lead_s))
    now = 100.0
    pace.sent(FRAME_S, now)
    for stall in stalls:
        ahead_s = pace.ends_at - now
        wait_s = pace.wait_s(now)
        now += wait_s + stall
        dry_s = pace.sent(FRAME_S, now)
        assert dry_s == pytest.approx(max(0.0, wait_s + stall - ahead_s), abs=1e-9)
        if stall < min(lead_s, ahead_s) - 1e-9:
            assert dry_s == 0.0
        assert pace.ends_at - now <= max(lead_s, 0.0) + FRAME_S + 1e-9


def test_a_late_wake_up_widens_the_lead_of_what_follows() -> None:
    """The next one as late is not heard; a wake-up on time changes little."""
    pace = Pace(Lead(Bounds(0.04, 0.04, 0.12)))
    pace.sent(FRAME_S, now=1.0)
    assert pace.wait_s(1.0) == 0.0
    pace.woke(due_at=1.0, now=1.05)
    pace.sent(FRAME_S, now=1.05)
    for _ in range(3):  # leaves at once until the wider lead is there
        assert pace.wait_s(1.05) == 0.0
        pace.sent(FRAME_S, now=1.05)
    pace.woke(due_at=1.1, now=1.0)
    assert pace.ends_at - 1.05 > 0.07
