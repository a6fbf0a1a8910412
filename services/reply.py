"""One reply on its way through the voices: who is asked for what is left of it.

What has been handed on towards the wire will be heard unless it is cleared, so it is never said
again: whoever takes over begins at the last end of a word in it. While a voice is late another one
is asked as well, and the first to make a sound goes on; the rest are stopped.

No clause leaves before its sound begins, and none is taken for spoken that was not. No frame of
the pipeline is waited for here, and no socket: plain calls with the time as an argument.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable

from pipecat.frames.frames import Frame

from call.errors import ProviderFault, ProviderRefused
from call.measures import REPLIES_LOST
from call.speculation import Guess
from frames.speech import ClauseFrame
from services.attempt import Attempt
from services.cast import MOST_FAULTS, Cast, Member
from services.clause_ledger import Clause, ClauseLedger, Stage, reworded
from services.phrases import AT_ONCE
from services.track import ClauseEnd
from services.voice import Event, Finished, Flushed, Sound, Timing

REPLY = "reply"  # the kind of the model's own words; others are phrases
_HEAD_START_S = 0.25  # a stand-in is asked so long before the ear runs dry
_REST_S = 0.2  # after this silence, the last letter's audio ends its clause
_GRACE_S = 0.5  # a spoken reply waits this long for the voice to say that it is complete


class Reply:
    """One reply, from its first clause to its end."""

    def __init__(
        self,
        cast: Cast,
        *,
        stall_s: float,
        is_protected: bool = False,
        guess: Guess | None = None,
    ) -> None:
        self.end: Frame | None = None  # waits for the last sample
        self.is_over = False
        self.lost: ProviderFault | None = None  # why it could not be said to its end
        self.attempts: list[Attempt] = []  # voices at work on what is left
        self._ledger = ClauseLedger(cast, is_protected=is_protected, guess=guess)
        self._cast = cast
        self._stall_s = stall_s
        self._speaker: Attempt | None = None  # the one of `attempts` that sounded last
        self._member: Member | None = None  # who speaks it
        self._faults: Counter[Member] = Counter()
        self._is_closed = False  # nothing more will be written
        self._takes_clauses = True
        self._moved_at = 0.0  # when it last sounded, or began to be owed

    @property
    def is_protected(self) -> bool:
        """An interruption leaves it alone."""
        return self._ledger.is_protected

    @property
    def guess(self) -> Guess | None:
        """What it was begun on, before the turn was decided."""
        return self._ledger.guess

    @property
    def ready(self) -> deque[Frame]:
        """Frames that may leave now."""
        return self._ledger.ready

    @property
    def ready_s(self) -> float:
        """Sound that waits to be handed on."""
        return self._ledger.ready_s

    # ── what is written ──────────────────────────────────────────────────────────────

    def add(self, frame: ClauseFrame, now: float) -> None:
        """The next clause."""
        self._ledger.is_protected |= not frame.interruptible
        if not self._takes_clauses:
            return  # a listener would not understand an answer with a hole
        clause = Clause(frame)
        if frame.kind != REPLY:
            clause.excerpt = self._cast.excerpt(frame.text, kind=frame.kind)
        self._ledger.clauses.append(clause)
        if not clause.needs_voice:
            self._run_on(now)
            return
        if not self._ledger.owes(but=clause):
            self._moved_at = now
        if self._cannot_wait and self._cast.is_silent:
            self._give_up(self._cast.lead.voice.origin.down("every voice is gone round"), now)
            return
        self._leave_stale(now)
        if self.attempts:
            for attempt in self.attempts:
                self._send(attempt, clause, now)
        else:
            self._ask(self._cast.lead, now)

    def close(self, end: Frame | None, now: float) -> None:
        """Nothing more will be written."""
        self._is_closed, self.end = True, end
        self._leave_stale(now)
        for attempt in self.attempts:
            attempt.finish(now)
        if not self.attempts:
            self._go_on(self._cast.lead.voice.origin.broke("forgot a clause"), now)

    def abandon(self) -> None:
        """Stop asking: nobody wants to hear the rest."""
        self._takes_clauses = False
        for attempt in self.attempts:
            attempt.cancel()
        self.attempts.clear()

    # ── what the voices say ──────────────────────────────────────────────────────────

    def hear(self, attempt: Attempt, event: Event, now: float) -> None:
        """An event of one of the attempts."""
        track = attempt.track
        match event:
            case Sound(mulaw=mulaw) if mulaw:
                if not track.has_sound and (after_s := attempt.first_sound(now)) is not None:
                    attempt.member.health.answered(after_s)
                self._prefer(attempt)
                attempt.heard_at = self._moved_at = now
                self._emit(attempt, track.hear(mulaw), now)
                if attempt.is_endless:
                    self._drop(attempt, "endless sound", now)
            case Timing():
                attempt.time(event)
                if attempt is self._speaker:
                    self._emit(attempt, track.settle(), now)
            case Flushed():
                self._emit(attempt, track.flush(), now)
                if track.is_hollow:
                    self._drop(attempt, "a clause without sound", now)
            case Finished():
                self._finished(attempt, now)

    def lose(self, attempt: Attempt, fault: ProviderFault, now: float) -> bool:
        """An attempt is over by a fault; whether anything was owed."""
        self._leave(attempt, now)
        was_owed = self._ledger.owes()
        if not attempt.is_late:
            self._faults[attempt.member] += 1
        if isinstance(fault, ProviderRefused):
            self._faults[attempt.member] += MOST_FAULTS  # asking again would not help
        if not self.attempts:
            self._go_on(fault, now)
        return was_owed

    def _drop(self, attempt: Attempt, detail: str, now: float) -> None:
        """An attempt has answered what cannot be used."""
        attempt.cancel()
        fault = attempt.broke(detail)
        self._cast.blame(attempt.member, fault)
        self.lose(attempt, fault, now)

    def _leave(self, attempt: Attempt, now: float) -> None:
        """Nothing more comes of an attempt; note how far it got."""
        self.attempts.remove(attempt)
        if attempt is self._speaker:
            self._mark_place(attempt, now)
            self._speaker = None

    def _finished(self, attempt: Attempt, now: float) -> None:
        """The voice closed the context: all is spoken, or it was only waited for too long."""
        self._emit(attempt, attempt.track.finish(), now)
        if not self._ledger.owes():
            self._leave(attempt, now)
            self._rest(now)
        elif attempt.is_finished:
            self._drop(attempt, "finished without sound", now)
        else:
            # The model pauses longer than the voice keeps a context: go on in a new one.
            self._leave(attempt, now)
            self._faults[attempt.member] += 1
            if not self.attempts:
                self._go_on(attempt.broke("closed by itself"), now)

    # ── patience ─────────────────────────────────────────────────────────────────────

    def tick(self, now: float, dry_at: float) -> float | None:
        """Do what is due, and say when to be asked again; `dry_at` is when the caller's ear runs
        out of what was handed on."""
        if self._speaker is not None and now - self._speaker.quiet_since >= _REST_S:
            self._emit(self._speaker, self._speaker.track.rest(), now)
        if not self.attempts:
            return None
        if not self._ledger.owes():
            return self._wait_for_full_stop(now)
        for attempt in list(self.attempts):
            if not attempt.is_late and now >= self._late_at(attempt, dry_at):
                self._late(attempt, now)
        if not self._ledger.owes():
            return self._wait_for_full_stop(now)
        times = [self._late_at(a, dry_at) for a in self.attempts if not a.is_late]
        if not times:
            stall_s = 0.0 if self._cannot_wait else self._stall_s
            give_up_at = max(self._moved_at, dry_at) + stall_s
            if now >= give_up_at:
                fault = self.attempts[0].slow()
                self.abandon()
                self._give_up(fault, now)
                return None
            times.append(give_up_at)
        if self._speaker is not None and self._speaker.quiet_since + _REST_S > now:
            times.append(self._speaker.quiet_since + _REST_S)
        return min(times)

    def _wait_for_full_stop(self, now: float) -> float | None:
        if not self._is_closed:
            return None
        since = max(attempt.quiet_since for attempt in self.attempts)
        if now < since + _GRACE_S:
            return since + _GRACE_S
        self._rest(now)  # all of it came; only the voice's full stop did not
        return None

    def _late_at(self, attempt: Attempt, dry_at: float) -> float:
        if not self._is_closed and attempt.track.seems_complete:
            return float("inf")  # a voice that tells no times says so when nothing follows
        health = attempt.member.health
        budget_s = (
            health.tolerance.first_byte_budget_s if attempt.track.has_sound else health.budget_s
        )
        return max(attempt.quiet_since + budget_s, dry_at - _HEAD_START_S)

    def _late(self, attempt: Attempt, now: float) -> None:
        """Ask somebody else as well; the first to sound goes on."""
        attempt.is_late = True
        if attempt is self._speaker:
            self._mark_place(attempt, now)
            if not self._ledger.owes():
                return
        self._cast.blame(attempt.member, attempt.slow())
        self._faults[attempt.member] += 1
        other = self._cast.next(self._faults, busy=[a.member for a in self.attempts])
        if other is not None:
            self._ask(other, now)

    # ── who is asked ─────────────────────────────────────────────────────────────────

    @property
    def _cannot_wait(self) -> bool:
        """It is a phrase that breaks a silence, and another one can take its place."""
        first = self._ledger.clauses[0]
        kind = first.frame.kind
        is_replaceable = self._cast.repertoire.generic(kind) is not None
        return kind in AT_ONCE and is_replaceable and first.stage < Stage.SOUNDING

    def _ask(self, member: Member, now: float) -> None:
        """A voice is asked for all that is left."""
        self._member = self._member or member
        attempt = Attempt(member, self._cast.open_context())
        self.attempts.append(attempt)
        for clause in self._ledger.left:
            if clause.needs_voice:
                self._send(attempt, clause, now)
        if self._is_closed:
            attempt.finish(now)

    def _send(self, attempt: Attempt, clause: Clause, now: float) -> None:
        self._ledger.sent(clause, now)
        self._cast.sent(attempt.member, len(clause.rest))
        attempt.say(clause.frame.clause_id, clause.rest, said=clause.said, now=now)

    def _leave_stale(self, now: float) -> None:
        """Let go of a context that the voice may have forgotten: the model paused for too long."""
        attempt = self._speaker
        if attempt is None or not attempt.is_stale(now):
            return
        attempt.cancel()
        self._emit(attempt, attempt.track.finish(), now)
        self._leave(attempt, now)

    def _prefer(self, attempt: Attempt) -> None:
        """This one sounds: it goes on, and the others are stopped."""
        attempt.is_late = False
        if attempt is self._speaker and len(self.attempts) == 1:
            return
        for other in self.attempts:
            if other is not attempt:
                other.cancel()
        self.attempts = [attempt]
        if attempt.member is not self._member:
            self._member = attempt.member
            self._cast.took_over(attempt.member)
            self._ledger.switch(attempt.member.provider)
        self._speaker = attempt

    def _go_on(self, fault: ProviderFault, now: float) -> None:
        """Nobody is at work any more; see to it that somebody says the rest."""
        if not self._ledger.owes():
            self._rest(now)
            return
        other = self._cast.next(self._faults, busy=())
        if other is None:
            self._give_up(fault, now)
        else:
            self._ask(other, now)

    def _rest(self, now: float) -> None:
        """Nothing is owed: the model writes on, or the reply is over."""
        for attempt in self.attempts:
            attempt.cancel()
        self.attempts.clear()
        self._speaker = None
        if self._is_closed:
            self._conclude()

    def _give_up(self, fault: ProviderFault, now: float) -> None:
        """No voice is left; a phrase is said as the shipped set has it, a reply ends here."""
        self._takes_clauses = False
        self._speaker = None
        if self._is_spared(now):
            return
        has_spoken = self._ledger.clauses[0].stage is Stage.SPOKEN  # it has said what it is about
        clause = self._ledger.cut()
        kind = clause.frame.kind
        generic = None
        if kind != REPLY and not has_spoken:
            generic = self._cast.repertoire.generic(kind)
        if generic is not None:
            text, excerpt = generic
            self._ledger.clauses.append(Clause(reworded(clause, text), excerpt))
            self._run_on(now)
        else:
            self._cast.recorder.count(REPLIES_LOST)
            self.lost = fault
            self._ledger.stop_sounding()
        if self._is_closed:
            self._conclude()

    def _is_spared(self, now: float) -> bool:
        """All that is left of a phrase comes with the program, word for word."""
        left = self._ledger.left
        spares = [self._cast.repertoire.spare(clause.frame.text) for clause in left]
        is_begun = left[0].stage is Stage.SOUNDING
        if is_begun or None in spares or left[0].frame.kind == REPLY or not self._is_closed:
            return False
        for clause, spare in zip(left, spares, strict=True):
            clause.excerpt = spare
        self._run_on(now)
        self._conclude()
        return True

    # ── out ──────────────────────────────────────────────────────────────────────────

    def _run_on(self, now: float) -> None:
        self._ledger.run_on(now)
        self._moved_at = now

    def _emit(self, attempt: Attempt, pieces: Iterable[bytes | ClauseEnd], now: float) -> None:
        self._ledger.emit(attempt.member.provider, pieces, now)

    def _mark_place(self, attempt: Attempt, now: float) -> None:
        """Note where another voice would go on."""
        self._emit(attempt, attempt.track.rest(), now)
        self._ledger.mark_place(attempt.member.provider, attempt.track.place(), now)

    def _conclude(self) -> None:
        self._ledger.stop_sounding()
        if self.end is not None:
            self.ready.append(self.end)
        self.is_over = True
