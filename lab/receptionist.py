"""The emulated Claude's mind: the receptionist of Harbour Dental, deterministic and stateless.

reply = Receptionist().reply(body)   # body: the JSON of an Anthropic Messages request
reply.text          # what is said; may be empty when only tools are called
reply.tools         # tool_use blocks, after the text
reply.stop_reason   # "end_turn" | "tool_use"
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


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
        """The one answer to this conversation."""
        raise NotImplementedError
