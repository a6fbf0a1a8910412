"""Two workers behind one port: a full house is polite, a worker's death or hanging is its own, a
deploy ends every call well, and nothing outlives its front for long."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bot.agent_file import load_personas
from bot.demo import lab_environment
from bot.settings import load
from tests.calls.house import ANSWERS_S, ROOT, House, Rung, open_house, sooner_or_later

pytestmark = [pytest.mark.call, pytest.mark.timeout(390)]

AGENT = load_personas(load({})).default

TALKS = [
    {"do": "wait_agent"},
    {"do": "say", "clip": "hours", "pause_s": 1.0},
    {"do": "wait_agent"},
    {"do": "wait_end", "timeout_s": 120},
]
STAYS = [{"do": "wait_agent"}, {"do": "wait_end", "timeout_s": 120}]
ASKS = [
    {"do": "wait_agent"},
    {"do": "say", "clip": "hours", "pause_s": 4.0},
    {"do": "wait_agent"},
    {"do": "say", "clip": "price", "pause_s": 4.0},  # long enough for a third to be refused
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
    _, stderr = caller.communicate(timeout=200)
    report = json.loads((caller.folder / "report.json").read_text())
    return Rung(caller.returncode, report, {}, {}, stderr)


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Day:
    folder = tmp_path_factory.mktemp("workers")
    files = {}
    for name, steps in (("asks", ASKS), ("talks", TALKS)):
        files[name] = str(folder / f"{name}.json")
        Path(files[name]).write_text(json.dumps({"name": name, "steps": steps}))
    told = Day()
    with open_house(
        folder,
        workers=2,
        OFFHOOK__CAPACITY__MAX_CALLS="1",
        OFFHOOK__CAPACITY__DRAIN_S="1",
        OFFHOOK__IDLE__ASK_S="60",  # who has asked stays, however long a worker takes to start
    ) as house:

        def until(active: int) -> None:
            sooner_or_later(lambda: ready(house)["active_calls"] == active, what=f"{active} calls")

        told.workers.append(workers(house))
        one, other = house.dial(files["asks"]), house.dial(files["asks"])
        until(2)
        told.full = ready(house)
        told.seen["refused"] = ended(house.dial(files["asks"]))
        _kill_one(house, told)
        told.seen["one"], told.seen["other"] = ended(one), ended(other)
        sooner_or_later(lambda: len(workers(house)) == 2, what="it was replaced")
        told.workers.append(workers(house))
        until(0)
        sooner_or_later(lambda: max_calls(house) == 2, what="it takes calls")
        with urllib.request.urlopen(f"{house.url}/api/events", timeout=120) as events:
            last, hung = house.dial(files["talks"]), house.dial(files["talks"])
            until(2)
            _stop_one(house, told)
            _until_an_answer_is_heard(events)
        with urllib.request.urlopen(f"{house.url}/metrics", timeout=ANSWERS_S) as answer:
            told.metrics = answer.read().decode().splitlines()
        told.kept = house.get("/api/calls")
        everybody = {house.bot.pid, *children(house.bot.pid), *workers(house)}
        house.bot.send_signal(signal.SIGTERM)
        told.seen["last"], told.seen["hung"] = ended(last), ended(hung)
        told.exit_code = house.bot.wait(60)
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


def _stop_one(house: House, told: Day) -> None:
    """A worker hangs while both have a call: it is still there, and answers nobody."""
    before = workers(house)
    os.kill(min(before), signal.SIGSTOP)
    sooner_or_later(lambda: min(before) not in workers(house), what="it was killed")
    sooner_or_later(lambda: max_calls(house) == 2, what="it was replaced")
    told.workers.append(workers(house))


def _until_an_answer_is_heard(events: Iterable[bytes]) -> None:
    """A caller who asked has heard a clause of the reply."""
    asked: set[str] = set()
    for line in events:
        if not line.startswith(b"data:"):
            continue
        event = json.loads(line.removeprefix(b"data:"))
        if event["type"] == "caller.words":
            asked.add(event["call_id"])
        elif event["type"] == "agent.heard" and event["call_id"] in asked:
            return
    raise AssertionError("the events ended, and no answer was heard")


def max_calls(house: House) -> int:
    with urllib.request.urlopen(f"{house.url}/metrics", timeout=ANSWERS_S) as answer:
        lines = answer.read().decode().splitlines()
    (places,) = [line.split()[1] for line in lines if line.startswith("offhook_max_calls ")]
    return int(float(places))


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
    records = {name: _record(day, name) for name in ("one", "other")}
    broken = [name for name, record in records.items() if record["ending"] == "fault"]
    assert len(broken) == 1, records
    assert records[broken[0]]["fault_party"] == "us"
    assert _call(day, broken[0])["led_to"] == "voicemail"
    (neighbour,) = set(records) - set(broken)
    assert records[neighbour]["ending"] == "agent_said_goodbye"
    assert records[neighbour]["fault_party"] is None


def test_the_dead_worker_was_replaced_and_calls_are_taken(day: Day) -> None:
    """Two again, one of them new; the next callers were answered."""
    before, after, later = day.workers
    assert len(before & after) == len(after & later) == 1
    assert len(after) == len(later) == 2
    assert "offhook_active_calls 1.0" in day.metrics
    assert "offhook_max_calls 2.0" in day.metrics


def test_the_figures_of_the_dead_are_kept(day: Day) -> None:
    """The front counted their calls as broken, and no counter fell."""
    assert 'offhook_calls_total{ending="fault",party="us"} 2.0' in day.metrics
    assert 'offhook_calls_total{ending="refused",party="none"} 1.0' in day.metrics


def test_a_worker_that_hangs_leaves_nobody_in_silence_for_long(day: Day) -> None:
    """Its caller was led out, as if it had died; its neighbour's call went on until the drain."""
    endings = {name: _record(day, name)["ending"] for name in ("last", "hung")}
    assert sorted(endings.values()) == ["drained", "fault"]
    assert [_call(day, name)["led_to"] for name in endings] == ["voicemail", "voicemail"]


