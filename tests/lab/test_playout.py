"""The playout buffer: what is played when, and when marks come back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.loudness import encode
from lab.playout import Playout

pytestmark = pytest.mark.rule

TONE = encode(8000 * np.sin(np.arange(8000) * 0.5))
QUIET = b"\xff" * 8000


def test_sound_is_played_at_eight_thousand_bytes_a_second() -> None:
    """Half a second of sound fed at once lasts half a second."""
    playout = Playout()
    playout.feed(TONE[:4000], now=10.0)
    assert playout.played_out_at == pytest.approx(10.5)
    assert playout.waiting_s(now=10.2) == pytest.approx(0.3)


def test_a_mark_comes_back_when_the_sound_before_it_has_been_played() -> None:
    """Not before, and not because later sound is still waiting."""
    playout = Playout()
    playout.feed(TONE[:1600], now=1.0)
    playout.mark("a", now=1.0)
    playout.feed(TONE, now=1.0)
    assert playout.due(now=1.19) == []
    assert [(m.name, m.by) for m in playout.due(now=1.2)] == [("a", "played")]
    assert playout.due(now=5.0) == []


def test_a_mark_comes_back_at_once_when_nothing_waits() -> None:
    """An empty buffer, before and after sound."""
    playout = Playout()
    playout.mark("first", now=1.0)
    assert [m.by for m in playout.due(now=1.0)] == ["empty"]
    playout.feed(TONE[:800], now=2.0)
    playout.mark("late", now=2.5)
    assert [m.by for m in playout.due(now=2.5)] == ["empty"]


def test_a_clear_forgets_the_rest_and_gives_back_every_mark_in_order() -> None:
    """What was played stays played; the marks say why they came."""
    playout = Playout()
    playout.feed(TONE, now=1.0)
    playout.mark("a", now=1.0)
    playout.feed(TONE, now=1.0)
    playout.mark("b", now=1.0)
    assert playout.clear(now=1.5) == 12000
    assert [(m.name, m.by) for m in playout.due(now=1.5)] == [("a", "clear"), ("b", "clear")]
    assert len(playout.runs[0].sound) == 4000
    assert playout.runs[0].was_cleared
    assert playout.waiting_s(now=1.5) == 0.0


def test_sound_beyond_ten_minutes_is_discarded() -> None:
    """The carrier's cap; what fits stays."""
    playout = Playout(capacity_s=1.0)
    assert playout.feed(TONE, now=0.0)
    assert not playout.feed(TONE[:160], now=0.0)
    assert playout.feed(TONE[:160], now=0.5)
    assert playout.discarded_bytes == 160


def test_sound_after_the_buffer_ran_dry_is_a_new_run() -> None:
    """The gap between the runs is what the caller hears as an underrun."""
    playout = Playout()
    playout.feed(TONE[:1600], now=1.0)
    playout.feed(TONE[:1600], now=1.15)
    playout.feed(TONE[:1600], now=1.45)
    assert [(round(r.started_at, 3), round(r.ended_at, 3)) for r in playout.runs] == [
        (1.0, 1.4),
        (1.45, 1.65),
    ]


def test_the_agent_is_heard_where_there_is_energy_and_only_once_it_is_played() -> None:
    """Leading silence is not speech, and sound waiting in the buffer has not been heard."""
    playout = Playout()
    playout.feed(QUIET[:2400] + TONE[:1600] + QUIET[:800], now=5.0)
    assert playout.heard_since(0.0, now=5.2) is None
    assert playout.heard_since(0.0, now=5.35) == pytest.approx(5.3)
    assert playout.heard_last(now=5.2) is None
    assert playout.heard_last(now=5.35) == pytest.approx(5.35, abs=0.011)
    assert playout.heard_last(now=9.0) == pytest.approx(5.5)
    assert playout.heard_since(5.5, now=9.0) is None
    [span] = playout.audible_spans()
    assert span == pytest.approx((5.3, 5.5))


chunks = st.lists(
    st.tuples(
        st.sampled_from(["feed", "mark", "clear", "due"]),
        st.integers(0, 2000),
        st.floats(0, 0.5, allow_nan=False),
    ),
    max_size=40,
)


@given(chunks)
def test_marks_never_outrun_the_sound_and_no_byte_is_lost(
    steps: list[tuple[str, int, float]],
) -> None:
    """For any conversation: marks come first in first out, never before the sound sent ahead of
    them has been played (unless cleared), and sent = played + cleared."""
    playout, now = Playout(), 0.0
    sent = 0
    names: list[str] = []
    echoed: list[str] = []
    must_be_played: dict[str, int] = {}
    for index, (what, size, pause) in enumerate(steps):
        now += pause
        match what:
            case "feed":
                playout.feed(TONE[:size], now=now)
                sent += size
            case "mark":
                name = str(index)
                playout.mark(name, now=now)
                names.append(name)
                must_be_played[name] = sent - playout.cleared_bytes
            case "clear":
                playout.clear(now=now)
            case "due":
                for mark in playout.due(now=now):
                    echoed.append(mark.name)
                    waiting = playout.waiting_s(now=now) * 8000
                    played = sent - playout.cleared_bytes - waiting
                    if mark.by != "clear":
                        assert played >= must_be_played[mark.name] - 1
    echoed += [mark.name for mark in playout.due(now=now + 3600)]
    assert echoed == names
    assert sum(len(run.sound) for run in playout.runs) == sent - playout.cleared_bytes


@given(chunks)
def test_runs_never_overlap_and_flags_match_the_sound(
    steps: list[tuple[str, int, float]],
) -> None:
    """Time only goes forward, and every whole window has its flag."""
    playout, now = Playout(), 0.0
    for what, size, pause in steps:
        now += pause
        if what == "clear":
            playout.clear(now=now)
        else:
            playout.feed(TONE[:size], now=now)
    for earlier, later in zip(playout.runs, playout.runs[1:], strict=False):
        assert earlier.ended_at <= later.started_at + 2e-4
    for run in playout.runs:
        assert len(run.flags) == len(run.sound) // 80


def test_what_was_played_at_an_instant_can_be_heard_again() -> None:
    """Sample for sample; silence where nothing was played."""
    playout = Playout()
    playout.feed(TONE[:160], now=1.0)
    playout.feed(TONE[160:320], now=2.0)
    silence = b"\xff"
    assert playout.sound(1.0, 160) == TONE[:160]
    assert playout.sound(0.99, 160) == silence * 80 + TONE[:80]
    assert playout.sound(1.01, 160) == TONE[80:160] + silence * 80
    assert playout.sound(2.0, 160) == TONE[160:320]
    assert playout.sound(0.5, 160) == playout.sound(3.0, 160) == silence * 160
    assert playout.sound(0.99, 16000) == (
        silence * 80 + TONE[:160] + silence * 7840 + TONE[160:320] + silence * 7760
    )
