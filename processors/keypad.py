"""What the caller types is a turn like what they say.

Stands behind the recogniser and ahead of the redactor, which sees keys as it sees words; of single
keys no more than that somebody types is told. Pipecat's own aggregator would interrupt phrases that
must be finished, and keep the `#`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from pipecat.frames.frames import Frame, InputDTMFFrame, InterruptionFrame, TranscriptionFrame
from pipecat.utils.time import time_now_iso8601

from call.dtmf import Action, Dtmf, KeyEntry, KeyPressed, TakeEntry
from call.floor import Floor
from frames.floor import KeyPressedFrame
from processors.deciding import DecidingProcessor

SAID = "I typed "  # in front of the keys, for the model to know that nobody spoke


class Keypad(DecidingProcessor):
    """Hosts `call.dtmf.KeyEntry`."""

    def __init__(
        self,
        settings: Dtmf | None = None,
        *,
        floor: Floor | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(clock=clock)
        self._entry = KeyEntry(settings or Dtmf())
        self._floor = floor or Floor()

    def decide(self, frame: Frame, now: float) -> Sequence[Frame] | None:
        """Gather keys; everything else passes."""
        if not isinstance(frame, InputDTMFFrame):
            return None
        actions = self._entry.decide(KeyPressed(frame.button.value), now)
        return [KeyPressedFrame(), *self._frames(actions, now)]

    def next_deadline(self) -> float | None:
        """When the entry is complete."""
        return self._entry.next_deadline()

    def on_deadline(self, now: float) -> Sequence[Frame]:
        """The entry, if nobody typed on."""
        return self._frames(self._entry.on_deadline(now), now)

    def _frames(self, actions: Sequence[Action], now: float) -> list[Frame]:
        frames: list[Frame] = []
        for action in actions:
            if isinstance(action, TakeEntry):
                text = f"{SAID}{action.keys}"
                frames.append(TranscriptionFrame(text, "", time_now_iso8601(), finalized=True))
            elif self._floor.take(now):
                frames.append(InterruptionFrame())
        return frames
