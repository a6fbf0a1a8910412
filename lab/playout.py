"""The carrier's playout buffer of one stream: what the bot sent, played at 8000 bytes a second.

Rules (Twilio Media Streams): sound is played in order at its own pace; a mark comes back when all
sound before it has been played, or at once when nothing waits; a clear empties the buffer and every
pending mark comes back at once. No clock and no socket inside: `now` is an argument.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import ceil

from lab.loudness import RATE_HZ, WINDOW_BYTES, WINDOW_S, audible

CAPACITY_S = 600.0  # about ten minutes, then warning 31931
_EPSILON = 1e-6  # a sample lasts 125 µs; float sums of instants err by less than this


@dataclass
class Run:
    """Sound played without a break; `flags` says per 10 ms whether it can be heard."""

    started_at: float
    sound: bytearray = field(default_factory=bytearray)
    flags: bytearray = field(default_factory=bytearray)
    was_cleared: bool = False

    @property
    def ended_at(self) -> float:
        """When its last sample has been played."""
        return self.started_at + len(self.sound) / RATE_HZ

    def extend(self, sound: bytes) -> None:
        """Play `sound` right behind what is there."""
        self.sound += sound
        self.flags += audible(self.sound[len(self.flags) * WINDOW_BYTES :])

    def cut(self, now: float) -> int:
        """Forget what has not begun to be played; returns the bytes forgotten."""
        keep = max(0, ceil((now - self.started_at) * RATE_HZ - _EPSILON * RATE_HZ))
        forgotten = max(0, len(self.sound) - keep)
        if forgotten:
            del self.sound[keep:]
            del self.flags[keep // WINDOW_BYTES :]
            self.was_cleared = True
        return forgotten


@dataclass(frozen=True)
class Mark:
    """A mark waiting to be echoed; `by` says why it came back: "played", "empty" or "clear"."""

    name: str
    received_at: float
    due_at: float
    by: str


class Playout:
    """One stream's buffer."""

    def __init__(self, *, capacity_s: float = CAPACITY_S) -> None:
        self.runs: list[Run] = []
        self._capacity_s = capacity_s
        self._marks: deque[Mark] = deque()
        self.received_bytes = 0
        self.discarded_bytes = 0  # over capacity
        self.cleared_bytes = 0

    @property
    def played_out_at(self) -> float:
        """When all that is buffered has been played; minus infinity before the first sound."""
        return self.runs[-1].ended_at if self.runs else float("-inf")

    def waiting_s(self, *, now: float) -> float:
        """Seconds of sound not yet played."""
        return max(0.0, self.played_out_at - now)

    def feed(self, sound: bytes, *, now: float) -> bool:
        """Buffer sound; false when it did not fit and was discarded (31931)."""
        self.received_bytes += len(sound)
        if self.waiting_s(now=now) + len(sound) / RATE_HZ > self._capacity_s:
            self.discarded_bytes += len(sound)
            return False
        if sound:
            if self.played_out_at < now - _EPSILON:
                self.runs.append(Run(now))
            self.runs[-1].extend(sound)
        return True

    def mark(self, name: str, *, now: float) -> None:
        """Take a mark; `due` gives it back when its time has come."""
        waits = self.played_out_at > now
        due_at = self.played_out_at if waits else now
        self._marks.append(Mark(name, now, due_at, "played" if waits else "empty"))

    def clear(self, *, now: float) -> int:
        """Empty the buffer; every pending mark is due now. Returns the bytes never played."""
        forgotten = self.runs[-1].cut(now) if self.runs else 0
        if self.runs and not self.runs[-1].sound:
            self.runs.pop()
        self.cleared_bytes += forgotten
        self._marks = deque(
            mark if mark.due_at <= now else Mark(mark.name, mark.received_at, now, "clear")
            for mark in self._marks
        )
        return forgotten

    def due(self, *, now: float) -> list[Mark]:
        """The marks to echo now, first in first out; each is given once."""
        ready: list[Mark] = []
        while self._marks and self._marks[0].due_at <= now + _EPSILON:
            ready.append(self._marks.popleft())
        return ready

    @property
    def next_due_at(self) -> float | None:
        """When `due` has something next."""
        return self._marks[0].due_at if self._marks else None

    def heard_since(self, at: float, *, now: float) -> float | None:
        """When the first audible sound after `at` was played, if it was by `now`."""
        for run in self.runs:
            if run.ended_at <= at:
                continue
            first = max(0, ceil((at - run.started_at) / WINDOW_S - _EPSILON))
            last = max(0, ceil((now - run.started_at) / WINDOW_S))
            found = run.flags.find(1, first, last)
            if found >= 0:
                return run.started_at + found * WINDOW_S
        return None

    def heard_last(self, *, now: float) -> float | None:
        """When the last audible sound played by `now` ended."""
        for run in reversed(self.runs):
            last = max(0, ceil((now - run.started_at) / WINDOW_S))
            found = run.flags.rfind(1, 0, last)
            if found >= 0:
                return min(now, run.started_at + (found + 1) * WINDOW_S)
        return None

    def sound(self, from_at: float, size: int) -> bytes:
        """`size` samples of what was played from `from_at` on; silence where nothing was."""
        heard = bytearray(b"\xff" * size)
        for run in reversed(self.runs):
            first = round((from_at - run.started_at) * RATE_HZ)
            if first >= len(run.sound):
                break
            piece = run.sound[max(0, first) : max(0, first + size)]
            at = max(0, -first)
            heard[at : at + len(piece)] = piece
        return bytes(heard)

    def audible_spans(self, *, join_s: float = 0.0) -> list[tuple[float, float]]:
        """From–to of everything audible; spans nearer than `join_s` are one."""
        spans: list[tuple[float, float]] = []
        for run in self.runs:
            at = run.flags.find(1)
            while at >= 0:
                end = run.flags.find(0, at)
                end = len(run.flags) if end < 0 else end
                start_at, end_at = run.started_at + at * WINDOW_S, run.started_at + end * WINDOW_S
                if spans and start_at - spans[-1][1] <= join_s + _EPSILON:
                    spans[-1] = (spans[-1][0], end_at)
                else:
                    spans.append((start_at, end_at))
                at = run.flags.find(1, end)
        return spans
