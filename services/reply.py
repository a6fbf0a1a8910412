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
from call.relief import Relief, relief
from call.speculation import Guess
from frames.speech import ClauseFrame
from services.attempt import Attempt
from services.cast import MOST_FAULTS, Cast, Member
from services.clause_ledger import Clause, ClauseLedger
from services.track import ClauseEnd
from services.voice import Event, Finished, Flushed, Sound, Timing

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
        self._ledger.write(clause)
        if not clause.needs_voice:
            self._run_on(now)
            return
        if not self._ledger.owes(but=clause):
            self._moved_at = now
        if self._ledger.cannot_wait and self._cast.is_silent:
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
        if attempt.holds(event, now):
            return
        track = attempt.track
        match event:
            case Sound(mulaw=mulaw) if mulaw:
                if not track.has_sound and (after_s := attempt.first_sound(now)) is not None:
                    attempt.member.health.answered(after_s)
                self._prefer(attempt, now)
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
        self._let_out(now)
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
            self._let_out(now)

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
        times = self._relieve(dry_at, now)
        for attempt in list(self.attempts):
            if not attempt.is_late and now >= attempt.late_at(dry_at, is_all=self._is_closed):
                self._late(attempt, now)
        if not self._ledger.owes():
            return self._wait_for_full_stop(now)
        late = [a.late_at(dry_at, is_all=self._is_closed) for a in self.attempts if not a.is_late]
        if not late:
            stall_s = 0.0 if self._ledger.cannot_wait else self._stall_s
            give_up_at = max(self._moved_at, dry_at) + stall_s
            if now >= give_up_at:
                fault = self.attempts[0].slow()
                self.abandon()
                self._give_up(fault, now)
                return None
            late.append(give_up_at)
        if self._speaker is not None and self._speaker.quiet_since + _REST_S > now:
            times.append(self._speaker.quiet_since + _REST_S)
        return min(late + times)

    def _wait_for_full_stop(self, now: float) -> float | None:
        self._let_out(now)
        if not self._is_closed or not self.attempts:
            return None
        since = max(attempt.quiet_since for attempt in self.attempts)
        if now < since + _GRACE_S:
            return since + _GRACE_S
        self._rest(now)  # all of it came; only the voice's full stop did not
        return None

    def _late(self, attempt: Attempt, now: float) -> None:
        """Ask somebody else as well; the first to sound goes on."""
        attempt.is_late = True
        if not self._owes_behind(attempt, now):
            return
        self._blame_slow(attempt)
        if attempt.is_relieved:
            self._let_out(now)  # somebody else is at it already
            return
        other = self._cast.next(self._faults, busy=[a.member for a in self.attempts])
        if other is not None:
            self._ask(other, now)

    def _owes_behind(self, attempt: Attempt, now: float) -> bool:
        """Whether there is something left for another voice to say."""
        if attempt is self._speaker:
            self._mark_place(attempt, now)
        return self._ledger.owes()

    def _blame_slow(self, attempt: Attempt, *, is_unwell: bool = True) -> None:
        self._cast.blame(attempt.member, attempt.slow(), is_unwell=is_unwell)
        self._faults[attempt.member] += 1

    # ── relief of a voice that is not late yet (call/relief.py) ──────────────────────

    def _relieve(self, dry_at: float, now: float) -> list[float]:
        """Have another voice sound before the caller's silence is too long; when to look again."""
        for attempt in self.attempts:
            if attempt.is_held_back:
                sound_at = self._relief_by(attempt.member, dry_at).sound_at
                if now < sound_at:
                    return [sound_at]
                self._let_out(now)
                return []
        first = self.attempts[0]
        member = None if now < dry_at else self._relief_of(first, dry_at)
        if member is None:
            return []
        ask_at = self._relief_by(member, dry_at).ask_at
        if now < ask_at:
            return [ask_at]
        first.is_relieved = True
        if not self._owes_behind(first, now):
            return []
        self._ask(member, now, is_relief=True)
        return self._relieve(dry_at, now)

    def _relief_of(self, first: Attempt, dry_at: float) -> Member | None:
        """Who can be asked beside it: a voice that is well, and has not failed in this reply."""
        is_alone = len(self.attempts) == 1 and not first.is_late and not first.is_relieved
        if not is_alone or first.late_at(dry_at, is_all=self._is_closed) == float("inf"):
            return None
        other = self._cast.next(self._faults, busy=[first.member])
        return None if other is None or self._faults[other] or other.health.is_open else other

    def _relief_by(self, member: Member, dry_at: float) -> Relief:
        silent_since = max(dry_at, self._ledger.silent_since(otherwise=self._moved_at))
        return relief(silent_since, usual_s=member.health.usual_s)

    def _let_out(self, now: float) -> None:
        """What was held back is heard, for nobody else is waited for; or nobody needs it."""
        if not self._ledger.owes():
            for attempt in [a for a in self.attempts if a.is_held_back]:
                self.attempts.remove(attempt)
                self._stop(attempt)
        for attempt in list(self.attempts):
            for event in attempt.let_out():
                if attempt in self.attempts:
                    self.hear(attempt, event, now)

    # ── who is asked ─────────────────────────────────────────────────────────────────

    def _ask(self, member: Member, now: float, *, is_relief: bool = False) -> None:
        """A voice is asked for all that is left."""
        self._member = self._member or member
        attempt = Attempt(member, self._cast.open_context(), is_relief=is_relief)
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

    def _prefer(self, attempt: Attempt, now: float) -> None:
        """This one sounds: it goes on, and the others are stopped."""
        attempt.is_late = False
        if attempt is self._speaker and len(self.attempts) == 1:
            return
        for other in self.attempts:
            if other is not attempt:
                if attempt.is_relief and not other.is_late:
                    self._blame_slow(other, is_unwell=other.is_slow(now))
                self._stop(other)
        self.attempts, attempt.is_relief = [attempt], False
        if attempt.member is not self._member:
            self._member = attempt.member
            self._cast.took_over(attempt.member)
            self._ledger.switch(attempt.member.provider)
        self._speaker = attempt

    def _stop(self, attempt: Attempt) -> None:
        """Another one sounds in its place; what it was asked was for nothing if it never did."""
        if not attempt.track.has_sound:
            self._cast.wasted(attempt.member, attempt.characters)
        attempt.cancel()

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
        if (self._is_closed and self._ledger.spare()) or self._ledger.reword():
            self._run_on(now)
        else:
            self._cast.recorder.count(REPLIES_LOST)
            self.lost = fault
            self._ledger.stop_sounding()
        if self._is_closed:
            self._conclude()

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
