"""How long the caller's ear is provided for: what was handed to the wire and is still to be
played."""

from __future__ import annotations

from collections import deque

from call.speculation import Guess
from frames.speech import PlayedToFrame, PlayheadFrame

_PLACES = 64  # playheads under way; more than a reply has words in a second or two of lead


class Lead:
    """Reckons with sound that plays at once and without gaps; the wire's word on what it played
    puts that right. What was handed on for a guess that came to nothing is not played at all."""

    def __init__(self) -> None:
        self.dry_at = 0.0
        self._handed_s = 0.0  # since the call began
        self._places: deque[tuple[tuple[str, int, bool], float, Guess | None]] = deque(
            maxlen=_PLACES
        )
        self._early: dict[Guess, float] = {}  # sound handed on for guesses that are undecided

    def handed(self, seconds: float, now: float, guess: Guess | None = None) -> None:
        """Sound was handed on, for the answer of a guess or for certain."""
        if guess is not None and guess.is_withdrawn:
            return
        self._handed_s += seconds
        self.dry_at = max(self.dry_at, now) + seconds
        if guess is not None and guess.is_pending:
            self._early[guess] = self._early.get(guess, 0.0) + seconds

    def passed(self, playhead: PlayheadFrame, guess: Guess | None = None) -> None:
        """A place in the sound was handed on."""
        if guess is None or not guess.is_withdrawn:
            name = (playhead.clause_id, playhead.chars, playhead.is_end)
            self._places.append((name, self._handed_s, guess))

    def settle(self, now: float) -> None:
        """Take back the sound of guesses that have been withdrawn."""
        for guess in [guess for guess in self._early if not guess.is_pending]:
            seconds = self._early.pop(guess)
            if guess.is_withdrawn:
                self._take_back(guess, seconds, now)

    def _take_back(self, guess: Guess, seconds: float, now: float) -> None:
        self._handed_s -= seconds
        self.dry_at = max(now, self.dry_at - seconds)
        places, self._places = self._places, deque(maxlen=_PLACES)
        is_behind = False
        for name, at_s, of in places:
            is_behind |= of is guess
            if of is not guess:
                self._places.append((name, at_s - seconds if is_behind else at_s, of))

    def played(self, frame: PlayedToFrame, now: float) -> None:
        """The wire has played up to a place."""
        place = (frame.clause_id, frame.chars, frame.is_end)
        handed_s = next((at_s for name, at_s, _ in self._places if name == place), None)
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
        self._early.clear()
        self.dry_at = now
