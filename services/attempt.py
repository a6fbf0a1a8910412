"""One voice asked, in one context, for what is left of a reply."""

from __future__ import annotations

from call.errors import ProviderFault
from services.cast import Member
from services.track import Track
from services.voice import Timing

_ENDLESS_S = 10.0  # sound beyond what its letters can take; a voice that goes on fills the memory
_ENDLESS_A_CHARACTER_S = 0.4


class Attempt:
    """Which clauses a voice was given, what came of them, and when it was last heard."""

    def __init__(self, member: Member, context: str) -> None:
        self.member = member
        self.context = context
        self.track = Track()
        self.is_late = False  # others are asked as well
        self.is_finished = False  # it knows that nothing follows
        self.asked_at = 0.0  # last
        self.heard_at = 0.0  # its last sound; times without a sound are no sign of life
        self._first_asked_at: float | None = None
        self._characters = 0

    @property
    def quiet_since(self) -> float:
        """When it last sounded or was asked something."""
        return max(self.asked_at, self.heard_at)

    @property
    def is_endless(self) -> bool:
        """It says far more than it was given."""
        return self.track.sound_s > _ENDLESS_S + _ENDLESS_A_CHARACTER_S * self._characters

    def say(self, clause_id: str, text: str, *, said: int, now: float) -> None:
        """Give it a clause, or the rest of one."""
        if self._first_asked_at is None:
            self._first_asked_at = now
        self.asked_at = now
        self._characters += len(text)
        self.track.add(clause_id, text, said=said)
        self.member.voice.speak(self.context, text.strip())

    def finish(self, now: float) -> None:
        """Nothing follows."""
        self.is_finished = True
        self.asked_at = now
        self.member.voice.finish(self.context)

    def cancel(self) -> None:
        """Stop it."""
        self.member.voice.cancel(self.context)

    def first_sound(self, now: float) -> float | None:
        """How long its first sound took."""
        return None if self._first_asked_at is None else now - self._first_asked_at

    def time(self, timing: Timing) -> None:
        """When letters or words are spoken."""
        place = self.track.time_next if timing.is_relative else self.track.time
        place(timing.pieces, timing.starts_s, timing.ends_s)

    def is_stale(self, now: float) -> bool:
        """Its voice may have forgotten the context, and would refuse more for it."""
        life_s = self.member.voice.context_life_s
        if not life_s or not self.track.has_sound or self.track.owes:
            return False
        return now - self.heard_at >= life_s

    def slow(self) -> ProviderFault:
        """It made no sound in time."""
        return self.member.voice.origin.slow("no sound")

    def broke(self, detail: str) -> ProviderFault:
        """It answered what cannot be used."""
        return self.member.voice.origin.broke(detail)
