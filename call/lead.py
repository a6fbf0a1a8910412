"""How far ahead of the caller's ear audio is sent: as little as the last wake-ups allow.

A lead hides a late wake-up of ours and the jitter of the way to the carrier, and all of it is
thrown away at a barge-in. So it follows what was seen: a late wake-up widens it at once, quiet
seconds narrow it slowly.
"""

from __future__ import annotations

from dataclasses import dataclass

# A wake-up as late as the worst one lately is followed by a little later ones now and then.
MARGIN = 1.25
# What a late wake-up still counts after each piece of audio: half after 7 s of speech.
FADE = 0.998
# Weight of a new round trip in its running mean and its running jitter (RFC 6298 uses these).
_MEAN, _JITTER = 1 / 8, 1 / 4


@dataclass(frozen=True)
class Bounds:
    """Seconds: where a call begins, and between what it moves."""

    start_s: float
    least_s: float
    most_s: float


class Lead:
    """The lead of one call."""

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._late_s = (bounds.start_s - bounds.least_s) / MARGIN  # unknown: as if it had been so
        self._round_trip_s: float | None = None
        self._jitter_s = 0.0

    @property
    def seconds(self) -> float:
        """How far ahead to send now."""
        bounds = self._bounds
        wanted = bounds.least_s + MARGIN * self._late_s + self._jitter_s
        return min(max(wanted, bounds.least_s), bounds.most_s)

    def woke(self, late_s: float) -> None:
        """A piece of audio left so long after its time."""
        self._late_s = max(late_s, self._late_s * FADE)

    def echoed(self, round_trip_s: float) -> None:
        """A mark came back so long after its audio was due."""
        if self._round_trip_s is None:
            self._round_trip_s = round_trip_s
            return
        apart_s = abs(round_trip_s - self._round_trip_s)
        self._round_trip_s += _MEAN * (round_trip_s - self._round_trip_s)
        self._jitter_s += _JITTER * (apart_s - self._jitter_s)
