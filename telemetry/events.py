"""Live events of running calls, as the terminal view and `GET /api/events` show them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import contextmanager
from typing import Any

Event = dict[str, Any]

# A reader that falls this far behind loses the oldest; a call makes 5-20 events a second.
READER_EVENTS = 1000


class Reader:
    """One subscriber: a bounded queue that sheds its oldest events."""

    def __init__(self, limit: int = READER_EVENTS) -> None:
        self._events: deque[Event] = deque(maxlen=limit)
        self._ready = asyncio.Event()
        self._is_closed = False
        self.shed = 0

    def offer(self, event: Event) -> None:
        """Add one event; the oldest goes when full."""
        if len(self._events) == self._events.maxlen:
            self.shed += 1
        self._events.append(event)
        self._ready.set()

    def close(self) -> None:
        """End the iteration once everything offered has been read."""
        self._is_closed = True
        self._ready.set()

    async def __aiter__(self) -> AsyncIterator[Event]:
        while True:
            while self._events:
                yield self._events.popleft()
            if self._is_closed:
                return
            self._ready.clear()
            await self._ready.wait()


class EventHub:
    """Hands each event to every reader of the process; with no reader an event costs nothing."""

    def __init__(self) -> None:
        self._readers: set[Reader] = set()

    @property
    def has_readers(self) -> bool:
        """Whether anybody watches."""
        return bool(self._readers)

    def publish(self, event: Event) -> None:
        """Give `event` to every reader; never waits, never raises."""
        for reader in self._readers:
            reader.offer(event)

    def close(self) -> None:
        """End every reader: the process goes down."""
        for reader in self._readers:
            reader.close()

    @contextmanager
    def reading(self) -> Any:
        """A reader for the length of a `with` block."""
        reader = Reader()
        self._readers.add(reader)
        if len(self._readers) == 1:
            self.watched(True)
        try:
            yield reader
        finally:
            self._readers.discard(reader)
            if not self._readers:
                self.watched(False)

    def watched(self, on: bool, /) -> None:
        """The first reader has come, or the last one gone; for whoever has events elsewhere."""
