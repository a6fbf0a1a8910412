"""Tools the agent may call: what an agent's file says of them, and what the model is offered.

The user's own are reached by HTTP POST; two more, built in, end or hand off the call. How they run
is in `tool_runs.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema

from bot.addresses import is_below, is_plain_web
from call.privacy_lexicon import KINDS

if TYPE_CHECKING:
    from bot.persona import Persona

Properties = Mapping[str, Any]

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

    wasted_early: int = 20
    """Runs of read-only tools, begun before the caller's turn was over, that may be in vain in one
    call; past it they wait for the end of the turn, like tools that change something. 0: they
    always wait."""

    def __post_init__(self) -> None:
        if self.wasted_early < 0:
            raise ValueError(f"wasted_early is {self.wasted_early}; give 0 or more")
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
    """true: it changes nothing, so an interruption may drop it, and it may run before the caller's
    turn is over"""
    filler: str = ""
    """said when it takes long (patience.first_clause_s); empty: phrases.tool_fillers"""
    failure: str = ""
    """what the caller is told when it fails or is too slow; empty: the model words it"""
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
