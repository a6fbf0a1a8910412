"""Records are taken at once, written behind, and never lost to a store that is away for a while."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from call.measures import RECORDS_FAILED, RECORDS_SHED, Measure, NullRecorder
from telemetry import records as module
from telemetry.records import Records
from telemetry.store import CallStore, Store
from tests.telemetry.test_store import document, running

pytestmark = pytest.mark.wire


class Counts(NullRecorder):
    """Keeps what was counted."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def count(self, measure: Measure, amount: float = 1, **labels: str) -> None:
        self.seen.append(measure.name)


@pytest.fixture
def records(url: str) -> Iterator[Records]:
    opened = Records(Store(url=""), url=url)
    opened.start()
    yield opened
    opened.close()


def test_without_a_store_the_newest_calls_are_kept_in_memory() -> None:
    """Up to a bound; a call written again is one call."""
    records = Records(limit=2)
    records.start()
    for call_id in "123":
        records.put(running(call_id))
        records.put(document(call_id))
    assert [call["call_id"] for call in records.newest()] == ["3", "2"]
    assert records.get("1") is None
    assert records.get("3") == document("3")
    records.close()


def test_what_is_put_is_found_at_once_and_stays_when_the_process_goes(
    records: Records, url: str
) -> None:
    """Before it is written, after it is written, and by the next process."""
    for n in range(20):
        records.put(running(str(n)))
        assert records.get(str(n)) == running(str(n))
        records.put(document(str(n), at=1_800_000_000.0 + n))
    assert [call["call_id"] for call in records.newest(3)] == ["19", "18", "17"]
    assert records.wait_until_written()
    assert [call["call_id"] for call in records.newest(3)] == ["19", "18", "17"]
    records.close()
    reopened = CallStore(url)
    assert len(reopened.newest()) == 20
    reopened.close()


def test_closing_writes_what_waits(tmp_path: Path) -> None:
    """A call that ended a moment before the process."""
    url = f"sqlite:///{tmp_path}/calls.db"
    records = Records(url=url)
    records.put(document("a"))
    records.start()
    records.close()
    store = CallStore(url)
    assert store.get("a") == document("a")
    store.close()


def test_a_start_ends_the_calls_of_a_process_that_is_gone(url: str) -> None:
    """Without being asked."""
    before = CallStore(url)
    before.owner = f"{before._host}:{2**22 + 1}:00000000"  # above the highest process id
    before.write([running("a", 2)])
    before.close()
    records = Records(url=url)
    records.start()
    deadline = time.monotonic() + 10
    while not records.newest() and time.monotonic() < deadline:
        time.sleep(0.01)
    (record,) = records.newest()
    records.close()
    assert (record["ending"], record["fault_party"], len(record["turns"])) == ("fault", "us", 2)


def test_a_store_that_is_away_loses_nothing_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The calls wait in memory and are shown from there."""
    away = [True]
    write = CallStore.write

    def refusing(self: CallStore, batch: Any, **options: Any) -> None:
        if away[0] and batch:
            raise OperationalError("INSERT", {}, Exception("gone"))
        write(self, batch, **options)

    monkeypatch.setattr(CallStore, "write", refusing)
    monkeypatch.setattr(module, "PAUSE_S", 0.01)
    counts = Counts()
    records = Records(url=f"sqlite:///{tmp_path}/calls.db", recorder=counts)
    records.start()
    records.put(document("a"))
    deadline = time.monotonic() + 10
    while RECORDS_FAILED.name not in counts.seen and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [call["call_id"] for call in records.newest()] == ["a"]
    away[0] = False
    assert records.wait_until_written()
    assert [call["call_id"] for call in records.newest()] == ["a"]
    records.close()
    assert RECORDS_FAILED.name in counts.seen
    assert RECORDS_SHED.name not in counts.seen


def test_one_document_that_cannot_be_stored_does_not_hold_up_the_others(records: Records) -> None:
    """It is given up, and said so."""
    records.put(document("bad", turns=[object()]))
    records.put(document("good"))
    assert records.wait_until_written()
    assert records.get("good") == document("good")
    assert records.get("bad") is None


def test_more_calls_than_the_bound_make_the_oldest_go_and_are_counted() -> None:
    """Memory has a bound, also while the store is away."""
    counts = Counts()
    records = Records(url="sqlite:////proc/nowhere/calls.db", limit=2, recorder=counts)
    for call_id in "123":
        records.put(document(call_id))
    assert counts.seen == [RECORDS_SHED.name]
    assert [call["call_id"] for call in records.newest()] == ["3", "2"]


def test_a_store_that_cannot_be_opened_stops_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """The calls stay in memory; the trouble is counted."""
    monkeypatch.setattr(module, "PAUSE_S", 0.01)
    counts = Counts()
    records = Records(url="sqlite:////proc/nowhere/calls.db", recorder=counts)
    records.start()
    records.put(document("a"))
    deadline = time.monotonic() + 10
    while RECORDS_FAILED.name not in counts.seen and time.monotonic() < deadline:
        time.sleep(0.01)
    assert RECORDS_FAILED.name in counts.seen
    assert [call["call_id"] for call in records.newest()] == ["a"]
    assert not records.is_open
    records.close()


def test_a_message_left_behind_a_call_is_found_with_it(records: Records, url: str) -> None:
    """At once, and by the next process."""
    records.put(document("1", voicemail_url=None))
    records.follow_up("CA1", transfer="busy")
    records.follow_up("CA1", voicemail_url="https://x/RE1")
    for _ in range(2):
        assert records.get("1") == document("1", voicemail_url="https://x/RE1", transfer="busy")
        [call] = records.newest()
        assert call["voicemail_url"] == "https://x/RE1"
        assert records.wait_until_written()
    book = CallStore(url)
    assert (book.get("1") or {})["transfer"] == "busy"
    book.close()


def test_without_a_store_messages_are_kept_in_memory_too() -> None:
    """Up to the same bound."""
    records = Records(limit=2)
    for name in "123":
        records.put(document(name))
        records.follow_up(f"CA{name}", voicemail_url=name)
    assert [call["voicemail_url"] for call in records.newest()] == ["3", "2"]
    assert records.get("3") == document("3", voicemail_url="3")


def test_a_sequel_that_no_database_takes_holds_up_nothing(url: str) -> None:
    """It is counted, and what comes behind it is written."""
    counts = Counts()
    records = Records(Store(url=""), url=url, recorder=counts)
    records.start()
    records.follow_up("CA1", voicemail_url={"no", "JSON"})
    assert records.wait_until_written()
    records.put(document("1"))
    assert records.wait_until_written()
    assert records.get("1") == document("1")
    assert RECORDS_SHED.name in counts.seen
    records.close()
