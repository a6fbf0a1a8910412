"""Who has the floor: is the agent busy (thinking or speaking), and may it be interrupted now?

One small object per call, written by those who see the agent begin and end (the turn's decision,
the heard ledger) and read by those who would interrupt. In doubt the agent counts as busy: an
interruption too many is harmless, one too few lets it talk over the caller.
"""

from __future__ import annotations

import re

# A value that is read back: a code or number of five digits or more, or a personal datum's token.
_VALUE = re.compile(r"\d(?:[\s.,/()-]{0,2}\d){4,}|\[[A-Z]+(?:_[A-Z]+)*_\d+\]")
_QUESTION_MARKS = ("?", "؟")
_SENTENCE_END = re.compile(r"[.!?…؟][\"'”’»)\]]*\s*$")
# A reply begins with short clauses; an echo may be of the one before the last.
_LINES, _SHORT_CHARS = 2, 40
# A protected phrase whose end never shows (a broken voice) may not silence barge-in for good.
PROTECTED_AT_MOST_S = 30.0


class Floor:
    """The floor of one call."""

    def __init__(self) -> None:
        self._busy = False
        self._protected_reply: int | None = None
        self._protected_until = float("-inf")
        self.last_said = ""  # the agent's last sentence so far, as the model wrote it
        self.saying = ""  # the clause being played, as it sounds, and what was said before it
        self.clauses = 0  # that have begun to be played
        self._playing_reply: int | None = None
        self._clause_id = ""
        self._clause = ""  # the clause being played, as the model wrote it
        self._clause_chars = 0  # of the clause being played, as it sounds
        self._heard_chars = 0

    @property
    def is_agents(self) -> bool:
        """The agent thinks or speaks: the caller's voice is an interruption."""
        return self._busy

    @property
    def is_speaking(self) -> bool:
        """A clause is on its way to the ear: there is something to hold."""
        return self._busy and self._playing_reply is not None

    @property
    def is_reading_back(self) -> bool:
        """A value the caller must hear in one piece is being played."""
        return self.is_speaking and bool(_VALUE.search(self._clause))

    def is_asking(self, *, within_chars: int) -> bool:
        """The agent's last clause is a question of which at most `within_chars` are unheard."""
        if not self.last_said.rstrip().endswith(_QUESTION_MARKS):
            return False
        return not self.is_speaking or self._clause_chars - self._heard_chars <= within_chars

    def agent_began(self) -> None:
        """A turn was decided, a phrase handed in, a reply or a tool started."""
        self._busy = True

    def agent_ended(self) -> None:
        """Everything the agent had to say has been heard or dropped."""
        self._busy = False
        self._protected_reply = self._playing_reply = None

    def clause_began(
        self,
        reply: int,
        text: str,
        *,
        is_protected: bool,
        now: float,
        spoken: str = "",
        clause_id: str = "",
    ) -> None:
        """A clause is being played; a protected one holds the floor to the end of its reply.

        `text` is as the model wrote it, `spoken` as it sounds.
        """
        self._busy = True
        self.clauses += 1
        before = self.saying.split("\n")[-_LINES:]
        short = len(before[-1]) < _SHORT_CHARS
        self.saying = "\n".join((*before[0 if short else -1 :], spoken or text))
        goes_on = reply == self._playing_reply and not _SENTENCE_END.search(self.last_said)
        self.last_said = f"{self.last_said} {text}".strip() if goes_on else text
        self._playing_reply, self._clause_id, self._clause = reply, clause_id, text
        self._clause_chars, self._heard_chars = len(spoken or text), 0
        if is_protected:
            self._protected_reply = reply
            self._protected_until = now + PROTECTED_AT_MOST_S

    def heard_to(self, clause_id: str, chars: int) -> None:
        """So many characters of a clause have been heard, as it sounds."""
        if clause_id == self._clause_id:
            self._heard_chars = chars

    def reply_ended(self, reply: int) -> None:
        """A reply has been heard to its end, or dropped."""
        if self._playing_reply == reply:
            self._playing_reply = None
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
        self._playing_reply = None
        return True
