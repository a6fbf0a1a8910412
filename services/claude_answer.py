"""One answer, whatever it takes: asked again, continued, or given by the stand-in.

A fault of an attempt is looked up in the one table (`call/recovery.py`). As long as its step can be
taken here, the reader of `events` notices nothing but a fresh stream of events: whoever was asked
again has been told what has been said, and what it repeats of that is left out. The vendor's client
never retries by itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from anthropic.types import RawContentBlockDeltaEvent, RawMessageStreamEvent, TextDelta

from call.continuation import Rest, going_on, plain_words, speaking_up
from call.errors import ProviderFault
from call.measures import LLM_REQUESTS, LLM_TOKENS, RETRIES, STAND_IN_TOKENS, Moment, Recorder
from call.recovery import Recovery, Remedy, Stage, Step, Trouble, trouble
from services.claude_client import Model, Models
from services.claude_stream import ORIGIN, Stream, ToolUse, asked
from services.fault import from_exception

_T = TypeVar("_T")
Events = AsyncGenerator[RawMessageStreamEvent, None]


@dataclass(frozen=True)
class Limits:
    """How long a request may leave us without a token."""

    first_s: float
    """before the first one"""
    stall_s: float
    """between two of text"""


class Reply(Protocol):
    """The reply that the answer is spoken as; the model's station is one."""

    async def report(self, fault: ProviderFault, remedy: Remedy) -> None:
        """Send a fault and its remedy on their way."""

    async def break_off(self) -> str:
        """Let nothing half-written be said; what has been said of the reply."""

    async def is_wanted(self) -> bool:
        """Wait until it is known whether anybody waits for this answer."""

    def used(self, stream: Stream) -> None:
        """A request is over: what it has cost."""


