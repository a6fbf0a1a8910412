"""Alert rules hold on real Prometheus arithmetic, speak of what is emitted, and say what to do."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.settings import load
from call.admission import Admission
from services.pool import Pool
from telemetry.metrics import Metrics
from tests.bot.test_server import exchange
from tests.needs import need

pytestmark = pytest.mark.rule

ROOT = Path(__file__).resolve().parents[2]
ALERTS = ROOT / "deploy" / "alerts.yml"
BOARD = ROOT / "deploy" / "grafana" / "offhook.json"
RUNBOOK = ROOT / "docs" / "runbook.md"
PROMETHEUS_OWN = {"up"}
_FUNCTIONS = re.compile(r"\b(?:offhook|process)_[a-z0-9_]+")


def rules() -> Iterator[dict[str, Any]]:
    for group in yaml.safe_load(ALERTS.read_text())["groups"]:
        yield from group["rules"]


def queries() -> list[str]:
    """Every expression of board and rules."""
    board = json.loads(BOARD.read_text())
    shown = [t["expr"] for panel in board["panels"] for t in panel.get("targets", ())]
    return shown + [rule["expr"] for rule in rules()]


async def emitted() -> dict[str, set[str]]:
    """Every sample's name on a process's page, with the labels it can carry."""
    house = exchange()
    house.show_gauges()  # of the running loop
    house.pool = Pool(house.settings.pool, house.metrics)
    house.show_connections()
    await house.pool.close()
    found: dict[str, set[str]] = {}
    for family in house.metrics.registry.collect():
        for suffix in ("", "_total", "_bucket", "_count", "_sum"):
            found.setdefault(family.name + suffix, set())
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


def test_the_rules_hold_on_real_prometheus() -> None:
    """Quiet on a healthy process, each one fires on its trouble, none on three turns an hour."""
    promtool = need("promtool", package="prometheus")
    for command in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]):
        done = subprocess.run(
            [promtool, *command], cwd=ALERTS.parent, capture_output=True, text=True, timeout=50
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_each_rule_is_tested() -> None:
    """By name, as firing."""
    tests = (ALERTS.parent / "alerts_test.yml").read_text()
    firing = set(re.findall(r'alertname="(\w+)"', tests))
    assert firing == {rule["alert"] for rule in rules()}


async def test_every_name_that_board_and_rules_use_is_emitted() -> None:
    """A panel that stays empty for ever is worse than none."""
    known = set(await emitted()) | PROMETHEUS_OWN
    used = {name for query in queries() for name in _FUNCTIONS.findall(query)}
    assert used - known == set()
    assert len(used) > 30


def test_every_label_that_board_and_rules_ask_for_is_declared() -> None:
    """Grouped by or matched on; Prometheus adds job and instance."""
    from call.measures import all_measures

    labels = {label for measure in all_measures() for label in measure.labels}
    labels |= {"le", "job", "instance", "quantile", "stage"}
    asked = set()
    for query in queries():
        for group in re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", query):
            asked |= {label.strip() for label in group.split(",") if label.strip()}
        asked |= set(re.findall(r"[{,]\s*(\w+)\s*!?=", query))
    assert asked <= labels


def test_bounds_that_rules_ask_for_are_buckets() -> None:
    """`le` must be written as Prometheus writes it."""
    page = Metrics().page()[0].decode()
    from call.measures import CALL_SECONDS, STT_CONFIDENCE

    for measure, bound in ((CALL_SECONDS, 10.0), (STT_CONFIDENCE, 0.7)):
        assert bound in measure.buckets
    assert 'offhook_stt_confidence_ratio_bucket{le="0.7"}' in page


def test_each_alert_has_an_entry_in_the_runbook_and_no_entry_is_left_over() -> None:
    """Whoever is woken finds what to do."""
    entries = re.findall(r"^## (\w+)$", RUNBOOK.read_text(), re.M)
    assert sorted(entries) == sorted(rule["alert"] for rule in rules())
    for rule in rules():
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{rule['alert'].lower()}"
        assert rule["labels"]["severity"] in ("page", "ticket")


def test_the_panels_of_the_board_do_not_overlap() -> None:
    """Each has a place, a title and a query of its own."""
    panels = json.loads(BOARD.read_text())["panels"]
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["title"] for panel in panels}) == len(panels)


def test_gauges_show_the_calls_going_on() -> None:
    """And the room there is."""
    loaded = load({"OFFHOOK__CAPACITY__MAX_CALLS": "3"})
    metrics, admission = Metrics(), Admission(loaded.settings.capacity)
    metrics.gauge("offhook_active_calls", "Calls going on", lambda: admission.active)
    assert "offhook_active_calls 0.0" in metrics.page()[0].decode()
    admission.enter()
    assert "offhook_active_calls 1.0" in metrics.page()[0].decode()
