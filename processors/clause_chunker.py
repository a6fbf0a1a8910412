"""Turn the model's stream of tokens, and the agent's own phrases, into numbered clauses."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence

from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    Frame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
)
from pipecat.utils.text.base_text_aggregator import TextType

from call.clauses import ClauseCutter, Clauses
from call.speculation import Guess
from frames.speculation import guess_of, is_withdrawn, mark
from frames.speech import ClauseFrame, SayFrame
from processors.deciding import DecidingProcessor

_HELD_PHRASES = 8  # phrases that wait for a reply to end; there is rarely more than one


class ClauseChunker(DecidingProcessor):
    """Tokens enter, `ClauseFrame`s leave, between the reply's start and end.

    A `SayFrame` becomes a reply of its own; it waits while another reply is open. What an
    interruption leaves of a reply (tokens still on their way, a late end) is swallowed, and so is
    an answer that was begun early and withdrawn.
    """

    def __init__(
        self, clauses: Clauses, language: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(clock=clock)
        self._clauses = clauses
        self._language = language
        self._cutter = ClauseCutter(clauses, language=language)
        self._reply = 0
        self._clause = 0
        self._is_open = False
        self._guess: Guess | None = None  # what the open reply was begun on
        self._held: deque[SayFrame] = deque(maxlen=_HELD_PHRASES)
        self._interruption_id = -1  # frames made before it belong to what was interrupted

    def decide(self, frame: Frame, now: float) -> Sequence[Frame] | None:
        """What leaves for what came."""
        match frame:
            case EagerEndOfTurnCancelFrame():
                return (frame, *self._abandon())
            case _ if is_withdrawn(frame):
                return self._abandon()
            case LLMTextFrame() if not frame.skip_tts:
                return self._written(self._cutter.feed(frame.text, now)) if self._is_open else ()
            case LLMFullResponseStartFrame():
                is_stale = frame.id < self._interruption_id
                return () if is_stale else (*self._close(), self._open(frame))
            case LLMFullResponseEndFrame():
                return (*self._close(frame), *self._release())
            case SayFrame():
                self._held.append(frame)
                return () if self._is_open else self._release()
            case InterruptionFrame():
                return (frame, *self._interrupt(frame))
        return None

    def next_deadline(self) -> float | None:
        """When the waiting words leave without a boundary."""
        return self._cutter.next_deadline()

    def on_deadline(self, now: float) -> Sequence[Frame]:
        """The stream dribbles."""
        if self._is_void:
            return self._abandon()
        return self._written(self._cutter.on_deadline(now))

    def _open(self, start: LLMFullResponseStartFrame) -> Frame:
        self._is_open = True
        self._guess = guess_of(start)
        self._cutter.reset()
        self._number_reply()
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
        return [*self._written(self._cutter.flush()), end]

    @property
    def _is_void(self) -> bool:
        """The open reply answers nothing any more."""
        return self._guess is not None and self._guess.is_withdrawn

    def _abandon(self) -> list[Frame]:
        """Drop the open reply if it was withdrawn; what waited for its end goes on."""
        if not (self._is_open and self._is_void):
            return []
        self._is_open = False
        self._cutter.reset()
        return self._release()

    def _interrupt(self, frame: InterruptionFrame) -> list[Frame]:
        self._interruption_id = frame.id
        self._is_open = False
        self._cutter.reset()
        kept = [say for say in self._held if not say.interruptible]
        self._held = deque(kept, maxlen=_HELD_PHRASES)
        return self._release()

    def _release(self) -> list[Frame]:
        """Phrases that waited for the reply to end, each as a reply of its own."""
        frames: list[Frame] = []
        while self._held:
            frames += self._said(self._held.popleft())
        return frames

    def _said(self, say: SayFrame) -> list[Frame]:
        cutter = ClauseCutter(self._clauses, language=self._language)
        self._number_reply()
        worded = self._worded([*cutter.feed(say.text, 0.0), *cutter.flush()], kind=say.kind)
        if not worded:
            return []
        frames = [LLMFullResponseStartFrame(), *worded, LLMFullResponseEndFrame()]
        for frame in frames:
            frame.interruptible = say.interruptible
        return frames

    def _number_reply(self) -> None:
        self._reply += 1
        self._clause = 0

    def _written(self, clauses: Sequence[str]) -> list[Frame]:
        """Clauses of the open reply."""
        frames = self._worded(clauses)
        for frame in frames:
            mark(frame, self._guess)
        return frames

    def _worded(self, clauses: Sequence[str], *, kind: str = "reply") -> list[Frame]:
        first, self._clause = self._clause + 1, self._clause + len(clauses)
        return [
            ClauseFrame(
                written,
                TextType.SENTENCE,
                written=written,
                reply=self._reply,
                clause=clause,
                kind=kind,
            )
            for clause, written in enumerate(clauses, first)
        ]