def test_a_deploy_ends_the_last_call_well_and_leaves_nothing(day: Day) -> None:
    """At the deadline the agent says that it has to stop, and a message can be left; exit 0,
    no process, no record missing and none without its turns."""
    assert day.exit_code == 0
    assert day.left_behind == set()
    assert all(record["ending"] for record in day.kept)
    (record,) = [
        r for r in (_record(day, name) for name in ("last", "hung")) if not r["fault_party"]
    ]
    assert record["ending"] == "drained"
    assert record["ended_at"] and record["duration_s"] > 0
    assert record["turns"][0]["caller_text"] and record["turns"][0]["heard_text"]
    (name,) = [name for name in ("last", "hung") if _record(day, name) == record]
    said = [deed["text"] for deed in _call(day, name)["after"] if deed["did"] == "say"]
    message = AGENT.phrases.voicemail  # and the rest, if the agent had no time to say it
    assert said in ([message], [f"{AGENT.phrases.cut_short} {message}"])


def test_a_killed_fronts_workers_finish_their_calls_and_go(tmp_path: Path) -> None:
    """Nobody new can come; the caller who is there stays until the drain's deadline."""
    script = tmp_path / "stays.json"
    script.write_text(json.dumps({"name": "stays", "steps": STAYS}))
    with open_house(tmp_path, workers=2, OFFHOOK__CAPACITY__DRAIN_S="2") as house:
        (zygote,) = children(house.bot.pid)
        everybody = {zygote, *workers(house)}
        caller = house.dial(str(script))
        sooner_or_later(lambda: ready(house)["active_calls"] == 1, what="the call")
        killed_at = time.monotonic()
        house.bot.kill()
        house.bot.wait()
        sooner_or_later(lambda: not any(map(alive, everybody)), what="they are gone")
        assert time.monotonic() - killed_at > 1.5
        assert ended(caller).report["counts"]["calls"] == 1


def test_asked_to_stop_while_it_starts_it_leaves_nothing_and_that_is_good(tmp_path: Path) -> None:
    """Workers that are just loading their models are seen to go, too."""
    environ = lab_environment(dict(os.environ), lab_port=1, port=1)
    environ["OFFHOOK__STORE__URL"] = f"sqlite:///{tmp_path}/calls.db"
    with (tmp_path / "log").open("w") as log:
        starting = subprocess.Popen(
            [sys.executable, "-m", "bot", "serve", "--port", "0", "--workers", "2"],
            cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip

        def descendants() -> set[int]:
            zygotes = children(starting.pid)
            return zygotes.union(*map(children, zygotes))

        try:
            sooner_or_later(lambda: len(descendants()) == 3, what="workers begin")
            everybody = descendants()
            starting.send_signal(signal.SIGTERM)
            said, _ = starting.communicate(timeout=60)
        finally:
            starting.kill()
            starting.communicate()
    assert starting.returncode == 0
    assert said == ""
    assert not any(map(alive, everybody))
    assert "Traceback" not in (tmp_path / "log").read_text()
