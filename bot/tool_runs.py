"""Tools of a call, running: the user's own by HTTP POST, and the two that end or hand off a call.

Whatever goes wrong with a tool becomes an answer the model can speak about; nothing here raises
into the call, and no argument or answer is logged. A tool that changes something is never cut off
half-way: when the caller interrupts, its request runs on, the conversation says so and learns what
came of it, and the same request asked again gets that answer instead of a second booking.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import aiohttp
from loguru import logger
from pipecat.frames.frames import (
    FunctionCallFromLLM,
    FunctionCallResultProperties,
    LLMMessagesTransformFrame,
)
from pipecat.services.llm_service import FunctionCallParams, LLMService

from bot.early_runs import EarlyRuns
from bot.tool_answers import ERROR_CHARS, Result, bounded, failed, read, wrong
from bot.tools import END_CALL, TRANSFER_CALL, Tool, Tools
from call.consent import Consent, Exchanged, exchanged
from call.measures import TOOL_CALLS, Moment, NullRecorder, Recorder
from call.privacy import Masking, Privacy
from call.privacy_vault import Vault
from call.proposal import is_told
from call.speculation import Guess
from services.anthropic import Claude

if TYPE_CHECKING:
    from bot.persona import Persona

UNCONFIRMED = (
    "Not done: the caller has not said yes to it. Say what you are about to do, with its details, "
    "ask whether that is right, and call again only after a yes."
)
UNDER_WAY = (
    "The caller interrupted, but this was sent before and is being carried out; what comes of it "
    "is not known yet. Do not say that it was not done. If it is still wanted, call again with the "
    "same arguments: that does not do it twice, and brings the answer."
)
ALL_THE_SAME = (
    "The caller interrupted; it was carried out all the same, and they have not been told."
)
_FAILURES = ("timeout", "down", "broke")


class ToolDoor:
    """One of the vault's two doors: values go to tools that declare their kind, none come back."""

    def __init__(self, vault: Vault | None = None, masking: Masking | None = None) -> None:
        self._vault = vault or Vault()
        self._masking = masking or Masking(Privacy(kinds=()), self._vault)

    def arguments(self, tool: Tool, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """What the tool is given for what the model wrote."""
        return dict(self._vault.hand_over(arguments, tool.personal_data))

    def result(self, result: Result) -> Result:
        """What the model is told of a tool's answer."""
        hidden: Result = self._masking.scrub_all(result)
        return hidden


class CallControl(Protocol):
    """What a tool may do to the call itself; the session does it."""

    async def end_call(self) -> None:
        """Hang up once everything said so far has been heard."""

    async def transfer(self, reason: str) -> None:
        """Hand the caller to the person behind the hand-off number."""


class Called(Protocol):
    """Told of each finished tool call: its name, how it went, how long it took."""

    def __call__(self, name: str, outcome: str, seconds: float) -> None: ...


def register(  # noqa: PLR0913 - one argument for each thing that tools of a call need
    llm: LLMService[Any],
    persona: Persona,
    *,
    settings: Tools,
    control: CallControl,
    call_id: str,
    http: aiohttp.ClientSession,
    recorder: Recorder | None = None,
    on_called: Called | None = None,
    privacy: ToolDoor | None = None,
    asks_back: Callable[[str], bool] = lambda _: False,
) -> CallTools:
    """Give the model service a handler for each of the persona's tools.

    Close what is returned when the call ends.
    """
    tools = CallTools(
        settings=settings,
        control=control,
        call_id=call_id,
        http=http,
        recorder=recorder or NullRecorder(),
        on_called=on_called,
        privacy=privacy,
        asks_back=asks_back,
    )
    for tool in persona.tools:
        llm.register_function(tool.name, tools.handler(tool))
    llm.register_function(END_CALL.name, tools.end_call)
    if persona.can_transfer:
        llm.register_function(TRANSFER_CALL.name, tools.transfer_call)
    llm.add_event_handler("on_function_calls_cancelled", tools.interrupted)
    if isinstance(llm, Claude):
        llm.early_tools = tools
    return tools


class CallTools:
    """The running tools of one call."""

    def __init__(
        self,
        *,
        settings: Tools,
        control: CallControl,
        call_id: str,
        http: aiohttp.ClientSession,
        recorder: Recorder,
        on_called: Called | None = None,
        privacy: ToolDoor | None = None,
        asks_back: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """`asks_back`: whether words of the agent's ask what was heard, not what to do."""
        self._settings = settings
        self._control = control
        self._call_id = call_id
        self._http = http  # one per process, shared by all calls
        self._recorder = recorder
        self._on_called = on_called
        self._privacy = privacy or ToolDoor()
        self._asks_back = asks_back
        # Requests that change something, by name and arguments: they survive an interruption.
        self._running: dict[str, asyncio.Task[tuple[str, Result]]] = {}
        self._sent: dict[str, str] = {}  # the model's id of a call → its request, under way
        self._reports: set[asyncio.Task[None]] = set()  # of what came of an interrupted one
        self._consent = Consent()
        self._tools: dict[str, Tool] = {}  # by name
        self._early = EarlyRuns(most_wasted=settings.wasted_early)

    async def close(self) -> None:
        """End requests that outlived an interruption; the call is over."""
        ending = [*self._reports, *self._running.values()]
        self._running = {}
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, self._early.close(), return_exceptions=True)

    def begin_early(
        self, guess: Guess, name: str, arguments: Mapping[str, Any], *, call_id: str
    ) -> None:
        """An answer begun early wants a tool: run it if it changes nothing, costs no more than it
        may, and is given nothing that is the caller's."""
        tool = self._tools.get(name)
        if tool is None or not tool.read_only or not self._early.may_begin:
            return
        given = self._privacy.arguments(tool, arguments)
        if given == dict(arguments) and wrong(tool, given) is None:
            self._early.begin(guess, self._post(tool, given), call_id=call_id)

    async def call(
        self,
        tool: Tool,
        arguments: Mapping[str, Any],
        *,
        heard: Exchanged | None = None,
        call_id: str = "",
    ) -> Result:
        """Run one tool; always an answer, never an exception but cancellation. `call_id` is the
        model's name for the call."""
        began_at = time.monotonic()
        self._recorder.moment(Moment.TOOL_STARTED, began_at)
        outcome = "interrupted"
        try:
            given = self._privacy.arguments(tool, arguments)
            agrees = partial(self._agreed, tool, arguments, heard)
            outcome, answer = await self._answer(tool, given, agrees, call_id)
            result = self._privacy.result(answer)
            if tool.failure and outcome in _FAILURES and isinstance(result, dict):
                result = {**result, "say": tool.failure}
        finally:
            self._ended(tool.name, outcome, began_at)
        return result

    def handler(self, tool: Tool) -> Callable[[FunctionCallParams], Awaitable[None]]:
        """What Pipecat calls when the model calls `tool`."""
        self._tools[tool.name] = tool

        async def handle(params: FunctionCallParams) -> None:
            talk = None
            if tool.confirm:
                talk = exchanged(_talk(params.context), asks_back=self._asks_back)
            answer = await self.call(
                tool, params.arguments, heard=talk, call_id=params.tool_call_id
            )
            await params.result_callback(answer)

        return handle

    async def interrupted(self, llm: LLMService[Any], calls: Sequence[FunctionCallFromLLM]) -> None:
        """The caller interrupted: the conversation calls these cancelled. Those whose request was
        sent and changes something are not, and the conversation is told so."""
        for call in calls:
            self._early.drop(call.tool_call_id)
            task = self._running.get(self._sent.pop(call.tool_call_id, ""))
            if task is not None:
                await _rewrite(llm, call.tool_call_id, UNDER_WAY)
                report = asyncio.create_task(self._report(llm, call.tool_call_id, task))
                self._reports.add(report)
                report.add_done_callback(self._reports.discard)

    async def _report(
        self, llm: LLMService[Any], call_id: str, task: asyncio.Task[tuple[str, Result]]
    ) -> None:
        """What came of it, once that is known."""
        _, answer = await asyncio.shield(task)
        result = self._privacy.result(answer)
        told = {"result": result, "note": ALL_THE_SAME}
        await _rewrite(llm, call_id, json.dumps(told, ensure_ascii=False))

    async def _answer(
        self, tool: Tool, arguments: Mapping[str, Any], agrees: Callable[[], bool], call_id: str
    ) -> tuple[str, Result]:
        problem = wrong(tool, arguments)
        if problem is not None:
            return "wrong_arguments", failed(problem)
        if tool.confirm and _key(tool, arguments) not in self._running:  # there: agreed before
            if not agrees():
                return "unconfirmed", failed(UNCONFIRMED)
        if tool.read_only:
            early = self._early.take(call_id)
            found: tuple[str, Result] = await (early or self._post(tool, arguments))
            return found
        return await self._post_to_the_end(tool, arguments, call_id)

    def _agreed(self, tool: Tool, arguments: Mapping[str, Any], heard: Exchanged | None) -> bool:
        """The caller has said yes to it, and knew to what; `arguments` as the model wrote them."""
        return heard is not None and self._consent.spend(
            heard, deed=tool.name, is_told=is_told(heard, arguments)
        )

    async def _post_to_the_end(
        self, tool: Tool, arguments: Mapping[str, Any], call_id: str
    ) -> tuple[str, Result]:
        key = _key(tool, arguments)
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(
                self._post(tool, dict(arguments)), name=f"tool {tool.name}"
            )
        self._sent[call_id] = key
        answer = await asyncio.shield(task)
        self._sent.pop(call_id, None)
        # Delivered: the same request made later is a new wish. An interruption leaves it above.
        if self._running.get(key) is task:
            del self._running[key]
        return answer

    async def _post(self, tool: Tool, arguments: Mapping[str, Any]) -> tuple[str, Result]:
        timeout_s = tool.timeout_s or self._settings.timeout_s
        body = {"call_id": self._call_id, "arguments": dict(arguments)}
        try:
            async with self._http.post(
                tool.url,  # made absolute and held against the allow-list when it was loaded
                json=body,
                timeout=aiohttp.ClientTimeout(total=timeout_s),
                allow_redirects=False,  # a redirect could lead past the allow-list
            ) as response:
                text = await bounded(response, self._settings.max_result_bytes)
                return read(tool, response.status, text)
        except TimeoutError:
            return "timeout", failed(f"{tool.name} did not answer in time.")
        except (aiohttp.ClientError, OSError) as error:
            logger.warning("tool {} cannot be reached: {}", tool.name, type(error).__name__)
            return "down", failed(f"{tool.name} cannot be reached right now.")
        except (
            Exception
        ) as error:  # the call: whatever a tool's answer does to us, the call goes on
            logger.warning("tool {} failed: {}", tool.name, type(error).__name__)
            return "broke", failed(f"{tool.name} failed.")

    async def end_call(self, params: FunctionCallParams) -> None:
        """The model says the conversation is over."""
        await self._do("end_call", self._control.end_call(), params)

    async def transfer_call(self, params: FunctionCallParams) -> None:
        """The model wants a person to take over."""
        reason = str(params.arguments.get("reason", ""))[:ERROR_CHARS]
        await self._do("transfer_call", self._control.transfer(reason), params)

    async def _do(self, name: str, act: Awaitable[None], params: FunctionCallParams) -> None:
        """A built-in: on success the model has nothing to add."""
        began_at = time.monotonic()
        self._recorder.moment(Moment.TOOL_STARTED, began_at)
        result, outcome, is_last = {"ok": True}, "ok", True
        try:
            await act
        except Exception as error:  # the call: the model apologises instead
            logger.warning("{} failed: {}", name, type(error).__name__)
            result, outcome, is_last = failed(f"{name} is not possible right now."), "broke", False
        self._ended(name, outcome, began_at)
        properties = FunctionCallResultProperties(run_llm=False) if is_last else None
        await params.result_callback(result, properties=properties)

    def _ended(self, name: str, outcome: str, began_at: float) -> None:
        now = time.monotonic()
        self._recorder.moment(Moment.TOOL_ENDED, now)
        self._recorder.count(TOOL_CALLS, outcome=outcome)
        logger.info("tool {} {} after {:.3f} s", name, outcome, now - began_at)
        if self._on_called is not None:
            self._on_called(name, outcome, now - began_at)


def _key(tool: Tool, arguments: Mapping[str, Any]) -> str:
    """The same for the same request."""
    return f"{tool.name} {json.dumps(arguments, sort_keys=True, default=str)}"


def _talk(context: Any) -> list[tuple[str, str]]:
    """(party, text) of the conversation as it was heard; tools and their answers left out."""
    turns = []
    for message in context.get_messages():
        role = message.get("role") if isinstance(message, dict) else None
        content = message.get("content") if role in ("user", "assistant") else None
        if isinstance(content, list):
            parts = (part.get("text") for part in content if isinstance(part, dict))
            content = " ".join(part for part in parts if isinstance(part, str))
        if isinstance(content, str) and content.strip():
            turns.append(("caller" if role == "user" else "agent", content))
    return turns


async def _rewrite(llm: LLMService[Any], call_id: str, content: str) -> None:
    """Say in the conversation what became of a tool call."""

    def transform(messages: list[Any]) -> list[Any]:
        return [
            {**message, "content": content}
            if isinstance(message, dict) and message.get("tool_call_id") == call_id
            else message
            for message in messages
        ]

    frame = LLMMessagesTransformFrame(transform=transform)
    frame.interruptible = False  # it says what is true, whoever interrupts meanwhile
    await llm.push_frame(frame)
