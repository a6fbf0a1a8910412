"""How loud the caller speaks, and how much louder they have just become.

Who listens aloud ("uh-huh") speaks lower than usual or as usual; who wants the floor from somebody
speaking raises the voice. Only the caller's own voices are compared, so that line and telephone do
not matter.

Plain calls, once for each packet that has voice in it.
"""

from __future__ import annotations

import math

_KNOWN = 50  # packets, a second of voice: with less, nobody's usual loudness is known
_REMEMBERED = 500  # packets: older voices count less and less


class Loudness:
    """The caller's, of one call."""

    def __init__(self) -> None:
        self._energy, self._packets = 0.0, 0  # of the voice in hand
        self._usual, self._heard = 0.0, 0  # mean of those before it, and how many packets of them

    def hear(self, energy: float) -> None:
        """The mean square of a packet of the voice in hand."""
        self._energy += energy
        self._packets += 1

    def paused(self) -> float:
        """That voice is over: how many decibels it was above the usual, 0 while that is unknown."""
        mean = self._energy / max(1, self._packets)
        is_known = self._heard >= _KNOWN and min(mean, self._usual) > 0
        over_db = 10 * math.log10(mean / self._usual) if is_known else 0.0
        self._heard = min(self._heard, _REMEMBERED) + self._packets
        self._usual += (mean - self._usual) * self._packets / max(1, self._heard)
        self._energy, self._packets = 0.0, 0
        return over_db
