"""The lab's ears: caller audio in, words with times and confidence out.

    ear = lab.hearing.ear("real")        # or "bursts" for load runs; one ear per recogniser stream
    ear.feed(pcm8k)                      # PCM16 mono 8 kHz, any length; never blocks, never awaits
    ear.partial()                        # words since the last finish(); may be revised
    await ear.finish()                   # the same words, final; the next partial() starts empty
    ear.reset()                          # forget everything, clock included
    await ear.close()                    # the stream ended; frees the decoder

All times are seconds on the ear's own clock, which counts the audio fed since it was made or
reset: silence fed is counted, silence not sent is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Word:
    """One recognised word, lower case and bare; an emulator adds case and punctuation itself."""

    text: str
    start_s: float
    end_s: float
    confidence: float
    written: str = ""
    """As a smart formatter would write it ("Hello,"); empty when the engine does not know."""


class Ear(Protocol):
    """What an emulated recogniser needs from an engine."""

    @property
    def heard_s(self) -> float:
        """Seconds of audio fed so far: the ear's clock."""

    @property
    def is_speech(self) -> bool:
        """Is somebody speaking at the end of what was fed? (energy, about 60 ms behind)."""

    @property
    def silent_s(self) -> float:
        """Seconds since speech was last present; `heard_s` when there was none yet."""

    def feed(self, pcm8k: bytes) -> None:
        """Take PCM16 mono 8 kHz audio; cheap, heavy work happens on another thread."""

    def partial(self) -> list[Word]:
        """Words since the last finish(), in order, as far as worked out; later calls may revise."""

    async def finish(self) -> list[Word]:
        """Work through everything fed, return the words since the last finish() for good."""

    def reset(self) -> None:
        """Forget all audio and words and start the clock at zero."""

    async def close(self) -> None:
        """Let the engine go; the ear hears nothing more."""


def ear(engine: str) -> Ear:
    """A new ear: "real" decodes unknown speech, "bursts" only counts its syllables."""
    from lab.ears import ThreadedEar  # imported here: the engines take a moment to load

    return ThreadedEar(engine)
