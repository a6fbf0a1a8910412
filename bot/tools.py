"""Tools the agent may call: the user's own by HTTP POST, and the two that end or hand off a call.

Whatever goes wrong with a tool becomes an answer the model can speak about; nothing here raises
into the call, and no argument or answer is logged. A tool that changes something is never cut off
half-way: when the caller interrupts, its request runs on, and the same request asked again gets
that answer instead of a second booking.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import aiohttp
from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match
from loguru import logger
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import FunctionCallResultProperties
from pipecat.services.llm_service import FunctionCallParams, LLMService

from bot.addresses import is_below, is_plain_web
from call.consent import Consent, Exchanged, exchanged
from call.measures import TOOL_CALLS, Moment, NullRecorder, Recorder
from call.privacy import Masking, Privacy
from call.privacy_lexicon import KINDS
from call.privacy_vault import Vault

if TYPE_CHECKING:
    from bot.persona import Persona

Result = dict[str, Any] | list[Any]
Properties = Mapping[str, Any]

ERROR_CHARS = 300
"""of a tool's own error sentence; more does not fit a spoken reply"""

UNCONFIRMED = (
    "Not done: the caller has not said yes to it. Say what you are about to do, ask whether that "
    "is right, and call again only after a yes."
)
NO_ARGUMENTS: Properties = {"type": "object", "properties": {}, "additionalProperties": False}
BUILT_IN = ("end_call", "transfer_call")


@dataclass(frozen=True)
class Tools:
    """Where the agent's tools may reach, and how long a caller waits for them."""

    base_url: str = ""
    """URL that tools with a path are posted below; while empty, such tools are not offered."""
    allow: tuple[str, ...] = ()
    """URL prefixes that tools may reach besides base_url; anything else is refused at start: the
    agent's file may be edited by people who do not run the host."""
    timeout_s: float = 4.0
    """Seconds for a tool that names none of its own; by then the caller has waited long enough."""
    max_result_bytes: int = 16384
    """Bytes of an answer that the model gets to read; a longer one is an error: it would slow every
    later turn."""

    def __post_init__(self) -> None:
        if not 0 < self.timeout_s <= 60:
            raise ValueError(f"timeout_s is {self.timeout_s}; give more than 0 and at most 60 s")
        if not 256 <= self.max_result_bytes <= 1_000_000:
            raise ValueError(
                f"max_result_bytes is {self.max_result_bytes}; give 256 to 1000000 bytes"
            )
        for prefix in (self.base_url, *self.allow):
            if prefix and not is_plain_web(prefix):
                raise ValueError(
                    f"base_url and allow: {prefix!r} is no URL prefix; "
                    "write it as https://host/path, without user, ? and #"
                )


@dataclass(frozen=True)
class Tool:
    """One `[[tools]]` entry of agent.toml."""

    name: str
    """what the model calls; letters, digits, _ and -"""
    description: str
    """when to use it, for the model"""
    url: str
    """absolute, or a path below tools.base_url"""
    parameters: Properties = field(default_factory=lambda: NO_ARGUMENTS)
    """JSON schema of the arguments"""
    timeout_s: float | None = None
    """s; None: tools.timeout_s"""
    read_only: bool = False
    """true: it changes nothing, so an interruption may drop it"""
    filler: str = ""
    """said when it takes long (patience.first_clause_s); empty: phrases.tool_fillers"""
    personal_data: tuple[str, ...] = ()
    """kinds of the caller's data it is given; of all others it sees the model's stand-ins"""
    confirm: bool = False
    """true: it runs only when the caller has just answered a question of the agent's with yes; one
    yes buys one call. The bot sees to it, not the model"""

    def __post_init__(self) -> None:
        if not self.name or not all(c.isascii() and (c.isalnum() or c in "_-") for c in self.name):
            raise ValueError(f"name is {self.name!r}; use letters, digits, _ and -")
        if len(self.name) > 64:
            raise ValueError(f"name has {len(self.name)} characters; models take at most 64")
        if self.name in BUILT_IN:
            raise ValueError(f"name {self.name!r} is built in; choose another")
        if not self.description.strip():
            raise ValueError("description is empty; say when the model should use the tool")
        unknown = [kind for kind in self.personal_data if kind not in KINDS]
        if unknown:
            raise ValueError(f"personal_data: {unknown[0]!r} is not one of {', '.join(KINDS)}")
        if self.timeout_s is not None and not 0 < self.timeout_s <= 60:
            raise ValueError(f"timeout_s is {self.timeout_s}; give more than 0 and at most 60 s")
        if self.confirm and self.read_only:
            raise ValueError(
                "confirm and read_only are both true; what changes nothing is not asked"
            )
        _check_schema(self.parameters)


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


