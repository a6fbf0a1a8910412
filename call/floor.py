"""Who has the floor: is the agent busy (thinking or speaking), and may it be interrupted now?

One small object per call, written by those who see the agent begin and end (the turn's decision,
the heard ledger) and read by those who would interrupt. In doubt the agent counts as busy: an
interruption too many is harmless, one too few lets it talk over the caller.
"""

from __future__ import annotations

# A protected phrase whose end never shows (a broken voice) may not silence barge-in for good.
PROTECTED_AT_MOST_S = 30.0


class Floor:
    """The floor of one call."""

    def __init__(self) -> None:
        self._busy = False
        self._protected_reply: int | None = None
        self._protected_until = float("-inf")
        self.last_said = ""  # the agent's last clause, as the model wrote it

    @property
    def is_agents(self) -> bool:
        """The agent thinks or speaks: the caller's voice is an interruption."""
        return self._busy

    def agent_began(self) -> None:
        """A turn was decided, a phrase handed in, a reply or a tool started."""
        self._busy = True

    def agent_ended(self) -> None:
        """Everything the agent had to say has been heard or dropped."""
        self._busy = False
        self._protected_reply = None

    def clause_began(self, reply: int, text: str, *, is_protected: bool, now: float) -> None:
        """A clause is being played; a protected one holds the floor to the end of its reply."""
        self._busy = True
        self.last_said = text
        if is_protected:
            self._protected_reply = reply
            self._protected_until = now + PROTECTED_AT_MOST_S

    def reply_ended(self, reply: int) -> None:
        """A reply has been heard to its end, or dropped."""
        if self._protected_reply == reply:
            self._protected_reply = None

    def is_protected(self, now: float) -> bool:
        """A phrase that must be finished is being played."""
        return self._protected_reply is not None and now < self._protected_until

    def take(self, now: float) -> bool:
        """The caller wants the floor: True if the agent must be stopped for it, once."""
        if not self._busy or self.is_protected(now):
            return False
        self._busy = False
        return True
