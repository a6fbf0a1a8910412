"""How many connections wait for callers who have not rung yet.

A caller who rings is expected by name: a connection is made while the telephone rings. Those made
ahead are for callers whose first word is sooner than that: as many as ring within the time that a
connection takes, at the rate of the last minutes. After five quiet minutes none waits.

Plain calls only: time is an argument.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

_REMEMBERED = 1000  # rings; more than any process answers in five minutes


@dataclass(frozen=True)
class Warmth:
    """Connections that are made before a call needs them."""

    enabled: bool = True
    """False: each call makes its own when it begins, and again when one drops."""
    most: int = 4
    """Connections that wait at one address at most. Each is a socket of the vendor's limit: 50 at
    Deepgram (pay as you go), ten for each concurrent sentence at Cartesia; ElevenLabs counts those
    only that speak. Waiting costs no money: audio sent is billed, and 20 ms are sent."""
    made_within_s: float = 0.5
    """Seconds a connection takes to be made, at most: callers who ring within it may want one
    each."""
    short_of: float = 0.01
    """Share of callers, 0 to 1, who may find none waiting."""
    memory_s: float = 300.0
    """Seconds for which a ring tells of the rings to come."""
    rings_s: float = 30.0
    """Seconds a caller who rings is waited for; the carrier connects within one."""
    oldest_s: float = 300.0
    """Seconds after which a waiting connection is replaced: what lies between us and the vendor
    forgets idle ones, and the vendor's door moves."""
    ping_s: float = 4.0
    """A waiting connection is pinged this often; one that does not answer within half of it is
    dead, and replaced before a caller meets it."""

    def __post_init__(self) -> None:
        if self.most < 1:
            raise ValueError(f"most is {self.most}; choose 1 or more, or switch enabled off")
        if not 0 < self.short_of < 1:
            raise ValueError(f"short_of is {self.short_of}; choose a share between 0 and 1")
        for name in ("made_within_s", "memory_s", "rings_s", "oldest_s", "ping_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}; give more than 0 seconds")


class Arrivals:
    """The callers of one address: who rang lately, and who rings now."""

    def __init__(self, settings: Warmth) -> None:
        self._settings = settings
        self._rang: deque[float] = deque(maxlen=_REMEMBERED)
        self._ringing: deque[float] = deque(maxlen=_REMEMBERED)

    def rings(self, now: float) -> None:
        """A caller rings."""
        self._rang.append(now)
        self._ringing.append(now)

    def answered(self) -> None:
        """A call has begun: the one that rang first, if any did."""
        if self._ringing:
            self._ringing.popleft()

    def wanted(self, now: float) -> int:
        """Connections that should wait."""
        settings = self._settings
        _forget(self._rang, now - settings.memory_s)
        _forget(self._ringing, now - settings.rings_s)
        if not self._rang:
            return 0
        rate = len(self._rang) / settings.memory_s
        ahead = enough(rate * settings.made_within_s, short_of=settings.short_of)
        return min(settings.most, len(self._ringing) + ahead)


def enough(mean: float, *, short_of: float) -> int:
    """The least number, 1 or more, that a Poisson count of this mean reaches with a probability
    of at most `short_of`: so many others ring at the same time so rarely."""
    count, term, below = 1, math.exp(-mean), math.exp(-mean)
    while below < 1 - short_of and term > 0:
        term *= mean / count
        below += term
        count += 1
    return max(count, math.ceil(mean))  # beyond what a float can hold


def _forget(instants: deque[float], before: float) -> None:
    while instants and instants[0] < before:
        instants.popleft()
