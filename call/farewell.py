"""When may we hang up? Once the goodbye has been heard, not once it has been sent.

The model asks to end (or hand off) the call in the same breath as its last words, or with none. A
reply heard to its end lets the call go; a reply that had no words gets the agent's own goodbye
first; a caller who speaks over the goodbye takes the request back; a mark that never returns is
overruled by the watchdog.

A way out (`call/way_out.py`) is not a request: nobody takes it back, and it waits for its own words
alone, and for those of an emergency that came between. An emergency with a number of its own takes
the place of whatever way the call was about to go.

A process that goes down names a moment by which the call is let go, whatever is being said.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from call.errors import Ending


@dataclass(frozen=True)
class SayGoodbye:
    """Nothing was said with the request to end: speak the agent's own goodbye."""


@dataclass(frozen=True)
class HangUp:
    """The goodbye was heard (or can never be): let the call go."""

    ending: Ending
    was_heard: bool = True  # False: the watchdog gave up waiting for the last words


Action = SayGoodbye | HangUp

WAY_OUT = "way_out"
"""Kind of the phrase with which the agent leaves a call to somebody else."""
EMERGENCY = "emergency"
"""Kind of the line for a caller who needs other help than ours."""


class Farewell:
    """Decides the end of a call; time is an argument, nothing here waits."""

    def __init__(self, *, watchdog_s: float, apology_s: float) -> None:
        """So many seconds without progress, of a goodbye or of an apology, let the call go."""
        self._watchdog_s = watchdog_s
        self._apology_s = apology_s
        self._ending: Ending | None = None
        self._due_at: float | None = None
        self._has_said_goodbye = False
        self._is_leaving = False
        self._owed: Counter[str] = Counter()  # words by kind that a way out waits for
        self._was_heard = False  # the last words of the way out
        self._last: tuple[float, Ending] | None = None  # the call is let go by then, and so

    @property
    def is_asked(self) -> bool:
        """Whether the call is on its way out."""
        return self._ending is not None

    @property
    def ending(self) -> Ending | None:
        """How the call is to end, once asked."""
        return self._ending

    def next_deadline(self) -> float | None:
        """When to call `on_deadline`, on the clock of `now`."""
        return self._due_at

    def asked(self, ending: Ending, now: float) -> None:
        """The model (or the agent itself) wants to end the call."""
        if self._is_leaving:
            return
        self._ending = ending
        self._due_at = now
        self.progress(now)

    def end_by(self, at: float, ending: Ending) -> None:
        """The call is let go by this moment; as `ending`, should it not be ending already."""
        self._last = at, ending
        if self._ending is None:
            self._ending, self._due_at = ending, at
        elif self._due_at is not None:
            self._due_at = min(self._due_at, at)

    def left(self, ending: Ending, now: float, *, is_urgent: bool = False) -> tuple[Action, ...]:
        """The agent gives the call up, and says so in words of kind `WAY_OUT`.

        A call that was ending anyway ends as it was going to, and at once; unless this is urgent.
        """
        if self._is_leaving and not is_urgent:
            return ()
        if self._ending is not None and not is_urgent:
            self._due_at = None
            return (HangUp(self._ending, was_heard=False),)
        self._ending, self._is_leaving = ending, True
        self._owed[WAY_OUT] += 1
        self._due_at = now
        self.progress(now)
        return ()

    def line_owed(self) -> None:
        """The emergency line is on its way: a way out waits for it as well."""
        if self._is_leaving:
            self._owed[EMERGENCY] += 1

    def taken_back(self) -> None:
        """The caller has more to say; a way out is not taken back."""
        if self._is_leaving:
            return
        self._ending = self._due_at = None
        self._has_said_goodbye = False
        if self._last is not None:  # there is no time left for more
            self._due_at, self._ending = float("-inf"), self._last[1]

    def progress(self, now: float) -> None:
        """The caller heard some more: the watchdog starts again."""
        if self._due_at is None:
            return
        self._due_at = now + (self._apology_s if self._is_leaving else self._watchdog_s)
        if self._last is not None:
            self._due_at = min(self._due_at, self._last[0])

    def reply_heard(
        self, *, had_words: bool, interrupted: bool, now: float, kind: str = "reply"
    ) -> tuple[Action, ...]:
        """A reply has been heard as far as it ever will be."""
        if self._ending is None:
            return ()
        if self._is_leaving:
            return self._left_with(kind, had_words=had_words, now=now)
        if interrupted:
            self.taken_back()
            return ()
        if had_words or self._has_said_goodbye:
            self._due_at = None
            return (HangUp(self._ending),)
        self._has_said_goodbye = True
        self.progress(now)
        return (SayGoodbye(),)

    def _left_with(self, kind: str, *, had_words: bool, now: float) -> tuple[Action, ...]:
        """Words behind a way out; the last that are owed let the call go."""
        if self._ending is None or not self._owed[kind]:
            return ()
        self._owed[kind] -= 1
        if kind == WAY_OUT:
            self._was_heard = had_words
        if self._owed.total():
            self.progress(now)
            return ()
        self._due_at = None
        return (HangUp(self._ending, was_heard=self._was_heard),)

    def on_deadline(self, now: float) -> tuple[Action, ...]:
        """A late timer asks again; the watchdog lets the call go."""
        if self._due_at is None or now < self._due_at or self._ending is None:
            return ()
        self._due_at = None
        return (HangUp(self._ending, was_heard=False),)
