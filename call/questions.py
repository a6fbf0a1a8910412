""" "Is that all?": asked of the recogniser at the end of each of the caller's sentences.

An answer says up to which place all is told. Questions may go unanswered, so answers cannot be
counted; the place tells which question one is for.

It is asked ahead, too, when the voice ebbs. If that is answered before the sentence counts as ended
and no voice came between, there is nothing left to wait for.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from call.audio import RATE_HZ

_MOST = 32  # older ones are no longer waited for
_SLACK = round(0.25 * RATE_HZ)  # how far an answer's end may lie before what it answers for
_ROUNDING = round(0.02 * RATE_HZ)  # times are told in milliseconds


@dataclass
class Question:
    """Asked for the audio before `place`."""

    place: int
    asked_at: float
    sent_at: float | None = None  # to the present connection
    is_awaited: bool = True  # somebody waits for the answer
    was_repeated: bool = False  # a connection was replaced for its sake


class Questions:
    """Those that have not been answered, oldest first."""

    def __init__(self) -> None:
        self._open: deque[Question] = deque(maxlen=_MOST)
        self._ahead: Question | None = None  # asked behind the last sound of a voice

    def __bool__(self) -> bool:
        return bool(self._open)

    @property
    def awaited(self) -> Question | None:
        """The one somebody waits for: the last."""
        if self._open and self._open[-1].is_awaited:
            return self._open[-1]
        return None

    @property
    def unsent(self) -> Question | None:
        """The next to be sent to the present connection."""
        return next((question for question in self._open if question.sent_at is None), None)

    def ask(self, place: int, now: float, *, is_awaited: bool = True) -> None:
        """Ask at this place."""
        self._open.append(Question(place, now, is_awaited=is_awaited))

    def ask_ahead(self, place: int, now: float) -> None:
        """Ask at this place, behind what may have been the last word; nobody waits yet."""
        self.ask(place, now, is_awaited=False)
        self._ahead = self._open[-1]

    def ask_last(self, place: int, now: float, *, is_missing: bool) -> bool:
        """Ask at the end of a sentence. True when nobody has to wait: all was told ahead, and this
        is asked only in case a last breath was a word. `is_missing`: words are under way."""
        is_told = self._ahead is not None and self._ahead not in self._open and not is_missing
        self.ask(place, now, is_awaited=not is_told)
        return is_told

    def voice_came(self) -> None:
        """It was not the last word."""
        self._ahead = None

    def ask_again(self) -> None:
        """Another connection has been asked nothing yet."""
        for question in self._open:
            question.sent_at = None

    def wait_no_longer(self) -> None:
        """Nobody waits; the answers are still wanted."""
        for question in self._open:
            question.is_awaited = False

    def clear(self) -> None:
        """No answer is wanted."""
        self._open.clear()
        self._ahead = None

    def answered(self, end: int, *, is_marked: bool) -> Question | None:
        """The last question answered by what was told up to `end`, and all before it are done.

        `is_marked`: the recogniser calls it an answer; one that could only be for the single open
        question is taken for it wherever it ends."""
        sent = [question for question in self._open if question.sent_at is not None]
        slack = _SLACK if is_marked else _ROUNDING
        done = [question for question in sent if question.place <= end + slack]
        if is_marked and len(sent) == 1:
            done = sent
        for question in done:
            self._open.remove(question)
        return done[-1] if done else None
