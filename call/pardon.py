"""The agent's last words, to be said again: for "pardon?", and when a noise has cut them short.

Nobody is asked what to say: it is the model's own text as it was written, through the same spoken
form and the same vault as before. "Pardon?" gets the end of the last reply as far as it was heard,
the clause that was being said included. A reply that was cut by nothing goes on from that clause.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from call.asides import asks_again
from call.phrases import FILLER
from call.speculation import Guess

_REPLIES_KEPT = 4  # one is heard while the next is written; guesses come to nothing in between


@dataclass(frozen=True)
class Pardon:
    """Section `[pardon]`: saying something again."""

    chars: int = 200
    """Most characters that are said again, in whole clauses from the end, at least one; who missed
    more than ten seconds asks about them."""
    times: int = 2
    """So many "pardon?" in a row are answered with the same words; then the model is asked, which
    may find others. 0 asks it at once."""

    def __post_init__(self) -> None:
        if self.chars < 1 or self.times < 0:
            raise ValueError("chars is at least 1 and times at least 0")


@dataclass
class _Reply:
    """One reply as it was written."""

    number: int
    kind: str
    clauses: dict[int, str] = field(default_factory=dict)

    @property
    def is_own(self) -> bool:
        """A phrase of the agent's own, not an answer that may have been a guess."""
        return self.kind != "reply"


class LastWords:
    """What the agent said last in one call."""

    def __init__(self, settings: Pardon | None = None) -> None:
        self._settings = settings or Pardon()
        self._replies: deque[_Reply] = deque(maxlen=_REPLIES_KEPT)
        self._sounding = (0, 0)  # the last (reply, clause) whose sound began to leave
        self._heard = (0, 0)  # up to here in full
        self._touched = (0, 0)  # up to here at least in part
        self._is_lost = False  # an answer was dropped before a word of it was heard
        self._asked: list[Guess | None] = []  # requests that nothing heard has answered
        self._in_a_row = 0

    # ── what happens ─────────────────────────────────────────────────────────────────
    def written(self, reply: int, clause: int, text: str, *, kind: str) -> None:
        """A clause is on its way to the voice."""
        if not self._replies or self._replies[-1].number != reply:
            self._replies.append(_Reply(reply, kind))
        self._replies[-1].clauses[clause] = text

    def began(self, reply: int, clause: int, *, kind: str) -> None:
        """The sound of a clause begins to leave."""
        self._sounding = (reply, clause)
        if kind != FILLER:
            self._asked.clear()
            self._is_lost = False

    def played(self, reply: int, clause: int, *, is_end: bool) -> None:
        """It was heard, to its end or in part."""
        self._touched = max(self._touched, (reply, clause))
        self._heard = max(self._heard, (reply, clause if is_end else clause - 1))

    def asked(self, guess: Guess | None = None) -> None:
        """The model is asked; `guess` when that is done before the turn is decided."""
        self._asked.append(guess)

    def answer_lost(self) -> None:
        """What a tool brought, or was to bring, was dropped with an interruption."""
        self._is_lost = True

    # ── what is asked ────────────────────────────────────────────────────────────────
    @property
    def is_answer_owed(self) -> bool:
        """The model was asked, and nothing of its answer has left."""
        return self._is_lost or any(g is None or not g.is_withdrawn for g in self._asked)

    def answer(self, text: str) -> str:
        """What to say to these words of the caller's; empty when the model is to be asked."""
        if not asks_again(text):
            self._in_a_row = 0
            return ""
        if self._in_a_row >= self._settings.times or self.is_answer_owed:
            return ""
        return self._from_the_end()

    def said_again(self) -> None:
        """They were said."""
        self._in_a_row += 1

    def cut(self) -> str:
        """From the clause that was cut short on, with phrases that were to follow (a greeting);
        empty if nothing was being said."""
        if self.is_answer_owed:
            return ""
        sounding, heard = self._sounding[0], self._heard
        unheard = [
            text
            for reply in self._replies
            if reply.number == sounding or (reply.number > sounding and reply.is_own)
            for clause, text in reply.clauses.items()
            if reply.kind != FILLER and (reply.number, clause) > heard
        ]
        return " ".join(unheard)

    def _from_the_end(self) -> str:
        number, last = self._touched
        if self._sounding[0] == number:  # word of it comes a little later than the sound
            last = max(last, self._sounding[1])
        reply = self._reply(number)
        if reply is None or reply.kind == FILLER:
            return ""
        said: list[str] = []
        for at in sorted((at for at in reply.clauses if at <= last), reverse=True):
            if said and len(" ".join((reply.clauses[at], *said))) > self._settings.chars:
                break
            said.insert(0, reply.clauses[at])
        return " ".join(said)

    def _reply(self, number: int) -> _Reply | None:
        return next((reply for reply in self._replies if reply.number == number), None)
