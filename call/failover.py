"""How well a provider is: when to stop waiting for it, when to go round it, when to come back.

One `Health` a provider and process, fed by every call that speaks through it. Faults in a row, a
refusal that will not change by asking again, or first sounds far above the usual open its circuit:
new replies then begin with another provider. Whoever probes it in the background closes it again.
Plain calls only: the host tells facts and the time.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median

_KEPT = 60  # first sounds remembered: some minutes of a call, so that a slow hour becomes usual
_ENOUGH = 10  # fewer say nothing about what is usual
_LATE = 2.0  # times the live 95th percentile: nobody's usual answer
_SPIKE = 3.0  # times the live median
_SPIKES = 3  # so many in a row are no accident
_UNKNOWN_S = 0.3  # what a first sound is reckoned to take while too few are known
_LEAST_S = 0.2  # no wait is shorter: below it lies the jitter of a network and of a busy machine
_PROBE_MOST_S = 60.0  # longest pause between two probes


@dataclass(frozen=True)
class Tolerance:
    """What a provider may take before another one is asked."""

    first_byte_budget_s: float
    faults_to_open: int
    probe_s: float

    def __post_init__(self) -> None:
        for name in ("first_byte_budget_s", "probe_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} {getattr(self, name)} must be above 0 seconds")
        if self.faults_to_open < 1:
            raise ValueError(f"faults_to_open {self.faults_to_open} must be at least 1")


# ── facts ────────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Answered:
    """The first sound came so long after it was asked for."""

    after_s: float


@dataclass(frozen=True)
class Failed:
    """A fault; `is_permanent` when asking again cannot help."""

    is_permanent: bool = False
    retry_after_s: float | None = None


@dataclass(frozen=True)
class Probed:
    """A probe was answered after so long, or (None) not at all."""

    after_s: float | None = None


Fact = Answered | Failed | Probed


# ── actions ──────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Open:
    """Go round the provider; `reason` is "faults", "refused" or "spike"."""

    reason: str


@dataclass(frozen=True)
class Close:
    """Begin with it again."""


Action = Open | Close


class Health:
    """One provider's."""

    def __init__(self, tolerance: Tolerance) -> None:
        self._tolerance = tolerance
        self._answers: deque[float] = deque(maxlen=_KEPT)
        self._faults = 0  # in a row
        self._slow = 0  # answers in a row that were far above the usual
        self._opened = 0  # times in a row without a sound between
        self._probe_at: float | None = None  # set while the circuit is open
        self._pause_s = tolerance.probe_s

    @property
    def is_open(self) -> bool:
        """Whether the provider is gone round."""
        return self._probe_at is not None

    @property
    def budget_s(self) -> float:
        """How long a first sound is waited for before another provider is asked, too."""
        most = self._tolerance.first_byte_budget_s
        usual_s = self._percentile_s
        return most if usual_s is None else min(most, max(_LEAST_S, _LATE * usual_s))

    @property
    def usual_s(self) -> float:
        """How long its first sound takes, as a rule: it is asked so long before it is needed."""
        usual_s = self._percentile_s
        most = self._tolerance.first_byte_budget_s
        return min(most, max(_LEAST_S, _UNKNOWN_S if usual_s is None else usual_s))

    @property
    def _percentile_s(self) -> float | None:
        """The live 95th percentile; None where too few are known."""
        if len(self._answers) < _ENOUGH:
            return None
        return sorted(self._answers)[int(0.95 * (len(self._answers) - 1))]

    def decide(self, fact: Fact, now: float) -> tuple[Action, ...]:
        """Take one fact in."""
        match fact:
            case Answered(after_s=after_s):
                return self._answered(after_s, now)
            case Failed():
                return self._failed(fact, now)
            case _:
                return self._probed(fact.after_s, now)

    def next_deadline(self) -> float | None:
        """When the provider is to be probed; None while its circuit is closed."""
        return self._probe_at

    def _answered(self, after_s: float, now: float) -> tuple[Action, ...]:
        is_spike = len(self._answers) >= _ENOUGH and after_s > max(
            _LEAST_S, _SPIKE * median(self._answers)
        )
        self._slow = self._slow + 1 if is_spike else 0
        if after_s <= self.budget_s:
            self._faults = 0
            if not self.is_open:
                self._opened = 0
        self._answers.append(after_s)
        if self._slow >= _SPIKES:
            return self._open("spike", now)
        return ()

    def _failed(self, fact: Failed, now: float) -> tuple[Action, ...]:
        self._faults += 1
        if fact.is_permanent:
            return self._open("refused", now, at_least_s=fact.retry_after_s)
        if self._faults >= self._tolerance.faults_to_open:
            return self._open("faults", now, at_least_s=fact.retry_after_s)
        return ()

    def _open(
        self, reason: str, now: float, *, at_least_s: float | None = None
    ) -> tuple[Action, ...]:
        if self.is_open:
            return ()
        # one that keeps coming back only to fail again is asked less and less often
        self._pause_s = min(_PROBE_MOST_S, self._tolerance.probe_s * 2**self._opened)
        self._opened = min(self._opened + 1, 10)
        self._probe_at = now + min(_PROBE_MOST_S, max(self._pause_s, at_least_s or 0.0))
        return (Open(reason),)

    def _probed(self, after_s: float | None, now: float) -> tuple[Action, ...]:
        if not self.is_open:
            return ()
        if after_s is not None and after_s <= self._tolerance.first_byte_budget_s:
            self._answers.append(after_s)
            self._faults = self._slow = 0
            self._probe_at = None
            return (Close(),)
        self._pause_s = min(_PROBE_MOST_S, 2 * self._pause_s)
        self._probe_at = now + self._pause_s
        return ()
