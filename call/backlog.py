"""A bounded buffer of what waits to be heard; when it is full the oldest goes, and is counted.

A late listener is better served by what is said now than by what was said half a second ago.
"""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Backlog(Generic[Item]):
    """Items with a duration, at most `limit_s` seconds of them."""

    def __init__(self, limit_s: float) -> None:
        if limit_s <= 0:
            raise ValueError(f"a backlog of {limit_s} s holds nothing; give it more than 0")
        self._limit_s = limit_s
        self._waiting: deque[tuple[Item, float]] = deque()
        self._waiting_s = 0.0
        self.shed = 0  # items dropped since the beginning

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def waiting_s(self) -> float:
        """How much is waiting."""
        return self._waiting_s

    def add(self, item: Item, seconds: float) -> int:
        """Append, then drop the oldest until the rest fits; answers how many were dropped.

        The newest item always stays, however long it is.
        """
        self._waiting.append((item, seconds))
        self._waiting_s += seconds
        dropped = 0
        # half a microsecond of tolerance: sums of 0.02 are not exact
        while self._waiting_s > self._limit_s + 5e-7 and len(self._waiting) > 1:
            self._waiting_s -= self._waiting.popleft()[1]
            dropped += 1
        self.shed += dropped
        return dropped

    def take(self) -> Item | None:
        """The oldest item, or None when nothing waits."""
        if not self._waiting:
            return None
        item, seconds = self._waiting.popleft()
        self._waiting_s = self._waiting_s - seconds if self._waiting else 0.0
        return item

    def clear(self) -> None:
        """Forget what waits; it is not counted as shed."""
        self._waiting.clear()
        self._waiting_s = 0.0
