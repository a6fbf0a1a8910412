"""A line that cries wolf: sounds over the agent that turned out to be nobody's words.

A speakerphone plays the agent back, a street or a radio sounds behind the caller: each sound would
hold the agent for a moment, and its words would come in pieces. After a few such alarms in a row
the line is not believed for a while: only words stop the agent then.
"""

from __future__ import annotations

from collections import deque


class FalseAlarms:
    """The false alarms of one call."""

    def __init__(self, *, limit: int, memory_s: float) -> None:
        self._memory_s = memory_s
        self._at: deque[float] = deque(maxlen=max(1, limit))

    def false(self, now: float) -> None:
        """A sound over the agent was nothing."""
        self._at.append(now)

    def real(self) -> None:
        """Somebody has said something."""
        self._at.clear()

    def are_many(self, now: float) -> bool:
        """The line is not to be believed: so many in a row, none of them forgotten."""
        return len(self._at) == self._at.maxlen and now < self._at[0] + self._memory_s
