"""How many calls at once, in all and from one number; accept, refuse, drain."""

from __future__ import annotations

from collections import Counter, deque
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
    minutes outlast nearly every call. Keep it half a minute below the orchestrator's grace period:
    last words, and the carrier's question what is next, come behind it."""
    max_call_s: float = 3600.0
    """A call ends politely after this long, so that a line left open does not cost for ever."""
    max_calls_per_caller: int = 10
    """Calls at the same time from one number, so that one dialling machine cannot take every line;
    a switchboard shows one number for a whole house. 0: no limit. Withheld numbers are not counted.
    """

    def __post_init__(self) -> None:
        if self.max_calls < 1:
            raise ValueError(f"max_calls is {self.max_calls}; a worker takes at least 1")
        if self.drain_s < 0:
            raise ValueError(f"drain_s is {self.drain_s}; give 0 or more seconds")
        if self.max_call_s <= 0:
            raise ValueError(f"max_call_s is {self.max_call_s}; give more than 0 seconds")
        if self.max_calls_per_caller < 0:
            raise ValueError(
                f"max_calls_per_caller is {self.max_calls_per_caller}; give 1 or more, or 0 for any"
            )


# A caller who was told where to come is there within this; the carrier connects at once.
COMES_WITHIN_S = 5.0
# What carriers send for a number that its owner withholds; +266696687 spells ANONYMOUS on the keys.
WITHHELD = frozenset(
    ("", "+266696687", "+7378742833", "+8656696", "+86282452253", "anonymous", "restricted")
    + ("unavailable", "unknown", "private")
)


class Admission:
    """Counts the calls of one process and says whether another may come."""

    def __init__(self, capacity: Capacity) -> None:
        self._capacity = capacity
        self._max_calls = capacity.max_calls
        self._active = 0
        self._awaited: deque[float] = deque()
        self._by_caller: Counter[str] = Counter()
        self._is_draining = False

    @property
    def active(self) -> int:
        """Calls in progress."""
        return self._active

    @property
    def max_calls(self) -> int:
        """Calls that may go on at the same time."""
        return self._max_calls

    def resize(self, max_calls: int) -> None:
        """Room came or went; whoever is in stays in."""
        self._max_calls = max_calls

    @property
    def is_draining(self) -> bool:
        """No new calls; the living may finish."""
        return self._is_draining

    def refusal(self, caller: str = "", *, is_awaited: bool = False) -> str | None:
        """Why the next call would be refused: "draining", "full", "caller" (that number has its
        share), or None for welcome. Who is awaited was told to come before the drain began."""
        if self._is_draining and not is_awaited:
            return "draining"
        if self._active >= self._max_calls:
            return "full"
        share = self._capacity.max_calls_per_caller
        return "caller" if share and self._by_caller[_known(caller)] >= share else None

    def tell_to_come(self, now: float) -> None:
        """A caller who rang was told where to come."""
        self._awaited.append(now)

    def awaited(self, now: float) -> int:
        """Callers who were told to come and are still on their way."""
        while self._awaited and now - self._awaited[0] > COMES_WITHIN_S:
            self._awaited.popleft()
        return len(self._awaited)

    def enter(self, caller: str = "", *, is_awaited: bool = False) -> bool:
        """Take one call in; False when it must be refused."""
        if self.refusal(caller, is_awaited=is_awaited) is not None:
            return False
        self.count(caller)
        return True

    def count(self, caller: str) -> None:
        """Somebody else took a call in, by rules and at a moment of their own: it is counted."""
        self._active += 1
        if self._awaited:
            self._awaited.popleft()
        if _known(caller):
            self._by_caller[caller] += 1

    def leave(self, caller: str = "") -> None:
        """An admitted call is over; `caller` as it entered."""
        if self._active == 0 or (_known(caller) and not self._by_caller[caller]):
            raise MisuseError("a call left that had not entered")
        self._active -= 1
        if _known(caller):
            self._by_caller[caller] -= 1
            self._by_caller += Counter()  # forgets the numbers that no longer call

    def drain(self) -> None:
        """Refuse every call from now on."""
        self._is_draining = True


def _known(caller: str) -> str:
    """The caller's number, or "" when it is withheld."""
    return "" if caller.lower() in WITHHELD else caller
