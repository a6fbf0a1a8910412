"""What reached the caller's ear: written clauses go in, only those played come out.

The agent's words enter the conversation when the wire says that they were played, never because
they were sent. A holding phrase enters the record alone: the model did not say it, and must not
learn to. A reply is closed when its last clause was heard; an interrupted one ends at the
last clause heard, with a marker; one of which nothing was heard leaves no trace.

Replies are played in order, so hearing a clause means having heard all before it. Plain calls only:
the host tells facts and the time, and asks again at `next_deadline()`.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

from call.phrases import FILLER
from call.spoken import Spoken


@dataclass(frozen=True)
class Goodbye:
    """Hanging up after the agent's goodbye."""

    watchdog_s: float = 5.0
    """Seconds without the goodbye being heard any further after which the call is let go all the
    same. A mark comes back within a second of being played; five allow for a bad network."""
    apology_s: float = 3.0
    """The same for the apology of a call that is given up: then the carrier's voice says it. Less
    patience, since a caller who hears nothing has waited before."""

    def __post_init__(self) -> None:
        for name in ("watchdog_s", "apology_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; give more than 0 seconds")


@dataclass(frozen=True)
class Heard:
    """What the conversation keeps of the agent's words."""

    marker: str = "[interrupted by the caller]"
    """Stands behind the last words heard of an interrupted reply, for the model to know that the
    caller missed the rest; empty for none."""
    mark_wait_s: float = 3.0
    """Seconds after the last sound was sent, or the last mark came, that the reply's marks may
    take; then it counts as heard. A mark follows the sound by the round trip, some 0.2 s."""

    def __post_init__(self) -> None:
        if self.mark_wait_s <= 0:
            raise ValueError(f"mark_wait_s is {self.mark_wait_s}; give more than 0 seconds")


# ── facts ────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class ReplyBegan:
    """A reply starts; its clauses, tool calls and end follow."""


@dataclass(frozen=True)
class ClauseSpoken:
    """A clause's sound begins to leave; `text` is what the model wrote."""

    reply: int
    clause: int
    text: str
    kind: str = "reply"
    is_protected: bool = False  # an interruption leaves it alone
    form: Spoken | None = None  # how it is said, where that differs


@dataclass(frozen=True)
class ToolCalled:
    """The model called a tool within the reply."""

    tool_call_id: str


@dataclass(frozen=True)
class ReplySpoken:
    """All of the reply's sound has left."""


@dataclass(frozen=True)
class ClausePlayed:
    """The wire played the clause: to its end, or (`is_end` false) up to `chars` of how it is
    said."""

    reply: int
    clause: int
    is_end: bool = True
    chars: int = 0


@dataclass(frozen=True)
class ClauseCut:
    """Nobody can say the clause beyond `chars` of how it is said: its end comes there."""

    reply: int
    clause: int
    chars: int


@dataclass(frozen=True)
class CallerInterrupted:
    """What has not been played will not be."""


@dataclass(frozen=True)
class CallEnded:
    """The same, by hanging up."""


Fact = (
    ReplyBegan
    | ClauseSpoken
    | ToolCalled
    | ReplySpoken
    | ClausePlayed
    | ClauseCut
    | CallerInterrupted
    | CallEnded
)


# ── actions ──────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class OpenReply:
    """Begin a message of the agent's in the conversation."""


@dataclass(frozen=True)
class NoteHeard:
    """A clause was heard, wherever its words go."""

    text: str
    reply: int = 0
    kind: str = "reply"


@dataclass(frozen=True)
class TakeText:
    """Add words (or the marker) to the open message."""

    text: str


@dataclass(frozen=True)
class CommitReply:
    """Write what the open message holds: a tool call follows it."""


@dataclass(frozen=True)
class InsertText:
    """Add words to the conversation in front of a tool call that is already there."""

    tool_call_id: str
    text: str


@dataclass(frozen=True)
class CloseReply:
    """End the message: the reply has been heard as far as it ever will be."""

    reply: int
    kind: str
    heard: str
    interrupted: bool
    by_bound: bool = False  # its marks never came


Action = OpenReply | NoteHeard | TakeText | CommitReply | InsertText | CloseReply


