"""Between the model's clauses and the voice: the only speaker of the agent's own phrases.

A phrase is said at once: also while the model is busy, late or stalled, for it comes as a system
frame. Only a reply that is being spoken is let finish, and only while its clauses keep coming.
Replies get their numbers here, in the order they are said, because a phrase may come before a reply
that was begun earlier.

Frames leave from two tasks, those of system frames and of the rest. A decision is pushed without
giving way (the next station only queues), so no reply is begun inside another.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence

from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    Frame,
    FunctionCallInProgressFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
)
from pipecat.utils.text.base_text_aggregator import TextType

from call.clauses import ClauseCutter, Clauses
from call.first_token import Patience
from call.speculation import Guess
from frames.recovery import WayOutFrame
from frames.speculation import guess_of, is_withdrawn, mark
from frames.speech import ClauseFrame, SpeakNowFrame
from processors.deciding import DecidingProcessor

_HELD_PHRASES = 8  # phrases that wait for a reply to end; there is rarely more than one


class FirstTokenGuard(DecidingProcessor):
    """Clauses pass, phrases become replies of their own."""

    def __init__(
        self,
        patience: Patience,
        clauses: Clauses,
        *,
        language: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(clock=clock)
        self._patience = patience
        self._clauses = clauses
        self._language = language
        self._replies = 0  # begun
        self._is_open = False  # the model's reply: begun, and not ended
        self._start: Frame | None = None  # of that reply, held until its first clause
        self._guess: Guess | None = None  # what it was begun on
        self._clause_at = 0.0  # its last clause
        self._held: deque[SpeakNowFrame] = deque(maxlen=_HELD_PHRASES)
        self._interruption_id = -1  # frames made before it belong to what was interrupted
        self._is_left = False  # the call is given up: the model has nothing more to say

    def decide(self, frame: Frame, now: float) -> Sequence[Frame] | None:
        """What leaves for what came."""
        match frame:
            case SpeakNowFrame():
                self._held.append(frame)
                return () if self._is_spoken else self._release()
            case InterruptionFrame():
                return (frame, *self._interrupt(frame))
            case EagerEndOfTurnCancelFrame():
                return (frame, *self._abandon())
            case WayOutFrame():
                self._is_left = True
            case _ if is_withdrawn(frame):
                return self._abandon()
            case LLMFullResponseStartFrame():
                return self._open(frame)
            case ClauseFrame():
                return self._pass(frame, now)
            case LLMFullResponseEndFrame():
                return self._close(frame)
            case FunctionCallInProgressFrame():
                return (*self._begin(), frame)  # the tool belongs to the reply that called it
        return None

    def next_deadline(self) -> float | None:
        """When a phrase has waited long enough behind a reply whose clauses have ceased."""
        return self._clause_at + self._patience.stall_s if self._held and self._is_spoken else None

    def on_deadline(self, now: float) -> Sequence[Frame]:
        """The reply has stalled: say what waits; the rest of the reply is one of its own."""
        due_at = self.next_deadline()
        return () if due_at is None or now < due_at else self._cut_in()

    # ── the model's reply ────────────────────────────────────────────────────────────
    @property
    def _is_spoken(self) -> bool:
        """A reply of the model is open, and some of it has left."""
        return self._is_open and self._start is None

    def _open(self, start: LLMFullResponseStartFrame) -> Sequence[Frame]:
        if self._is_left or start.id < self._interruption_id:
            return ()
        ended = self._end() if self._is_spoken else []
        self._is_open, self._start, self._guess = True, start, guess_of(start)
        return ended

    def _pass(self, clause: ClauseFrame, now: float) -> Sequence[Frame]:
        if self._is_left or not self._is_open:
            return ()
        self._clause_at = now
        began = self._begin()
        clause.reply = self._replies
        return (*began, clause)

    def _begin(self) -> list[Frame]:
        """The start of the reply, if it is still held."""
        start, self._start = self._start, None
        if start is None:
            return []
        self._replies += 1
        return [start]

    def _close(self, end: LLMFullResponseEndFrame) -> Sequence[Frame]:
        if self._is_left or not self._is_open:
            return ()
        began, self._is_open = self._begin(), False
        return (*began, end, *self._release())

    def _end(self) -> list[Frame]:
        """The end of a reply that has none yet."""
        end = LLMFullResponseEndFrame()
        mark(end, self._guess)
        return [end]

    def _abandon(self) -> Sequence[Frame]:
        """Forget the open reply if it was withdrawn; what waited for its end goes on."""
        if not self._is_open or self._guess is None or not self._guess.is_withdrawn:
            return ()
        self._is_open, self._start = False, None
        return self._release()

    def _interrupt(self, frame: InterruptionFrame) -> Sequence[Frame]:
        self._interruption_id = frame.id
        self._is_open, self._start = False, None
        kept = [say for say in self._held if not say.interruptible]
        self._held = deque(kept, maxlen=_HELD_PHRASES)
        return self._release()

    # ── the agent's own phrases ──────────────────────────────────────────────────────
    def _release(self) -> list[Frame]:
        """Phrases that waited, each as a reply of its own."""
        frames: list[Frame] = []
        while self._held:
            frames += self._said(self._held.popleft())
        return frames

    def _cut_in(self) -> list[Frame]:
        """The phrases between two parts of the open reply."""
        ended = self._end()
        self._start = LLMFullResponseStartFrame()
        mark(self._start, self._guess)
        return [*ended, *self._release()]

    def _said(self, say: SpeakNowFrame) -> list[Frame]:
        cutter = ClauseCutter(self._clauses, language=self._language)
        written = [*cutter.feed(say.text, 0.0), *cutter.flush()]
        if not written:
            return []
        self._replies += 1
        clauses = [
            ClauseFrame(
                text,
                TextType.SENTENCE,
                written=text,
                reply=self._replies,
                clause=number,
                kind=say.kind,
            )
            for number, text in enumerate(written, 1)
        ]
        frames = [LLMFullResponseStartFrame(), *clauses, LLMFullResponseEndFrame()]
        for frame in frames:
            frame.interruptible = say.interruptible
        return frames
