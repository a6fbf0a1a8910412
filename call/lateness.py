"""A timer that rings late says that the process stood still, and that what came meanwhile waits.

The caller may have gone on speaking, or the voice have begun, in what nobody has read yet. So a
late timer lets that be read first, and asks then: time that was slept through decides nothing.
"""

from __future__ import annotations

LATE_S = 0.15  # a full process wakes as late as this; the sound of less is no word
MOST_S = 0.2  # what waits is read faster than it was spoken, and nobody is kept waiting for it


def reading_s(late_s: float) -> float:
    """How long what came meanwhile is read before a timer that is so late may decide."""
    return min(late_s, MOST_S) if late_s > LATE_S else 0.0
