"""`GET /metrics`: everything of `call.measures` as Prometheus counters and histograms.

Labels are bounded, by their meaning and by a limit; a call's id is never a label, it stands on an
exemplar of the slow observation. Nothing here is reached for each 20 ms of audio.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    exposition,
)
from prometheus_client.metrics_core import GaugeMetricFamily
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from call import measures
from call.budgets import Budgets
from call.measures import Measure, Moment, all_measures
from telemetry.merging import Merged, Snapshot
from telemetry.meters import Meters
from telemetry.rollups import Rollups

# A label's values come from enumerations; should one ever not, the rest share one series.
MOST_SERIES = 100
OTHER = "other"
_OF_TURN = (
    (measures.TURN_ENDPOINT, "endpoint_s"),
    (measures.TURN_STT_FINAL, "stt_final_s"),
    (measures.TURN_LLM_FIRST_TOKEN, "llm_first_token_s"),
    (measures.TURN_TTS_FIRST_BYTE, "tts_first_byte_s"),
    (measures.TURN_SILENCE, "silence_s"),
)


class Metrics:
    """Implements `call.measures.Recorder` for the whole process."""

    def __init__(self, budgets: Budgets | None = None, *, meters: Meters | None = None) -> None:
        """`meters` are fed along, for a collector."""
        self._meters = meters
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)  # CPU, memory, open files of the process
        self.rollups = Rollups(budgets)
        self._families: dict[str, Counter | Histogram] = {}
        self._series: dict[tuple[str, ...], Any] = {}
        for measure in all_measures():
            self._family(measure)
        self._budgets()
        self.registry.register(_Quantiles(self.rollups))

    # ── Recorder ─────────────────────────────────────────────────────────────────────
    def count(self, measure: Measure, amount: float = 1, **labels: str) -> None:
        """Add to a counter."""
        self._one(measure, labels).inc(amount)
        if self._meters is not None:
            self._meters.count(measure, amount, labels)

    def observe(self, measure: Measure, value: float, **labels: str) -> None:
        """Add one observation to a histogram."""
        self._one(measure, labels).observe(value)
        if self._meters is not None:
            self._meters.observe(measure, value, labels)

    def moment(self, moment: Moment, at: float) -> None:
        """Instants belong to calls; a turn's numbers arrive with `turn`."""

    def words(self, party: str, text: str, *, final: bool, confidence: float | None = None) -> None:
        """Words are no numbers."""

    def reply(self, number: int, kind: str) -> None:
        """Nor is whose they are."""

    # ── turns and calls ──────────────────────────────────────────────────────────────
    def turn(self, turn: Mapping[str, Any], *, call_id: str) -> None:
        """A turn is over: its numbers, its stages, and its cause when it was slow."""
        slow = self.rollups.add(turn, call_id=call_id)
        self.count(measures.TURNS, interrupted="yes" if turn.get("interrupted") else "no")
        for measure, name in _OF_TURN:
            if turn.get(name) is not None:
                self.observe(measure, turn[name])
        if turn.get("end_to_end_s") is not None:
            self._end_to_end(turn["end_to_end_s"], call_id=call_id)
        for stage, seconds in turn.get("critical_path") or ():
            self.observe(measures.TURN_STAGE, seconds, stage=stage)
        if slow is not None:
            self.count(measures.SLOW_TURNS, cause=slow.cause)

    def _end_to_end(self, seconds: float, *, call_id: str) -> None:
        """With the call on the exemplar: whoever sees a slow bucket finds a call that is in it."""
        series = self._one(measures.TURN_END_TO_END, {})
        series.observe(seconds, exemplar={"call_id": call_id})
        if self._meters is not None:
            self._meters.observe(measures.TURN_END_TO_END, seconds, {})

    def call(self, record: Mapping[str, Any]) -> None:
        """A call is over: how it ended, how long it was, what it cost."""
        ending = str(record["ending"])
        self.count(measures.CALLS, ending=ending, party=str(record["fault_party"] or "none"))
        self.observe(measures.CALL_SECONDS, record["duration_s"], ending=ending)
        self.count(measures.CARRIER_SECONDS, record["duration_s"])
        for provider, usd in (record.get("cost_by_provider_usd") or {}).items():
            self.count(measures.COST, usd, provider=provider)

    def gauge(self, name: str, help: str, read: Callable[[], float]) -> None:
        """A value that is read when somebody asks, such as the calls going on."""
        Gauge(name, help, registry=self.registry).set_function(read)
        if self._meters is not None:
            self._meters.gauge(name, help, read)

    # ── shown ────────────────────────────────────────────────────────────────────────
    def page(self, accept: str = "", *, others: Sequence[Snapshot] = ()) -> tuple[bytes, str]:
        """The text and its content type: OpenMetrics (with exemplars) to whoever asks for it.
        `others` are the figures of processes this one speaks for."""
        shown: Any = self.registry if not others else Merged(self.registry, others)
        if "application/openmetrics-text" in accept:
            text: bytes = openmetrics.generate_latest(shown)  # type: ignore[no-untyped-call]
            return text, openmetrics.CONTENT_TYPE_LATEST
        return exposition.generate_latest(shown), exposition.CONTENT_TYPE_PLAIN_0_0_4

    def _one(self, measure: Measure, labels: Mapping[str, str]) -> Any:
        """The series of these labels; labels the measure does not declare are left out."""
        key = (measure.name, *labels.values())
        series = self._series.get(key)
        if series is None:
            family = self._family(measure)
            values = [labels.get(name, "") for name in measure.labels]
            if values and self._count(measure) >= MOST_SERIES:
                return family.labels(*[OTHER] * len(values))
            series = self._series[key] = family.labels(*values) if values else family
        return series

    def _count(self, measure: Measure) -> int:
        return sum(1 for name, *_ in self._series if name == measure.name)

    def _family(self, measure: Measure) -> Counter | Histogram:
        """The metric of a measure, with zero in it when it has no labels."""
        family = self._families.get(measure.name)
        if family is None:
            about = (measure.name, measure.help, measure.labels)
            family = (
                Counter(*about, registry=self.registry)
                if measure.unit == "1"
                else Histogram(*about, registry=self.registry, buckets=measure.buckets)
            )
            self._families[measure.name] = family
        return family

    def _budgets(self) -> None:
        """The budgets, so that alert rules follow the settings."""
        budgets = self.rollups.budgets
        turn = Gauge(
            "offhook_budget_seconds",
            "What end to end may take",
            ("quantile",),
            registry=self.registry,
        )
        for quantile, seconds in budgets.by_quantile.items():
            turn.labels(f"{quantile:g}").set(seconds)
        stage = Gauge(
            "offhook_stage_budget_seconds",
            "What a stage's share may be at the 95th percentile",
            ("stage",),
            registry=self.registry,
        )
        for name, seconds in budgets.by_stage.items():
            stage.labels(name).set(seconds)


class _Quantiles(Collector):
    """Exact quantiles over the window of this process, worked out when somebody asks."""

    def __init__(self, rollups: Rollups) -> None:
        self._rollups = rollups

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """End to end at each quantile, and over how many turns."""
        end_to_end = self._rollups.figure("end_to_end_s")
        turns = GaugeMetricFamily("offhook_window_turns", "Turns the quantiles are over")
        turns.add_metric([], end_to_end.n)
        yield turns
        family = GaugeMetricFamily(
            "offhook_window_end_to_end_seconds",
            "Exact quantiles over the last turns of this process",
            labels=["quantile"],
        )
        for quantile, seconds in end_to_end.by_quantile.items():
            if seconds is not None:
                family.add_metric([f"{quantile:g}"], seconds)
        yield family
