"""What a bad line does to the caller's sound on its way to the bot, drawn from a seed.

Everything happens before the WebSocket, where real lines lose and delay sound; the socket itself
stays ordered, except for the endings: a stream that vanishes and a carrier that reads slowly.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from lab.loudness import RATE_HZ
from lab.mouth import FRAME_BYTES

REORDERED_BY_S = 0.03  # a packet that lets one or two others pass


@dataclass(frozen=True)
class Impairments:
    """What is wrong with the line; the default is nothing."""

    jitter_s: float = 0.0
    """Each message is late by up to this; order is kept."""
    loss: float = 0.0
    """Share of messages that never arrive, 0 to 1."""
    loss_run: float = 1.0
    """Mean number of messages lost in a row."""
    bursts_s: float = 0.0
    """Messages are held and delivered together once per this long."""
    stall: tuple[float, float] | None = None
    """(at, for): nothing is delivered for a while, then all of it at once."""
    reorder: float = 0.0
    """Share of messages overtaken by the next."""
    chunk_bytes: int = FRAME_BYTES
    """Bytes per media message; 0 draws odd sizes from 1 to 480."""
    vanish_s: float | None = None
    """The socket is torn down at this second, without `stop`."""
    slow_reader: tuple[float, float] | None = None
    """(at, for): the carrier stops reading what the bot sends."""
    echo: tuple[float, float] | None = None
    """(delay, loss in dB): what the caller's loudspeaker plays comes back by the microphone."""
    marks_lost: float = 0.0
    """Share of the bot's marks whose echo never comes."""
    marks_late_s: float = 0.0
    """Each echo is late by up to this; order is kept."""
    marks_swapped: float = 0.0
    """Share of echoes overtaken by the next."""


_SECONDS = {
    "jitter": "jitter_s",
    "bursts": "bursts_s",
    "vanish": "vanish_s",
    "marks_late": "marks_late_s",
}
_SHARES = ("loss", "reorder", "marks_lost", "marks_swapped")
_SPANS = ("stall", "slow_reader")
_MOST_LOSS_DB = 60


def parse(specs: Iterable[str]) -> Impairments:
    """`jitter=0.03`, `loss=0.02`, `stall=5:1.5`, `chunk=odd` …; ValueError with the remedy."""
    line = Impairments()
    for spec in specs:
        name, _, value = spec.partition("=")
        try:
            line = replace(line, **_field(name, value))
        except ValueError:
            raise ValueError(f"--impair {spec}: {_remedy(name)}") from None
    return line


def _remedy(name: str) -> str:
    if name in _SHARES:
        return f"write {name}=SHARE, 0 to 1"
    if name in _SPANS:
        return f"write {name}=AT:FOR in seconds"
    if name == "echo":
        return "write echo=SECONDS:DB, such as 0.12:18"
    if name in _SECONDS:
        return f"write {name}=SECONDS"
    if name == "chunk":
        return "write chunk=BYTES or chunk=odd"
    if name == "loss_run":
        return "write loss_run=MESSAGES, 1 or more"
    known = (*_SECONDS, *_SHARES, *_SPANS, "chunk", "loss_run", "echo")
    return f"unknown; use one of {', '.join(sorted(known))}"


def _field(name: str, value: str) -> dict[str, Any]:
    if name == "chunk":
        size = 0 if value == "odd" else int(value)
        return {"chunk_bytes": int(_within(size, 0, 8000))}
    if name in _SPANS:
        at, _, long = value.partition(":")
        return {name: (_within(float(at), 0, 86400), _within(float(long), 0, 86400))}
    if name == "echo":
        delay, _, loss = value.partition(":")
        return {name: (_within(float(delay), 0, 5), _within(float(loss), 0, _MOST_LOSS_DB))}
    if name in _SHARES:
        return {name: _within(float(value), 0, 1)}
    if name == "loss_run":
        return {name: _within(float(value), 1, 1000)}
    if name not in _SECONDS:
        raise ValueError(name)
    return {_SECONDS[name]: _within(float(value), 0, 86400)}


def _within(value: float, low: float, high: float) -> float:
    if not low <= value <= high:
        raise ValueError(value)
    return value


@dataclass(frozen=True, order=True)
class Packet:
    """Sound on its way: due at `due_s`, recorded from `from_s` on (seconds of the stream)."""

    due_s: float
    order: int
    from_s: float
    sound: bytes


class Line:
    """The way from the caller's mouth to the carrier's socket."""

    def __init__(self, impairments: Impairments, *, seed: int) -> None:
        self._bad = impairments
        self._draw = random.Random(seed)
        self._waiting: list[Packet] = []
        self._cut = bytearray()
        self._cut_bytes = 0  # sound already cut into packets
        self._size = self._next_size()
        self._order = 0
        self._latest_s = 0.0
        self._losing = False
        self.lost = 0

    def put(self, sound: bytes) -> None:
        """The next sound in order; it is complete at its own end."""
        self._cut += sound
        while len(self._cut) >= self._size:
            packet, self._cut = bytes(self._cut[: self._size]), self._cut[self._size :]
            from_s = self._cut_bytes / RATE_HZ
            self._cut_bytes += len(packet)
            self._size = self._next_size()
            self._route(packet, from_s=from_s, ready_s=self._cut_bytes / RATE_HZ)

    def due(self, now_s: float) -> list[Packet]:
        """What arrives at the carrier by now, in the order it arrives."""
        arrived: list[Packet] = []
        while self._waiting and self._waiting[0].due_s <= now_s + 1e-9:
            arrived.append(heapq.heappop(self._waiting))
        return arrived

    @property
    def next_due_s(self) -> float | None:
        """When the next packet arrives."""
        return self._waiting[0].due_s if self._waiting else None

    def _next_size(self) -> int:
        return self._bad.chunk_bytes or self._draw.randint(1, 480)

    def _route(self, sound: bytes, *, from_s: float, ready_s: float) -> None:
        bad = self._bad
        if self._is_lost():
            self.lost += 1
            return
        due_s = ready_s + (self._draw.uniform(0, bad.jitter_s) if bad.jitter_s else 0.0)
        if bad.bursts_s:
            due_s = (due_s // bad.bursts_s + 1) * bad.bursts_s
        if bad.stall and bad.stall[0] <= due_s < sum(bad.stall):
            due_s = sum(bad.stall)
        self._latest_s = due_s = max(due_s, self._latest_s)
        if bad.reorder and self._draw.random() < bad.reorder:
            due_s += REORDERED_BY_S
        self._order += 1
        heapq.heappush(self._waiting, Packet(due_s, self._order, from_s, sound))

    def _is_lost(self) -> bool:
        """A two-state line: losses come in runs of `loss_run` on average, `loss` of all."""
        share, run = self._bad.loss, self._bad.loss_run
        if not share:
            return False
        if share >= 1:
            return True
        leave, enter = 1 / run, share / (1 - share) / run
        self._losing = self._draw.random() < (1 - leave if self._losing else min(1.0, enter))
        return self._losing
