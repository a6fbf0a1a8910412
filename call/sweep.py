"""When the garbage of ended calls is collected.

A call leaves some thousand objects in cycles. To find them the interpreter looks at everything the
living calls hold, which stops the loop for some 3 ms each: 0.1 s with 36 calls, longer than any
playout lead, and left to itself it does so with every ninth call that comes. So it is done when
nobody calls, or once so many calls have ended that what they left is worth the stop.
"""

from __future__ import annotations

MOST_ENDED = 64  # each leaves up to 1 MB: together less than the lab's 36 living calls hold
LONGEST_S = 600.0  # a call of hours makes garbage too


class Sweep:
    """Counts what has ended since the last collection."""

    def __init__(self, now: float) -> None:
        self._swept_at = now
        self._ended = 0

    def is_due(self, *, ended: int, active: int, now: float) -> bool:
        """Whether to collect now; `ended` counts all calls of the process that are over, `active`
        those that go on, `now` is in seconds. True is taken for done."""
        waits = ended - self._ended
        is_due = (
            waits >= MOST_ENDED
            or (waits > 0 and not active)
            or (active > 0 and now - self._swept_at >= LONGEST_S)
        )
        if is_due:
            self._ended, self._swept_at = ended, now
        return is_due
