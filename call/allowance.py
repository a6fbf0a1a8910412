"""How much a peer may send: a steady rate, and so much at once after a stall."""

from __future__ import annotations


class Allowance:
    """Fills at `rate` a second up to `most`; what it cannot pay for is too much. Starts full."""

    def __init__(self, *, rate: float, most: float) -> None:
        self._rate = rate
        self._most = most
        self._left = most
        self._at: float | None = None

    def pays(self, amount: float, *, now: float) -> bool:
        """Take `amount` out; False, and nothing taken, when there is not so much left."""
        if self._at is not None:
            self._left = min(self._most, self._left + max(0.0, now - self._at) * self._rate)
        self._at = now
        if amount > self._left:
            return False
        self._left -= amount
        return True
