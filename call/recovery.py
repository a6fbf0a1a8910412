"""What is done about a fault, and what the caller hears: one table, and nowhere else.

A row is a stage of the turn and what troubles it; its cells are the remedies for the first, the
second and the third time in a row. The host of a stage asks for the step it can take itself (ask
again, ask the stand-in); the rest (a phrase, the way out) is the recovery desk's.

Only a complete answer with words ends a row of the model's faults. A call is not given up for a
model that is late unless it was late the time before, too: a stand-in that is asked after two
faults gets its phrase, and the time behind it. An answer with no words and no
tool is neither an outage nor a success: it has a row and a count of its own.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from call.errors import (
    Party,
    ProviderBusy,
    ProviderDown,
    ProviderFault,
    ProviderRefused,
    ProviderSlow,
)


class Stage(StrEnum):
    """Where in the turn it happens."""

    HEAR = "hear"
    THINK = "think"
    TOOL = "tool"
    SPEAK = "speak"


class Trouble(StrEnum):
    """What happens there."""

    LATE = "late"  # nothing to say by the deadline, and no fault yet
    SLOW = "slow"  # a stall, or a time limit passed
    BUSY = "busy"  # 429, 529, overloaded
    LIMITED = "limited"  # the same, and it names a wait no caller has the patience for
    DOWN = "down"  # refused, reset, closed, 5xx
    BROKE = "broke"  # unreadable, cut short, out of order
    REFUSED = "refused"  # a bad key, an unknown model, or it will not answer this
    MALFORMED = "malformed"  # it does not take the conversation as it stands (400)
    EMPTY = "empty"  # an answer with no words and no tool
    GONE = "gone"  # nobody is left who could do it


class Step(StrEnum):
    """What is done."""

    WAIT = "wait"  # it mends itself, or somebody is at it already
    AGAIN = "again"  # ask again at once, told what has been said
    REBUILD = "rebuild"  # ask again with the conversation put in plain words
    STAND_IN = "stand_in"  # ask the stand-in, told what has been said
    GIVE_UP = "give_up"  # the way out: apology, then a person or the voicemail


class Line(StrEnum):
    """What the caller hears of it."""

    NOTHING = ""
    FILLER = "filler"  # a holding phrase, another one each time
    SAY_AGAIN = "say_again"
    HARD_OF_HEARING = "hard_of_hearing"
    APOLOGY = "apology"  # said on the way out


@dataclass(frozen=True)
class Remedy:
    """One cell of the table."""

    step: Step
    line: Line = Line.NOTHING


_WAIT, _AGAIN = Remedy(Step.WAIT), Remedy(Step.AGAIN)
_STAND_IN, _REBUILD = Remedy(Step.STAND_IN), Remedy(Step.REBUILD)
_FILLER = Remedy(Step.WAIT, Line.FILLER)
_GIVE_UP = Remedy(Step.GIVE_UP, Line.APOLOGY)
_MENDS_ITSELF = (_WAIT, _WAIT, _WAIT)
_ASK_AGAIN = (_AGAIN, _STAND_IN, _GIVE_UP)
_ASK_ANOTHER = (_STAND_IN, _STAND_IN, _GIVE_UP)

TABLE: dict[tuple[Stage, Trouble], tuple[Remedy, Remedy, Remedy]] = {
    # The recogniser reconnects by itself and replays what it missed; only its absence is heard.
    (Stage.HEAR, Trouble.SLOW): _MENDS_ITSELF,
    (Stage.HEAR, Trouble.BUSY): _MENDS_ITSELF,
    (Stage.HEAR, Trouble.DOWN): _MENDS_ITSELF,
    (Stage.HEAR, Trouble.BROKE): _MENDS_ITSELF,
    (Stage.HEAR, Trouble.REFUSED): _MENDS_ITSELF,
    (Stage.HEAR, Trouble.GONE): (Remedy(Step.WAIT, Line.HARD_OF_HEARING), _GIVE_UP, _GIVE_UP),
    (Stage.THINK, Trouble.LATE): (_FILLER, Remedy(Step.STAND_IN, Line.FILLER), _GIVE_UP),
    (Stage.THINK, Trouble.SLOW): _ASK_AGAIN,
    (Stage.THINK, Trouble.BUSY): _ASK_AGAIN,
    (Stage.THINK, Trouble.LIMITED): _ASK_ANOTHER,
    (Stage.THINK, Trouble.DOWN): _ASK_AGAIN,
    (Stage.THINK, Trouble.BROKE): _ASK_AGAIN,
    (Stage.THINK, Trouble.REFUSED): _ASK_ANOTHER,
    (Stage.THINK, Trouble.MALFORMED): (_REBUILD, _STAND_IN, _GIVE_UP),
    (Stage.THINK, Trouble.EMPTY): (_AGAIN, Remedy(Step.WAIT, Line.SAY_AGAIN), _GIVE_UP),
    # A tool has its own time limit, and the model words its failure.
    (Stage.TOOL, Trouble.LATE): (_FILLER, _FILLER, _FILLER),
    # Another voice goes on by itself; only when there is none left is the call led out.
    (Stage.SPEAK, Trouble.SLOW): _MENDS_ITSELF,
    (Stage.SPEAK, Trouble.BUSY): _MENDS_ITSELF,
    (Stage.SPEAK, Trouble.DOWN): _MENDS_ITSELF,
    (Stage.SPEAK, Trouble.BROKE): _MENDS_ITSELF,
    (Stage.SPEAK, Trouble.REFUSED): _MENDS_ITSELF,
    (Stage.SPEAK, Trouble.GONE): (_GIVE_UP, _GIVE_UP, _GIVE_UP),
}
PARTIES = {Stage.HEAR: Party.STT, Stage.THINK: Party.LLM, Stage.SPEAK: Party.TTS}
"""Whose fault it is when the call is led out for the sake of a stage."""

_PATIENCE_S = 1.0  # a provider that says "in a second" may be asked at once: it is never exact
_BAD_REQUEST = ("status 400", "status 413", "status 422", "invalid_request_error")


def trouble(fault: ProviderFault) -> Trouble:
    """The row a fault belongs to."""
    match fault:
        case ProviderBusy(retry_after_s=wait_s):
            return Trouble.LIMITED if (wait_s or 0.0) > _PATIENCE_S else Trouble.BUSY
        case ProviderSlow():
            return Trouble.SLOW
        case ProviderDown():
            return Trouble.DOWN
        case ProviderRefused(detail=detail) if detail in _BAD_REQUEST:
            return Trouble.MALFORMED
        case ProviderRefused():
            return Trouble.REFUSED
    return Trouble.BROKE


# The rows of a trouble that a stage does not tell from another.
_COARSER = {Trouble.LIMITED: Trouble.BUSY, Trouble.MALFORMED: Trouble.REFUSED}


class Recovery:
    """The faults of one call, counted in a row, and the remedies for them."""

    def __init__(self) -> None:
        self._in_a_row: Counter[tuple[Stage, Trouble | None]] = Counter()
        self._last: dict[Stage, Trouble] = {}
        self._is_rebuilt = False  # the conversation is in plain words, for the rest of the call

    def met(self, stage: Stage, what: Trouble) -> Remedy:
        """It happened, once more: what is to be done."""
        row = TABLE.get((stage, what)) or TABLE.get((stage, _COARSER.get(what, what)))
        if row is None:
            return _WAIT
        key = _count_of(stage, what)
        self._in_a_row[key] += 1
        remedy = row[min(self._in_a_row[key], len(row)) - 1]
        was, self._last[stage] = self._last.get(stage), what
        if what is Trouble.LATE and was is not what and remedy.step is Step.GIVE_UP:
            return row[0]
        return self._rebuilding(row, remedy) if row[0].step is Step.REBUILD else remedy

    def _rebuilding(self, row: tuple[Remedy, Remedy, Remedy], remedy: Remedy) -> Remedy:
        """A conversation is rebuilt once a call, also behind a fault of another kind: the stand-in
        would take it as little as the first model."""
        if remedy.step is Step.GIVE_UP:
            return remedy
        was_rebuilt, self._is_rebuilt = self._is_rebuilt, True
        return row[was_rebuilt]

    def is_well(self, stage: Stage) -> None:
        """The stage did its work: the next fault is a first one again."""
        for key in [key for key in self._in_a_row if key[0] is stage]:
            del self._in_a_row[key]


def _count_of(stage: Stage, what: Trouble) -> tuple[Stage, Trouble | None]:
    """An answer of nothing is counted apart from the outages of its stage, and so is its absence:
    each begins with an outage."""
    return stage, what if what in (Trouble.EMPTY, Trouble.GONE) else None


class StandIn:
    """Which of two models of one process is asked first.

    Where the first one failed and the stand-in answered, the stand-in goes on answering for a
    while, so that not every turn begins with waiting for a model that is down.
    """

    def __init__(self, *, keep_s: float) -> None:
        self._keep_s = keep_s
        self._until = float("-inf")

    def is_first(self, now: float) -> bool:
        """The stand-in is asked first."""
        return now < self._until

    def answered(self, *, is_stand_in: bool, now: float) -> None:
        """A complete answer came; the first model's own ends the rule of the stand-in."""
        if not is_stand_in:
            self._until = float("-inf")
        elif now >= self._until:
            self._until = now + self._keep_s
