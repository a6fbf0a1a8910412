"""One `/metrics` page over several processes: counters and histograms add up, and so do gauges.

A process hands its figures over as plain data (`snapshot`); the page is written by whoever has all
of them (`Merged`). A process that has died keeps its counters in the sum, so that no counter falls,
and loses its gauges.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

Snapshot = list[dict[str, Any]]

# Not a sum of anything: what the front says of itself stands for all.
NOT_SUMMED = frozenset(
    {
        "offhook_active_calls",
        "offhook_max_calls",
        "offhook_ready",
        "offhook_window_turns",
        "offhook_window_end_to_end_seconds",
        "offhook_budget_seconds",
        "offhook_stage_budget_seconds",
        "process_start_time_seconds",
        "process_max_fds",
    }
)
_GAUGE = "gauge"
# When a series began is each process's own affair, and no figure.
_CREATED = "_created"


def snapshot(registry: CollectorRegistry) -> Snapshot:
    """The figures of this process as plain data."""
    return [
        {
            "name": family.name,
            "help": family.documentation,
            "type": family.type,
            "samples": [[s.name, s.labels, s.value] for s in family.samples],
        }
        for family in registry.collect()
        if family.name not in NOT_SUMMED
    ]


def without_gauges(figures: Snapshot) -> Snapshot:
    """What stays of a process that has died."""
    return [family for family in figures if family["type"] != _GAUGE]


def added(first: Snapshot, second: Snapshot) -> Snapshot:
    """Two processes' figures as one's."""
    sums = _Sums()
    sums.add(first)
    sums.add(second)
    return sums.snapshot()


class Merged(Collector):
    """The front's own figures and those of its workers, as one registry's."""

    def __init__(self, own: CollectorRegistry, others: Sequence[Snapshot]) -> None:
        self._own = own
        self._others = others

    def collect(self) -> Iterable[Metric]:
        """Every family once."""
        sums = _Sums()
        for figures in self._others:
            sums.add(figures)
        for family in self._own.collect():
            yield sums.into(family)
        yield from sums.rest()


class _Sums:
    """Samples by family, name and labels."""

    def __init__(self) -> None:
        self._families: dict[str, dict[str, Any]] = {}
        self._values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}

    def add(self, figures: Snapshot) -> None:
        for family in figures:
            name = family["name"]
            self._families.setdefault(name, family)
            values = self._values.setdefault(name, {})
            for sample, labels, value in family["samples"]:
                if not sample.endswith(_CREATED):
                    key = (sample, _key(labels))
                    values[key] = values.get(key, 0.0) + value

    def snapshot(self) -> Snapshot:
        return [{**f, "samples": self._samples(name)} for name, f in self._families.items()]

    def into(self, family: Metric) -> Metric:
        """The family with the sums added; it is taken out of them."""
        values = self._values.pop(family.name, {})
        self._families.pop(family.name, None)
        if not values:
            return family
        whole = Metric(family.name, family.documentation, family.type)
        for sample in family.samples:
            value = sample.value + values.pop((sample.name, _key(sample.labels)), 0.0)
            whole.samples.append(sample._replace(value=value))
        whole.samples += [Sample(name, dict(labels), v) for (name, labels), v in values.items()]
        return whole

    def rest(self) -> Iterable[Metric]:
        """Families that only others have."""
        for name, family in self._families.items():
            metric = Metric(name, family["help"], family["type"])
            for sample, labels, value in self._samples(name):
                metric.add_sample(sample, labels, value)
            yield metric

    def _samples(self, family: str) -> list[list[Any]]:
        return [[name, dict(labels), v] for (name, labels), v in self._values[family].items()]


def _key(labels: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(labels.items()))
