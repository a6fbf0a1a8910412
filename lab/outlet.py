"""What a provider says, message by message, through the faults that struck this connection or this
request. Providers speak as if nothing could go wrong; here it does."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from lab.faults import Fault
from lab.pipes import Pipe

# Optional by the vendors' own SDK models; a client must do without.
OPTIONAL = {
    "speech_final", "from_finalize", "languages", "punctuated_word", "language", "entities",
    "start_word", "languages_hinted", "trigger", "alignment", "normalizedAlignment", "step_time",
    "flush_id", "service_tier", "cache_creation_input_tokens", "cache_read_input_tokens",
    "stop_sequence",
}  # fmt: skip
GARBAGE = '{"type": "Resul\x00…'


class Ended(Exception):
    """The fault ended this connection; nothing more can be said."""


class Outlet:
    """A mouth that may be afflicted. Outlets nest: a request's inside its connection's."""

    def __init__(
        self,
        inner: Outlet | Pipe,
        *,
        faults: Iterable[Fault] = (),
        quota: Callable[[], Quota],
        note: Callable[[Fault], None] = lambda fault: None,
    ) -> None:
        self.inner = inner
        self.pipe: Pipe = inner.pipe if isinstance(inner, Outlet) else inner
        self.quota = quota
        self.note = note  # told once of each fault, when the client can first feel it
        self._felt: set[int] = set()
        self.faults: list[Fault] = []
        self.said = 0
        self._held: dict[str, Any] | None = None
        for fault in faults:
            self.afflict(fault)

    def within(self, faults: Iterable[Fault]) -> Outlet:
        """A mouth for one request; its faults end with it."""
        return Outlet(self, faults=faults, quota=self.quota, note=self.note)

    def layers(self, *, down_to: Outlet) -> Iterator[Outlet]:
        """This mouth and those it stands in, the innermost first, without `down_to`."""
        layer: Outlet | Pipe = self
        while isinstance(layer, Outlet) and layer is not down_to:
            yield layer
            layer = layer.inner

    def afflict(self, fault: Fault) -> None:
        """Let this fault bite from the next message on."""
        self.faults.append(fault)
        if fault.shape == "slicer":
            self.pipe.slice_bytes, self.pipe.slice_delay_s = fault["bytes"], fault["delay_s"]
        elif fault.shape == "limit_data":
            self.pipe.bytes_left = fault["bytes"]
        elif fault.shape == "slow_close":
            self.pipe.close_delay_s = fault["delay_s"]

    def has(self, shape: str) -> Fault | None:
        """The fault of this shape that afflicts it, if any."""
        return next((fault for fault in self.faults if fault.shape == shape), None)

    def recover(self) -> None:
        """The request is over: the bytes flow freely again."""
        if self.has("slicer"):
            self.pipe.slice_bytes = 0
        self.faults.clear()

    def feel(self, fault: Fault) -> None:
        """The client meets this fault now."""
        if fault.id not in self._felt:
            self._felt.add(fault.id)
            self.note(fault)

    async def say(self, message: dict[str, Any]) -> None:
        """Send one message, or do to it what the faults demand."""
        if not self.faults:
            await self.inner.say(message)
            return
        copies = 1
        for fault in list(self.faults):
            bite = _BITES.get(fault.shape)
            if bite is not None:
                await bite(self, fault, message)
            elif fault.shape in _CHANGES:
                self.feel(fault)
            if fault.shape == "duplicate":
                copies = 2
            elif fault.shape == "black_hole":
                copies = 0
        message = self._changed(message)
        swap = self.has("swap")
        if swap is not None and self.said == swap["after"] and self._held is None:
            self._held = message
            self.said += 1
            return
        self.said += 1
        for _ in range(copies):
            await self.inner.say(message)
        if self._held is not None:
            held, self._held = self._held, None
            await self.inner.say(held)

    async def text(self, text: str) -> None:
        """Send text that is no message."""
        await self.pipe.text(text)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """End politely."""
        await self.pipe.close(code, reason)

    def reset(self) -> None:
        """End rudely."""
        self.pipe.reset()

    def _changed(self, message: dict[str, Any]) -> dict[str, Any]:
        if self.has("missing_fields"):
            message = _without(message)
        if self.has("wrong_context"):
            named = [key for key in ("contextId", "context_id") if key in message]
            message = message | dict.fromkeys(named, "nobody")
        return message


class Quota:
    """How a vendor says in mid-stream that there is no more; `code` 0 leaves the socket open."""

    def __init__(self, message: dict[str, Any] | None, *, code: int = 0, reason: str = "") -> None:
        self.message = message
        self.code = code
        self.reason = reason


def _without(value: Any) -> Any:
    """The same JSON without the optional fields."""
    if isinstance(value, dict):
        return {key: _without(item) for key, item in value.items() if key not in OPTIONAL}
    if isinstance(value, list):
        return [_without(item) for item in value]
    return value


async def _latency(outlet: Outlet, fault: Fault, message: dict[str, Any]) -> None:
    jitter = random.Random(f"{fault.id}/{outlet.said}").uniform(-1, 1) * fault["jitter_s"]
    outlet.feel(fault)
    await asyncio.sleep(max(0.0, fault["delay_s"] + jitter))


async def _bandwidth(outlet: Outlet, fault: Fault, message: dict[str, Any]) -> None:
    outlet.feel(fault)
    await asyncio.sleep(len(json.dumps(message)) / max(1, fault["bytes_per_s"]))


async def _stall(outlet: Outlet, fault: Fault, message: dict[str, Any]) -> None:
    if outlet.said < fault["after"]:
        return
    outlet.feel(fault)
    if not fault["for_s"]:
        await asyncio.Event().wait()
    await asyncio.sleep(fault["for_s"])
    outlet.faults.remove(fault)


async def _garbage(outlet: Outlet, fault: Fault, message: dict[str, Any]) -> None:
    if outlet.said == fault["after"]:
        outlet.feel(fault)
        await outlet.text(GARBAGE)


async def _unknown_type(outlet: Outlet, fault: Fault, message: dict[str, Any]) -> None:
    if outlet.said == fault["after"]:
        outlet.feel(fault)
        await outlet.inner.say({"type": "something_new", "value": 1})


async def _close(outlet: Outlet, fault: Fault, message: dict[str, Any]) -> None:
    if outlet.said >= fault["after"]:
        outlet.feel(fault)
        await outlet.close(fault["code"], fault["reason"])
        raise Ended


async def _reset(outlet: Outlet, fault: Fault, message: dict[str, Any]) -> None:
    if outlet.said >= fault["after"]:
        outlet.feel(fault)
        outlet.reset()
        raise Ended


async def _quota(outlet: Outlet, fault: Fault, message: dict[str, Any]) -> None:
    if outlet.said < fault["after"]:
        return
    outlet.feel(fault)
    quota = outlet.quota()
    if quota.message is not None:
        named = {k: message[k] for k in ("contextId", "context_id") if k in message}
        await outlet.inner.say(quota.message | named)
    if quota.code:
        await outlet.close(quota.code, quota.reason)
    raise Ended


# What is done to the message itself, or to how often it is said.
_CHANGES = {"duplicate", "black_hole", "swap", "missing_fields", "wrong_context"}
_BITES = {
    "latency": _latency,
    "bandwidth": _bandwidth,
    "stall": _stall,
    "garbage": _garbage,
    "unknown_type": _unknown_type,
    "close": _close,
    "reset_peer": _reset,
    "quota": _quota,
}
