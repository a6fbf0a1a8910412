"""When the next piece of audio may leave, and whether the caller's ear ran dry before it."""

from __future__ import annotations

from call.lead import Lead


class Pace:
    """Keeps what is sent a lead ahead of what is played.

    The carrier plays at once and without gaps, so one number tells all: the instant at which
    everything sent so far has been played. A late wake-up does not move it; the next pieces then
    leave without waiting until the lead is restored.
    """

    def __init__(self, lead: Lead) -> None:
        self._lead = lead
        self._ends_at = float("-inf")

    @property
    def ends_at(self) -> float:
        """When everything sent so far has been played."""
        return self._ends_at

    def wait_s(self, now: float) -> float:
        """Seconds until the next piece may leave; 0 when it may leave now."""
        return max(0.0, self._ends_at - self._lead.seconds - now)

    def woke(self, due_at: float, now: float) -> None:
        """Whoever waited is awake again."""
        self._lead.woke(max(0.0, now - due_at))

    def sent(self, seconds: float, now: float) -> float:
        """A piece has left; answers for how many seconds the ear had been dry before it."""
        dry_s = max(0.0, now - self._ends_at)
        self._ends_at = max(self._ends_at, now) + seconds
        return dry_s

    def cleared(self, now: float) -> None:
        """What was not yet played has been thrown away."""
        self._ends_at = min(self._ends_at, now)
