"""The buffer before a slow listener: bounded, oldest first to go, every loss counted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.backlog import Backlog

pytestmark = pytest.mark.rule


def test_keeps_order() -> None:
    """What went in first comes out first."""
    backlog: Backlog[str] = Backlog(1.0)
    for word in ("a", "b", "c"):
        assert backlog.add(word, 0.1) == 0
    assert [backlog.take(), backlog.take(), backlog.take(), backlog.take()] == ["a", "b", "c", None]


def test_sheds_the_oldest_beyond_its_limit() -> None:
    """Twenty-five frames of 20 ms into 0.4 s leave the newest twenty, and five are counted."""
    backlog: Backlog[int] = Backlog(0.4)
    dropped = [backlog.add(number, 0.02) for number in range(25)]
    assert dropped == [0] * 20 + [1] * 5
    assert backlog.shed == 5
    assert len(backlog) == 20
    assert backlog.take() == 5


def test_a_single_long_item_stays() -> None:
    """An item longer than the limit displaces everything else but is kept."""
    backlog: Backlog[str] = Backlog(0.4)
    backlog.add("short", 0.1)
    assert backlog.add("long", 3.0) == 1
    assert backlog.take() == "long"


def test_clear_is_not_shedding() -> None:
    """Forgetting on purpose is not counted as a loss."""
    backlog: Backlog[int] = Backlog(0.4)
    backlog.add(1, 0.1)
    backlog.clear()
    assert (len(backlog), backlog.shed, backlog.waiting_s) == (0, 0, 0.0)


def test_refuses_a_limit_that_holds_nothing() -> None:
    """A limit of zero is a mistake, said at once."""
    with pytest.raises(ValueError, match="holds nothing"):
        Backlog(0.0)


@given(
    st.lists(st.one_of(st.none(), st.floats(0.001, 0.5)), max_size=80),
    st.floats(0.02, 1.0),
)
def test_never_longer_than_its_limit_and_nothing_vanishes(
    steps: list[float | None], limit_s: float
) -> None:
    """However filled and emptied: bounded, in order, and added = taken + shed + waiting."""
    backlog: Backlog[int] = Backlog(limit_s)
    added = 0
    taken: list[int] = []
    for seconds in steps:
        if seconds is None:
            item = backlog.take()
            taken += [] if item is None else [item]
        else:
            backlog.add(added, seconds)
            added += 1
        assert backlog.waiting_s <= limit_s + 1e-6 or len(backlog) == 1
    assert taken == sorted(taken)
    assert added == len(taken) + backlog.shed + len(backlog)
