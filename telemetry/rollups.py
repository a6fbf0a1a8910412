"""Percentiles over the last turns of a process, and whose fault the slow ones were.

Works on turns as they stand in a call record, so the same figures come from a running process and
from stored calls. A slow turn's cause is decided once, when the turn arrives, against the stages'
usual shares so far; the histogram counts those causes, hence they sum to the tail.
"""

from __future__ import annotations

import math
import sys
from array import array
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from call.budgets import Budgets, Percentiles, Verdict, cause, percentiles, totals, verdicts

# p99.9 wants a thousand turns; ten thousand are two hours of twenty calls, and 6 MB.
WINDOW_TURNS = 10_000
# A stage's usual share is the median of its last values; it follows a change within minutes.
USUAL_TURNS = 200
FIGURES = (
    "endpoint_s",
    "stt_final_s",
    "llm_first_token_s",
    "tts_first_byte_s",
    "end_to_end_s",
    "silence_s",
)
"""The five numbers of a turn, and the silence the caller heard."""


@dataclass(frozen=True, slots=True)
class SlowTurn:
    """One turn above the limit."""

    call_id: str
    turn: int
    end_to_end_s: float
    cause: str


@dataclass(frozen=True, slots=True)
class _Kept:
    """One turn, packed: as dicts of numbers it would be twice the size."""

    figures: array[float]
    """By FIGURES; not a number where the turn has none."""
    stages: tuple[str, ...]
    shares: array[float]
    """By `stages`."""
    slow: SlowTurn | None


class Rollups:
    """The last turns of a process (or of stored calls), in figures."""

    def __init__(self, budgets: Budgets | None = None, *, window: int = WINDOW_TURNS) -> None:
        self.budgets = budgets or Budgets()
        self._turns: deque[_Kept] = deque(maxlen=window)
        self._usual: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=USUAL_TURNS))

    def judge(self, turn: Mapping[str, Any], *, call_id: str = "") -> SlowTurn | None:
        """Whether a turn is slow and through what, by the usual shares so far; keeps nothing."""
        end_to_end_s = turn.get("end_to_end_s")
        if end_to_end_s is None or end_to_end_s <= self.budgets.slow_turn_s:
            return None
        guilty = cause(_path(turn), self.usual()) or "unknown"
        return SlowTurn(call_id, int(turn.get("turn") or 0), end_to_end_s, guilty)

    def add(self, turn: Mapping[str, Any], *, call_id: str = "") -> SlowTurn | None:
        """Take one turn's document; what is returned is set when the turn was slow."""
        figures = [math.nan if turn.get(name) is None else turn[name] for name in FIGURES]
        shares = totals(_path(turn))
        slow = self.judge(turn, call_id=call_id)
        for stage, seconds in shares.items():
            self._usual[stage].append(seconds)
        stages = tuple(sys.intern(stage) for stage in shares)
        self._turns.append(_Kept(array("d", figures), stages, array("d", shares.values()), slow))
        return slow

    def usual(self) -> dict[str, float]:
        """The median share of each stage over the last turns it was in."""
        kept = [(stage, list(values)) for stage, values in list(self._usual.items())]
        return {stage: median(values) for stage, values in kept if values}

    @property
    def n(self) -> int:
        """Turns in the window."""
        return len(self._turns)

    def _now(self) -> list[_Kept]:
        """The window as it stands, in one step of the interpreter: pages are written by another
        thread than the one in which turns come, and a window that moves cannot be gone through."""
        return list(self._turns)

    def figure(self, name: str) -> Percentiles:
        """Percentiles of one of `FIGURES`."""
        index = FIGURES.index(name)
        column = (kept.figures[index] for kept in self._now())
        return percentiles([value for value in column if not math.isnan(value)])

    def stages(self) -> dict[str, Percentiles]:
        """Percentiles of each stage's share in end to end, over the turns it was in."""
        shares: defaultdict[str, list[float]] = defaultdict(list)
        for kept in self._now():
            for stage, seconds in zip(kept.stages, kept.shares, strict=True):
                shares[stage].append(seconds)
        return {stage: percentiles(values) for stage, values in shares.items()}

    def slow(self) -> list[SlowTurn]:
        """The turns above `budgets.slow_turn_s`, oldest first."""
        return [kept.slow for kept in self._now() if kept.slow is not None]

    def tail(self) -> dict[str, int]:
        """Slow turns by cause, most frequent first; the counts sum to `len(slow())`."""
        return dict(Counter(slow.cause for slow in self.slow()).most_common())

    def verdicts(self) -> list[Verdict]:
        """Every budget beside what was measured."""
        return verdicts(self.budgets, self.figure("end_to_end_s"), self.stages())

    def document(self) -> dict[str, Any]:
        """All of it as JSON."""
        slow = self.slow()
        return {
            "turns": self.n,
            "figures": {name: self.figure(name).document() for name in FIGURES},
            "stages": {stage: share.document() for stage, share in self.stages().items()},
            "slow_turn_s": self.budgets.slow_turn_s,
            "slow_turns": len(slow),
            "tail_by_cause": self.tail(),
            "budgets": [
                {
                    "name": verdict.name,
                    "budget_s": verdict.budget_s,
                    "measured_s": verdict.measured_s,
                    "is_kept": verdict.is_kept,
                }
                for verdict in self.verdicts()
            ],
        }


def _path(turn: Mapping[str, Any]) -> list[tuple[str, float]]:
    return [(str(stage), float(seconds)) for stage, seconds in turn.get("critical_path") or ()]


def of_calls(calls: Iterable[Mapping[str, Any]], budgets: Budgets | None = None) -> Rollups:
    """Figures over stored calls, oldest first."""
    rollups = Rollups(budgets)
    for call in calls:
        for turn in call.get("turns") or ():
            rollups.add(turn, call_id=str(call.get("call_id") or ""))
    return rollups


# ── whole calls ──────────────────────────────────────────────────────────────────────
LENGTHS_S = (10, 30, 60, 120, 300, 600)


def endings(calls: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, int]]:
    """How many calls ended how, by how long they had lasted: {ending: {"< 10 s": n, …}}."""
    table: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for call in calls:
        table[str(call.get("ending"))][_length(float(call.get("duration_s") or 0.0))] += 1
    names = [*(f"< {limit} s" for limit in LENGTHS_S), f">= {LENGTHS_S[-1]} s"]
    return {
        ending: {name: counts[name] for name in names if counts[name]}
        for ending, counts in sorted(table.items())
    }


def _length(seconds: float) -> str:
    limit = next((limit for limit in LENGTHS_S if seconds < limit), None)
    return f">= {LENGTHS_S[-1]} s" if limit is None else f"< {limit} s"
