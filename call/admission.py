"""How many calls at once; accept, refuse, drain."""

from __future__ import annotations

from dataclasses import dataclass

from call.errors import MisuseError


@dataclass(frozen=True)
class Capacity:
    """How many calls one worker process takes, and how long they may last."""

    max_calls: int = 20
    """Calls at the same time per worker process; the next is refused politely. More than one core
    can carry turns every answer slow instead of one caller away."""
    drain_s: float = 600.0
    """After SIGTERM living calls may finish; those still there after this long end politely. Ten
    minutes outlast nearly every call; keep it below the orchestrator's grace period."""
    max_call_s: float = 3600.0
    """A call ends politely after this long, so that a line left open does not cost for ever."""

    def __post_init__(self) -> None:
        if self.max_calls < 1:
            raise ValueError(f"max_calls is {self.max_calls}; a worker takes at least 1")
        if self.drain_s < 0:
            raise ValueError(f"drain_s is {self.drain_s}; give 0 or more seconds")
        if self.max_call_s <= 0:
            raise ValueError(f"max_call_s is {self.max_call_s}; give more than 0 seconds")


class Admission:
    """Counts the calls of one process and says whether another may come."""

    def __init__(self, capacity: Capacity) -> None:
        self._capacity = capacity
        self._active = 0
        self._is_draining = False

    @property
    def active(self) -> int:
        """Calls in progress."""
        return self._active

    @property
    def is_draining(self) -> bool:
        """No new calls; the living may finish."""
        return self._is_draining

    def refusal(self) -> str | None:
        """Why the next call would be refused: "draining", "full", or None for welcome."""
        if self._is_draining:
            return "draining"
        return "full" if self._active >= self._capacity.max_calls else None

    def enter(self) -> bool:
        """Take one call in; False when it must be refused."""
        if self.refusal() is not None:
            return False
        self._active += 1
        return True

    def leave(self) -> None:
        """An admitted call is over."""
        if self._active == 0:
            raise MisuseError("a call left that had not entered")
        self._active -= 1

    def drain(self) -> None:
        """Refuse every call from now on."""
        self._is_draining = True
