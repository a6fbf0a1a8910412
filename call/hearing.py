"""Does the recogniser hear, and has it told all it heard?

A recogniser drops in many ways: it hangs up, refuses, takes everything and says nothing, or talks
nonsense. Whatever it had not told for good is played again to the next connection (`call/tape.py`),
and the question "is that all?" that closes each of the caller's sentences is asked again behind it,
so that no sentence is lost and none comes twice. Words that stand without a final though nobody
speaks are asked for likewise. The one who waits for the answer waits as long as
that takes and no longer: a sentence whose answer never comes counts as told with the words at hand.

Plain calls only: the host tells facts and the time, hands on what `due()` gives, and asks again at
`next_deadline()`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from call.audio import RATE_HZ
from call.endpoint import VoiceBegan, VoiceEbbed
from call.hearing_facts import (
    Action,
    Alive,
    Ask,
    Connected,
    Disconnected,
    Fact,
    Forgotten,
    Garbled,
    Lose,
    Pass,
    Recover,
    Replace,
    Settle,
    SpeechBegan,
    SpeechEnded,
    Told,
)
from call.questions import Questions
from call.tape import Tape

UNSTEADY_FROM = 3
"""Reconnects that make a call worth a look: one is a vendor's restart, three are a habit."""
_LEAD = round(0.5 * RATE_HZ)  # speech is noticed 0.2 s after it began, and begins softly
_ROUNDING = round(0.02 * RATE_HZ)  # times are told in milliseconds
_PROOF_S = 0.3  # a connection that nothing is asked of is well when it has stood this long
_FLOWING_S = 0.5  # the caller's audio counts as flowing for this long after a piece of it
_GARBLED = 3  # unreadable messages in a row after which nothing better is expected


@dataclass(frozen=True)
class Patience:
    """How long the recogniser is waited for."""

    answer_s: float
    """For the answer to "is that all?"."""
    stall_s: float
    """For any word while the caller speaks."""
    gone_s: float
    """For a connection, while words wait for the rest of their sentence."""


