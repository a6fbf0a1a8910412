"""Break the silence when the answer is late.

Silence is reckoned from the instant the turn is the agent's, or from the last sound the caller has
heard since, while something is owed: the model is asked, or a tool runs. What counts is a clause
that can be spoken, not a header and not a first token. A first holding phrase is due when the
silence has lasted too long, or earlier when the answers of this process say that this one will not
come in time: a quarter later than the slowest of them that did, within bounds. Later phrases follow
each other while nothing else is heard.

Plain calls only: the host tells facts and the time, and asks again at `next_deadline()`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from call.phrases import Phrases

_KEPT = 100  # answers remembered: a busy process forgets a slow minute in a minute
_ENOUGH = 20  # fewer say nothing about the slowest
_LATE = 1.25  # times the slowest that came in time: nobody came so late, and in time


@dataclass(frozen=True)
class Patience:
    """How long the caller may hear nothing while the agent is to answer."""

    first_clause_s: float = 1.7
    """Seconds without a speakable clause before a holding phrase is said. A phrase that lies ready
    sounds within 0.3, and callers begin to say "hello?" after 2."""
    first_clause_least_s: float = 1.0
    """The same at the earliest, however fast the answers of this process are: a phrase said in vain
    holds up the answer behind it."""
    again_s: float = 4.0
    """Seconds from one holding phrase to the next, if the silence behind the first is not broken
    before (it may last first_clause_s). The second one also asks the stand-in."""
    stall_s: float = 1.5
    """Seconds without a token in mid-reply after which the stream counts as stalled: the reply is
    finished at its last clause and continued by a fresh request. A healthy stream never pauses for
    1, and two clauses cover 3."""
    hearing_s: float = 1.7
    """Seconds after the caller fell silent that the recogniser may be gone before the caller is
    told."""
    hearing_again_s: float = 4.0
    """Seconds after that in which it must be back, or the caller is led out of the call."""

    def __post_init__(self) -> None:
        for name in ("again_s", "stall_s", "hearing_s", "hearing_again_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; give more than 0 seconds")
        if not 0 < self.first_clause_least_s <= self.first_clause_s:
            raise ValueError(
                f"first_clause_least_s {self.first_clause_least_s} must be above 0 and at most "
                f"first_clause_s {self.first_clause_s}"
            )


class FirstClauseTimes:
    """How long first clauses took lately, over all calls of the process."""

    def __init__(self) -> None:
        self._took_s: deque[float] = deque(maxlen=_KEPT)

    def add(self, took_s: float) -> None:
        """One came (or was given up) after so long."""
        self._took_s.append(took_s)

    def patience_s(self, patience: Patience) -> float:
        """When to break the silence, by what is usual here."""
        if len(self._took_s) < _ENOUGH:
            return patience.first_clause_s
        in_time = [took_s for took_s in self._took_s if took_s <= patience.first_clause_s]
        slowest_s = max(in_time, default=patience.first_clause_s)
        return max(patience.first_clause_least_s, min(_LATE * slowest_s, patience.first_clause_s))


# ── facts ────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class TurnConfirmed:
    """The turn is the agent's."""


@dataclass(frozen=True)
class Asked:
    """The model is at it; `is_guess`: before the turn is confirmed."""

    is_guess: bool = False


@dataclass(frozen=True)
class ClauseArrived:
    """Something to say is on its way to the voice: the model's, or a phrase of the agent's own."""

    is_phrase: bool = False


@dataclass(frozen=True)
class AllHeard:
    """Everything that was on its way has been heard."""


@dataclass(frozen=True)
class AnswerEnded:
    """The model has written all of it; or it was withdrawn, with what was on its way."""

    is_withdrawn: bool = False


@dataclass(frozen=True)
class ToolStarted:
    """A tool runs."""

    call_id: str
    name: str = ""


@dataclass(frozen=True)
class ToolEnded:
    """It answered, failed or was given up; `is_told`: the model is asked with what came of it."""

    call_id: str
    is_told: bool = True


@dataclass(frozen=True)
class CallerSpeaks:
    """No silence is to be broken."""


@dataclass(frozen=True)
class CallerSilent:
    """It begins anew."""


@dataclass(frozen=True)
class CallerInterrupted:
    """Nothing is owed any more."""


Fact = (
    TurnConfirmed
    | Asked
    | ClauseArrived
    | AllHeard
    | AnswerEnded
    | ToolStarted
    | ToolEnded
    | CallerSpeaks
    | CallerSilent
    | CallerInterrupted
)


@dataclass(frozen=True)
class BreakSilence:
    """Say a holding phrase, the `nth` of this silence from 0: for the model, or for the tool that
    runs."""

    tool: str = ""
    nth: int = 0


