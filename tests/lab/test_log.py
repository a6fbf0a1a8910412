"""The log's bounds and filters."""

from __future__ import annotations

import pytest

from lab.log import Log

pytestmark = pytest.mark.provider


def test_entries_are_numbered_and_filtered() -> None:
    """Provider, kind, since and limit choose; the newest are kept under a limit."""
    log = Log()
    for number in range(4):
        log.add("a" if number % 2 else "b", "k", number=number)
    assert [e["n"] for e in log.read()] == [1, 2, 3, 4] and log.last == 4
    assert [e["number"] for e in log.read(provider="a")] == [1, 3]
    assert [e["number"] for e in log.read(since=2)] == [2, 3]
    assert [e["number"] for e in log.read(limit=1)] == [3]
    assert log.read(kind="other") == [] and log.read(limit=0) == []


def test_the_oldest_fall_out() -> None:
    """The number of entries is bounded; numbering goes on, also after clear()."""
    log = Log(limit=2)
    for _ in range(5):
        log.add("a", "k")
    assert [e["n"] for e in log.read()] == [4, 5]
    log.clear()
    log.add("a", "k")
    assert [e["n"] for e in log.read()] == [6]


def test_bodies_are_bounded_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Long request bodies push out old entries before memory grows."""
    monkeypatch.setattr("lab.log.MAX_BODY_CHARS", 100)
    log = Log()
    for _ in range(9):
        log.add("a", "k", body='"' + "x" * 38 + '"')
    assert len(log.read()) == 2


def test_bodies_are_read_as_json_when_they_are() -> None:
    """A body that is no JSON is given as text."""
    log = Log()
    log.add("a", "k", body='{"x": 1}')
    log.add("a", "k", body='{"x": ')
    assert [e["body"] for e in log.read()] == [{"x": 1}, '{"x": ']
