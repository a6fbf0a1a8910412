"""The process looks for garbage when nobody is on the line, and else seldom."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator

import pytest

from bot import garbage

pytestmark = pytest.mark.rule


class Circle:
    """Goes only when somebody looks."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def by_itself() -> Iterator[None]:
    """The interpreter as it was."""
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


def test_everything_is_looked_at_seldom_once_the_process_is_ready() -> None:
    """The young are looked at as ever: they are few."""
    young, middle, _ = gc.get_threshold()
    garbage.settle()
    assert gc.get_threshold() == (young, middle, garbage.SELDOM)
    assert gc.get_freeze_count() > 0


async def test_an_empty_house_is_tidied(monkeypatch: pytest.MonkeyPatch) -> None:
    """And what was found is counted."""
    monkeypatch.setattr(garbage, "REST_S", 0.0)
    gc.collect()
    gc.disable()
    try:
        Circle()
        before = garbage.found()
        garbage.tidy_when_empty({})
        await asyncio.sleep(0.01)
        assert garbage.found() > before
    finally:
        gc.enable()


@pytest.mark.parametrize("comes_back", [False, True])
async def test_living_calls_are_left_in_peace(
    comes_back: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also the one that begins while the process takes breath."""
    looked: list[object] = []
    monkeypatch.setattr(garbage, "REST_S", 0.0)
    monkeypatch.setattr(gc, "collect", lambda: looked.append(None))
    calls = {} if comes_back else {"a": "call"}
    garbage.tidy_when_empty(calls)
    calls["b"] = "call"
    await asyncio.sleep(0.01)
    assert not looked
