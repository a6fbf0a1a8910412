"""The emulated Claude's mind: the receptionist of Harbour Dental, deterministic and stateless.

    reply = Receptionist().reply(body)   # body: the JSON of an Anthropic Messages request
    reply.text          # what is said; may be empty when there is nothing to add
    reply.tools         # tool_use blocks, after the text
    reply.stop_reason   # "end_turn" | "tool_use"

It plays the caller's turns in the request again from the first, so the same conversation always
gets the same answer, whatever was cut off when the caller interrupted.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

from lab import meaning
from lab.desk import Desk


@dataclass(frozen=True)
class ToolUse:
    """One tool call; `id` is the same whenever the same conversation is seen."""

    id: str
    name: str
    input: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply:
    """One assistant message."""

    text: str
    tools: list[ToolUse] = field(default_factory=list)

    @property
    def stop_reason(self) -> str:
        """As the Messages API reports it."""
        return "tool_use" if self.tools else "end_turn"


class Receptionist:
    """Answers a Messages request as a friendly receptionist with short sentences would."""

    def reply(self, request: dict[str, Any]) -> Reply:
        """The one answer to this conversation; the rest of it, when it was cut off and has to go
        on."""
        messages = request.get("messages", [])
        begun = _cut_off(messages)
        if begun:
            whole = self.reply({**request, "messages": messages[:-2]})
            return Reply(whole.text.removeprefix(begun).lstrip(), whole.tools)
        if len(messages) > 1 and _is_note(messages[-1]):
            messages = messages[:-1]
        desk = Desk(offered=_offered(request), today=_today(request))
        used: dict[str, tuple[str, dict[str, Any]]] = {}
        for role, block in _blocks(messages):
            match block.get("type"):
                case "tool_use":
                    used[str(block.get("id"))] = (str(block.get("name")), block.get("input") or {})
                case "tool_result":
                    name, _ = used.get(str(block.get("tool_use_id")), ("", {}))
                    desk.learn(name, _result(block.get("content")))
                case "text" if role == "user":
                    desk.hear(str(block.get("text", "")))
                case "text":
                    desk.said(str(block.get("text", "")))
        if not desk.has_heard:
            desk.hear("hello")
        said = desk.answer
        return Reply(
            said.text,
            [
                ToolUse(_id(len(used) + index, said.text, name=name), name, arguments)
                for index, (name, arguments) in enumerate(said.tools)
            ],
        )


def _cut_off(messages: list[dict[str, Any]]) -> str:
    """How far the agent got, when a note in the caller's place asks for the rest."""
    if len(messages) < 3:
        return ""
    before, last = messages[-2:]
    said = before.get("content")
    is_cut = _is_note(last) and before.get("role") == "assistant" and isinstance(said, str)
    return str(said) if is_cut else ""


def _is_note(message: dict[str, Any]) -> bool:
    """It stands in the caller's place, in brackets."""
    return message.get("role") == "user" and str(message.get("content", "")).startswith("(")


def _blocks(messages: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Every content block with its role, in order; plain strings become text blocks."""
    found: list[tuple[str, dict[str, Any]]] = []
    for message in messages:
        content = message.get("content", "")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        found += [(str(message.get("role")), block) for block in blocks if isinstance(block, dict)]
    return found


def _offered(request: dict[str, Any]) -> frozenset[str]:
    """Tools that may be called in this reply."""
    if (request.get("tool_choice") or {}).get("type") == "none":
        return frozenset()
    return frozenset(str(tool.get("name")) for tool in request.get("tools") or [])


def _today(request: dict[str, Any]) -> str:
    """The weekday the system prompt says it is; empty when it says nothing."""
    system = request.get("system") or ""
    blocks = [{"text": system}] if isinstance(system, str) else system
    text = " ".join(str(block.get("text", "")) for block in reversed(blocks))
    found = re.search(r"\b[Ii]t is (?:now )?([A-Z][a-z]+day)\b", text)
    return meaning.day(found.group(1)) if found else ""


def _result(content: object) -> dict[str, Any]:
    """A tool's answer as an object: a failure when it is none, empty when there is none yet. An
    answer that came behind an interruption stands beside a note."""
    text = content
    if isinstance(content, list):
        text = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    if re.search("CANCELLED|IN_PROGRESS|not known yet", str(text)):
        return {}
    try:
        answer = json.loads(str(text))
    except ValueError:
        return {"ok": False}
    if isinstance(answer, dict) and answer.keys() == {"result", "note"}:
        answer = answer["result"]
    return answer if isinstance(answer, dict) else {"ok": False}


def _id(ordinal: int, text: str, *, name: str) -> str:
    """Shaped like the vendor's, and the same for the same place in the same conversation."""
    return "toolu_01" + hashlib.sha256(f"{ordinal} {name} {text}".encode()).hexdigest()[:22]
