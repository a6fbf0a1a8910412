"""What a Messages request must look like: the checks the emulated Claude makes, in the vendor's
words as far as they are known."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lab.billing import MAX_MARKS, blocks

BELONGS = {
    "tool_use": ("assistant", ("id", "name", "input")),
    "tool_result": ("user", ("tool_use_id",)),
}
"""Whose messages a block may stand in, and the fields it needs."""
LISTS: dict[str, tuple[type, ...]] = {
    "tools": (list,),
    "system": (list, str),
    "stop_sequences": (list,),
}
"""Fields that are lists; `system` may be a text."""
TOOL_NAME = re.compile(r"^[a-zA-Z0-9_-]{1,128}$")


def error_in(body: Mapping[str, Any]) -> str:
    """Why the request is refused with 400; empty when it is good."""
    return next(_errors(body), "")


def _errors(body: Mapping[str, Any]) -> Iterator[str]:
    for name in ("model", "max_tokens", "messages"):
        if name not in body:
            yield f"{name}: Field required"
            return
    limit = body["max_tokens"]
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        yield "max_tokens: Input should be greater than or equal to 1"
    if not isinstance(body["messages"], list):
        yield "messages: Input should be a valid list"
        return
    if not body["messages"]:
        yield "messages: at least one message is required"
    for number, message in enumerate(body["messages"]):
        yield from _message_errors(number, message, is_last=number == len(body["messages"]) - 1)
    for name, kinds in LISTS.items():
        if not isinstance(body.get(name) or [], kinds):
            yield f"{name}: Input should be a valid list"
            return
    for index, block in enumerate(_blocks_of(body.get("system"))):
        yield from _block_errors(f"system.{index}", block, "system")
    yield from _tool_errors(body.get("tools") or [])
    yield from _option_errors(body)
    yield from _pairing_errors(_turns(body["messages"]))


def _message_errors(number: int, message: Any, *, is_last: bool) -> Iterator[str]:
    at = f"messages.{number}"
    if not isinstance(message, dict) or "role" not in message or "content" not in message:
        yield f"{at}: role and content are required"
        return
    role, content = message["role"], message["content"]
    if role not in ("user", "assistant"):
        yield (
            f'messages: Unexpected role "{role}". The Messages API accepts a top-level `system` '
            'parameter, not "system" as an input message role.'
        )
    if number == 0 and role != "user":
        yield 'messages: first message must use the "user" role'
    if not content and not (is_last and role == "assistant"):
        yield (
            f"{at}: all messages must have non-empty content except for the optional final "
            "assistant message"
        )
    if isinstance(content, list):
        for index, block in enumerate(content):
            yield from _block_errors(f"{at}.content.{index}", block, role)
    elif not isinstance(content, str):
        yield f"{at}.content: Input should be a valid string or list"
    elif content and not content.strip():
        yield "messages: text content blocks must contain non-whitespace text"
    if is_last and role == "assistant" and _last_text(content).rstrip() != _last_text(content):
        yield "messages: final assistant content cannot end with trailing whitespace"


def _block_errors(at: str, block: Any, role: str) -> Iterator[str]:
    kind = block.get("type") if isinstance(block, dict) else None
    if kind == "text":
        yield from _text_errors(at, block.get("text"))
    elif isinstance(kind, str) and kind in BELONGS:
        owner, needed = BELONGS[kind]
        if role != owner:
            yield f"{at}: `{kind}` blocks can only be in `{owner}` messages"
        for name in needed:
            if name not in block:
                yield f"{at}.{kind}.{name}: Field required"
            elif name != "input" and not isinstance(block[name], str):
                yield f"{at}.{kind}.{name}: Input should be a valid string"
    elif kind not in ("thinking", "redacted_thinking", "image", "document"):
        yield f"{at}: Input tag '{kind}' found using 'type' does not match any of the expected tags"


def _text_errors(at: str, text: Any) -> Iterator[str]:
    if not isinstance(text, str):
        yield f"{at}.text: Field required"
    elif not text:
        yield "messages: text content blocks must be non-empty"
    elif not text.strip():
        yield "messages: text content blocks must contain non-whitespace text"


def _tool_errors(tools: Any) -> Iterator[str]:
    names: set[str] = set()
    for number, tool in enumerate(tools):
        at = f"tools.{number}.custom"
        name = tool.get("name") if isinstance(tool, dict) else None
        if not isinstance(name, str) or not TOOL_NAME.match(name):
            yield f"{at}.name: String should match pattern '{TOOL_NAME.pattern}'"
            return
        if name in names:
            yield "tools: Tool names must be unique."
        names.add(name)
        schema = tool.get("input_schema")
        if "type" in tool and tool["type"] != "custom":
            continue
        if not isinstance(schema, dict) or schema.get("type") != "object":
            yield f"{at}.input_schema.type: Input should be 'object'"


def _option_errors(body: Mapping[str, Any]) -> Iterator[str]:
    temperature = body.get("temperature")
    if temperature is not None and not _is_share(temperature):
        yield "temperature: range: 0..1"
    marks = sum(block.life_s is not None for block in blocks(body, default_life_s=0.0))
    if marks > MAX_MARKS:
        yield (
            f"A maximum of {MAX_MARKS} blocks with cache_control may be provided. Found {marks}."
        )
    for stop in body.get("stop_sequences") or ():
        if not isinstance(stop, str) or not stop.strip():
            yield "stop_sequences: each stop sequence must contain non-whitespace"


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _blocks_of(content: Any) -> list[Any]:
    return content if isinstance(content, list) else []


def _turns(messages: list[Any]) -> list[tuple[int, str, list[Any]]]:
    """Messages with neighbours of one role joined, as the vendor does."""
    turns: list[tuple[int, str, list[Any]]] = []
    for number, message in enumerate(messages):
        content = message["content"] if isinstance(message["content"], list) else []
        if isinstance(message["content"], str):
            content = [{"type": "text", "text": message["content"]}]
        if turns and turns[-1][1] == message["role"]:
            turns[-1][2].extend(content)
        else:
            turns.append((number, message["role"], list(content)))
    return turns


def _pairing_errors(turns: list[tuple[int, str, list[Any]]]) -> Iterator[str]:
    """Every tool_use is answered at once, at the start of the next turn, and nothing else is."""
    asked: list[str] = []
    for number, _role, content in turns:
        answered = [b["tool_use_id"] for b in content if b["type"] == "tool_result"]
        for index, use_id in enumerate(answered):
            if use_id not in asked:
                yield (
                    f"messages.{number}.content.{index}: unexpected `tool_use_id` found in "
                    f"`tool_result` blocks: {use_id}. Each `tool_result` block must have a "
                    "corresponding `tool_use` block in the previous message."
                )
        if len(answered) != len(set(answered)):
            yield f"messages.{number}: each tool_use must have a single result"
        first = [b.get("tool_use_id") for b in content[: len(answered)]]
        missing = [use_id for use_id in asked if use_id not in first]
        if missing:
            yield (
                f"messages.{number}: `tool_use` ids were found without `tool_result` blocks "
                f"immediately after: {', '.join(missing)}. Each `tool_use` block must have a "
                "corresponding `tool_result` block in the next message."
            )
        asked = [b["id"] for b in content if b["type"] == "tool_use"]
    if asked:
        yield (
            f"messages.{turns[-1][0]}: `tool_use` ids were found without `tool_result` blocks "
            f"immediately after: {', '.join(asked)}."
        )


def _last_text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list) and content and isinstance(content[-1], dict):
        text = content[-1].get("text")
        return text if isinstance(text, str) else ""
    return ""


def last_words(body: Mapping[str, Any]) -> str:
    """What the user said last: text of the newest user message that has any."""
    messages = body.get("messages")
    for message in reversed(messages if isinstance(messages, list) else []):
        if not isinstance(message, dict) or message.get("role") != "user":
            continue
        content = message.get("content")
        if isinstance(content, str):
            return content
        texts = [
            str(block.get("text", ""))
            for block in _blocks_of(content)
            if isinstance(block, dict) and block.get("type") == "text"
        ]
        if texts:
            return " ".join(texts)
    return ""


def results_at_end(body: Mapping[str, Any]) -> int:
    """How many tool results end the conversation: each round of tools is a request of its own."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages or not isinstance(messages[-1], dict):
        return 0
    blocks_at_end = _blocks_of(messages[-1].get("content"))
    return sum(isinstance(b, dict) and b.get("type") == "tool_result" for b in blocks_at_end)
