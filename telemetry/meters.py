"""Everything of `call.measures` as OpenTelemetry metrics, sent to a collector over OTLP.

What Prometheus shows at `/metrics` leaves here under the same names, written the way OpenTelemetry
writes them (no unit in the name: a collector's Prometheus side puts `_seconds` and `_total` back);
what the field has a name for leaves under `gen_ai.*` as well. Fed along by `telemetry.metrics`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource

from call import measures
from call.measures import Measure, all_measures
from telemetry.traces import OPERATION, PROVIDER, Telemetry

TOKEN_TYPE = "gen_ai.token.type"
_TOKEN_TYPES = ("input", "output")  # cached ones have no name among them
# The field's own buckets: semantic conventions of generative AI, metrics.
_TOKEN_BUCKETS = tuple(float(4**power) for power in range(14))
_DURATION_BUCKETS = tuple(0.01 * 2**power for power in range(14))
_UNITS = {"ratio": "1", "bytes": "By"}


class Meters:
    """The process's OpenTelemetry instruments; one recording costs a few microseconds."""

    def __init__(self, settings: Telemetry, *, reader: MetricReader | None = None) -> None:
        """`reader` goes before the settings' collector."""
        if reader is None:
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter

            exporter = OTLPMetricExporter(f"{settings.otlp_url.rstrip('/')}/v1/metrics", timeout=5)
            reader = PeriodicExportingMetricReader(
                exporter, export_interval_millis=settings.metrics_every_s * 1000
            )
        self._provider = MeterProvider(
            [reader],
            resource=Resource.create({"service.name": settings.service_name}),
            shutdown_on_exit=False,
        )
        self._meter = self._provider.get_meter("offhook")
        self._instruments = {each.name: self._instrument(each) for each in all_measures()}
        self._tokens = self._field("gen_ai.client.token.usage", "{token}", _TOKEN_BUCKETS)
        first_chunk = "gen_ai.client.operation.time_to_first_chunk"
        self._first_chunk = self._field(first_chunk, "s", _DURATION_BUCKETS)
        self._tool = self._field("gen_ai.execute_tool.duration", "s", _DURATION_BUCKETS)

    def count(self, measure: Measure, amount: float, labels: dict[str, str]) -> None:
        """Add to a counter."""
        self._instruments[measure.name].add(amount, labels)
        if measure is measures.LLM_TOKENS and labels.get("kind") in _TOKEN_TYPES:
            self._tokens.record(amount, {**_CHAT, TOKEN_TYPE: labels["kind"]})

    def observe(self, measure: Measure, value: float, labels: dict[str, str]) -> None:
        """Add one observation to a histogram."""
        self._instruments[measure.name].record(value, labels)
        if measure is measures.TURN_LLM_FIRST_TOKEN:
            self._first_chunk.record(value, _CHAT)
        elif measure is measures.TOOL_SECONDS:
            self._tool.record(value, {OPERATION: "execute_tool"})

    def gauge(self, name: str, help: str, read: Callable[[], float]) -> None:
        """A value that is read when it is sent."""

        def observe(_options: CallbackOptions) -> list[Observation]:
            return [Observation(read())]

        self._meter.create_observable_gauge(_plain(name), [observe], description=help)

    def close(self) -> None:
        """Send what waits; blocks."""
        self._provider.shutdown()

    def _instrument(self, measure: Measure) -> Any:
        name = _plain(measure.name)
        if measure.unit == "1":
            return self._meter.create_counter(name, description=measure.help)
        return self._meter.create_histogram(
            name,
            unit=_UNITS.get(measure.unit, "s"),
            description=measure.help,
            explicit_bucket_boundaries_advisory=list(measure.buckets),
        )

    def _field(self, name: str, unit: str, buckets: tuple[float, ...]) -> Any:
        return self._meter.create_histogram(
            name, unit=unit, explicit_bucket_boundaries_advisory=list(buckets)
        )


_CHAT = {OPERATION: "chat", PROVIDER: "anthropic"}


def _plain(name: str) -> str:
    """`offhook_turn_end_to_end_seconds` is `offhook.turn_end_to_end`, its unit stands beside it."""
    for suffix in ("_total", "_seconds", "_ratio"):
        name = name.removesuffix(suffix)
    return name.replace("offhook_", "offhook.", 1)
