"""Is somebody speaking? By loudness against the noise of the line, every 10 ms of 8 kHz audio."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

_BLOCK = 80  # samples: 10 ms
_BLOCK_S = 0.01
_QUIET_DB = -50.0  # softer than this is never speech
_ABOVE_NOISE_DB = 9.0
_NOISE_DB = (-70.0, -38.0)  # what a line's noise may be: steady speech is not taken for it
_NOISE_BLOCKS = 200  # noise is the softest tenth of the last two seconds
_NEEDED, _OF = 3, 6  # loud blocks among the last: a click is no speech


class SpeechGate:
    """Follows one stream; all times count the audio taken."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.is_speech = False
        self.onset_s = 0.0  # where the stretch of speech began that was last noticed
        self._last_loud_s: float | None = None
        self._noise_db = _NOISE_DB[0]
        self._blocks = 0
        self._levels_db: deque[float] = deque(maxlen=_NOISE_BLOCKS)
        self._recent: list[bool] = [False] * _OF
        self._left = np.zeros(0, np.float32)

    @property
    def silent_s(self) -> float:
        """Seconds since anything loud; all of them when there was nothing yet."""
        return self.now_s - (self._last_loud_s or 0.0)

    def take(self, samples: NDArray[np.float32]) -> None:
        """The next samples, within -1 and 1."""
        samples = np.concatenate((self._left, samples))
        count = len(samples) // _BLOCK
        self._left = samples[count * _BLOCK :]
        if not count:
            return
        power = np.square(samples[: count * _BLOCK]).reshape(count, _BLOCK).mean(axis=1)
        for level_db in (10 * np.log10(power + 1e-10)).tolist():
            self._block(level_db)

    def _block(self, level_db: float) -> None:
        self.now_s = round(self.now_s + _BLOCK_S, 2)
        self._levels_db.append(level_db)
        self._blocks += 1
        if self._blocks % 10 == 0 or self._blocks < 10:
            softest = sorted(self._levels_db)[len(self._levels_db) // 10]
            self._noise_db = min(max(softest, _NOISE_DB[0]), _NOISE_DB[1])
        is_loud = level_db > max(_QUIET_DB, self._noise_db + _ABOVE_NOISE_DB)
        self._recent = [*self._recent[1:], is_loud]
        is_speech = sum(self._recent) >= _NEEDED
        if is_speech and not self.is_speech:
            self.onset_s = self.now_s - _BLOCK_S * (_OF - self._recent.index(True))
        if is_loud and (is_speech or self.is_speech):
            self._last_loud_s = self.now_s
        self.is_speech = is_speech
