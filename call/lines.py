"""How many calls each provider takes at once by its contract, counted before it says 429.

A call takes a line of each provider it speaks through, all or none, when it rings; a line that
nobody renews falls free, so that a host which dies does not keep its lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

LIFE_S = 90.0  # three renewals: one that is late costs no line
RENEW_EVERY_S = 30.0


@dataclass(frozen=True)
class Limits:
    """How many calls a provider takes at once by your contract, over all hosts that share a Redis;
    the next caller leaves a message. 0: not counted."""

    deepgram: int = 0
    """Streams of the recogniser: 50 pay as you go, 100 and more by contract."""
    anthropic: int = 0
    """Calls whose answers the model writes; its limits are in requests and tokens a minute, so
    divide them by what a call takes."""
    elevenlabs: int = 0
    """Calls that are spoken by it; it counts only those that speak at the moment, about half."""
    cartesia: int = 0
    """Calls that are spoken by it."""

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if getattr(self, name) < 0:
                raise ValueError(f"{name} {getattr(self, name)} is negative; use 0 for any number")

    def of(self, providers: Iterable[str]) -> dict[str, int]:
        """The limits that count, of the providers in use."""
        return {name: limit for name in providers if (limit := getattr(self, name, 0))}


class Lines:
    """Lines in use, by provider and call; `now` is seconds on any one clock."""

    def __init__(self, limits: Mapping[str, int]) -> None:
        self._limits = limits
        self._until: dict[str, dict[str, float]] = {name: {} for name in limits}

    def take(self, call: str, *, now: float) -> str | None:
        """Take a line of each provider; the one that has none left, and then none is taken."""
        for name, limit in self._limits.items():
            lines = self._until[name] = {c: t for c, t in self._until[name].items() if t > now}
            if call not in lines and len(lines) >= limit:
                return name
        for lines in self._until.values():
            lines[call] = now + LIFE_S
        return None

    def renew(self, calls: Iterable[str], *, now: float) -> None:
        """These calls go on: their lines stay theirs."""
        for call in calls:
            for lines in self._until.values():
                lines[call] = now + LIFE_S

    def release(self, call: str) -> None:
        """The call is over."""
        for lines in self._until.values():
            lines.pop(call, None)

    def in_use(self, name: str, *, now: float) -> int:
        """Lines of a provider that are taken."""
        return sum(until > now for until in self._until.get(name, {}).values())
