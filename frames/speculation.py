"""Which frames belong to an answer that was begun before the turn was decided."""

from __future__ import annotations

from pipecat.frames.frames import Frame

from call.speculation import Guess

_KEY = "guess"


def mark(frame: Frame, guess: Guess | None) -> None:
    """Say that the frame belongs to the answer of a guess; nothing for an ordinary answer."""
    if guess is not None:
        frame.metadata[_KEY] = guess


def guess_of(frame: Frame) -> Guess | None:
    """The guess whose answer the frame belongs to."""
    guess = frame.metadata.get(_KEY)
    return guess if isinstance(guess, Guess) else None


def is_withdrawn(frame: Frame) -> bool:
    """The frame answers nothing and is to be dropped wherever it is met."""
    guess = guess_of(frame)
    return guess is not None and guess.is_withdrawn
