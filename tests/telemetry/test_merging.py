"""Several processes' figures are one page, and no counter ever falls."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from call.measures import INTERRUPTIONS, LOOP_LAG, PROVIDER_FAULTS
from telemetry.merging import Snapshot, added, snapshot, without_gauges
from telemetry.metrics import Metrics

pytestmark = pytest.mark.rule


def shown(page: tuple[bytes, str]) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Samples of a page."""
    return {
        (s.name, tuple(sorted(s.labels.items()))): s.value
        for family in text_string_to_metric_families(page[0].decode())
        for s in family.samples
    }


def worker(interruptions: int, lags: list[float], faults: dict[str, int]) -> Metrics:
    metrics = Metrics()
    metrics.count(INTERRUPTIONS, interruptions)
    for lag in lags:
        metrics.observe(LOOP_LAG, lag)
    for kind, n in faults.items():
        metrics.count(PROVIDER_FAULTS, n, provider="deepgram", kind=kind)
    return metrics


def test_counters_histograms_and_gauges_add_up() -> None:
    """The front's own, and those of each worker; labels stay apart."""
    front = worker(1, [0.001], {"ProviderDown": 1})
    others = [worker(2, [0.5, 0.003], {"ProviderDown": 4, "ProviderBusy": 2}), worker(0, [], {})]
    for n, each in enumerate(others):
        each.gauge("offhook_process_tasks", "Tasks", lambda n=n: 10 + n)  # type: ignore[misc]
    figures = shown(front.page(others=[snapshot(each.registry) for each in others]))
    assert figures["offhook_interruptions_total", ()] == 3
    assert figures["offhook_loop_lag_seconds_count", ()] == 3
    assert figures["offhook_loop_lag_seconds_sum", ()] == pytest.approx(0.504)
    assert figures["offhook_loop_lag_seconds_bucket", (("le", "0.001"),)] == 1
    assert figures["offhook_loop_lag_seconds_bucket", (("le", "+Inf"),)] == 3
    down = (("kind", "ProviderDown"), ("provider", "deepgram"))
    busy = (("kind", "ProviderBusy"), ("provider", "deepgram"))
    assert figures["offhook_provider_faults_total", down] == 5
    assert figures["offhook_provider_faults_total", busy] == 2
    assert figures["offhook_process_tasks", ()] == 21


def test_what_is_no_sum_is_the_fronts_own() -> None:
    """Budgets, quantiles and readiness are not doubled by a second worker."""
    front, other = Metrics(), Metrics()
    front.gauge("offhook_ready", "1 while a call would be taken", lambda: 1)
    other.gauge("offhook_ready", "1 while a call would be taken", lambda: 1)
    alone = shown(front.page())
    both = shown(front.page(others=[snapshot(other.registry)]))
    assert both["offhook_ready", ()] == 1
    for name in ("offhook_budget_seconds", "offhook_stage_budget_seconds", "offhook_window_turns"):
        assert {k: v for k, v in both.items() if k[0] == name} == {
            k: v for k, v in alone.items() if k[0] == name
        }


def test_a_dead_process_keeps_its_counters_and_loses_its_gauges() -> None:
    """Its tasks are gone, what it counted has happened."""
    dead = worker(7, [0.2], {})
    dead.gauge("offhook_process_tasks", "Tasks", lambda: 99)
    departed = added([], without_gauges(snapshot(dead.registry)))
    figures = shown(Metrics().page(others=[departed]))
    assert figures["offhook_interruptions_total", ()] == 7
    assert ("offhook_process_tasks", ()) not in figures


def test_a_page_of_open_metrics_still_has_its_exemplars_and_its_end() -> None:
    """Whoever asks for that format gets all of it."""
    front = Metrics()
    front.turn({"turn": 1, "end_to_end_s": 0.3}, call_id="c1")
    page, kind = front.page("application/openmetrics-text", others=[snapshot(Metrics().registry)])
    assert "openmetrics" in kind
    assert b'call_id="c1"' in page
    assert page.endswith(b"# EOF\n")


counts = st.lists(st.integers(0, 1000), min_size=1, max_size=4)


@given(counts)
def test_the_order_of_adding_does_not_matter(numbers: list[int]) -> None:
    """However often it is added up on the way."""
    snapshots = [snapshot(_only(n)) for n in numbers]
    forward: Snapshot = []
    for each in snapshots:
        forward = added(forward, each)
    backward: Snapshot = []
    for each in reversed(snapshots):
        backward = added(each, backward)
    assert _value(forward) == _value(backward) == sum(numbers)


def _only(n: int) -> CollectorRegistry:
    from prometheus_client import Counter

    registry = CollectorRegistry()
    Counter("offhook_things_total", "Things", registry=registry).inc(n)
    return registry


def _value(figures: Snapshot) -> float:
    (family,) = figures
    return float(next(v for name, _, v in family["samples"] if name == "offhook_things_total"))
