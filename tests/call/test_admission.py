"""How many calls: accept, refuse, drain."""

from __future__ import annotations

import pytest

from call.admission import Admission, Capacity
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


def test_leaving_without_entering_is_our_bug() -> None:
    """The count can never go below zero."""
    with pytest.raises(MisuseError):
        Admission(Capacity()).leave()


@pytest.mark.parametrize(
    ("knob", "value"), [("max_calls", 0), ("drain_s", -1.0), ("max_call_s", 0.0)]
)
def test_a_senseless_limit_is_refused_by_name(knob: str, value: float) -> None:
    """The message names the knob and its value."""
    with pytest.raises(ValueError, match=f"{knob} is {value}"):
        Capacity(**{knob: value})  # type: ignore[arg-type]
