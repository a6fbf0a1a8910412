"""The next call goes where there is room, and room is never more than there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.places import SETTLED_S, Worker, choose, hold

pytestmark = pytest.mark.rule

MOST = 3  # calls a worker takes


def crew(count: int) -> list[Worker]:
    nothing: Any = None  # what talks and what was born: the choice asks neither
    return [Worker(number, nothing, nothing, 0.0) for number in range(1, count + 1)]


def chosen(able: Sequence[Worker], now: float = 0.0) -> int:
    worker = choose(able, max_calls=MOST, now=now)
    return 0 if worker is None else worker.number


def test_with_nobody_there_nobody_is_chosen() -> None:
    """The caller is led out by the carrier."""
    assert chosen([]) == 0
    assert hold([], max_calls=MOST, now=0.0) is None


def test_places_are_held_while_there_are_any_and_each_for_one_socket() -> None:
    """The oldest first; a place that nobody came for falls free."""
    able = crew(2)
    held = [hold(able, max_calls=MOST, now=float(at)) for at in range(2 * MOST + 1)]
    assert held[-1] is None
    order = [worker.number for worker in held if worker is not None]
    assert [chosen(able, now=7.0) for _ in order] == order
    assert hold(able, max_calls=MOST, now=7.0) is None
    assert hold(able, max_calls=MOST, now=7.1 + SETTLED_S) is not None


def test_a_full_house_gives_a_socket_to_somebody_all_the_same() -> None:
    """Who says politely that it is full."""
    able = crew(2)
    for worker in able:
        for _ in range(MOST):
            worker.entered("")
    assert chosen(able) in (1, 2)


@given(st.lists(st.sampled_from(["choose", "hold", "enter", "leave", "wait"]), max_size=60))
def test_room_is_never_more_than_there_is(deeds: list[str]) -> None:
    """Whatever comes in which order: calls and sockets on their way count once, and a place is held
    where there is most of it."""
    able, now = crew(2), 0.0
    for deed in deeds:
        match deed:
            case "choose":
                choose(able, max_calls=MOST, now=now)
            case "hold":
                most = max(worker.room(MOST, now) for worker in able)
                holder = hold(able, max_calls=MOST, now=now)
                assert (holder is None) == (most <= 0)
                assert holder is None or holder.room(MOST, now) == most - 1
            case "enter":
                handed = [worker for worker in able if worker.handed]
                if handed:
                    handed[0].entered("")
            case "leave":
                busy = [worker for worker in able if worker.calls]
                if busy:
                    busy[0].calls.pop()
            case "wait":
                now += 3.0
        for worker in able:
            room = worker.room(MOST, now)
            assert room == MOST - len(worker.calls) - len(worker.handed) - len(worker.held)