def filler(
    silence: BreakSilence, phrases: Phrases, by_tool: Mapping[str, str], *, last: str = ""
) -> str:
    """The phrase that breaks it: a tool's own first, then another one each time; never the `last`
    one of the call again."""
    if not silence.tool:
        choices = phrases.fillers
    else:
        own = by_tool.get(silence.tool, "")
        choices = (own, *phrases.tool_fillers) if own else phrases.tool_fillers
    first = silence.nth % len(choices)
    return choices[(first + (choices[first] == last)) % len(choices)]


class FirstTokenPatience:
    """The silences of one call."""

    def __init__(self, patience: Patience, times: FirstClauseTimes | None = None) -> None:
        self._patience = patience
        self._times = times or FirstClauseTimes()
        self._is_asked = False  # the model writes, or is about to
        self._is_guess = False  # and the turn is not the agent's yet
        self._asked_at: float | None = None  # since when its first clause is waited for
        self._tools: dict[str, str] = {}  # that run
        self._is_sounding = False  # something said has not been heard out
        self._is_caller_speaking = False
        self._silent_since = 0.0
        self._goes_on = False  # the silence in which the model is asked has begun before
        self._said = 0  # holding phrases of this silence
        self._said_at = 0.0  # the last of them
        self._first_s = patience.first_clause_s

    def decide(self, fact: Fact, now: float) -> None:
        """Take one fact in."""
        match fact:
            case TurnConfirmed():
                self._confirm(now)
            case Asked():
                self._ask(now, is_guess=fact.is_guess)
            case ClauseArrived():
                self._clause(now, is_phrase=fact.is_phrase)
            case AllHeard():
                if self._is_sounding:
                    self._is_sounding, self._silent_since = False, now
            case AnswerEnded():
                self._end(is_withdrawn=fact.is_withdrawn)
            case _:
                self._beside(fact, now)

    def next_deadline(self) -> float | None:
        """When to break the silence."""
        if not self._is_owed or self._is_caller_speaking:
            return None
        again_at = self._said_at + self._patience.again_s if self._said else None
        if self._is_sounding:
            return again_at  # the phrase may never be heard: a voice may be gone, too
        due_at = self._silent_since + self._patience_s
        return due_at if again_at is None else min(due_at, again_at)

    def on_deadline(self, now: float) -> BreakSilence | None:
        """A late timer asks again; the silence is to be broken."""
        due_at = self.next_deadline()
        if due_at is None or now < due_at:
            return None
        nth, self._said, self._said_at = self._said, self._said + 1, now
        self._is_sounding = True
        return BreakSilence(next(iter(self._tools.values()), ""), nth)

    @property
    def silent_since(self) -> float | None:
        """Since when the caller waits for the model's words in silence; None where nobody does."""
        waits = self._is_owed and not self._is_sounding and not self._is_caller_speaking
        return self._silent_since if waits else None

    @property
    def _is_owed(self) -> bool:
        return bool(self._tools) or (self._is_asked and not self._is_guess)

    @property
    def _patience_s(self) -> float:
        """What is usual is known of first clauses only."""
        waits_for_first = self._asked_at is not None and not self._said and not self._tools
        return self._first_s if waits_for_first else self._patience.first_clause_s

    def _beside(self, fact: Fact, now: float) -> None:
        """What tools and the caller do."""
        match fact:
            case ToolStarted():
                self._tools[fact.call_id] = fact.name
            case ToolEnded():
                if self._tools.pop(fact.call_id, None) is not None:
                    self._goes_on = fact.is_told
            case CallerSpeaks():
                self._is_caller_speaking = True
            case CallerSilent():
                self._is_caller_speaking, self._silent_since = False, now
            case _:  # CallerInterrupted
                self._end(is_withdrawn=True)
                self._tools.clear()
                self._said, self._goes_on = 0, False

    def _confirm(self, now: float) -> None:
        self._is_caller_speaking = self._is_guess = False
        self._said, self._silent_since, self._goes_on = 0, now, True
        if self._asked_at is not None:
            self._ask(now, is_guess=False)

    def _ask(self, now: float, *, is_guess: bool) -> None:
        self._is_asked, self._is_guess, self._asked_at = True, is_guess, now
        self._first_s = self._times.patience_s(self._patience)
        if not self._goes_on:
            self._silent_since = now
        self._goes_on = False

    def _clause(self, now: float, *, is_phrase: bool) -> None:
        self._is_sounding = True
        if is_phrase:
            return
        self._said = 0
        if self._asked_at is not None and not self._is_guess:
            self._times.add(now - self._asked_at)
        self._asked_at = None

    def _end(self, *, is_withdrawn: bool) -> None:
        self._is_asked = self._is_guess = False
        self._asked_at = None
        if is_withdrawn:
            self._is_sounding = False
