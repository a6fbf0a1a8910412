"""Claude: one warm client per process, a cached prompt, every tool of a turn run, faults typed.

Pipecat's service is kept for the context, the tools and the frames; the stream between it and the
vendor's client is ours (`_Stream`), because Pipecat runs only the last of several tool calls and
knows an error that comes after a 200 only as "unknown".

An answer begun before the turn is decided (a guess) is written beside the station's own work, so
that taking it back costs nobody else's frames. Its text passes, marked with the guess, for the
voice to begin; its tools wait for the verdict.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast

import httpx2
from anthropic import NOT_GIVEN, APIError, AsyncAnthropic, DefaultAsyncHttpxClient
from anthropic.types import RawMessageStreamEvent
from pipecat.adapters.llm.services.anthropic_adapter import AnthropicLLMInvocationParams
from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    Frame,
    FunctionCallFromLLM,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.anthropic.llm import AnthropicLLMService
from pipecat.services.llm_service import LLMService
from pipecat.utils.errors import ErrorCategory

from call.errors import ProviderFault, ProviderRefused
from call.measures import LLM_TOKENS, PROVIDER_FAULTS, Moment, Recorder
from call.speculation import Guess, Speculation
from frames.speculation import mark
from services.fault import REFUSAL, Origin, category, from_exception, kind

_ORIGIN = Origin("anthropic", "think")
_CHARS_PER_TOKEN = 4  # of English prose

VOICE_PROMPT = """\
You are on a telephone call. Everything you write is spoken aloud, word for word, by a synthetic \
voice, and the caller hears it once.

How to speak:
- Answer in at most 50 words; one or two short sentences are usually enough. Lead with the answer.
- Ask at most one question, and ask it last.
- Plain spoken language only: no markdown, lists, headings, emoji, brackets or stage directions.
- Write times, dates, prices and numbers the ordinary way ("9:30", "$40", "March 3rd"); they are \
turned into words for you.
- When you take down a telephone number, name, date or code, read it back and ask whether it is \
right before you use it.
- The text comes from a recogniser and may hold mistakes. If it makes no sense, say what you \
understood or ask the caller to repeat it. Never mention transcripts.
- A reply of yours that ends with a note that it was interrupted was heard only that far. Do not \
repeat it; go with what the caller says now.
- Speak the language the caller speaks.