class Hearing:
    """One call's recogniser, whatever becomes of its connections."""

    def __init__(self, tape: Tape, patience: Patience, *, longest_replay_s: float) -> None:
        self._tape = tape
        self._patience = patience
        self._longest_wait_s = patience.gone_s + longest_replay_s
        # the caller
        self._is_speaking = False
        self._began_at = 0.0
        self._took_at = float("-inf")
        self._is_owed = False  # something was said that has not been answered for
        self._questions = Questions()
        # the connection
        self._is_connected = False
        self._is_doomed = False  # it is being replaced
        self._changed_at = float("-inf")  # it began, or ended
        self._told_at = float("-inf")  # its last readable message
        self._garbled = 0
        self._finals: deque[tuple[float, float]] = deque(maxlen=8)
        # the words
        self._final_to = 0  # told for good up to this place
        self._unsure_to: int | None = None  # words that are not final yet reach this place
        self._taken_to = 0  # words up to this place were taken though they were not final
        self._lost_at: float | None = None
        self._is_suspect = False  # it stands and says nothing, as the one before it did

    def take(self, mulaw: bytes, now: float) -> int:
        """20 ms of the caller; answers how many pieces were lost because the tape is full."""
        self._took_at = now
        lost = self._tape.take(mulaw)
        if not self.is_urgent:
            self._tape.let_go(self._tape.end - _LEAD)  # nothing was said
        return lost

    @property
    def is_urgent(self) -> bool:
        """Whether anybody waits for words: the caller speaks, or has just spoken."""
        return self._is_speaking or self._is_owed or self._unsure_to is not None

    def due(self, now: float) -> Iterator[bytes | Ask]:
        """What the recogniser is to have now, in order."""
        while self._is_connected:
            question = self._questions.unsent
            if question is not None and self._tape.at >= question.place:
                question.sent_at = now
                yield Ask.IS_THAT_ALL
                continue
            piece = self._tape.next(now, until=question.place if question else None)
            if piece is None:
                return
            yield piece

    def place_s(self, heard_s: float) -> float:
        """Seconds into the call's audio of what the connection calls `heard_s`."""
        return self._tape.place(heard_s) / RATE_HZ

    def decide(self, fact: Fact, now: float) -> tuple[Action, ...]:
        """Take one fact in."""
        match fact:
            case SpeechBegan():
                self._is_speaking = self._is_owed = True
                self._began_at = now
                self._questions.wait_no_longer()
            case SpeechEnded():
                return self._ended(now)
            case VoiceEbbed() | VoiceBegan():
                self._hear_voice(fact, now)
            case Connected():
                self._connected(fact, now)
            case Disconnected():
                return self._disconnected(fact, now)
            case Garbled():
                return self._is_garbled()
            case Alive():
                return self._is_alive(now)
            case _:  # Told
                return (*self._is_alive(now), *self._told(fact))
        return ()

    def next_deadline(self) -> float | None:
        """When to ask again, unless a fact comes first."""
        dues = (
            self._tape.next_at(),
            self._proven_at(),
            self._stalled_at(),
            self._given_up_at(),
            self._unanswered_at(),
            self._unasked_at(),
        )
        return min((due for due in dues if due is not None), default=None)

    def on_deadline(self, now: float) -> tuple[Action, ...]:
        """What follows from the time alone."""
        actions: list[Action] = []
        if _has_come(self._proven_at(), now):
            actions += self._recovered()
        if _has_come(self._given_up_at(), now):
            actions += self._give_up()
        elif _has_come(self._unanswered_at(), now):
            actions += self._unanswered()
        elif _has_come(self._unasked_at(), now):
            self._questions.ask(self._tape.end, now)
        if _has_come(self._stalled_at(), now):
            actions += self._replace("silent while the caller speaks")
        return tuple(actions)

    # ── the connection ───────────────────────────────────────────────────────────────
    def _connected(self, fact: Connected, now: float) -> None:
        self._is_connected, self._is_doomed = True, False
        self._changed_at = now
        self._garbled = 0
        self._finals.clear()  # times begin anew
        self._tape.play(now, heard=fact.heard)
        self._questions.ask_again()

    def _disconnected(self, fact: Disconnected, now: float) -> tuple[Action, ...]:
        actions: list[Action] = []
        if self._is_connected:
            self._is_connected, self._changed_at = False, now
            if samples := self._tape.stop():
                actions.append(Forgotten(samples))
        if self._lost_at is None or fact.is_final:
            self._lost_at = now if self._lost_at is None else self._lost_at
            actions.append(Lose(fact.is_final))
        return tuple(actions)

    def _is_garbled(self) -> tuple[Action, ...]:
        self._garbled += 1
        if self._garbled < _GARBLED:
            return ()
        return self._replace("unreadable messages", is_garbled=True)

    def _is_alive(self, now: float) -> tuple[Action, ...]:
        self._told_at = now
        self._garbled = 0
        self._is_suspect = False
        return self._recovered()

    def _recovered(self) -> tuple[Action, ...]:
        lost_at, self._lost_at = self._lost_at, None
        if lost_at is None:
            return ()
        return (Recover(self._changed_at - lost_at, self._tape.behind_s),)

    def _replace(self, reason: str, *, is_garbled: bool = False) -> tuple[Action, ...]:
        if not self._is_connected or self._is_doomed:
            return ()
        self._is_doomed = True
        return (Replace(reason, is_garbled),)

    @property
    def _can_be_judged(self) -> bool:
        return self._is_connected and not self._is_doomed

    @property
    def _is_silent(self) -> bool:
        """Something was said, and this connection has not told anything since."""
        return self._is_owed and self._told_at < max(self._began_at, self._changed_at)

    def _proven_at(self) -> float | None:
        is_asked = self._questions.awaited is not None or self._is_suspect
        if self._lost_at is None or is_asked or not self._can_be_judged:
            return None
        return self._changed_at + _PROOF_S

    def _stalled_at(self) -> float | None:
        awaited = self._questions.awaited
        is_waiting = self._is_speaking or (awaited is not None and awaited.sent_at is None)
        if not is_waiting or not self._can_be_judged:
            return None
        due = max(self._told_at, self._began_at, self._changed_at) + self._patience.stall_s
        return due if due <= self._took_at + _FLOWING_S else None  # there was something to hear

    # ── what was told ────────────────────────────────────────────────────────────────
    def _told(self, fact: Told) -> tuple[Action, ...]:
        end = self._tape.place(fact.end_s)
        if not fact.is_final:
            if fact.end_s > 0 and end <= self._final_to:
                return ()  # overtaken by the final of the same words
            self._unsure_to = end if fact.has_words else None
            return (Pass(),) if fact.has_words else ()
        times = (fact.start_s, fact.end_s)
        if times in self._finals or self._tape.place(fact.start_s) + _ROUNDING < self._taken_to:
            return ()  # told twice, or known
        if fact.has_words and fact.end_s > 0:
            self._finals.append(times)
        self._unsure_to = None
        self._final_to = max(self._final_to, end)
        self._tape.let_go(end)
        is_settled = self._answers(end, is_marked=fact.answers)
        passed = (Pass(is_settled),) if fact.has_words else ()
        return (*passed, Settle()) if is_settled else passed

    # ── is that all? ─────────────────────────────────────────────────────────────────
    def _hear_voice(self, fact: VoiceEbbed | VoiceBegan, now: float) -> None:
        if isinstance(fact, VoiceBegan):
            self._questions.voice_came()
        elif self._is_speaking:
            self._questions.ask_ahead(self._tape.end, now)

    def _ended(self, now: float) -> tuple[Action, ...]:
        self._is_speaking = False
        is_missing = self._unsure_to is not None
        if not self._questions.ask_last(self._tape.end, now, is_missing=is_missing):
            return ()
        self._is_owed = False
        return (Settle(),)

    def _answers(self, end: int, *, is_marked: bool) -> bool:
        """Whether what is told for good up to `end` is all that is waited for."""
        question = self._questions.answered(end, is_marked=is_marked)
        if question is None or self._questions or self._is_speaking:
            return False
        self._is_owed = False
        return question.is_awaited

    @property
    def _is_missing(self) -> bool:
        """Words are under way, or should be."""
        return self._unsure_to is not None or self._is_silent

    def _unasked_at(self) -> float | None:
        """Words of a voice too quiet for the detector: nobody has asked for their end."""
        is_asked = self._questions.awaited is not None
        if self._unsure_to is None or self._is_speaking or is_asked:
            return None
        return self._told_at + 2 * self._patience.answer_s

    def _unanswered_at(self) -> float | None:
        question = self._questions.awaited
        if question is None or question.sent_at is None or not self._can_be_judged:
            return None
        patience = 2 if self._is_missing else 1  # words may be late rather than lost
        return question.sent_at + patience * self._patience.answer_s

    def _unanswered(self) -> tuple[Action, ...]:
        """No answer: when nothing is missing there was nothing to answer; else hear it again."""
        question = self._questions.awaited
        if question is not None and self._is_missing:
            if question.was_repeated:
                return self._give_up()
            question.was_repeated = True
            return self._replace("words without an end")
        self._questions.clear()
        self._is_owed = False
        return (Settle(),)

    def _given_up_at(self) -> float | None:
        question = self._questions.awaited
        if question is None:
            return None
        cap = question.asked_at + self._longest_wait_s
        if self._is_connected or self._unsure_to is None:
            return cap
        return min(cap, max(question.asked_at, self._changed_at) + self._patience.gone_s)

    def _give_up(self) -> tuple[Action, ...]:
        """Nobody waits any longer. The words at hand count; what was not told may still come."""
        self._questions.wait_no_longer()
        self._is_suspect = self._is_connected
        unsure_to, self._unsure_to = self._unsure_to, None
        if unsure_to is None:
            return (Settle(),)
        self._taken_to = unsure_to
        self._final_to = max(self._final_to, unsure_to)
        self._tape.let_go(unsure_to)
        return (Settle(keeps_unsure=True), *self._replace("words without an end"))


def _has_come(due: float | None, now: float) -> bool:
    return due is not None and now >= due
