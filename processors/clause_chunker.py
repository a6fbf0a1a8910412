"""Turn the model's stream of tokens into numbered clauses."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    Frame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.utils.text.base_text_aggregator import TextType

from call.clauses import ClauseCutter, Clauses
from call.speculation import Guess
from frames.recovery import ReplyBrokenFrame
from frames.speculation import guess_of, is_withdrawn, mark
from frames.speech import ClauseFrame
from processors.deciding import DecidingProcessor


class ClauseChunker(DecidingProcessor):
    """Tokens enter, `ClauseFrame`s leave, between the reply's start and end.

    An answer begun early, while the voice detector still hears the caller, waits here for its stop:
    its words cost nothing yet. What an interruption leaves of a reply (tokens still on their way, a
    late end) is swallowed, and so is an answer that was begun early and withdrawn.
    """

    def __init__(
        self, clauses: Clauses, language: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(clock=clock)
        self._language = language
        self._cutter = ClauseCutter(clauses, language=language)
        self._reply = 0
        self._clause = 0
        self._is_open = False
        self._cut: list[str] = []  # clauses of the open reply
        self._guess: Guess | None = None  # what the open reply was begun on
        self._held: list[Frame] = []  # of an answer begun before the caller's stop
        self._caller_speaks = False
        self._interruption_id = -1  # frames made before it belong to what was interrupted

    def decide(self, frame: Frame, now: float) -> Sequence[Frame] | None:
        """What leaves for what came."""
        match frame:
            case VADUserStartedSpeakingFrame() | VADUserStoppedSpeakingFrame():
                self._caller_speaks = isinstance(frame, VADUserStartedSpeakingFrame)
            case EagerEndOfTurnCancelFrame():
                self._abandon()
            case _ if is_withdrawn(frame):
                self._abandon()
                return ()
            case LLMTextFrame() if not frame.skip_tts:
                return self._written(self._cutter.feed(frame.text, now)) if self._is_open else ()
            case LLMFullResponseStartFrame():
                is_stale = frame.id < self._interruption_id
                return () if is_stale else (*self._close(), *self._let_go(), self._open(frame))
            case LLMFullResponseEndFrame():
                return self._close(frame)
            case ReplyBrokenFrame():
                self._cutter.reset()
                frame.told(" ".join(self._cut) if self._is_open else "")
                return ()
            case InterruptionFrame():
                self._interrupt(frame)
        return None

    def next_deadline(self) -> float | None:
        """When the waiting words leave without a boundary; at once, when what was held may."""
        if self._held and not self._is_early:
            return 0.0
        return self._cutter.next_deadline()

    def on_deadline(self, now: float) -> Sequence[Frame]:
        """The stream dribbles."""
        if self._is_void:
            self._abandon()
            return ()
        return [*self._let_go(), *self._written(self._cutter.on_deadline(now))]

    def _open(self, start: LLMFullResponseStartFrame) -> Frame:
        self._is_open = True
        self._cut = []
        self._guess = guess_of(start)
        self._cutter.reset()
        self._reply += 1
        self._clause = 0
        return start

    def _close(self, end: LLMFullResponseEndFrame | None = None) -> list[Frame]:
        """The rest of the open reply and its end; nothing if none is open."""
        if not self._is_open:
            return []
        self._is_open = False
        if self._is_void:
            self._cutter.reset()
            return []
        end = end or LLMFullResponseEndFrame()
        mark(end, self._guess)
        return [*self._written(self._cutter.flush()), *self._let_out([end])]

    @property
    def _is_early(self) -> bool:
        """The open reply was begun while the caller may still be speaking."""
        return self._caller_speaks and self._guess is not None and self._guess.is_pending

    def _let_out(self, frames: list[Frame]) -> list[Frame]:
        """What of them may leave, behind what was held."""
        if self._is_early:
            self._held += frames
            return []
        return [*self._let_go(), *frames]

    def _let_go(self) -> list[Frame]:
        """What was held; the caller has stopped, or the answer was withdrawn and is dropped."""
        held, self._held = self._held, []
        return [] if self._is_void else held

    @property
    def _is_void(self) -> bool:
        """The open reply answers nothing any more."""
        return self._guess is not None and self._guess.is_withdrawn

    def _abandon(self) -> None:
        """Drop the open reply if it was withdrawn."""
        if self._is_void:
            self._held.clear()
        if self._is_open and self._is_void:
            self._is_open = False
            self._cutter.reset()

    def _interrupt(self, frame: InterruptionFrame) -> None:
        self._interruption_id = frame.id
        self._is_open = False
        self._held.clear()
        self._cutter.reset()

    def _written(self, clauses: Sequence[str]) -> list[Frame]:
        """Clauses of the open reply."""
        first, self._clause = self._clause + 1, self._clause + len(clauses)
        self._cut += clauses
        frames: list[Frame] = [
            ClauseFrame(
                written, TextType.SENTENCE, written=written, reply=self._reply, clause=clause
            )
            for clause, written in enumerate(clauses, first)
        ]
        for frame in frames:
            mark(frame, self._guess)
        return self._let_out(frames)
