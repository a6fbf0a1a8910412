"""The old garbage waits for our word, the young does not."""

from __future__ import annotations

import gc
import weakref

import pytest

from bot import sweeping as module
from bot.sweeping import sweeping
from call.admission import Admission, Capacity
from tests.conftest import eventually

pytestmark = pytest.mark.rule


class _Ring:
    """Holds itself."""

    def __init__(self) -> None:
        self.itself = self


async def test_what_an_ended_call_left_goes_once_nobody_calls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And stays as long as others would be stopped for it."""
    monkeypatch.setattr(module, "LOOK_EVERY_S", 0.01)
    admission = Admission(Capacity())
    before = gc.get_threshold()
    with sweeping(admission):
        assert gc.get_threshold()[:2] == before[:2]
        assert gc.get_threshold()[2] > 1_000_000
        for _ in range(2):
            admission.enter("")
        ring = _Ring()
        gc.collect(1)  # old from here on
        gone = weakref.ref(ring)
        del ring
        admission.leave("")
        gc.collect(1)
        assert gone() is not None
        admission.leave("")
        await eventually(lambda: gone() is None, what="the sweep")
    assert gc.get_threshold() == before
