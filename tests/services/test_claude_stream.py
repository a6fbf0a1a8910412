"""One answer as it streams: what is kept of it, and when it counts as complete."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from types import SimpleNamespace as Made
from typing import Any, TypeVar

import pytest

from call.errors import ProviderBroke, ProviderFault
from services.claude_stream import Stream

pytestmark = pytest.mark.provider

_T = TypeVar("_T")


class Response:
    """What the vendor's client would give: these events, then perhaps a fault."""

    def __init__(self, *events: Any, fault: Exception | None = None) -> None:
        self.response = Made(headers={"request-id": "req_1"})
        self._events = events
        self._fault = fault

    async def __aiter__(self) -> AsyncIterator[Any]:
        for event in self._events:
            yield event
        if self._fault is not None:
            raise self._fault

    async def close(self) -> None:
        """Nothing to close."""


def text(words: str) -> Any:
    return Made(type="content_block_delta", delta=Made(type="text_delta", text=words))


def tool(*pieces: str) -> list[Any]:
    block = Made(type="tool_use", id="t1", name="look")
    deltas = [Made(type="input_json_delta", partial_json=piece) for piece in pieces]
    return [
        Made(type="content_block_start", content_block=block),
        *(Made(type="content_block_delta", delta=delta) for delta in deltas),
    ]


def stop(reason: str | None) -> Any:
    return Made(type="message_delta", delta=Made(stop_reason=reason), usage=Made(output_tokens=3))


async def read(response: Response) -> tuple[Stream, list[float], ProviderFault | None]:
    """Read it to its end: the stream, how long each event was waited for, and its fault."""
    waited: list[float] = []

    async def within(seconds: float, work: Awaitable[_T]) -> _T:
        waited.append(seconds)
        return await work

    stream = Stream(response, within=within, first_s=8.0, stall_s=1.5, note=lambda: None)
    try:
        async for _ in stream.events():
            pass
    except ProviderFault as fault:
        return stream, waited, fault
    return stream, waited, None


async def test_an_answer_is_complete_when_it_says_why_it_stopped() -> None:
    """Whatever the connection does behind that; before, an end is a fault."""
    for fault in (None, OSError()):
        stream, _, met = await read(Response(text("Yes."), stop("end_turn"), fault=fault))
        assert met is None and not stream.is_empty
    _, _, met = await read(Response(text("Yes.")))
    assert isinstance(met, ProviderBroke) and met.request_id == "req_1"
    assert "ended early" in str(met)


async def test_nothing_said_and_nothing_called_is_empty() -> None:
    """Punctuation is no word."""
    for events in ((stop("end_turn"),), (text(" … "), stop("max_tokens"))):
        stream, _, met = await read(Response(*events))
        assert met is None and stream.is_empty
    stream, _, _ = await read(Response(*tool("{}"), stop("tool_use")))
    assert not stream.is_empty


async def test_a_tool_call_that_was_cut_short_is_a_fault() -> None:
    """It is not run as if it were whole; neither is one that is no object."""
    for events in ([*tool('{"day":'), stop("max_tokens")], [*tool("[1]"), stop("tool_use")]):
        _, _, met = await read(Response(*events))
        assert isinstance(met, ProviderBroke)


async def test_patience_is_short_between_two_words_only() -> None:
    """Before the first token, and while a tool call is written in bursts, it is long."""
    _, waited, _ = await read(Response(text("Let me look."), *tool("{}"), stop("tool_use")))
    assert waited == [8.0, 1.5, 8.0, 8.0, 8.0]