# ── addresses ────────────────────────────────────────────────────────────────────────
def resolve(url: str, tools: Tools) -> str:
    """The address a tool is posted to; "" while base_url is not set, ValueError if not allowed."""
    if "://" not in url:
        if not tools.base_url:
            return ""
        url = f"{tools.base_url.rstrip('/')}/{url.lstrip('/')}"
    if not is_plain_web(url):
        raise ValueError(f"url {url!r} is no address to post to; give https://host/path or a path")
    prefixes = [prefix for prefix in (tools.base_url, *tools.allow) if prefix]
    if not any(is_below(url, prefix) for prefix in prefixes):
        raise ValueError(f"url {url!r} is not below tools.base_url or a prefix of tools.allow")
    return url


def _check_schema(schema: Properties) -> None:
    if schema.get("type") != "object":
        raise ValueError('parameters: the schema\'s type must be "object"')
    for reference in _references(schema):
        if not reference.startswith("#"):
            raise ValueError(f"parameters: $ref {reference!r} leaves the schema; write it out")
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ValueError(f"parameters: no JSON schema (2020-12): {error.message}") from None


def _references(node: object) -> list[str]:
    if isinstance(node, Mapping):
        own = [str(node["$ref"])] if "$ref" in node else []
        return own + [ref for value in node.values() for ref in _references(value)]
    if isinstance(node, list | tuple):
        return [ref for value in node for ref in _references(value)]
    return []


# ── what the model is offered ────────────────────────────────────────────────────────
def schemas(persona: Persona) -> ToolsSchema:
    """The agent's tools and the built-in ones, as the model sees them; for `LLMContext(tools=…)`.

    Handing over is offered only where there is somebody to hand over to.
    """
    offered = [
        FunctionSchema(
            tool.name,
            tool.description,
            properties=dict(tool.parameters.get("properties", {})),
            required=list(tool.parameters.get("required", [])),
        )
        for tool in persona.tools
    ]
    return ToolsSchema(
        standard_tools=[*offered, END_CALL, *([TRANSFER_CALL] if persona.can_transfer else [])]
    )


