"""Two workers behind one port: a full house is polite, a worker's death is its own, a deploy ends
every call well."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.calls.house import ANSWERS_S, House, Rung, open_house
from tests.conftest import TICK

pytestmark = [pytest.mark.call, pytest.mark.timeout(240)]

STAYS = [{"do": "wait_agent"}, {"do": "wait_end", "timeout_s": 120}]
ASKS = [
    {"do": "wait_agent"},
    {"do": "say", "clip": "hours", "pause_s": 4.0},
    {"do": "wait_agent"},
    {"do": "say", "clip": "price", "pause_s": 4.0},  # long enough for a third caller to be refused
    {"do": "wait_agent"},
    {"do": "say", "clip": "goodbye", "pause_s": 0.4},
    {"do": "wait_end", "timeout_s": 20},
]


@dataclass
class Day:
    """What happened in a house of two workers with room for one call each."""

    exit_code: int = 0
    full: dict[str, Any] = field(default_factory=dict)
    seen: dict[str, Rung] = field(default_factory=dict)
    kept: list[dict[str, Any]] = field(default_factory=list)
    metrics: list[str] = field(default_factory=list)
    workers: list[set[int]] = field(default_factory=list)
    left_behind: set[int] = field(default_factory=set)


def sooner_or_later(is_true: Callable[[], object], *, what: str) -> None:
    """As `eventually`, for a story told without a loop."""
    for _ in range(3000):
        if is_true():
            return
        time.sleep(TICK)
    raise AssertionError(f"never happened: {what}")


def ready(house: House) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(f"{house.url}/readyz", timeout=ANSWERS_S) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as full:
        return dict(json.load(full))


def children(pid: int) -> set[int]:
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return {int(line) for line in found.stdout.split()}


def workers(house: House) -> set[int]:
    (zygote,) = children(house.bot.pid)
    return children(zygote)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def ended(caller: Any) -> Rung:
    _, stderr = caller.communicate(timeout=120)
    report = json.loads((caller.folder / "report.json").read_text())
    return Rung(caller.returncode, report, {}, {}, stderr)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    folder = tmp_path_factory.mktemp("workers")
    files = {}
    for name, steps in (("stays", STAYS), ("asks", ASKS)):
        files[name] = str(folder / f"{name}.json")
        Path(files[name]).write_text(json.dumps({"name": name, "steps": steps}))
    told = Day()
    with open_house(
        folder,
        workers=2,
        OFFHOOK__CAPACITY__MAX_CALLS="1",
        OFFHOOK__CAPACITY__DRAIN_S="1",
    ) as house:

        def until(active: int) -> None:
            sooner_or_later(lambda: ready(house)["active_calls"] == active, what=f"{active} calls")

        told.workers.append(workers(house))
        asks, stays = house.dial(files["asks"]), house.dial(files["stays"])
        until(2)
        told.full = ready(house)
        told.seen["refused"] = ended(house.dial(files["stays"]))
        _kill_one(house, told)
        told.seen["asks"], told.seen["stays"] = ended(asks), ended(stays)
        sooner_or_later(lambda: len(workers(house)) == 2, what="it was replaced")
        told.workers.append(workers(house))
        until(0)
        last = house.dial(files["stays"])
        until(1)
        with urllib.request.urlopen(f"{house.url}/metrics", timeout=ANSWERS_S) as answer:
            told.metrics = answer.read().decode().splitlines()
        told.kept = house.get("/api/calls")
        everybody = {house.bot.pid, *children(house.bot.pid), *workers(house)}
        house.bot.send_signal(signal.SIGTERM)
        told.seen["drained"] = ended(last)
        told.exit_code = house.bot.wait(30)
        told.left_behind = {pid for pid in everybody - {house.bot.pid} if alive(pid)}
        with sqlite3.connect(folder / "calls.db") as calls:
            rows = calls.execute("SELECT document FROM calls").fetchall()
        told.kept = [json.loads(row[0]) for row in rows]
    return told


def _kill_one(house: House, told: Day) -> None:
    """kill -9 a worker while both have a call."""
    victim = min(told.workers[0])
    os.kill(victim, signal.SIGKILL)
    sooner_or_later(lambda: ready(house)["active_calls"] <= 1, what="its call is over")


def _call(day: Day, name: str) -> dict[str, Any]:
    (call,) = day.seen[name].report["calls"]
    return dict(call)


def _record(day: Day, name: str) -> dict[str, Any]:
    sid = _call(day, name)["call_sid"]
    (found,) = [record for record in day.kept if record["provider_call_id"] == sid]
    return dict(found)


def test_a_worker_at_its_limit_takes_no_call_while_another_has_room(day: Day) -> None:
    """Two calls, one each; then the house is full."""
    assert day.full == {"status": "full", "active_calls": 2}
    assert _call(day, "refused")["led_to"] == "voicemail"
    assert _record(day, "refused")["ending"] == "refused"


def test_a_killed_workers_call_is_led_out_and_its_neighbour_goes_on(day: Day) -> None:
    """One of the two fell to the carrier's next verb; the other ended by itself."""
    records = {name: _record(day, name) for name in ("asks", "stays")}
    broken = [name for name, record in records.items() if record["ending"] == "fault"]
    assert len(broken) == 1, records
    assert records[broken[0]]["fault_party"] == "us"
    assert _call(day, broken[0])["led_to"] == "voicemail"
    (neighbour,) = set(records) - set(broken)
    assert records[neighbour]["ending"] in ("agent_said_goodbye", "caller_hung_up", "drained")
    assert records[neighbour]["fault_party"] is None


def test_the_dead_worker_was_replaced_and_calls_are_taken(day: Day) -> None:
    """Two again, one of them new; the next caller was answered."""
    before, after = day.workers
    assert len(before & after) == 1
    assert len(after) == 2
    assert "offhook_active_calls 1.0" in day.metrics
    assert "offhook_max_calls 2.0" in day.metrics


def test_the_figures_of_the_dead_are_kept(day: Day) -> None:
    """The front counted its call as broken, and no counter fell."""
    assert 'offhook_calls_total{ending="fault",party="us"} 1.0' in day.metrics
    assert 'offhook_calls_total{ending="refused",party="none"} 1.0' in day.metrics


def test_a_deploy_ends_the_last_call_well_and_leaves_nothing(day: Day) -> None:
    """At the drain's deadline the caller hears a goodbye; exit 0, no process, no record missing."""
    assert day.exit_code == 0
    assert day.left_behind == set()
    assert _record(day, "drained")["ending"] == "drained"
    assert all(record["ending"] for record in day.kept)
