"""What a synthesiser hands over: samples at its own rate and level, and when each word sounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Mark:
    """One spoken stretch of the text and when it sounds."""

    text: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Take:
    """One utterance as the engine made it; samples within -1 and 1."""

    samples: NDArray[np.float32]
    rate_hz: int
    marks: list[Mark]

    @property
    def duration_s(self) -> float:
        """Length of the audio."""
        return len(self.samples) / self.rate_hz
