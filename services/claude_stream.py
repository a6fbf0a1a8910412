"""One answer of Claude as it streams: the events pass, tools and usage are kept, faults are typed.

Pipecat runs only the last of several tool calls, and knows an error that comes after a 200 only as
"unknown"; the vendor's client drops pings without a word, so that a stalled stream looks alive.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar, cast

from anthropic.types import RawMessageStreamEvent

from call.boundaries import has_word
from call.errors import ProviderFault, ProviderRefused
from call.measures import LLM_TOKENS, Measure, Recorder
from services.fault import REFUSAL, Origin, from_exception

ORIGIN = Origin("anthropic", "think")
_CHARS_PER_TOKEN = 4  # of English prose
_T = TypeVar("_T")


class Within(Protocol):
    """Waits for something, for so many seconds at most."""

    def __call__(self, seconds: float, work: Awaitable[_T]) -> Awaitable[_T]: ...


@dataclass
class ToolUse:
    """One tool call while it is written."""

    id: str
    name: str
    pieces: list[str] = field(default_factory=list)

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments as the model wrote them."""
        text = "".join(self.pieces)
        return cast(dict[str, Any], json.loads(text)) if text else {}


def asked(params: Mapping[str, Any]) -> int:
    """Input tokens of a request that was taken back before the vendor named them; estimated, as
    they are paid for all the same."""
    parts = [params.get(name) or "" for name in ("tools", "system", "messages")]
    return round(sum(len(json.dumps(part, default=str)) for part in parts) / _CHARS_PER_TOKEN)


class Stream:
    """One response of the model."""

    def __init__(
        self,
        response: Any,
        *,
        within: Within,
        first_s: float,
        stall_s: float,
        note: Callable[[], None],
    ) -> None:
        """`first_s`: longest time without a token before there is any, and while a tool call is
        written, whose pieces come in bursts; `stall_s`: between two tokens of text. `note` is
        called at the first one."""
        self._response = response
        self._request_id: str | None = response.response.headers.get("request-id")
        self._within = within
        self._first_s, self._stall_s = first_s, stall_s
        self._limit_s = first_s
        self._note = note
        self._has_begun = False
        self._is_complete = False  # the model has said why it stopped
        self._usage: dict[str, int] = {}
        self._chars = 0  # written
        self.has_words = False
        self.tools: list[ToolUse] = []

    @property
    def is_empty(self) -> bool:
        """It came to its end without a word and without a tool."""
        return self._is_complete and not self.has_words and not self.tools

    async def events(self) -> AsyncIterator[RawMessageStreamEvent]:
        """The vendor's events, in order; ends in a `ProviderFault` when the answer goes wrong."""
        source = aiter(self._response)
        while True:
            try:
                event = await self._within(self._limit_s, anext(source, None))
                if event is not None:
                    self._look(event)
                elif not self._is_complete:
                    raise ORIGIN.broke("ended early")
            except Exception as exc:  # client, network, unreadable tool arguments: all are faults
                if self._is_complete:
                    return  # all that matters has been said
                raise self._fault(exc) from None
            if event is None:
                return
            yield event

    async def close(self) -> None:
        """Hang up; the vendor stops writing, and billing, at once."""
        with suppress(Exception):  # the connection may be gone already, which is as good
            await self._response.close()
        for told in ("_within", "_note"):  # whoever asked for the answer keeps it, and is held here
            vars(self).pop(told, None)

    def count(self, recorder: Recorder, measure: Measure = LLM_TOKENS) -> None:
        """Report the tokens that are paid for."""
        for name, amount in self.spent().items():
            if amount:
                recorder.count(measure, amount, kind=name)

    def spent(self) -> dict[str, int]:
        """Tokens by kind; what was written of an answer cut off is estimated, for the vendor names
        it only at the end."""
        named = {name: amount for name, amount in self._usage.items() if amount}
        written = round(self._chars / _CHARS_PER_TOKEN)
        return {**named, "output": max(named.get("output", 0), written)}

    def _look(self, event: Any) -> None:
        match event.type:
            case "message_start":
                self._keep_usage(event.message.usage)
            case "content_block_start":
                if event.content_block.type == "tool_use":
                    self._begin()
                    self._limit_s = self._first_s
                    self.tools.append(ToolUse(event.content_block.id, event.content_block.name))
            case "content_block_delta":
                self._delta(event.delta)
            case "message_delta":
                self._keep_usage(event.usage)
                self._check(event.delta.stop_reason)

    def _delta(self, delta: Any) -> None:
        if delta.type == "text_delta":
            self._chars += len(delta.text)
            self.has_words = self.has_words or has_word(delta.text)
            self._begin()
            self._limit_s = self._stall_s
        elif delta.type == "input_json_delta" and self.tools:
            self.tools[-1].pieces.append(delta.partial_json)

    def _begin(self) -> None:
        if not self._has_begun:
            self._has_begun = True
            self._note()

    def _keep_usage(self, usage: Any) -> None:
        # Counts are cumulative; what a later event leaves out keeps its earlier value.
        for name, source in _USAGE.items():
            amount = getattr(usage, source, None)
            if amount is not None:
                self._usage[name] = amount

    def _check(self, stop_reason: str | None) -> None:
        if stop_reason == "refusal":
            raise ProviderRefused(
                ORIGIN.stage, REFUSAL, provider=ORIGIN.provider, request_id=self._request_id
            )
        if stop_reason == "tool_use":
            for use in self.tools:
                if not isinstance(use.arguments, dict):
                    raise TypeError("tool arguments are not an object")
        elif self.tools and stop_reason is not None:
            raise ORIGIN.broke("a tool call cut short")
        self._is_complete = stop_reason is not None

    def _fault(self, exc: Exception) -> ProviderFault:
        fault = from_exception(ORIGIN, exc)
        fault.request_id = fault.request_id or self._request_id
        return fault


_USAGE = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_input_tokens",
    "cache_creation": "cache_creation_input_tokens",
}