END_CALL = FunctionSchema(
    "end_call",
    "Hang up. Call it in the same reply as your goodbye, once the caller is done.",
    properties={},
    required=[],
)
TRANSFER_CALL = FunctionSchema(
    "transfer_call",
    "Hand the caller to a person: when asked for one, or when you cannot help. "
    "Say in the same reply that you are putting them through.",
    properties={"reason": {"type": "string", "description": "why, in a few words"}},
    required=["reason"],
)


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
    )
    for tool in persona.tools:
        llm.register_function(tool.name, tools.handler(tool))
    llm.register_function(END_CALL.name, tools.end_call)
    if persona.can_transfer:
        llm.register_function(TRANSFER_CALL.name, tools.transfer_call)
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
    ) -> None:
        self._settings = settings
        self._control = control
        self._call_id = call_id
        self._http = http  # one per process, shared by all calls
        self._recorder = recorder
        self._on_called = on_called
        self._privacy = privacy or ToolDoor()
        # Requests that change something, by name and arguments: they survive an interruption.
        self._running: dict[str, asyncio.Task[tuple[str, Result]]] = {}
        self._consent = Consent()

    async def close(self) -> None:
        """End requests that outlived an interruption; the call is over."""
        running, self._running = list(self._running.values()), {}
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def call(
        self, tool: Tool, arguments: Mapping[str, Any], *, heard: Exchanged | None = None
    ) -> Result:
        """Run one tool; always an answer, never an exception but cancellation."""
        began_at = time.monotonic()
        self._recorder.moment(Moment.TOOL_STARTED, began_at)
        outcome = "interrupted"
        try:
            given = self._privacy.arguments(tool, arguments)
            outcome, answer = await self._answer(tool, given, heard)
            result = self._privacy.result(answer)
        finally:
            self._ended(tool.name, outcome, began_at)
        return result

    def handler(self, tool: Tool) -> Callable[[FunctionCallParams], Awaitable[None]]:
        """What Pipecat calls when the model calls `tool`."""

        async def handle(params: FunctionCallParams) -> None:
            talk = exchanged(_talk(params.context)) if tool.confirm else None
            await params.result_callback(await self.call(tool, params.arguments, heard=talk))

        return handle

    async def _answer(
        self, tool: Tool, arguments: Mapping[str, Any], heard: Exchanged | None
    ) -> tuple[str, Result]:
        wrong = best_match(Draft202012Validator(tool.parameters).iter_errors(dict(arguments)))
        if wrong is not None:
            place = ".".join(str(part) for part in wrong.absolute_path) or "the arguments"
            return "wrong_arguments", _failed(f"Wrong arguments: {place}: {wrong.message}")
        if tool.confirm and _key(tool, arguments) not in self._running:  # there: agreed before
            if heard is None or not self._consent.spend(heard):
                return "unconfirmed", _failed(UNCONFIRMED)
        if tool.read_only:
            return await self._post(tool, arguments)
        return await self._post_to_the_end(tool, arguments)

    async def _post_to_the_end(
        self, tool: Tool, arguments: Mapping[str, Any]
    ) -> tuple[str, Result]:
        key = _key(tool, arguments)
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(
                self._post(tool, dict(arguments)), name=f"tool {tool.name}"
            )
        answer = await asyncio.shield(task)
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
                text = await _bounded(response, self._settings.max_result_bytes)
                return _read(tool, response.status, text)
        except TimeoutError:
            return "timeout", _failed(f"{tool.name} did not answer in time.")
        except (aiohttp.ClientError, OSError) as error:
            logger.warning("tool {} cannot be reached: {}", tool.name, type(error).__name__)
            return "down", _failed(f"{tool.name} cannot be reached right now.")
        except (
            Exception
        ) as error:  # the call: whatever a tool's answer does to us, the call goes on
            logger.warning("tool {} failed: {}", tool.name, type(error).__name__)
            return "broke", _failed(f"{tool.name} failed.")

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
            result, outcome, is_last = _failed(f"{name} is not possible right now."), "broke", False
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


def _failed(error: str) -> dict[str, Any]:
    return {"ok": False, "error": error}


async def _bounded(response: aiohttp.ClientResponse, limit: int) -> bytes | None:
    """The answer's bytes, or None when there are more than `limit`."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(4096):
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)


def _read(tool: Tool, status: int, body: bytes | None) -> tuple[str, Result]:
    """What the model is told, from the status and what came with it."""
    if body is None:
        return "broke", _failed(f"{tool.name} answered more than can be read out.")
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if status >= 500:
        return "down", _failed(f"{tool.name} is out of order right now.")
    if not 200 <= status < 300:
        own = answer.get("error") if isinstance(answer, dict) else None
        sentence = own[:ERROR_CHARS] if isinstance(own, str) and own else f"{tool.name} refused."
        return "refused", _failed(sentence)
    if not isinstance(answer, dict | list):
        return "broke", _failed(f"{tool.name} gave an answer that cannot be read.")
    return "ok", answer
