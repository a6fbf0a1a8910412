"""Faults on messages, without a network."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lab.faults import parse
from lab.outlet import OPTIONAL, Ended, Outlet, Quota

pytestmark = pytest.mark.provider


class Paper:
    """A pipe that writes down."""

    def __init__(self) -> None:
        self.said: list[Any] = []
        self.slice_bytes = 0
        self.slice_delay_s = self.close_delay_s = 0.0
        self.bytes_left: int | None = None

    async def say(self, message: dict[str, Any]) -> None:
        self.said.append(message)

    async def text(self, text: str) -> None:
        self.said.append(text)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        self.said.append(code)

    def reset(self) -> None:
        self.said.append("reset")


def outlet(*specs: dict[str, Any]) -> tuple[Outlet, Paper]:
    paper = Paper()
    faults = [parse({"provider": "cartesia"} | spec) for spec in specs]
    quota = Quota({"type": "error"}, code=0)
    return Outlet(paper, faults=faults, quota=lambda: quota), paper  # type: ignore[arg-type]


async def test_a_healthy_outlet_says_what_it_is_told() -> None:
    """Without faults messages pass as they are."""
    mouth, paper = outlet()
    await mouth.say({"n": 1})
    assert paper.said == [{"n": 1}]


async def test_optional_fields_vanish_at_every_depth() -> None:
    """missing_fields reaches into nested objects and lists."""
    mouth, paper = outlet({"shape": "missing_fields"})
    await mouth.say({"step_time": 1, "a": [{"language": "en", "b": 2}], "c": {"flush_id": 3}})
    assert paper.said == [{"a": [{"b": 2}], "c": {}}]
    assert "step_time" in OPTIONAL


async def test_swap_holds_one_message_back() -> None:
    """The message at `after` comes behind the next one."""
    mouth, paper = outlet({"shape": "swap", "after": 1})
    for number in range(4):
        await mouth.say({"n": number})
    assert [message["n"] for message in paper.said] == [0, 2, 1, 3]


async def test_a_request_recovers_and_the_connection_stays_ill() -> None:
    """Faults of a request end with it, those of the connection do not."""
    mouth, paper = outlet({"shape": "duplicate"})
    inner = mouth.within([parse({"provider": "cartesia", "shape": "slicer", "bytes": 3})])
    assert paper.slice_bytes == 3
    inner.recover()
    assert paper.slice_bytes == 0
    await inner.say({"n": 1})
    assert paper.said == [{"n": 1}] * 2


async def test_several_faults_bite_at_once() -> None:
    """Garbage and then a reset: both happen, in the order they were armed."""
    mouth, paper = outlet({"shape": "garbage"}, {"shape": "reset_peer", "after": 0})
    with pytest.raises(Ended):
        await mouth.say({"n": 1})
    assert isinstance(paper.said[0], str) and paper.said[1] == "reset"


async def test_a_stall_ends_after_its_time_and_a_black_hole_swallows() -> None:
    """stall with for_s resumes; a black hole says nothing at all."""
    mouth, paper = outlet({"shape": "stall", "after": 0, "for_s": 0.01})
    await asyncio.wait_for(mouth.say({"n": 1}), 1)
    assert paper.said == [{"n": 1}] and mouth.faults == []
    mouth, paper = outlet({"shape": "black_hole"})
    await mouth.say({"n": 1})
    assert paper.said == []


async def test_jitter_is_the_same_every_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two runs of one campaign wait the same, and never less than nothing."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr("lab.outlet.asyncio.sleep", sleep)
    for _ in range(2):
        mouth, _ = outlet({"shape": "latency", "delay_s": 0.1, "jitter_s": 0.2})
        for number in range(8):
            await mouth.say({"n": number})
    assert waits[:8] == waits[8:] and len(set(waits)) > 3 and min(waits) >= 0


async def test_quota_names_the_context() -> None:
    """The quota's message is about the context it interrupts."""
    mouth, paper = outlet({"shape": "quota", "after": 1})
    await mouth.say({"context_id": "c", "n": 1})
    with pytest.raises(Ended):
        await mouth.say({"context_id": "c", "n": 2})
    assert paper.said[-1] == {"type": "error", "context_id": "c"}