Facts and tools:
- Say only what you were told here or by a tool. If you do not know, say so and offer what you can \
do instead. Never invent an opening, a price or a confirmation.
- Before a tool that may take a moment, say a few words, such as "Let me look." When several tools \
are needed at once, call them together.
- Never claim that something was done before a tool said so.
- When the caller says goodbye, or is done, say a short goodbye and end the call."""


@dataclass(frozen=True)
class Anthropic:
    """The `[anthropic]` section: where the model is, and how long it may take."""

    url: str = "https://api.anthropic.com"
    """Base URL."""
    connect_timeout_s: float = 2.0
    """TCP and TLS handshake."""
    write_timeout_s: float = 5.0
    """Sending the request."""
    stall_s: float = 8.0
    """Longest time without a word of the model, the first included; pings do not count."""
    keepalive_s: float = 300.0
    """Idle connections are kept this long, so that a turn after a pause needs no handshake."""
    cache_ttl: str = "5m"
    """Life of the cached prompt, "5m" or "1h"; an hour costs twice the input price to write."""
    temperature: float = -1.0
    """Sampling temperature 0 to 1; -1 leaves it out, as newer models ask."""

    def __post_init__(self) -> None:
        for name in ("connect_timeout_s", "write_timeout_s", "stall_s", "keepalive_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} {getattr(self, name)} must be above 0 seconds")
        if self.cache_ttl not in ("5m", "1h"):
            raise ValueError(f'cache_ttl "{self.cache_ttl}" must be "5m" or "1h"')
        if self.temperature != -1.0 and not 0 <= self.temperature <= 1:
            raise ValueError(f"temperature {self.temperature} must lie in 0 to 1, or be -1 for off")


def claude_client(settings: Anthropic, key: str) -> AsyncAnthropic:
    """The one client of a process. It never retries: a hidden retry is a second of dead air."""
    timeout = httpx2.Timeout(
        connect=settings.connect_timeout_s,
        write=settings.write_timeout_s,
        read=settings.stall_s,
        pool=settings.connect_timeout_s,
    )
    limits = httpx2.Limits(
        max_connections=1000,
        max_keepalive_connections=100,
        keepalive_expiry=settings.keepalive_s,
    )
    return AsyncAnthropic(
        api_key=key,
        base_url=settings.url,
        max_retries=0,
        timeout=timeout,
        http_client=DefaultAsyncHttpxClient(timeout=timeout, limits=limits),
    )


async def warm(client: AsyncAnthropic) -> bool:
    """Open a connection before the first caller needs it, with a look-up that costs nothing.

    The vendor's client builds its parsers when it first meets an event, which blocks the loop for
    0.2 s; a canned answer makes it do so now. True when the vendor answered at all: any answer
    leaves an open connection behind.
    """
    await _rehearse()
    with suppress(APIError, httpx2.HTTPError, OSError):
        await client.get("/v1/models?limit=1", cast_to=httpx2.Response)
        return True
    return False


async def _rehearse() -> None:
    """Read a canned answer, without a network, through the code that reads real ones."""
    canned = b"".join(b"event: %b\ndata: %b\n\n" % event for event in _CANNED)
    reply = httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=canned)
    http_client = httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: reply))
    async with AsyncAnthropic(
        api_key="none", base_url="http://rehearsal", max_retries=0, http_client=http_client
    ) as client:
        stream = await client.messages.create(
            model="none", max_tokens=1, stream=True, messages=[{"role": "user", "content": "-"}]
        )
        async for _ in stream:
            pass


_CANNED = (
    (
        b"message_start",
        b'{"type":"message_start","message":{"id":"m","type":"message","role":"assistant",'
        b'"content":[],"model":"none","stop_reason":null,"stop_sequence":null,'
        b'"usage":{"input_tokens":1,"output_tokens":1}}}',
    ),
    (
        b"content_block_delta",
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"-"}}',
    ),
    (b"message_stop", b'{"type":"message_stop"}'),
)


class Claude(AnthropicLLMService):
    """The model's station: conversation in, text and tool calls out."""

    def __init__(
        self,
        settings: Anthropic,
        *,
        client: AsyncAnthropic,
        recorder: Recorder,
        model: str,
        max_tokens: int,
        system: str,
        situation: str,
        speculation: Speculation | None = None,
    ) -> None:
        super().__init__(
            api_key="",  # the client holds it
            client=client,
            name="llm",
            settings=AnthropicLLMService.Settings(
                model=model,
                max_tokens=max_tokens,
                system_instruction=f"{VOICE_PROMPT}\n\n{system}".rstrip(),
                enable_prompt_caching=True,
                system_prompt_cache_ttl=cast(Any, settings.cache_ttl),
                temperature=NOT_GIVEN if settings.temperature < 0 else settings.temperature,
            ),
        )
        self._anthropic = settings
        self._recorder = recorder
        self._situation = situation
        self._stream: _Stream | None = None
        self._speculation = speculation or Speculation()
        self._guess: Guess | None = None  # what the inference under way was begun on
        self._ahead: asyncio.Task[None] | None = None  # that inference

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Tell a request in advance from an ordinary one; leave one that was withdrawn on its
        way."""
        if isinstance(frame, InterruptionFrame):
            self._speculation.swept(time.monotonic())
        elif isinstance(frame, LLMContextFrame):
            self._guess = None
            if frame.speculation:
                self._guess = self._speculation.claim(_last_words(frame.context))
                if self._guess is None:
                    return
        await super().process_frame(frame, direction)

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        """Mark what belongs to a guess; its text passes if the voice may begin, and is held by
        Pipecat's gate if not."""
        guess = self._guess
        if guess is not None and isinstance(frame, _REPLY_FRAMES):
            mark(frame, guess)
            if self._speculation.lets_voice_start:
                await super(LLMService, self).push_frame(frame, direction)  # past the gate
                return
        await super().push_frame(frame, direction)

    async def _handle_eager_end_of_turn_cancel(self, frame: EagerEndOfTurnCancelFrame) -> None:
        """Stop writing what answers nothing; nothing else that waits here is touched."""
        ahead = self._ahead
        if ahead is not None and self._guess is not None and self._guess.is_withdrawn:
            await self.cancel_task(ahead)
            await self.stop_all_metrics()

    async def _get_llm_invocation_params(self, context: LLMContext) -> AnthropicLLMInvocationParams:
        """Put the situation behind the cached system prompt, in a block of its own.

        What comes before it (tools, then the prompt) is the same for every call of this agent and
        is cached; the situation stays the same within a call, so the messages behind it are cached
        too.
        """
        params = await super()._get_llm_invocation_params(context)
        system = params["system"]
        if self._situation and isinstance(system, list):
            params["system"] = [*system, {"type": "text", "text": self._situation}]
        return params

    async def _process_context(self, context: LLMContext) -> None:
        if self._guess is None:
            await self._infer(context)
            return
        ahead = self._ahead = self.create_task(self._infer(context), "begun early")
        try:
            await asyncio.wait({ahead})
        finally:
            self._ahead = None
            if not ahead.done():
                await self.cancel_task(ahead)

    async def _infer(self, context: LLMContext) -> None:
        guess = self._guess
        try:
            await super()._process_context(context)
        finally:
            stream, self._stream = self._stream, None
            if stream is not None:
                stream.count(self._recorder)
                if guess is not None:
                    for name, amount in stream.spent().items():
                        guess.spend(f"{name}_tokens", amount)
                await stream.close()

    async def _create_message_stream(
        self, api_call: Callable[..., Any], params: dict[str, Any]
    ) -> AsyncIterator[RawMessageStreamEvent]:
        """Send the request; the answer is read through `_Stream`."""
        if params.get("thinking", {}).get("type", "disabled") == "disabled":
            # The beta that Pipecat always asks for serves thinking only.
            params.pop("betas", None)
            api_call = self._client.messages.create
        self._recorder.moment(Moment.LLM_REQUEST, time.monotonic())
        try:
            response = await api_call(**params)
        except Exception as exc:  # whatever the client raises is a fault of this provider
            raise from_exception(_ORIGIN, exc) from None
        self._stream = _Stream(response, stall_s=self._anthropic.stall_s, note=self._note)
        return self._stream.events()

    def _note(self) -> None:
        self._recorder.moment(Moment.LLM_FIRST_TOKEN, time.monotonic())

    async def run_function_calls(self, function_calls: Sequence[FunctionCallFromLLM]) -> None:
        """Run every tool the model asked for, not only the last; under a guess, once it is kept."""
        if self._guess is not None and function_calls:
            if not await _kept(self._guess):
                return
            self._speculation_gate.begin_speculation(False)  # from here on it is an ordinary reply
        if function_calls and self._stream is not None:
            context = function_calls[0].context
            function_calls = [
                FunctionCallFromLLM(
                    context=context,
                    tool_call_id=use.id,
                    function_name=use.name,
                    arguments=use.arguments,
                )
                for use in self._stream.tools
            ]
        await super().run_function_calls(function_calls)

    async def push_error(
        self,
        error_msg: str,
        exception: Exception | None = None,
        fatal: bool = False,
        category: ErrorCategory | None = None,
        force_treat_as_permanent: bool = False,
    ) -> None:
        """Every error of an inference leaves as a typed, counted fault without its payload."""
        if isinstance(exception, ProviderFault):
            self._recorder.count(PROVIDER_FAULTS, provider=exception.provider, kind=kind(exception))
            error_msg, category = str(exception), _category(exception)
        await super().push_error(
            error_msg,
            exception=exception,
            category=category,
            force_treat_as_permanent=force_treat_as_permanent,
        )


