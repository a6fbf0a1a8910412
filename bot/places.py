"""Who takes the next call: a worker's places as the front counts them, and the choice among them.

A place is held for each caller whose phone is being connected, and a socket that was handed over is
counted until it has become a call, or cannot any more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.talk import Talk
from bot.zygote import Born
from telemetry.merging import Snapshot

# A socket that was handed over becomes a call, or is turned away, within this (wire.start_timeout_s
# and a margin); a place held for a caller whose phone is being connected is needed about as long.
SETTLED_S = 8.0


@dataclass(eq=False)
class Worker:
    """One worker process."""

    number: int
    born: Born
    talk: Talk
    born_at: float
    is_ready: bool = False
    was_young: bool = False
    """when it died"""
    owes: int = 0
    """answers in a row that did not come"""
    calls: list[str] = field(default_factory=list)
    """the callers of its calls; numbers are personal data"""
    records: dict[str, dict[str, Any]] = field(default_factory=dict, repr=False)
    """the documents of its running calls"""
    figures: Snapshot = field(default_factory=list, repr=False)
    handed: deque[float] = field(default_factory=deque)
    """when sockets were handed over that have not become calls yet"""
    held: deque[float] = field(default_factory=deque)
    """when places were held for callers who are being connected"""

    @property
    def is_able(self) -> bool:
        """Whether it takes calls."""
        return self.is_ready and not self.owes

    def entered(self, caller: str) -> None:
        """A socket that was handed over has become a call."""
        self.calls.append(caller)
        if self.handed:
            self.handed.popleft()

    def room(self, max_calls: int, now: float) -> int:
        """Places left, those taken off who may still come."""
        for waiting in (self.handed, self.held):
            while waiting and now - waiting[0] > SETTLED_S:
                waiting.popleft()
        return max_calls - len(self.calls) - len(self.handed) - len(self.held)


def hold(able: Sequence[Worker], *, max_calls: int, now: float) -> Worker | None:
    """A place for a caller who is being connected, at the worker with the most room; None when
    there is none."""
    worker = max(able, key=lambda each: each.room(max_calls, now), default=None)
    if worker is None or worker.room(max_calls, now) <= 0:
        return None
    worker.held.append(now)
    return worker


def choose(able: Sequence[Worker], *, max_calls: int, now: float) -> Worker | None:
    """Whom a media socket is for: the worker that holds the oldest place, else the one with the
    most room. A full house gives it to somebody all the same, who turns it away politely."""
    held = [worker for worker in able if worker.held and now - worker.held[0] <= SETTLED_S]
    chosen: Worker | None
    if held:
        chosen = min(held, key=lambda worker: worker.held[0])
        chosen.held.popleft()
    else:
        chosen = max(able, key=lambda worker: _welcome(worker, max_calls, now), default=None)
    if chosen is not None:
        chosen.handed.append(now)
    return chosen


def _welcome(worker: Worker, max_calls: int, now: float) -> tuple[int, int]:
    """How good a place it is: what may still come counts, but keeps nobody out where the calls that
    go on leave room; most sockets that strangers open become no call."""
    return max(worker.room(max_calls, now), 0), max_calls - len(worker.calls)