class Answer:
    """The attempts at one answer."""

    def __init__(
        self,
        reply: Reply,
        models: Models,
        *,
        recovery: Recovery,
        recorder: Recorder,
        limits: Limits,
        adapt: Callable[[dict[str, Any], Model], dict[str, Any]],
        is_plain: bool = False,
    ) -> None:
        """`adapt` makes a request one for a given model; `is_plain`: the conversation was refused
        before as it stood, and is sent in plain words."""
        self._reply = reply
        self._models = models
        self._recovery = recovery
        self._recorder = recorder
        self._limits = limits
        self._adapt = adapt
        self.is_plain = is_plain
        self._begins_with_stand_in = self._asks_stand_in = (
            models.stand_in is not None and models.rule.is_first(time.monotonic())
        )
        self._said = ""  # of the answer, when an attempt at it broke off
        self._said_nothing = False  # the last attempt came to its end without a word
        self._has_text = False  # some of it went on its way to the voice
        self._stream: Stream | None = None
        self._limit: asyncio.Timeout | None = None
        self._told_to_leave: Remedy | None = None

    @property
    def tools(self) -> list[ToolUse]:
        """The tools that the answer calls."""
        return self._stream.tools if self._stream is not None else []

    def leave(self, remedy: Remedy) -> None:
        """The caller has waited too long for this attempt; its fault is counted already."""
        self._told_to_leave = remedy
        if self._limit is not None:
            self._limit.reschedule(asyncio.get_running_loop().time())

    async def events(self, params: dict[str, Any]) -> Events:
        """The events of the answer; they end without an exception, whatever happened."""
        try:
            async with aclosing(self._attempts(params)) as events:
                async for event in events:
                    yield event
        except (asyncio.CancelledError, GeneratorExit):
            if self._has_text:  # it spoke until the caller took the floor
                self._recovery.is_well(Stage.THINK)
            raise

    async def _attempts(self, params: dict[str, Any]) -> Events:
        while True:
            what: Trouble | None = None
            try:
                async with aclosing(self._attempt(params)) as events:
                    async for event in events:
                        yield event
                if not self._is_empty:
                    self._answered()
                    return
                fault, what = ORIGIN.broke("an answer of nothing"), Trouble.EMPTY
            except ProviderFault as met:
                fault = met
            remedy = await self._remedy(fault, what)
            if remedy.step in (Step.WAIT, Step.GIVE_UP):
                return
            await self._prepare(remedy)

    # ── one attempt ──────────────────────────────────────────────────────────────────
    async def _attempt(self, params: dict[str, Any]) -> Events:
        self._recorder.count(LLM_REQUESTS, model=self._model.name)
        self._recorder.moment(Moment.LLM_REQUEST, time.monotonic())
        stream = self._stream = Stream(
            await self._open(self._adapt(self._worded(params), self._model)),
            within=self._within,
            first_s=self._limits.first_s,
            stall_s=self._limits.stall_s,
            note=lambda: self._recorder.moment(Moment.LLM_FIRST_TOKEN, time.monotonic()),
        )
        rest = Rest(self._said)
        try:
            async for event in stream.events():
                for heard in _beyond(rest, event):
                    self._has_text = self._has_text or _is_text(heard)
                    yield heard
        finally:
            stream.count(self._recorder)
            if self._asks_stand_in:
                stream.count(self._recorder, STAND_IN_TOKENS)
            self._reply.used(stream)
            await stream.close()

    @property
    def _model(self) -> Model:
        if self._asks_stand_in and self._models.stand_in is not None:
            return self._models.stand_in
        return self._models.first

    def _worded(self, params: dict[str, Any]) -> dict[str, Any]:
        """The request, with the conversation as this attempt has to tell it."""
        messages = params["messages"]
        if self.is_plain:
            messages = plain_words(messages)
        if self._said:
            messages = going_on(messages, self._said)
        elif self._said_nothing:
            messages = speaking_up(messages)
        return {**params, "messages": messages}

    async def _open(self, params: dict[str, Any]) -> Any:
        client = self._model.client
        create = client.beta.messages.create if "betas" in params else client.messages.create
        try:
            return await self._within(self._limits.first_s, create(**params))
        except asyncio.CancelledError:  # taken back before the vendor has named a figure
            self._recorder.count(LLM_TOKENS, asked(params), kind="input")
            raise
        except Exception as exc:  # whatever the client raises is a fault of this provider
            raise from_exception(ORIGIN, exc) from None

    async def _within(self, seconds: float, work: Awaitable[_T]) -> _T:
        """Wait, for so long at most, and no longer than the caller has patience."""
        async with asyncio.timeout(seconds) as limit:
            self._limit = limit
            if self._told_to_leave is not None:
                limit.reschedule(asyncio.get_running_loop().time())
            try:
                return await work
            finally:
                self._limit = None

    # ── what became of it ────────────────────────────────────────────────────────────
    @property
    def _is_empty(self) -> bool:
        """Nothing was said at all; a continuation may well have nothing to add."""
        return self._stream is not None and self._stream.is_empty and not self._said

    def _answered(self) -> None:
        """A tool called without a word is no success yet: its answer is still to come."""
        self._told_to_leave = None
        if self._has_text or self._said:
            self._recovery.is_well(Stage.THINK)
            self._models.rule.answered(is_stand_in=self._asks_stand_in, now=time.monotonic())

    async def _remedy(self, fault: ProviderFault, what: Trouble | None) -> Remedy:
        remedy, self._told_to_leave = self._told_to_leave, None
        if remedy is None:
            remedy = self._recovery.met(Stage.THINK, what or trouble(fault))
            is_heard = remedy.step in (Step.WAIT, Step.GIVE_UP)  # by the caller
            if not is_heard or await self._reply.is_wanted():
                await self._reply.report(fault, remedy)
        return remedy

    async def _prepare(self, remedy: Remedy) -> None:
        """For the next attempt."""
        if self._has_text:
            self._said = await self._reply.break_off()
            self._has_text = False
        self._said_nothing = self._is_empty
        if remedy.step is Step.REBUILD:
            self.is_plain = True
        if remedy.step is Step.STAND_IN and self._models.stand_in is not None:
            self._asks_stand_in = not self._begins_with_stand_in
        self._recorder.count(RETRIES, step=remedy.step.value)


def _is_text(event: RawMessageStreamEvent) -> bool:
    return event.type == "content_block_delta" and event.delta.type == "text_delta"


def _beyond(rest: Rest, event: RawMessageStreamEvent) -> list[RawMessageStreamEvent]:
    """The event, with what has been said before left out of its text."""
    if event.type == "content_block_delta" and isinstance(event.delta, TextDelta):
        event.delta.text = rest.feed(event.delta.text)
        return [event] if event.delta.text else []
    if event.type in ("content_block_stop", "message_delta"):
        text = rest.flush()
        if text:
            index = getattr(event, "index", 0)
            delta = TextDelta(type="text_delta", text=text)
            return [
                RawContentBlockDeltaEvent(type="content_block_delta", index=index, delta=delta),
                event,
            ]
    return [event]
