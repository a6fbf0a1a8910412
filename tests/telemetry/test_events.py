"""Live events reach every reader, and a slow reader costs only itself."""

from __future__ import annotations

import asyncio

import pytest

from telemetry.events import EventHub, Reader

pytestmark = pytest.mark.rule


async def test_each_reader_receives_every_event_in_order():
    """Two readers, the same events."""
    hub = EventHub()
    with hub.reading() as first, hub.reading() as second:
        hub.publish({"type": "a"})
        hub.publish({"type": "b"})
        hub.close()
        assert [event["type"] async for event in first] == ["a", "b"]
        assert [event["type"] async for event in second] == ["a", "b"]


async def test_a_reader_wakes_when_an_event_comes_later():
    """A waiting reader is not polled."""
    hub = EventHub()
    with hub.reading() as reader:
        waiting = asyncio.ensure_future(anext(aiter(reader)))
        await asyncio.sleep(0)
        hub.publish({"type": "late"})
        assert (await waiting)["type"] == "late"


def test_a_slow_reader_loses_its_oldest_events_and_counts_them():
    """The queue has a bound."""
    reader = Reader(limit=2)
    for kind in "abc":
        reader.offer({"type": kind})
    assert reader.shed == 1


def test_a_reader_that_left_receives_nothing():
    """Leaving the block unsubscribes."""
    hub = EventHub()
    with hub.reading():
        assert hub.has_readers
    assert not hub.has_readers
