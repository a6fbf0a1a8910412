"""One reply on its way through the voices: a ledger of its clauses, and who is asked for the rest.

A clause is queued, sent, sounding and spoken; that it was heard is the wire's to say
(`call/heard.py`). What has been handed on towards the wire will be heard unless it is cleared, so
it is never said again: whoever takes over begins at the last end of a word in it. While a voice is
late another one is asked as well, and the first to make a sound goes on; the rest are stopped.

No clause leaves before its sound begins, and none is taken for spoken that was not. No frame of
the pipeline is waited for here, and no socket: plain calls with the time as an argument.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from pipecat.frames.frames import Frame, TTSAudioRawFrame, TTSStartedFrame, TTSStoppedFrame
from pipecat.utils.text.base_text_aggregator import TextType

from call.audio import RATE_HZ, pcm_from_mulaw, pcm_seconds
from call.errors import ProviderFault, ProviderRefused
from call.measures import REPLIES_LOST, Moment
from call.speculation import Guess
from frames.speculation import guess_of, mark
from frames.speech import ClauseFrame, PlayheadFrame, VoiceSwitchedFrame
from services.attempt import Attempt
from services.cast import MOST_FAULTS, Cast, Member
from services.phrases import AT_ONCE, Excerpt, word_places
from services.track import ClauseEnd
from services.voice import Event, Finished, Flushed, Sound, Timing

REPLY = "reply"  # the kind of the model's own words; others are phrases
_HEAD_START_S = 0.25  # a stand-in is asked so long before the ear runs dry
_REST_S = 0.2  # after this silence, the last letter's audio ends its clause
_GRACE_S = 0.5  # a spoken reply waits this long for the voice to say that it is complete


class Stage(IntEnum):
    """How far a clause has come."""

    QUEUED = 0
    SENT = 1
    SOUNDING = 2
    SPOKEN = 3


@dataclass(eq=False)
class Clause:
    """A line of the ledger."""

    frame: ClauseFrame
    excerpt: Excerpt | None = None  # its sound, where that is kept
    stage: Stage = Stage.QUEUED
    said: int = 0  # characters of it that have been handed on, at a word's end

    @property
    def rest(self) -> str:
        """What of it is still to be said."""
        return self.frame.text[self.said :]

    @property
    def needs_voice(self) -> bool:
        """Somebody has to be asked for its sound."""
        return self.excerpt is None and bool(self.rest.strip())


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
        self.is_protected = is_protected  # survives an interruption
        self.guess = guess  # what it was begun on, before the turn was decided
        self.ready: deque[Frame] = deque()  # may leave now
        self.end: Frame | None = None  # waits for the last sample
        self.is_over = False
        self.lost: ProviderFault | None = None  # why it could not be said to its end
        self.clauses: list[Clause] = []
        self.attempts: list[Attempt] = []  # voices at work on what is left
        self._cast = cast
        self._stall_s = stall_s
        self._reached = 0  # the clause whose sound is to leave next
        self._speaker: Attempt | None = None  # the one of `attempts` that sounded last
        self._member: Member | None = None  # who speaks it
        self._faults: Counter[Member] = Counter()
        self._has_sent = False
        self._has_sounded = False
        self._is_sounding = False  # TTSStartedFrame is out, TTSStoppedFrame is not
        self._is_closed = False  # nothing more will be written
        self._takes_clauses = True
        self._moved_at = 0.0  # when it last sounded, or began to be owed

    # ── what is written ──────────────────────────────────────────────────────────────

    def add(self, frame: ClauseFrame, now: float) -> None:
        """The next clause."""
        self.is_protected = self.is_protected or not frame.interruptible
        if not self._takes_clauses:
            return  # a listener would not understand an answer with a hole
        clause = Clause(frame)
        if frame.kind != REPLY:
            clause.excerpt = self._cast.excerpt(frame.text, kind=frame.kind)
        self.clauses.append(clause)
        if not clause.needs_voice:
            self._run_on(now)
            return
        if not self._owed(but=clause):
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
        was_owed = self._owed()
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
        if not self._owed():
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
        if not self._owed():
            return self._wait_for_full_stop(now)
        for attempt in list(self.attempts):
            if not attempt.is_late and now >= self._late_at(attempt, dry_at):
                self._late(attempt, now)
        if not self._owed():
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
            if not self._owed():
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
        kind = self.clauses[0].frame.kind
        is_replaceable = self._cast.repertoire.generic(kind) is not None
        return kind in AT_ONCE and is_replaceable and self.clauses[0].stage < Stage.SOUNDING

    def _owed(self, *, but: Clause | None = None) -> bool:
        """Something is still to be said that needs a voice."""
        return any(c.needs_voice and c is not but for c in self.clauses[self._reached :])

    def _ask(self, member: Member, now: float) -> None:
        """A voice is asked for all that is left."""
        self._member = self._member or member
        attempt = Attempt(member, self._cast.open_context())
        self.attempts.append(attempt)
        for clause in self.clauses[self._reached :]:
            if clause.needs_voice:
                self._send(attempt, clause, now)
        if self._is_closed:
            attempt.finish(now)

    def _send(self, attempt: Attempt, clause: Clause, now: float) -> None:
        if not self._has_sent:
            self._has_sent = True
            self._cast.recorder.moment(Moment.CLAUSE_SENT, now)
        clause.stage = max(clause.stage, Stage.SENT)
        self._cast.sent(attempt.member, len(clause.rest))
        if self.guess is not None:
            self.guess.spend("characters", len(clause.rest))
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
            self._switch(attempt.member)
        self._speaker = attempt

    def _switch(self, member: Member) -> None:
        clause = self.clauses[self._reached] if self._reached < len(self.clauses) else None
        if clause is not None and clause.stage is Stage.SOUNDING:
            self._append(VoiceSwitchedFrame(clause.frame.clause_id, member.provider))

    def _go_on(self, fault: ProviderFault, now: float) -> None:
        """Nobody is at work any more; see to it that somebody says the rest."""
        if not self._owed():
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
        clause = self.clauses[self._reached]
        kind = clause.frame.kind
        generic = None if kind == REPLY else self._cast.repertoire.generic(kind)
        if self.clauses[0].stage is Stage.SPOKEN:
            generic = None  # it has said what it is about
        del self.clauses[self._reached :]
        if generic is not None:
            text, excerpt = generic
            self.clauses.append(Clause(_reworded(clause, text), excerpt))
            self._run_on(now)
        else:
            self._cast.recorder.count(REPLIES_LOST)
            self.lost = fault
            self._stop_sounding()
        if self._is_closed:
            self._conclude()

    def _is_spared(self, now: float) -> bool:
        """All that is left of a phrase comes with the program, word for word."""
        left = self.clauses[self._reached :]
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
        """Clauses whose turn it is and whose sound is at hand."""
        while self._reached < len(self.clauses):
            clause = self.clauses[self._reached]
            if clause.needs_voice:
                return
            if clause.excerpt is not None:
                self._play(clause, clause.excerpt, now)
            self._begin(clause, clause.frame.voice)
            self._end(clause)

    def _play(self, clause: Clause, excerpt: Excerpt, now: float) -> None:
        """A clause's kept sound, with the ends of its words."""
        if not self._has_sent:
            self._has_sent = True
            self._cast.recorder.moment(Moment.CLAUSE_SENT, now)
        self._begin(clause, excerpt.source)
        start = 0
        places = word_places(clause.frame.text)
        for end, chars in zip(excerpt.ends, places, strict=True):
            self._sound(excerpt.mulaw[start:end], now)
            if end != excerpt.ends[-1]:
                self._append(PlayheadFrame(clause.frame.clause_id, chars, is_end=False))
            start = end
        self._moved_at = now

    def _emit(self, attempt: Attempt, pieces: Iterable[bytes | ClauseEnd], now: float) -> None:
        """Sound and places of the voice that speaks; others have none yet."""
        for piece in pieces:
            clause = self.clauses[self._reached] if self._reached < len(self.clauses) else None
            if isinstance(piece, bytes):
                if clause is not None:
                    self._begin(clause, attempt.member.provider)
                self._sound(piece, now)
            elif clause is not None and clause.frame.clause_id == piece.clause_id:
                self._begin(clause, attempt.member.provider)
                if piece.is_end:
                    self._end(clause)
                    self._run_on(now)
                elif piece.chars > clause.said:
                    clause.said = piece.chars
                    self._append(PlayheadFrame(piece.clause_id, piece.chars, is_end=False))

    def _mark_place(self, attempt: Attempt, now: float) -> None:
        """Note where another voice would go on."""
        self._emit(attempt, attempt.track.rest(), now)
        place = attempt.track.place()
        if place is None:
            return
        clause_id, chars = place
        self._emit(attempt, [ClauseEnd(clause_id, chars, is_end=False)], now)
        clause = self.clauses[self._reached] if self._reached < len(self.clauses) else None
        if clause is not None and clause.excerpt is None and not clause.rest.strip():
            self._end(clause)
            self._run_on(now)

    def _begin(self, clause: Clause, voice: str) -> None:
        """The clause's sound begins to leave, and the clause with it."""
        if clause.stage < Stage.SOUNDING:
            clause.stage = Stage.SOUNDING
            clause.frame.voice = voice
            if voice:
                self._cast.sounded(voice)
            self.ready.append(clause.frame)

    def _end(self, clause: Clause) -> None:
        clause.stage = Stage.SPOKEN
        clause.said = len(clause.frame.text)
        self._append(PlayheadFrame(clause.frame.clause_id, clause.said, is_end=True))
        self._reached += 1

    def _sound(self, mulaw: bytes, now: float) -> None:
        if not self._is_sounding:
            self._is_sounding = True
            self._append(TTSStartedFrame())
            if not self._has_sounded:
                self._has_sounded = True
                self._cast.recorder.moment(Moment.TTS_FIRST_BYTE, now)
        self._append(TTSAudioRawFrame(pcm_from_mulaw(mulaw), RATE_HZ, 1))

    def _append(self, frame: Frame) -> None:
        frame.interruptible = not self.is_protected
        mark(frame, self.guess)
        self.ready.append(frame)

    def _stop_sounding(self) -> None:
        if self._is_sounding:
            self._is_sounding = False
            self._append(TTSStoppedFrame())

    def _conclude(self) -> None:
        self._stop_sounding()
        if self.end is not None:
            self.ready.append(self.end)
        self.is_over = True

    @property
    def ready_s(self) -> float:
        """Sound that waits to be handed on."""
        return sum(pcm_seconds(len(f.audio)) for f in self.ready if isinstance(f, TTSAudioRawFrame))


def _reworded(clause: Clause, text: str) -> ClauseFrame:
    """A clause in another's place; behind it if that one's sound has begun."""
    frame = clause.frame
    number = frame.clause + (clause.stage is Stage.SOUNDING)
    other = ClauseFrame(
        text, TextType.SENTENCE, written=text, reply=frame.reply, clause=number, kind=frame.kind
    )
    other.interruptible = frame.interruptible
    mark(other, guess_of(frame))
    return other
