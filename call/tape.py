"""The last seconds of the caller's voice, kept until they have been heard for good.

A listener that drops takes to the grave what it had not told yet. So the voice is on tape: a new
listener is played the tape from the last place that was understood for good, and then goes on live.
It can be played no faster than a listener takes it in, and a listener counts time from its own
first sound, so the tape also knows which place in the call a listener speaks of.

Places are samples since the call began. Plain calls only: time is an argument.
"""

from __future__ import annotations

import math
from collections import deque

from call.audio import RATE_HZ


class Tape:
    """At most `keep_s` seconds of voice, played at `rate` times real time at most."""

    def __init__(self, *, keep_s: float, rate: float, burst_s: float) -> None:
        self._keep = round(keep_s * RATE_HZ)
        self._speed = rate * RATE_HZ
        self._burst = burst_s * RATE_HZ
        self._pieces: deque[bytes] = deque()
        self._first = 0  # place of the first piece
        self._needed = 0  # what lies before has been heard for good, or holds nothing
        self.end = 0
        # the present listener
        self._is_playing = False
        self._next = 0  # which piece it hears next
        self._cursor = 0  # and which place
        self._played = 0  # samples it has heard in all
        self._jumps: list[tuple[int, int]] = [(0, 0)]  # (its sample, the place that is), in order
        self._credit = 0.0  # samples that may be played at once
        self._credit_at = 0.0

    @property
    def at(self) -> int:
        """The place that is played next."""
        start = max(self._first, self._needed)
        return max(self._cursor, start) if self._is_playing else start

    @property
    def behind_s(self) -> float:
        """How much has yet to be played."""
        return (self.end - self.at) / RATE_HZ

    def take(self, mulaw: bytes) -> int:
        """Record; answers how many pieces were lost to nobody's ear because the tape is full."""
        self._pieces.append(mulaw)
        self.end += len(mulaw)
        lost = 0
        while self.end - self._first > self._keep and len(self._pieces) > 1:
            self._drop_first()
            if self._first > (self._cursor if self._is_playing else self._needed):
                self._needed = max(self._needed, self._first)
                lost += 1
        return lost

    def let_go(self, place: int) -> None:
        """Nothing before this place will be needed again."""
        self._needed = max(self._needed, min(place, self.end))
        while self._pieces and self._first + len(self._pieces[0]) <= self._needed:
            self._drop_first()

    def play(self, now: float, *, heard: int = 0) -> None:
        """A listener is there, who has heard so many samples of something else: it hears the tape
        from the first place still needed."""
        self._is_playing = True
        self._played = heard
        self._jumps.clear()
        self._jump_to(max(self._first, self._needed))
        self._credit, self._credit_at = self._burst, now

    def stop(self) -> int:
        """The listener is gone; answers how many samples of what it has not told are lost."""
        self._is_playing = False
        lost = max(0, self._first - self._needed)
        self._needed = max(self._needed, self._first)
        return lost

    def next(self, now: float, *, until: int | None = None) -> bytes | None:
        """The next piece, if there is one before `until` and it is time for it."""
        at = self.at
        if not self._is_playing or (until is not None and at >= until):
            return None
        if self._cursor < at:
            self._jump_to(at)
        if self._next >= len(self._pieces) or not self._may_play(now):
            return None
        piece = self._piece()
        self._credit -= len(piece)
        self._next += 1
        self._cursor += len(piece)
        self._played += len(piece)
        return piece

    def next_at(self) -> float | None:
        """When the next piece may be played; None when there is none."""
        if not self._is_playing or self._next >= len(self._pieces):
            return None
        missing = min(len(self._pieces[self._next]), self._burst) - self._credit
        return self._credit_at + missing / self._speed

    def place(self, heard_s: float) -> int:
        """The place a listener means by `heard_s` seconds of what it heard, at most where it is.

        Where two stretches meet, it is the end of the first."""
        earliest = self._jumps[0]
        if math.isnan(heard_s):
            return earliest[1]
        sample = round(min(max(earliest[0], heard_s * RATE_HZ), self._played))
        began, place = next((jump for jump in reversed(self._jumps) if jump[0] < sample), earliest)
        return place + sample - began

    # ── inside ───────────────────────────────────────────────────────────────────────
    def _drop_first(self) -> None:
        self._first += len(self._pieces.popleft())
        self._next = max(0, self._next - 1)

    def _jump_to(self, place: int) -> None:
        """What lies between is not played: nobody needs it, or it is no longer there."""
        if self._jumps and self._jumps[-1][0] == self._played:
            self._jumps.pop()  # nothing was played since
        self._jumps.append((self._played, place))
        self._cursor, self._next = place, 0  # pieces before it are gone: it lies in the first one

    def _piece(self) -> bytes:
        """The piece at the cursor, or what is left of it behind the cursor."""
        piece = self._pieces[self._next]
        if self._next == 0 and self._cursor > self._first:
            return piece[self._cursor - self._first :]
        return piece

    def _may_play(self, now: float) -> bool:
        self._credit = min(self._burst, self._credit + (now - self._credit_at) * self._speed)
        self._credit_at = now
        return self._credit >= min(len(self._pieces[self._next]), self._burst) - 0.5
