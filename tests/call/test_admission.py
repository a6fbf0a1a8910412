"""How many calls: accept, refuse, drain."""

from __future__ import annotations

import pytest

from call.admission import COMES_WITHIN_S, Admission, Capacity
from call.errors import MisuseError

pytestmark = pytest.mark.rule


def test_calls_are_taken_until_the_worker_is_full() -> None:
    """The call past the limit is refused as "full", and welcome again when one has left."""
    admission = Admission(Capacity(max_calls=2))
    assert [admission.enter() for _ in range(3)] == [True, True, False]
    assert (admission.active, admission.refusal()) == (2, "full")
    admission.leave()
    assert (admission.active, admission.refusal()) == (1, None)


def test_a_draining_worker_takes_nobody_and_lets_the_living_finish() -> None:
    """Draining wins over room."""
    admission = Admission(Capacity(max_calls=2))
    admission.enter()
    assert not admission.is_draining
    admission.drain()
    assert admission.is_draining
    assert (admission.enter(), admission.refusal(), admission.active) == (False, "draining", 1)
    admission.leave()
    assert admission.active == 0


def test_who_was_told_to_come_before_the_drain_is_let_in_where_there_is_room() -> None:
    """Not whoever else comes, and not into a full house."""
    admission = Admission(Capacity(max_calls=1))
    admission.drain()
    assert not admission.enter("+15550100001")
    assert admission.enter("+15550100001", is_awaited=True)
    assert not admission.enter("+15550100002", is_awaited=True)
    assert admission.refusal("+15550100002", is_awaited=True) == "full"


def test_who_was_told_to_come_is_awaited_for_a_few_seconds() -> None:
    """Each who comes is one less; who hung up while it rang is not waited for."""
    admission = Admission(Capacity())
    for now in (0.0, 1.0, 2.0):
        admission.tell_to_come(now)
    assert admission.awaited(2.0) == 3
    admission.enter(is_awaited=True)
    assert admission.awaited(2.0) == 2
    assert admission.awaited(1.5 + COMES_WITHIN_S) == 1
    assert admission.awaited(2.1 + COMES_WITHIN_S) == 0


def test_room_may_come_and_go_and_nobody_is_put_out() -> None:
    """A house whose workers die has less room, and more when they are back."""
    admission = Admission(Capacity(max_calls=2))
    admission.enter()
    admission.resize(0)
    assert (admission.active, admission.max_calls, admission.refusal()) == (1, 0, "full")
    admission.resize(4)
    assert admission.refusal() is None


def test_a_call_that_somebody_else_took_in_is_counted_whatever_the_limits() -> None:
    """So that it can leave; it is one of its number's."""
    admission = Admission(Capacity(max_calls=1, max_calls_per_caller=1))
    admission.drain()
    for _ in range(2):
        admission.count("+15550100001")
    assert admission.active == 2
    for _ in range(2):
        admission.leave("+15550100001")
    assert admission.active == 0


def test_leaving_without_entering_is_our_bug() -> None:
    """The count can never go below zero."""
    with pytest.raises(MisuseError):
        Admission(Capacity()).leave()


def test_one_number_gets_its_share_of_the_lines_and_no_more() -> None:
    """The call past its share is refused as "caller"; others, and withheld numbers, get in."""
    admission = Admission(Capacity(max_calls=9, max_calls_per_caller=2))
    assert [admission.enter("+15550100001") for _ in range(3)] == [True, True, False]
    assert admission.refusal("+15550100001") == "caller"
    assert admission.refusal("+15550100002") is None
    assert all(admission.enter(withheld) for withheld in ("", "", "", "Anonymous", "+266696687"))
    admission.leave("+15550100001")
    assert admission.enter("+15550100001")
    assert admission.active == 7


def test_without_a_share_one_number_may_take_every_line() -> None:
    """0 means no limit but the worker's own."""
    admission = Admission(Capacity(max_calls=3, max_calls_per_caller=0))
    assert [admission.enter("+15550100001") for _ in range(4)] == [True, True, True, False]
    assert admission.refusal("+15550100001") == "full"


def test_a_number_leaves_only_as_often_as_it_entered() -> None:
    """Leaving under another number is our bug, too."""
    admission = Admission(Capacity())
    admission.enter("+15550100001")
    with pytest.raises(MisuseError):
        admission.leave("+15550100002")


@pytest.mark.parametrize(
    ("knob", "value"),
    [("max_calls", 0), ("drain_s", -1.0), ("max_call_s", 0.0), ("max_calls_per_caller", -1)],
)
def test_a_senseless_limit_is_refused_by_name(knob: str, value: float) -> None:
    """The message names the knob and its value."""
    with pytest.raises(ValueError, match=f"{knob} is {value}"):
        Capacity(**{knob: value})  # type: ignore[arg-type]