@dataclass
class _Reply:
    """One reply on its way to the ear."""

    number: int = 0
    kind: str = "reply"
    unheard: deque[ClauseSpoken] = field(default_factory=deque)
    heard: list[str] = field(default_factory=list)
    tool_call_id: str = ""  # the first tool called; later words go in front of it
    late: list[str] = field(default_factory=list)  # heard after the tool was called
    is_open: bool = False  # its message has begun
    is_spoken: bool = False
    is_protected: bool = False
    moved_at: float = 0.0  # when its sound had left, or more of it was heard


class HeardLog:
    """The ledger of one call."""

    def __init__(self, settings: Heard | None = None) -> None:
        self._settings = settings or Heard()
        self._replies: deque[_Reply] = deque()
        self._played = (0, 0)  # everything up to this (reply, clause) has been heard
        self._within = (0, 0, 0)  # how far into a (reply, clause): spoken characters
        self._dropped = 0  # replies up to this number were interrupted

    @property
    def is_empty(self) -> bool:
        """Nothing is on its way to the ear."""
        return not self._replies

    @property
    def sounding(self) -> str:
        """Kind of the reply that is being heard, or is next; none: ""."""
        return self._replies[0].kind if self._replies else ""

    def decide(self, fact: Fact, now: float) -> tuple[Action, ...]:
        """Take one fact in; what it means for the conversation."""
        match fact:
            case ReplyBegan():
                self._begin(now)
            case ClauseSpoken():
                self._take_clause(fact, now)
            case ToolCalled():
                return (*self._advance(now), *self._call_tool(fact.tool_call_id))
            case ReplySpoken():
                self._end_last(now)
            case ClausePlayed():
                upto = (fact.reply, fact.clause if fact.is_end else fact.clause - 1)
                self._played = max(self._played, upto)
                if not fact.is_end:
                    self._within = max(self._within, (fact.reply, fact.clause, fact.chars))
                if self._replies:
                    self._replies[0].moved_at = now
            case ClauseCut():
                self._cut(fact)
            case CallerInterrupted():
                return self._drop(marker=self._settings.marker, keep_protected=True)
            case _:  # CallEnded
                return self._drop(marker="", keep_protected=False)
        return self._advance(now)

    def next_deadline(self) -> float | None:
        """When the oldest reply's marks are overdue."""
        if not self._replies or not self._replies[0].is_spoken:
            return None
        return self._replies[0].moved_at + self._settings.mark_wait_s

    def on_deadline(self, now: float) -> tuple[Action, ...]:
        """The marks never came: what was sent long ago counts as heard."""
        due_at = self.next_deadline()
        if due_at is None or now < due_at:
            return ()
        reply = self._replies[0]  # spoken but not closed: something of it is unheard
        self._played = max(self._played, (reply.number, reply.unheard[-1].clause))
        return self._advance(now, by_bound=True)

    def _begin(self, now: float) -> _Reply:
        """Sound leaves in order: a reply that begins says that the one before has left."""
        self._end_last(now)
        self._replies.append(_Reply(moved_at=now))
        return self._replies[-1]

    def _end_last(self, now: float) -> None:
        if self._replies and not self._replies[-1].is_spoken:
            self._replies[-1].is_spoken = True
            self._replies[-1].moved_at = now

    def _take_clause(self, fact: ClauseSpoken, now: float) -> None:
        if fact.reply <= self._dropped and not fact.is_protected:
            return
        reply = self._replies[-1] if self._replies else None
        if reply is None or reply.is_spoken or reply.number not in (0, fact.reply):
            reply = self._begin(now)
        reply.number, reply.kind = fact.reply, fact.kind
        reply.is_protected |= fact.is_protected
        reply.unheard.append(fact)

    def _cut(self, fact: ClauseCut) -> None:
        """From here on the clause is what can be heard of it."""
        for reply in self._replies:
            for index, clause in enumerate(reply.unheard):
                if (reply.number, clause.clause) == (fact.reply, fact.clause):
                    words = heard_words(clause, fact.chars)
                    reply.unheard[index] = replace(clause, text=words, form=None)

    def _call_tool(self, tool_call_id: str) -> tuple[Action, ...]:
        """The call belongs to the newest reply, whose end may have come before it."""
        if not self._replies or self._replies[-1].tool_call_id:
            return ()
        reply = self._replies[-1]
        reply.tool_call_id = tool_call_id
        return (CommitReply(),) if reply.heard else ()

    def _advance(self, now: float, *, by_bound: bool = False) -> tuple[Action, ...]:
        """Let out what has been heard, in order; close what is complete."""
        actions: list[Action] = []
        while self._replies:
            reply = self._replies[0]
            if not reply.is_open:
                reply.is_open = True
                actions.append(OpenReply())
            while reply.unheard and (reply.number, reply.unheard[0].clause) <= self._played:
                words = reply.unheard.popleft().text.strip()
                actions.extend(self._hear(reply, words) if words else ())
                reply.moved_at = now
            if not reply.is_spoken or reply.unheard:
                break
            self._replies.popleft()
            actions.extend(self._close(reply, interrupted=False, by_bound=by_bound))
            by_bound = False
        return tuple(actions)

    def _hear(self, reply: _Reply, text: str) -> tuple[Action, ...]:
        reply.heard.append(text)
        if reply.kind == FILLER:
            return (NoteHeard(text, reply.number, reply.kind),)
        if reply.tool_call_id:
            reply.late.append(text)
            return (NoteHeard(text, reply.number, reply.kind),)
        return (NoteHeard(text, reply.number, reply.kind), TakeText(text))

    def _close(
        self, reply: _Reply, *, interrupted: bool, by_bound: bool = False
    ) -> tuple[Action, ...]:
        late = (InsertText(reply.tool_call_id, " ".join(reply.late)),) if reply.late else ()
        heard = " ".join(reply.heard)
        return (*late, CloseReply(reply.number, reply.kind, heard, interrupted, by_bound))

    def _hear_part(self, reply: _Reply) -> tuple[Action, ...]:
        """The words heard of the clause in which the ear stopped."""
        if not reply.unheard or (reply.number, reply.unheard[0].clause) != self._within[:2]:
            return ()
        words = heard_words(reply.unheard[0], self._within[2])
        return self._hear(reply, words) if words else ()

    def _drop(self, *, marker: str, keep_protected: bool) -> tuple[Action, ...]:
        """Close every reply where the caller stopped hearing it."""
        actions: list[Action] = []
        kept: deque[_Reply] = deque()
        for reply in self._replies:
            if keep_protected and reply.is_protected:
                reply.is_open = False  # the interruption closes its message; it goes on in another
                kept.append(reply)
                continue
            self._dropped = max(self._dropped, reply.number)
            actions.extend(self._hear_part(reply))
            if reply.kind == FILLER:
                pass  # it left nothing to be marked
            elif marker and reply.heard and reply.tool_call_id:
                reply.late.append(marker)
            elif marker and reply.heard:
                actions.append(TakeText(marker))
            actions.extend(self._close(reply, interrupted=True))
        self._replies = kept
        return tuple(actions)


