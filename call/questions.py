""" "Is that all?": asked of the recogniser at the end of each of the caller's sentences.

An answer says up to which place all is told. Questions may go unanswered, so answers cannot be
counted; the place tells which question one is for.
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

    def ask(self, place: int, now: float) -> None:
        """Ask at this place."""
        self._open.append(Question(place, now))

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
