"""The way back of a mark's echo, when the line is bad: lost, late, or overtaken by the next."""

from __future__ import annotations

import heapq
import random

from lab.impairments import Impairments
from lab.playout import Mark

SWAPPED_BY_S = 0.4  # marks are at least 0.25 s apart, so one or two others pass


class MarkLine:
    """Echoes on their way; on a good line each is due at once."""

    def __init__(self, impairments: Impairments, *, seed: int) -> None:
        self._bad = impairments
        self._draw = random.Random(f"marks {seed}")
        self._waiting: list[tuple[float, int, Mark]] = []
        self._order = 0
        self._latest_at = float("-inf")

    def put(self, mark: Mark, *, now: float) -> None:
        """A mark is to be echoed now."""
        bad = self._bad
        if bad.marks_lost and self._draw.random() < bad.marks_lost:
            return
        late_s = self._draw.uniform(0, bad.marks_late_s) if bad.marks_late_s else 0.0
        due_at = self._latest_at = max(now + late_s, self._latest_at)
        if bad.marks_swapped and self._draw.random() < bad.marks_swapped:
            due_at += SWAPPED_BY_S
        self._order += 1
        heapq.heappush(self._waiting, (due_at, self._order, mark))

    def due(self, *, now: float) -> list[Mark]:
        """The echoes that arrive by now."""
        arrived: list[Mark] = []
        while self._waiting and self._waiting[0][0] <= now + 1e-9:
            arrived.append(heapq.heappop(self._waiting)[2])
        return arrived

    @property
    def next_due_at(self) -> float | None:
        """When the next one arrives."""
        return self._waiting[0][0] if self._waiting else None
