"""The stereo recording of a call: the caller left as sent, the agent right as *played*, aligned to
the sample on the call's clock."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np

from lab.loudness import RATE_HZ, Samples, decode

LONGEST_S = 4 * 3600  # a clock gone wrong must not eat the memory


class Recording:
    """Sound put at its second; where nothing was, there is silence."""

    def __init__(self) -> None:
        self._caller: list[tuple[int, bytes]] = []
        self._agent: list[tuple[int, bytes]] = []
        self._frames = 0

    def caller(self, ulaw: bytes, *, at_s: float) -> None:
        """The caller's sound from `at_s` on."""
        self._caller.append((round(at_s * RATE_HZ), ulaw))

    def agent(self, ulaw: bytes, *, at_s: float) -> None:
        """The agent's sound, played from `at_s` on."""
        self._agent.append((round(at_s * RATE_HZ), ulaw))

    @property
    def played(self) -> list[tuple[float, bytes]]:
        """The agent's sound in unbroken runs of (second, µ-law), in order."""
        return [(at / RATE_HZ, sound) for at, sound in sorted(self._agent)]

    def end(self, at_s: float) -> None:
        """The call's length."""
        self._frames = round(min(at_s, LONGEST_S) * RATE_HZ)

    def samples(self) -> Samples:
        """Frames × 2: caller, agent."""
        both = np.zeros((self._frames, 2), dtype=np.int16)
        for side, pieces in enumerate((self._caller, self._agent)):
            for at, ulaw in pieces:
                at, ulaw = max(0, at), ulaw[max(0, -at) :]
                part = decode(ulaw[: max(0, self._frames - at)])
                both[at : at + len(part), side] = part
        return both

    def write(self, path: Path) -> None:
        """An 8 kHz 16-bit stereo WAV."""
        with wave.open(str(path), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(RATE_HZ)
            file.writeframes(self.samples().astype("<i2").tobytes())
