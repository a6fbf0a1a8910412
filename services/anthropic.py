"""Claude: a cached prompt, every tool of a turn run, faults typed, counted and answered.

Pipecat's service is kept for the context, the tools and the frames; what stands between it and the
vendor's client is ours: the stream (`claude_stream.py`) and the attempts at an answer
(`claude_answer.py`).

An answer begun before the turn is decided (a guess) is written beside the station's own work, so
that taking it back costs nobody else's frames. Its text passes, marked with the guess, for the
voice to begin; its tools wait for the verdict, but such as may run early.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

from anthropic import NOT_GIVEN
from pipecat.adapters.llm.services.anthropic_adapter import AnthropicLLMInvocationParams
from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    ErrorFrame,
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

from call.errors import ProviderFault
from call.first_token import Patience
from call.measures import PROVIDER_FAULTS, Recorder
from call.recovery import Recovery, Remedy, Step
from call.speculation import Guess, Speculation
from frames.recovery import ModelLateFrame, ReplyBrokenFrame, WayOutFrame, settle
from frames.speculation import mark
from services.claude_answer import Answer, Events, Limits
from services.claude_client import Anthropic, Model, Models
from services.claude_stream import ORIGIN, Stream
from services.fault import category, kind

_BREAK_OFF_S = 1.0  # for the chunker to say what has been said; it takes a millisecond

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
class Prompt:
    """What the model is told before the conversation, besides the manners of the telephone."""

    system: str = ""
    """the same on every call of the agent, so that it can be cached"""
    situation: str = ""
    """what is true of this call only"""


class EarlyTools(Protocol):
    """Who runs the tools; some need not wait until the turn is decided."""

    def begin_early(
        self, guess: Guess, name: str, arguments: Mapping[str, Any], *, call_id: str
    ) -> None:
        """An answer begun early wants a tool; whoever runs it may begin, or wait."""


class Claude(AnthropicLLMService):
    """The model's station: conversation in, text and tool calls out."""

    def __init__(
        self,
        settings: Anthropic,
        *,
        models: Models,
        recorder: Recorder,
        max_tokens: int,
        prompt: Prompt,
        speculation: Speculation | None = None,
        recovery: Recovery | None = None,
        patience: Patience | None = None,
    ) -> None:
        super().__init__(
            api_key="",  # the client holds it
            client=models.first.client,
            name="llm",
            settings=AnthropicLLMService.Settings(
                model=models.first.name,
                max_tokens=max_tokens,
                system_instruction=f"{VOICE_PROMPT}\n\n{prompt.system}".rstrip(),
                enable_prompt_caching=True,
                system_prompt_cache_ttl=cast(Any, settings.cache_ttl),
                temperature=NOT_GIVEN if settings.temperature < 0 else settings.temperature,
            ),
        )
        self._models = models
        self._limits = Limits(settings.stall_s, (patience or Patience()).stall_s)
        self._recorder = recorder
        self._recovery = recovery or Recovery()
        self._situation = prompt.situation
        self._answer: Answer | None = None  # under way
        self._events: Events | None = None  # and its own
        self._is_plain = False  # the conversation was refused as it stands
        self._is_left = False  # the call is given up: nobody is asked any more
        self._speculation = speculation or Speculation()
        self._guess: Guess | None = None  # what the inference under way was begun on
        self._ahead: asyncio.Task[None] | None = None  # that inference
        self.early_tools: EarlyTools | None = None

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Tell a request in advance from an ordinary one; leave one that was withdrawn on its
        way, or that comes when the call is given up."""
        match frame:
            case InterruptionFrame():
                self._speculation.swept(time.monotonic())
            case WayOutFrame():
                self._is_left = True
            case ModelLateFrame():
                await self._late(frame.remedy)
                return
            case LLMContextFrame():
                self._guess = None
                if self._is_left:
                    return
                if frame.speculation:
                    self._guess = self._speculation.claim(_last_words(frame.context))
                    if self._guess is None:
                        return
        await super().process_frame(frame, direction)

    async def _late(self, remedy: Remedy) -> None:
        """The caller has waited long enough: it is a fault, and perhaps another model's turn."""
        await self.report(ORIGIN.slow("no clause in time"), remedy)
        if self._answer is not None and remedy.step is not Step.WAIT:
            self._answer.leave(remedy)

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
        try:
            await super()._process_context(context)
        finally:
            events, self._events = self._events, None
            if events is not None:
                await events.aclose()
            if self._answer is not None:
                self._is_plain = self._answer.is_plain
            self._answer = None

    async def _create_message_stream(
        self, api_call: Callable[..., Any], params: dict[str, Any]
    ) -> Events:
        """The events of the answer, however often it has to be asked for."""
        self._answer = Answer(
            self,
            self._models,
            recovery=self._recovery,
            recorder=self._recorder,
            limits=self._limits,
            adapt=self._adapted,
            is_plain=self._is_plain,
        )
        self._events = self._answer.events(params)
        return self._events

    def _adapted(self, params: dict[str, Any], model: Model) -> dict[str, Any]:
        """The same request for a given model."""
        params = {**params, "model": model.name}
        if model is not self._models.first:
            self._think_little(params, model)
            last = params["messages"][-1]
            prefills = model.name.startswith(self._PREFILL_SUPPORTED_PATTERNS)
            if last["role"] == "assistant" and not prefills:
                params["messages"] = [*params["messages"], {"role": "user", "content": "(Go on.)"}]
        if params.get("thinking", {}).get("type", "disabled") == "disabled":
            params.pop("betas", None)  # the beta that Pipecat always asks for serves thinking only
        return params

    def _think_little(self, params: dict[str, Any], model: Model) -> None:
        """Pipecat's lowest thinking setting is that of the model in the settings."""
        params.pop("thinking", None)
        params.pop("output_config", None)
        settings: Any = self._settings
        mine, logged = settings.model, self._logged_thinking_default_model
        settings.model = self._logged_thinking_default_model = model.name  # it logs each change
        try:
            self._maybe_apply_thinking_default(params)
        finally:
            settings.model, self._logged_thinking_default_model = mine, logged

    # ── what an answer may ask of its reply ──────────────────────────────────────────
    async def report(self, fault: ProviderFault, remedy: Remedy) -> None:
        """Send a fault on its way, counted, with what is done about it."""
        self._recorder.count(PROVIDER_FAULTS, provider=fault.provider, kind=kind(fault))
        frame = ErrorFrame(error=str(fault), exception=fault, processor=self)
        frame.category = category(fault)
        settle(frame, remedy)
        await self.push_frame(frame, FrameDirection.UPSTREAM)

    async def break_off(self) -> str:
        """Drop what is no clause yet; what of the reply has left for the voice."""
        guess = self._guess
        if guess is not None and not self._speculation.lets_voice_start and not await _kept(guess):
            return ""  # all of it was held, and is dropped
        said: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        frame = ReplyBrokenFrame(told=lambda text: None if said.done() else said.set_result(text))
        await self.push_frame(frame)
        try:
            return await asyncio.wait_for(said, _BREAK_OFF_S)
        except TimeoutError:
            return ""  # nobody below knows of a reply

    async def is_wanted(self) -> bool:
        """A guess is given up in silence if it is withdrawn: the caller was still speaking."""
        return self._guess is None or not self._guess.is_pending or await _kept(self._guess)

    def used(self, stream: Stream) -> None:
        """What a guess has cost, should it turn out to be in vain."""
        if self._guess is not None:
            for name, amount in stream.spent().items():
                self._guess.spend(f"{name}_tokens", amount)

    async def run_function_calls(self, function_calls: Sequence[FunctionCallFromLLM]) -> None:
        """Run every tool the model asked for, not only the last; under a guess, once it is kept."""
        if self._guess is not None and function_calls:
            self._begin_early(self._guess)
            if not await _kept(self._guess):
                return
            self._speculation_gate.begin_speculation(False)  # from here on it is an ordinary reply
        if function_calls and self._answer is not None:
            context = function_calls[0].context
            function_calls = [
                FunctionCallFromLLM(
                    context=context,
                    tool_call_id=use.id,
                    function_name=use.name,
                    arguments=use.arguments,
                )
                for use in self._answer.tools
            ]
        await super().run_function_calls(function_calls)

    def _begin_early(self, guess: Guess) -> None:
        if self._answer is None or self.early_tools is None or not guess.is_pending:
            return
        for use in self._answer.tools:
            self.early_tools.begin_early(guess, use.name, use.arguments, call_id=use.id)


_REPLY_FRAMES = (
    LLMFullResponseStartFrame,
    LLMTextFrame,
    LLMFullResponseEndFrame,
    ReplyBrokenFrame,
)


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
