"""What Prometheus shows leaves for a collector too, under the field's names where it has some."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from call.measures import (
    INTERRUPTIONS,
    LLM_TOKENS,
    LOOP_LAG,
    STT_CONFIDENCE,
    TOOL_SECONDS,
    TURN_END_TO_END,
    all_measures,
)
from telemetry.meters import Meters
from telemetry.metrics import Metrics
from telemetry.traces import Telemetry

pytestmark = pytest.mark.rule

TURN: dict[str, Any] = {"turn": 1, "end_to_end_s": 0.31, "llm_first_token_s": 0.11}


def points(reader: InMemoryMetricReader) -> dict[str, list[Any]]:
    """Data points by the metric's name."""
    data = reader.get_metrics_data()
    assert data is not None
    found: dict[str, list[Any]] = {}
    for resource in data.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                found[f"{metric.name} {metric.unit}"] = list(metric.data.data_points)
    return found


@pytest.fixture
def fed() -> Iterator[tuple[Metrics, InMemoryMetricReader]]:
    reader = InMemoryMetricReader()
    meters = Meters(Telemetry(), reader=reader)
    yield Metrics(meters=meters), reader
    meters.close()


def test_counters_and_histograms_arrive_with_their_units(
    fed: tuple[Metrics, InMemoryMetricReader],
) -> None:
    """No unit in a name, our buckets, labels as attributes, never a call's id."""
    metrics, reader = fed
    metrics.count(INTERRUPTIONS)
    metrics.count(INTERRUPTIONS, 2)
    metrics.observe(STT_CONFIDENCE, 0.9)
    metrics.observe(LOOP_LAG, 0.004)
    metrics.turn(TURN, call_id="c1")
    found = points(reader)
    assert found["offhook.interruptions "][0].value == 3
    assert found["offhook.stt_confidence 1"][0].count == 1
    assert found["offhook.loop_lag s"][0].explicit_bounds == LOOP_LAG.buckets
    end_to_end = found["offhook.turn_end_to_end s"][0]
    assert end_to_end.explicit_bounds == TURN_END_TO_END.buckets
    assert end_to_end.sum == pytest.approx(0.31)
    assert not any("c1" in str(point.attributes) for each in found.values() for point in each)


def test_the_fields_own_names_are_there(fed: tuple[Metrics, InMemoryMetricReader]) -> None:
    """gen_ai.*, so that any board for language models shows ours."""
    metrics, reader = fed
    metrics.count(LLM_TOKENS, 250, kind="input")
    metrics.count(LLM_TOKENS, 40, kind="output")
    metrics.count(LLM_TOKENS, 9, kind="cache_read")
    metrics.observe(TOOL_SECONDS, 0.2)
    metrics.turn(TURN, call_id="c1")
    found = points(reader)
    usage = found["gen_ai.client.token.usage {token}"]
    assert {(p.attributes["gen_ai.token.type"], p.sum) for p in usage} == {
        ("input", 250),
        ("output", 40),
    }
    chunk = found["gen_ai.client.operation.time_to_first_chunk s"][0]
    assert dict(chunk.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
    }
    assert found["gen_ai.execute_tool.duration s"][0].count == 1


def test_gauges_are_read_when_they_are_sent(fed: tuple[Metrics, InMemoryMetricReader]) -> None:
    """The value of the moment, not of when it was declared."""
    metrics, reader = fed
    calls = [0]
    metrics.gauge("offhook_active_calls", "Calls going on", lambda: calls[0])
    calls[0] = 7
    assert points(reader)["offhook.active_calls "][0].value == 7


def test_every_measure_has_an_instrument_of_its_own() -> None:
    """Two measures that shared a name would add up silently."""
    meters = Meters(Telemetry(), reader=InMemoryMetricReader())
    names = {instrument.name for instrument in meters._instruments.values()}
    assert len(names) == len(all_measures())
    meters.close()


class _Collector(BaseHTTPRequestHandler):
    received: list[tuple[str, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.headers.get("content-encoding") == "gzip":
            import gzip

            body = gzip.decompress(body)
        self.received.append((self.path, body))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None: ...


def test_a_collector_receives_them_over_otlp() -> None:
    """A real socket, and the field's own message."""
    _Collector.received = []
    server = HTTPServer(("127.0.0.1", 0), _Collector)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        meters = Meters(Telemetry(otlp_url=f"http://127.0.0.1:{server.server_port}/"))
        Metrics(meters=meters).count(INTERRUPTIONS, 5)
        meters.close()  # sends what waits
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    path, body = _Collector.received[-1]
    assert path == "/v1/metrics"
    request = ExportMetricsServiceRequest.FromString(body)
    (resource,) = request.resource_metrics
    assert ("service.name", "offhook") in {
        (a.key, a.value.string_value) for a in resource.resource.attributes
    }
    sums = {m.name: m for scope in resource.scope_metrics for m in scope.metrics}
    assert sums["offhook.interruptions"].sum.data_points[0].as_int == 5


def test_a_collector_that_is_away_costs_nobody_anything() -> None:
    """Nothing is raised and closing ends."""
    meters = Meters(Telemetry(otlp_url="http://127.0.0.1:9"))
    Metrics(meters=meters).count(INTERRUPTIONS)
    meters.close()