# ── half a word ──────────────────────────────────────────────────────────────────────
def letters_to_count(letters: int) -> int:
    """So many letters of a word must have been said for it to count as heard: half of them.

    Somebody who hears half of a word has mostly understood it, and an ear that stops anywhere is
    then as often taken to have heard a little more as a little less.
    """
    return (letters + 1) // 2


def half_said(text: str, end: int) -> int:
    """The characters up to where the word that ends at `end` counts as heard."""
    start = _word_start(text, end)
    return start + letters_to_count(end - start)


def heard_words(clause: ClauseSpoken, chars: int) -> str:
    """The words of what was written that have been heard when `chars` of how it is said have; of a
    word said in several, all of those."""
    text, form = clause.text, clause.form
    spoken = text if form is None else form.text
    chars = _counted(spoken, chars)
    upto = chars if form is None else form.written_chars(chars)
    if upto < len(text) and not text[upto : upto + 1].isspace():
        upto = _word_start(text, upto)
    return text[:upto].strip()


def _counted(spoken: str, chars: int) -> int:
    """The end of the word in which `chars` lies if half of it has been said, else its start."""
    start, end = _word_start(spoken, chars), _word_end(spoken, chars)
    return end if chars >= start + letters_to_count(end - start) else start


def _word_start(text: str, at: int) -> int:
    """Where the word begins that `at` is inside of."""
    while at > 0 and not text[at - 1 : at].isspace():
        at -= 1
    return at


def _word_end(text: str, at: int) -> int:
    """Where it ends."""
    while at < len(text) and not text[at].isspace():
        at += 1
    return at
