"""Calls in a real SQLite file and a real Postgres: many writers, crashes, forgetting."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from telemetry.store import DAY_S, GONE_AFTER_S, CallStore, Store, address

pytestmark = [pytest.mark.wire, pytest.mark.timeout(90)]  # processes have to start

ROOT = Path(__file__).resolve().parents[2]
NOW = 1_800_000_000.0


def document(call_id: str, *, at: float = NOW, **fields: Any) -> dict[str, Any]:
    """A record of a call that began at `at`."""
    return {
        "version": 1,
        "call_id": call_id,
        "provider_call_id": f"CA{call_id}",
        "started_at": datetime.fromtimestamp(at, UTC).isoformat(),
        "ended_at": None,
        "duration_s": 12.5,
        "ending": "caller_hung_up",
        "fault_party": None,
        "cost_usd": 0.031,
        "turns": [{"turn": 1, "caller_text": "Grüß Gott, مرحبا"}],
        **fields,
    }


def running(call_id: str, turns: int = 1, **fields: Any) -> dict[str, Any]:
    """A record of a call that goes on."""
    said = [{"turn": n + 1} for n in range(turns)]
    return document(call_id, ending=None, turns=said, **fields)


@pytest.fixture
def store(url: str) -> Iterator[CallStore]:
    opened = CallStore(url)
    yield opened
    opened.close()


def elsewhere(url: str, script: str) -> subprocess.Popen[str]:
    """Another process with the same store."""
    code = (
        "import sys\nfrom telemetry.store import CallStore\n"
        "from tests.telemetry.test_store import document, running\n"
        f"store = CallStore(sys.argv[1])\n{script}"
    )
    return subprocess.Popen(
        [sys.executable, "-c", code, url], cwd=ROOT, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip


def test_a_record_comes_back_as_it_was_written(store: CallStore) -> None:
    """Whole, in any script, and once however often it is written."""
    store.write([running("a")])
    store.write([document("a"), document("b", at=NOW + 1)])
    assert store.get("a") == document("a")
    assert store.get("nobody") is None
    assert [call["call_id"] for call in store.newest()] == ["b", "a"]
    assert [call["call_id"] for call in store.newest(1)] == ["b"]


def test_calls_can_be_asked_for_by_day(store: CallStore) -> None:
    """From `since` on, up to `until`."""
    store.write([document(str(n), at=NOW + n * DAY_S) for n in range(4)])
    found = store.newest(since=NOW + DAY_S, until=NOW + 3 * DAY_S)
    assert [call["call_id"] for call in found] == ["2", "1"]


def test_a_running_call_is_found_by_its_id_but_not_among_the_calls_that_are_over(
    store: CallStore,
) -> None:
    """It has no ending yet."""
    store.write([running("a")])
    assert store.get("a") == running("a")
    assert store.newest() == []


def test_a_nul_in_a_text_costs_no_record(store: CallStore) -> None:
    """Postgres would refuse the whole document."""
    store.write([document("a", opening_text="a\x00b \\u0000")])
    kept = store.get("a")
    assert kept is not None
    assert kept["opening_text"] == "a\ufffdb \\ufffd"


def test_opening_twice_migrates_once_and_keeps_everything(url: str) -> None:
    """Each start of a process runs the migrations."""
    first = CallStore(url)
    first.write([document("a")])
    second = CallStore(url)
    assert second.get("a") == document("a")
    engine = sa.create_engine(address(url))
    with engine.connect() as connection:
        version = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    engine.dispose()
    assert version == "0002"
    first.close()
    second.close()


def test_processes_that_start_and_write_at_once_lose_nothing(url: str) -> None:
    """Three of them, on an empty database, 15 calls of three turns each."""
    script = (
        "for n in range(15):\n"
        "    for turns in (1, 2, 3):\n"
        "        store.write([running(f'{store.owner}-{n}', turns)])\n"
        "    store.write([document(f'{store.owner}-{n}')])\n"
    )
    writers = [elsewhere(url, script) for _ in range(3)]
    for writer in writers:
        writer.communicate(timeout=120)
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    store = CallStore(url)
    kept = store.newest(1000)
    store.close()
    assert len({call["call_id"] for call in kept}) == len(kept) == 45


def test_a_process_killed_in_mid_call_loses_the_turn_it_was_in_and_no_more(url: str) -> None:
    """kill -9; whoever starts next ends the call as a fault of ours, where it was last heard of."""
    script = "store.live(); store.write([running('a', 3)]); print('ready', flush=True); input()"
    victim = elsewhere(url, script)
    assert victim.stdout is not None
    assert victim.stdout.readline() == "ready\n"
    store = CallStore(url)
    assert store.end_orphans() == []  # it lives
    victim.send_signal(signal.SIGKILL)
    victim.wait(10)
    victim.stdout.close()
    assert store.end_orphans() == ["a"]
    (record,) = store.newest()
    store.close()
    assert (record["ending"], record["fault_party"]) == ("fault", "us")
    assert [turn["turn"] for turn in record["turns"]] == [1, 2, 3]
    assert record["ended_at"] is not None


def test_a_call_of_another_machine_is_given_up_after_a_minute_of_silence(
    store: CallStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process cannot be looked for; it says that it lives."""
    other = "elsewhere:1:00000000"
    with monkeypatch.context() as there:
        there.setattr(store, "owner", other)
        store.write([running("a")], now=NOW + 10.0)
        store.live(now=NOW + 100.0)
    assert store.end_orphans(now=NOW + 100.0 + GONE_AFTER_S) == []
    assert store.end_orphans(now=NOW + 101.0 + GONE_AFTER_S) == ["a"]
    kept = store.get("a")
    assert kept is not None
    assert kept["duration_s"] == 10.0
    assert store.end_orphans(now=NOW + 10 * GONE_AFTER_S) == []


