"""What a turn may take: budgets per percentile and per stage, and which of them are broken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

# A percentile of fewer turns says nothing: p99.9 of 50 turns is their slowest.
LEAST_TURNS = {0.5: 5, 0.95: 20, 0.99: 100, 0.999: 1000}
QUANTILES = tuple(LEAST_TURNS)


@dataclass(frozen=True)
class Budgets:
    """How long an answer may take, from the voice's stop to the first agent audio."""

    p50_s: float = 0.22
    """Half of all turns are answered within this; the gap between people talking is 0.2."""
    p95_s: float = 0.28
    """19 of 20 turns."""
    p99_s: float = 0.36
    """99 of 100 turns."""
    p999_s: float = 0.5
    """All but one in a thousand."""
    slow_turn_s: float = 0.5
    """A turn above this is slow: counted, and its cause named. Callers begin to say "hello?"."""
    endpoint_p95_s: float = 0.2
    """The share of deciding that the caller is done, 19 turns of 20."""
    stt_p95_s: float = 0.15
    """The share of waiting for the recogniser's last words."""
    llm_p95_s: float = 0.2
    """The share of waiting for the model's first token; a distant model needs more."""
    tts_p95_s: float = 0.2
    """The share of waiting for the voice's first byte."""

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} {getattr(self, name)} must be above 0 seconds")
        row = (self.p50_s, self.p95_s, self.p99_s, self.p999_s)
        if any(low > high for low, high in pairwise(row)):
            raise ValueError(f"p50_s, p95_s, p99_s, p999_s must not fall; they are {row}")

    @property
    def by_quantile(self) -> dict[float, float]:
        """Seconds of end to end, by quantile."""
        return dict(zip(QUANTILES, (self.p50_s, self.p95_s, self.p99_s, self.p999_s), strict=True))

    @property
    def by_stage(self) -> dict[str, float]:
        """Seconds of a stage's share at the 95th percentile."""
        return {
            "endpoint": self.endpoint_p95_s,
            "stt": self.stt_p95_s,
            "llm": self.llm_p95_s,
            "tts": self.tts_p95_s,
        }


@dataclass(frozen=True)
class Percentiles:
    """A distribution in five numbers: how many, and four quantiles (None without values)."""

    n: int
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    p999: float | None = None

    @property
    def by_quantile(self) -> dict[float, float | None]:
        """The four quantiles under their numbers."""
        return dict(zip(QUANTILES, (self.p50, self.p95, self.p99, self.p999), strict=True))

    def is_telling(self, quantile: float) -> bool:
        """Whether there are enough values for this quantile to mean anything."""
        return self.n >= LEAST_TURNS[quantile]

    def document(self) -> dict[str, float | int | None]:
        """As JSON."""
        return {"n": self.n, "p50": self.p50, "p95": self.p95, "p99": self.p99, "p999": self.p999}


def percentiles(values: Sequence[float]) -> Percentiles:
    """Nearest rank: every figure is a value that was measured."""
    ordered, n = sorted(values), len(values)
    if not n:
        return Percentiles(0)
    p50, p95, p99, p999 = (ordered[_rank(quantile, n)] for quantile in QUANTILES)
    return Percentiles(n, p50, p95, p99, p999)


def _rank(quantile: float, n: int) -> int:
    """Index of the least value that at least `quantile` of all do not exceed."""
    thousandths = round(quantile * 1000)
    return max(0, -(-thousandths * n // 1000) - 1)


@dataclass(frozen=True)
class Verdict:
    """One budget beside what was measured."""

    name: str
    budget_s: float
    measured_s: float | None
    is_telling: bool

    @property
    def is_kept(self) -> bool | None:
        """True or False; None while too few turns were measured."""
        if self.measured_s is None or not self.is_telling:
            return None
        return self.measured_s <= self.budget_s


def verdicts(
    budgets: Budgets, end_to_end: Percentiles, stages: Mapping[str, Percentiles]
) -> list[Verdict]:
    """Every budget, kept or broken."""
    measured = end_to_end.by_quantile
    rows = [
        Verdict(
            f"end to end p{100 * quantile:g}",
            budget_s,
            measured[quantile],
            end_to_end.is_telling(quantile),
        )
        for quantile, budget_s in budgets.by_quantile.items()
    ]
    for stage, budget_s in budgets.by_stage.items():
        share = stages.get(stage, Percentiles(0))
        rows.append(Verdict(f"{stage} p95", budget_s, share.p95, share.is_telling(0.95)))
    return rows


# ── whose fault a slow turn is ───────────────────────────────────────────────────────
# The wait between the first token and the first clause is the model's writing: cutting takes none.
_WHOSE = {"clause": "llm"}


def cause(path: Sequence[tuple[str, float]], usual: Mapping[str, float]) -> str | None:
    """The stage of a critical path that is furthest above its usual share; None without a path.

    The largest stage is not always the guilty one: patience of 0.3 s is there in every turn, a
    model that takes 0.25 s instead of 0.1 is what made this one slow. A model that writes slowly is
    as much to blame as one that begins late, so both of its shares count as one.
    """
    shares, expected = _by_party(totals(path)), _by_party(usual)
    if not shares:
        return None
    return max(shares, key=lambda stage: (shares[stage] - expected.get(stage, 0.0), shares[stage]))


def _by_party(shares: Mapping[str, float]) -> dict[str, float]:
    return totals([(_WHOSE.get(stage, stage), seconds) for stage, seconds in shares.items()])


def totals(path: Sequence[tuple[str, float]]) -> dict[str, float]:
    """Seconds by stage; a stage may come twice (the model before and after a tool)."""
    shares: dict[str, float] = {}
    for stage, seconds in path:
        shares[stage] = shares.get(stage, 0.0) + seconds
    return shares
