"""What the overview says about many calls, worked out from their records alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from call.budgets import LEAST_TURNS, Budgets, Percentiles, Verdict, verdicts
from telemetry.console.drawing import colour_of
from telemetry.rollups import FIGURES, LENGTHS_S, Rollups, SlowTurn, endings, of_calls

CallDocument = Mapping[str, Any]
SHOWN_SLOW_TURNS = 8
FIGURE_NAMES = {
    "endpoint_s": "endpoint",
    "stt_final_s": "recogniser final",
    "llm_first_token_s": "model first token",
    "tts_first_byte_s": "voice first byte",
    "end_to_end_s": "end to end",
    "silence_s": "silence the caller heard",
}
LENGTHS = (*(f"< {limit} s" for limit in LENGTHS_S), f">= {LENGTHS_S[-1]} s")


@dataclass(frozen=True)
class Tile:
    """One percentile of end to end beside its budget."""

    name: str
    verdict: Verdict
    n: int
    wanted: int


@dataclass(frozen=True)
class Cause:
    """One cause's part of the tail."""

    stage: str
    turns: int
    share: float
    colour: str


@dataclass(frozen=True)
class Costs:
    """What the priced calls cost, at the price table of the day they were made."""

    calls: int = 0
    usd: float = 0.0
    minutes: float = 0.0
    by_provider: Mapping[str, float] = field(default_factory=dict)
    unpriced: Sequence[str] = ()
    """what was used but stands in no price table: the sums lack it"""

    @property
    def per_call(self) -> float | None:
        """Dollars a call; None when no call has a price."""
        return self.usd / self.calls if self.calls else None

    @property
    def per_minute(self) -> float | None:
        """Dollars a minute of call; None when no call has a price."""
        return self.usd / self.minutes if self.minutes else None


def costs(calls: Sequence[CallDocument]) -> Costs:
    """Sums over the calls that have a price."""
    priced = [call for call in calls if call.get("cost_usd") is not None]
    by_provider: Counter[str] = Counter()
    for call in priced:
        for provider, usd in (call.get("cost_by_provider_usd") or {}).items():
            by_provider[str(provider)] += usd
    return Costs(
        calls=len(priced),
        usd=sum(float(call["cost_usd"]) for call in priced),
        minutes=sum(float(call.get("duration_s") or 0.0) for call in priced) / 60,
        by_provider=dict(by_provider.most_common()),
        unpriced=sorted({str(what) for call in priced for what in call.get("unpriced") or ()}),
    )


@dataclass(frozen=True)
class Overview:
    """Everything on the overview but the calls themselves."""

    calls: int
    turns: int
    tiles: Sequence[Tile]
    stages: Sequence[tuple[str, Percentiles, Verdict | None]]
    figures: Sequence[tuple[str, Percentiles]]
    slow_turn_s: float
    slow: Sequence[SlowTurn]
    slowest: Sequence[SlowTurn]
    tail: Sequence[Cause]
    endings: Mapping[str, Mapping[str, int]]
    costs: Costs


def overview(calls: Sequence[CallDocument], budgets: Budgets) -> Overview:
    """Figures over these calls, newest first."""
    rollups = of_calls(reversed(calls), budgets)
    slow = rollups.slow()
    return Overview(
        calls=len(calls),
        turns=rollups.n,
        tiles=_tiles(rollups),
        stages=_stages(rollups),
        figures=[(FIGURE_NAMES[name], rollups.figure(name)) for name in FIGURES],
        slow_turn_s=budgets.slow_turn_s,
        slow=slow,
        slowest=sorted(slow, key=lambda turn: -turn.end_to_end_s)[:SHOWN_SLOW_TURNS],
        tail=[
            Cause(stage, turns, turns / len(slow), colour_of(stage))
            for stage, turns in rollups.tail().items()
        ],
        endings=endings(calls),
        costs=costs(calls),
    )


def _tiles(rollups: Rollups) -> list[Tile]:
    measured = rollups.figure("end_to_end_s")
    rows = verdicts(rollups.budgets, measured, {})
    return [
        Tile(f"p{100 * quantile:g}", verdict, measured.n, LEAST_TURNS[quantile])
        for quantile, verdict in zip(rollups.budgets.by_quantile, rows, strict=False)
    ]


def _stages(rollups: Rollups) -> list[tuple[str, Percentiles, Verdict | None]]:
    """Each stage's share and, where it has a budget, whether it keeps it."""
    by_name = {verdict.name: verdict for verdict in rollups.verdicts()}
    return [
        (stage, share, by_name.get(f"{stage} p95")) for stage, share in rollups.stages().items()
    ]


def slowest_turn(call: CallDocument) -> Mapping[str, Any] | None:
    """The turn whose answer took longest; None when nothing was answered."""
    answered = [turn for turn in call.get("turns") or () if turn.get("end_to_end_s") is not None]
    return max(answered, key=lambda turn: float(turn["end_to_end_s"]), default=None)