_REPLY_FRAMES = (LLMFullResponseStartFrame, LLMTextFrame, LLMFullResponseEndFrame)


def _last_words(context: LLMContext) -> str:
    """What the caller said last, by the provisional conversation."""
    last: Any = context.messages[-1]
    return str(last.get("content", ""))


async def _kept(guess: Guess) -> bool:
    """Wait for the verdict."""
    settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    guess.when_settled(lambda: None if settled.done() else settled.set_result(None))
    await settled
    return guess.is_kept


@dataclass
class _ToolUse:
    """One tool call while it is written."""

    id: str
    name: str
    pieces: list[str] = field(default_factory=list)

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments as the model wrote them."""
        text = "".join(self.pieces)
        return cast(dict[str, Any], json.loads(text)) if text else {}


class _Stream:
    """One answer of the model: passes the events on, keeps the tools, counts, types the faults."""

    def __init__(self, response: Any, *, stall_s: float, note: Callable[[], None]) -> None:
        self._response = response
        self._request_id: str | None = response.response.headers.get("request-id")
        self._stall_s = stall_s
        self._note = note
        self._has_spoken = False
        self._usage: dict[str, int] = {}
        self._chars = 0  # written
        self.tools: list[_ToolUse] = []

    async def events(self) -> AsyncIterator[RawMessageStreamEvent]:
        """The vendor's events, in order; ends in a `ProviderFault` when the answer goes wrong."""
        source = aiter(self._response)
        while True:
            try:
                async with asyncio.timeout(self._stall_s):  # the client drops pings without a word
                    event = await anext(source, None)
                if event is None:
                    return
                self._look(event)
            except Exception as exc:  # client, network, unreadable tool arguments: all are faults
                raise self._fault(exc) from None
            yield event

    async def close(self) -> None:
        """Hang up; the vendor stops writing, and billing, at once."""
        with suppress(Exception):  # the connection may be gone already, which is as good
            await self._response.close()

    def count(self, recorder: Recorder) -> None:
        """Report the tokens the vendor has named so far."""
        for name, amount in self._usage.items():
            if amount:
                recorder.count(LLM_TOKENS, amount, kind=name)

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
                    self._speak()
                    self.tools.append(_ToolUse(event.content_block.id, event.content_block.name))
            case "content_block_delta":
                if event.delta.type == "text_delta":
                    self._chars += len(event.delta.text)
                    self._speak()
                elif event.delta.type == "input_json_delta" and self.tools:
                    self.tools[-1].pieces.append(event.delta.partial_json)
            case "message_delta":
                self._keep_usage(event.usage)
                self._check(event.delta.stop_reason)

    def _speak(self) -> None:
        if not self._has_spoken:
            self._has_spoken = True
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
                _ORIGIN.stage, REFUSAL, provider=_ORIGIN.provider, request_id=self._request_id
            )
        if stop_reason == "tool_use":
            for use in self.tools:
                if not isinstance(use.arguments, dict):
                    raise TypeError("tool arguments are not an object")

    def _fault(self, exc: Exception) -> ProviderFault:
        fault = from_exception(_ORIGIN, exc)
        fault.request_id = fault.request_id or self._request_id
        return fault


_USAGE = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_input_tokens",
    "cache_creation": "cache_creation_input_tokens",
}


_category = category  # `push_error` has a parameter of that name
