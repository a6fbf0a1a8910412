"""How finished the caller sounds, and what the recogniser says of the end of its input."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipecat.frames.frames import DataFrame, SystemFrame


@dataclass
class TurnProbabilityFrame(SystemFrame):
    """The semantic detector's verdict: probability that the caller's turn is complete, scored with
    `silence_s` of silence.

    `spoken_at` is the monotonic instant of the VAD stop it belongs to, so that a late verdict on an
    older stop is recognised.
    """

    probability: float = 0.0
    silence_s: float = 0.0
    spoken_at: float = 0.0


@dataclass
class STTFinalizedFrame(DataFrame):
    """The recogniser answered Finalize: everything said so far has been transcribed.

    Sent for every answer, also an empty one (Pipecat's own service says nothing then and the turn
    waits for a timer). A data frame, as transcripts are, so that it never overtakes the words it
    speaks of; an interruption leaves it alone.
    """

    interruptible: bool = field(default=False, init=False)


@dataclass
class WordsDismissedFrame(DataFrame):
    """Words of the caller's that were none (the agent's own echo): nothing is to be made of them.

    A sign of listening is told as Pipecat's `UserBackchannelFrame` instead."""

    interruptible: bool = field(default=False, init=False)
