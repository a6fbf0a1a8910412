"""How long the caller may hear nothing before the agent says something of its own."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Patience:
    """How long the caller may hear nothing while the agent is to answer."""

    first_clause_s: float = 1.7
    """Seconds without a speakable clause before a holding phrase is said. A phrase that lies ready
    sounds within 0.3, and callers begin to say "hello?" after 2."""
    stall_s: float = 1.5
    """Seconds without a token in mid-reply after which the stream counts as stalled: the reply is
    finished at its last clause and continued by a fresh request. A healthy stream never pauses for
    1, and two clauses cover 3."""

    def __post_init__(self) -> None:
        for name in ("first_clause_s", "stall_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; give more than 0 seconds")
