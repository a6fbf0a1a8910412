"""How long the caller's ear is provided for: what was handed to the wire and is still to be
played."""

from __future__ import annotations

from collections import deque

from frames.speech import PlayedToFrame, PlayheadFrame

_PLACES = 64  # playheads under way; more than a reply has words in a second or two of lead


class Lead:
    """Reckons with sound that plays at once and without gaps; the wire's word on what it played
    puts that right."""

    def __init__(self) -> None:
        self.dry_at = 0.0
        self._handed_s = 0.0  # since the call began
        self._places: deque[tuple[tuple[str, int, bool], float]] = deque(maxlen=_PLACES)

    def handed(self, seconds: float, now: float) -> None:
        """Sound was handed on."""
        self._handed_s += seconds
        self.dry_at = max(self.dry_at, now) + seconds

    def passed(self, playhead: PlayheadFrame) -> None:
        """A place in the sound was handed on."""
        self._places.append(((playhead.clause_id, playhead.chars, playhead.is_end), self._handed_s))

    def played(self, frame: PlayedToFrame, now: float) -> None:
        """The wire has played up to a place."""
        place = (frame.clause_id, frame.chars, frame.is_end)
        handed_s = next((at_s for name, at_s in self._places if name == place), None)
        if handed_s is None:
            return
        while self._places and self._places[0][1] <= handed_s:
            self._places.popleft()
        self.dry_at = max(now, min(frame.at, now) + self._handed_s - handed_s)

    def dry_after(self, seconds: float, now: float) -> float:
        """When the ear runs dry if so much more is handed on."""
        return max(self.dry_at, now) + seconds if seconds else self.dry_at

    def cleared(self, now: float) -> None:
        """What was still to be played will not be."""
        self._places.clear()
        self.dry_at = now
