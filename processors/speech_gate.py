"""Holds the sound of an answer begun early until its turn is decided.

Whatever follows the voice carries the guess it belongs to. While that is pending it waits here, and
what comes behind it waits with it, in order; kept, it leaves at once; withdrawn, it is dropped. An
ordinary answer, and every system frame, passes.
"""

from __future__ import annotations

from collections import deque

from pipecat.frames.frames import (
    EndFrame,
    Frame,
    InterruptionFrame,
    StopFrame,
    SystemFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from frames.speculation import guess_of, is_withdrawn


class SpeechGate(FrameProcessor):
    """One gate, right before the wire's output.

    What it holds is bounded by one reply: the endpoint's hard stop decides every turn.
    """

    def __init__(self) -> None:
        super().__init__(enable_direct_mode=True)
        self._held: deque[Frame] = deque()
        self._is_letting_out = False

    @property
    def held(self) -> int:
        """Frames that wait."""
        return len(self._held)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Hold what is pending; every frame that passes may carry the verdict."""
        await super().process_frame(frame, direction)
        if direction is FrameDirection.UPSTREAM:
            await self.push_frame(frame, direction)
            return
        if isinstance(frame, SystemFrame):
            if isinstance(frame, InterruptionFrame):
                self._held = deque(held for held in self._held if not held.interruptible)
            await self.push_frame(frame, direction)
        else:
            if isinstance(frame, EndFrame | StopFrame):
                self._give_up_pending()  # nothing will decide it, and the end must not wait for it
            self._held.append(frame)
        await self._let_out()

    def _give_up_pending(self) -> None:
        self._held = deque(held for held in self._held if not _is_pending(held))

    async def _let_out(self) -> None:
        """Push what may leave. Two tasks bring frames; only one at a time lets them out, so that
        none overtakes another."""
        if self._is_letting_out:
            return
        self._is_letting_out = True
        try:
            while self._held and not _is_pending(self._held[0]):
                frame = self._held.popleft()
                if not is_withdrawn(frame):
                    await self.push_frame(frame)
        finally:
            self._is_letting_out = False


def _is_pending(frame: Frame) -> bool:
    guess = guess_of(frame)
    return guess is not None and guess.is_pending
