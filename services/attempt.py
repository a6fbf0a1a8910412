"""One voice asked, in one context, for what is left of a reply."""

from __future__ import annotations

from call.errors import ProviderFault
from services.cast import Member
from services.track import Track
from services.voice import Event, Sound, Timing

_HEAD_START_S = 0.25  # a stand-in is asked so long before the ear runs dry
_ENDLESS_S = 10.0  # sound beyond what its letters can take; a voice that goes on fills the memory
_ENDLESS_A_CHARACTER_S = 0.4


class Attempt:
    """Which clauses a voice was given, what came of them, and when it was last heard."""

    def __init__(self, member: Member, context: str, *, is_relief: bool = False) -> None:
        """`is_relief`: asked beside one that is not late, so what it says is held back at first."""
        self.member = member
        self.context = context
        self.track = Track()
        self.is_late = False  # others are asked as well
        self.is_relieved = False  # another is asked as well, though this one is not late
        self.is_relief = is_relief  # it is that other one
        self.is_finished = False  # it knows that nothing follows
        self.asked_at = 0.0  # last
        self.heard_at = 0.0  # its last sound; times without a sound are no sign of life
        self.characters = 0  # it was given
        self._first_asked_at: float | None = None
        self._sounded_at: float | None = None  # first, though it may have been held back
        # what it says while another may still sound first
        self._held: list[Event] | None = [] if is_relief else None

    @property
    def quiet_since(self) -> float:
        """When it last sounded or was asked something."""
        return max(self.asked_at, self.heard_at)

    def late_at(self, dry_at: float, *, is_all: bool) -> float:
        """When it has left us without a sound for too long; `dry_at` is when the caller hears the
        last of what was handed on, `is_all` says that nothing more will be written."""
        if self._held is not None and self._sounded_at is not None:
            return float("inf")  # it is the others who keep it waiting
        if not is_all and self.track.seems_complete:
            return float("inf")  # a voice that tells no times says so when nothing follows
        health = self.member.health
        budget_s = health.tolerance.first_byte_budget_s if self.track.has_sound else health.budget_s
        return max(self.quiet_since + budget_s, dry_at - _HEAD_START_S)

    def is_slow(self, now: float) -> bool:
        """It takes longer than it usually does."""
        waited_s = now - self.quiet_since if self.track.has_sound else self.first_sound(now)
        return waited_s is not None and waited_s >= self.member.health.usual_s

    @property
    def is_endless(self) -> bool:
        """It says far more than it was given."""
        return self.track.sound_s > _ENDLESS_S + _ENDLESS_A_CHARACTER_S * self.characters

    @property
    def is_held_back(self) -> bool:
        """Another one may still sound in its place."""
        return self._held is not None

    def say(self, clause_id: str, text: str, *, said: int, now: float) -> None:
        """Give it a clause, or the rest of one."""
        if self._first_asked_at is None:
            self._first_asked_at = now
        self.asked_at = now
        self.characters += len(text)
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
        if self._first_asked_at is None:
            return None
        return (now if self._sounded_at is None else self._sounded_at) - self._first_asked_at

    # ── as the relief of another ─────────────────────────────────────────────────────
    def holds(self, event: Event, now: float) -> bool:
        """Whether an event of its voice is kept for later."""
        if self._held is None:
            return False
        self._held.append(event)
        if isinstance(event, Sound) and event.mulaw and self._sounded_at is None:
            self._sounded_at = now
        return True

    def let_out(self) -> list[Event]:
        """What was kept; nothing more is."""
        held, self._held = self._held or [], None
        return held

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
