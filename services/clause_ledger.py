"""The clauses of one reply, and its frames on their way out.

A clause is queued, sent, sounding and spoken; that it was heard is the wire's to say
(`call/heard.py`). It leaves when its sound begins, never before; its end leaves behind its last
sample. What has been handed on is never said again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from pipecat.frames.frames import Frame, TTSAudioRawFrame, TTSStartedFrame, TTSStoppedFrame
from pipecat.utils.text.base_text_aggregator import TextType

from call.audio import RATE_HZ, pcm_from_mulaw, pcm_seconds
from call.heard import half_said
from call.measures import Moment
from call.speculation import Guess
from frames.speculation import guess_of, mark
from frames.speech import ClauseCutFrame, ClauseFrame, PlayheadFrame, VoiceSwitchedFrame
from services.cast import Cast
from services.phrases import AT_ONCE, Excerpt, word_places
from services.track import ClauseEnd

REPLY = "reply"  # the kind of the model's own words; others are phrases


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


class ClauseLedger:
    """What of a reply has been written, said, and is still owed."""

    def __init__(self, cast: Cast, *, is_protected: bool, guess: Guess | None) -> None:
        self.is_protected = is_protected  # survives an interruption
        self.guess = guess  # what it was begun on, before the turn was decided
        self.ready: deque[Frame] = deque()  # may leave now
        self.clauses: list[Clause] = []
        self._cast = cast
        self._reached = 0  # the clause whose sound is to leave next
        self._has_sent = False
        self._has_sounded = False
        self._is_sounding = False  # TTSStartedFrame is out, TTSStoppedFrame is not

    @property
    def left(self) -> list[Clause]:
        """The clauses that have not been said to their end."""
        return self.clauses[self._reached :]

    def silent_since(self, *, otherwise: float) -> float:
        """Since when the caller waits for the next clause, as was known when it was written."""
        clause = self.left[0]
        since = clause.frame.silent_since if clause.stage < Stage.SOUNDING else None
        return otherwise if since is None else since

    @property
    def cannot_wait(self) -> bool:
        """It is a phrase that breaks a silence, and another one can take its place."""
        first = self.clauses[0]
        kind = first.frame.kind
        is_replaceable = self._cast.repertoire.generic(kind) is not None
        return kind in AT_ONCE and is_replaceable and first.stage < Stage.SOUNDING

    def write(self, clause: Clause) -> None:
        """The next clause; the sound of a phrase may be kept."""
        if clause.frame.kind != REPLY:
            clause.excerpt = self._cast.excerpt(clause.frame.text, kind=clause.frame.kind)
        self.clauses.append(clause)

    def owes(self, *, but: Clause | None = None) -> bool:
        """Something is still to be said that needs a voice."""
        return any(clause.needs_voice and clause is not but for clause in self.left)

    def sent(self, clause: Clause, now: float) -> None:
        """A voice was given the clause, or the rest of it."""
        clause.stage = max(clause.stage, Stage.SENT)
        if self.guess is not None:
            self.guess.spend("characters", len(clause.rest))
        self._stamp_sent(now)

    def _stamp_sent(self, now: float) -> None:
        if not self._has_sent:
            self._has_sent = True
            self._cast.recorder.moment(Moment.CLAUSE_SENT, now)

    def switch(self, voice: str) -> None:
        """Another voice goes on."""
        if self.left and self.left[0].stage is Stage.SOUNDING:
            self._append(VoiceSwitchedFrame(self.left[0].frame.clause_id, voice))

    def cut(self) -> Clause:
        """The rest will not be said; the first clause of it."""
        clause = self.left[0]
        if clause.stage is Stage.SOUNDING:
            self._append(ClauseCutFrame(clause.frame.clause_id, clause.said))
            self._append(PlayheadFrame(clause.frame.clause_id, clause.said, is_end=True))
        del self.clauses[self._reached :]
        return clause

    def spare(self) -> bool:
        """All that is left of a phrase comes with the program, word for word: it takes that."""
        left = self.left
        spares = [self._cast.repertoire.spare(clause.frame.text) for clause in left]
        is_begun = left[0].stage is Stage.SOUNDING
        if is_begun or None in spares or left[0].frame.kind == REPLY:
            return False
        for clause, spare in zip(left, spares, strict=True):
            clause.excerpt = spare
        return True

    def reword(self) -> bool:
        """The rest will not be said; whether a shipped phrase of its kind takes its place."""
        has_spoken = self.clauses[0].stage is Stage.SPOKEN  # it has said what it is about
        clause = self.cut()
        kind = clause.frame.kind
        generic = None
        if kind != REPLY and not has_spoken:
            generic = self._cast.repertoire.generic(kind)
        if generic is None:
            return False
        text, excerpt = generic
        self.clauses.append(Clause(reworded(clause, text), excerpt))
        return True

    def run_on(self, now: float) -> None:
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
        self._stamp_sent(now)
        self._begin(clause, excerpt.source)
        start = 0
        places = word_places(clause.frame.text)
        for end, chars in zip(excerpt.ends, places, strict=True):
            middle, half = (start + end) // 2, half_said(clause.frame.text, chars)
            self._sound(excerpt.mulaw[start:middle], now)
            if half < chars:
                self._place(clause, half, is_within=True)
            self._sound(excerpt.mulaw[middle:end], now)
            if end != excerpt.ends[-1]:
                self._place(clause, chars)
            start = end

    def emit(self, voice: str, pieces: Iterable[bytes | ClauseEnd], now: float) -> None:
        """Sound and places of the voice that speaks; others have none yet."""
        for piece in pieces:
            clause = self.clauses[self._reached] if self._reached < len(self.clauses) else None
            if isinstance(piece, bytes):
                if clause is not None:
                    self._begin(clause, voice)
                self._sound(piece, now)
            elif clause is not None and clause.frame.clause_id == piece.clause_id:
                self._begin(clause, voice)
                if piece.is_end:
                    self._end(clause)
                    self.run_on(now)
                elif piece.chars > clause.said:
                    self._place(clause, piece.chars, is_within=piece.is_within)

    def _place(self, clause: Clause, chars: int, *, is_within: bool = False) -> None:
        """The clause is said up to here; only behind a whole word may another voice go on."""
        if not is_within:
            clause.said = chars
        self._append(
            PlayheadFrame(clause.frame.clause_id, chars, is_end=False, is_within=is_within)
        )

    def mark_place(self, voice: str, place: tuple[str, int] | None, now: float) -> None:
        """Note how far a voice got: (clause_id, characters); another one would go on there."""
        if place is None:
            return
        self.emit(voice, [ClauseEnd(*place, is_end=False)], now)
        clause = self.left[0] if self.left else None
        if clause is not None and clause.excerpt is None and not clause.rest.strip():
            self._end(clause)
            self.run_on(now)

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

    def stop_sounding(self) -> None:
        if self._is_sounding:
            self._is_sounding = False
            self._append(TTSStoppedFrame())

    @property
    def ready_s(self) -> float:
        """Sound that waits to be handed on."""
        return sum(pcm_seconds(len(f.audio)) for f in self.ready if isinstance(f, TTSAudioRawFrame))


def reworded(clause: Clause, text: str) -> ClauseFrame:
    """A clause in another's place; behind it if that one's sound has begun."""
    frame = clause.frame
    number = frame.clause + (clause.stage is Stage.SOUNDING)
    other = ClauseFrame(
        text, TextType.SENTENCE, written=text, reply=frame.reply, clause=number, kind=frame.kind
    )
    other.interruptible = frame.interruptible
    mark(other, guess_of(frame))
    return other