def test_forgetting_a_call_leaves_nothing_of_it(store: CallStore) -> None:
    """And says whether there was something."""
    store.write([document("a"), document("b")])
    assert store.forget("a") is True
    assert store.forget("a") is False
    assert store.get("a") is None
    assert [call["call_id"] for call in store.newest()] == ["b"]


def test_old_calls_are_deleted_young_and_running_ones_are_kept(store: CallStore) -> None:
    """`store.keep_days`."""
    store.write([document("old", at=NOW - 31 * DAY_S), document("young", at=NOW - 29 * DAY_S)])
    store.write([running("long", at=NOW - 31 * DAY_S)])
    assert store.forget_older(30, now=NOW) == 1
    assert store.get("old") is None
    assert store.get("young") is not None
    assert store.get("long") is not None


def test_urls_are_understood_as_hosts_write_them() -> None:
    """And refused in one sentence."""
    for url in ("postgres://u@h/d", "postgresql://u@h/d", "postgresql+psycopg://u@h/d"):
        assert address(url).drivername == "postgresql+psycopg"
    assert address("sqlite:///x.db").database == "x.db"
    for wrong, sentence in (("mysql://h/d", "supported"), ("nonsense", "no database URL")):
        with pytest.raises(ValueError, match=sentence):
            Store(url=wrong)
    with pytest.raises(ValueError, match="keep_days"):
        Store(keep_days=-1)


def test_what_comes_behind_a_stream_is_found_with_its_call(store: CallStore) -> None:
    """From whoever was told, before or after the call's own record; piece by piece."""
    store.follow_up({"CA1": {"transfer": "busy"}})
    store.write([document("1", voicemail_url=None), document("2", voicemail_url=None)])
    store.follow_up({"CA1": {"voicemail_url": "https://x/RE1", "voicemail_s": 7}})
    found = store.get("1")
    assert found is not None
    assert (found["transfer"], found["voicemail_url"]) == ("busy", "https://x/RE1")
    assert [call["voicemail_url"] for call in store.newest()] == [None, "https://x/RE1"]


def test_calls_without_a_carrier_share_no_sequel(store: CallStore) -> None:
    """A browser's call has no name at a carrier."""
    store.write([document("1", provider_call_id="")])
    store.follow_up({"": {"voicemail_url": "https://x/RE1"}})
    assert "voicemail_url" not in (store.get("1") or {})


def test_a_sequel_is_forgotten_with_its_call_and_in_time(store: CallStore) -> None:
    """By request, and when it is old."""
    for name in "123":
        store.write([document(name)])
        store.follow_up({f"CA{name}": {"voicemail_url": "u"}}, now=NOW)
    store.forget("1")
    store.write([document("1")])
    assert "voicemail_url" not in (store.get("1") or {})
    store.forget_older(30, now=NOW + 31 * DAY_S)
    store.write([document("2", at=NOW + 40 * DAY_S)])
    assert "voicemail_url" not in (store.get("2") or {})
