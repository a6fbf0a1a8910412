"""How loud µ-law sound is: the G.711 table, and which hundredths of a second can be heard.

Decides what counts as "the agent is speaking": energy, not the arrival of bytes, because bots pad
replies with silence and some send silence all the time.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

RATE_HZ = 8000  # one byte of µ-law is one sample
WINDOW_BYTES = 80  # 10 ms: fine enough for onsets, long enough for a pitch period
WINDOW_S = WINDOW_BYTES / RATE_HZ
# -45 dBFS: below every voice's first consonant, above line noise and a voice's breath of padding
AUDIBLE_RMS = 184.0

Samples = npt.NDArray[np.int16]


def _table() -> Samples:
    codes = ~np.arange(256, dtype=np.uint8)
    exponent = (codes.astype(np.int32) >> 4) & 7
    magnitude = ((((codes.astype(np.int32) & 15) << 3) + 0x84) << exponent) - 0x84
    return np.where(codes & 0x80, -magnitude, magnitude).astype(np.int16)


_LINEAR = _table()
_ENERGY = _LINEAR.astype(np.float64) ** 2
# 0x7F and 0xFF both mean zero; the encoder uses 0xFF, which is what a silent line carries
_CODES = np.argsort(_LINEAR, kind="stable")
_CODES = _CODES[_CODES != 0x7F]
_EDGES = (_LINEAR[_CODES][1:].astype(np.float64) + _LINEAR[_CODES][:-1]) / 2


def decode(sound: bytes | bytearray) -> Samples:
    """µ-law to linear, bit-exact."""
    return _LINEAR[np.frombuffer(sound, dtype=np.uint8)]


def encode(samples: npt.NDArray[np.floating | np.integer]) -> bytes:
    """Linear to the nearest µ-law code."""
    return _CODES[np.searchsorted(_EDGES, samples)].astype(np.uint8).tobytes()


def mixed(*sounds: tuple[bytes, float]) -> bytes:
    """Equally long sounds at once, each with its gain; too loud is cut off, as lines do."""
    whole = sum(decode(sound).astype(np.float64) * gain for sound, gain in sounds)
    return encode(np.clip(whole, -32124, 32124))


def audible(sound: bytes | bytearray) -> bytes:
    """One byte, 1 or 0, per whole window of `sound`: can it be heard?"""
    whole = len(sound) // WINDOW_BYTES * WINDOW_BYTES
    energy = _ENERGY[np.frombuffer(sound, dtype=np.uint8, count=whole)]
    loud = energy.reshape(-1, WINDOW_BYTES).mean(axis=1) >= AUDIBLE_RMS**2
    flags: bytes = loud.astype(np.uint8).tobytes()
    return flags


def line_noise(*, seed: int, level_dbfs: float = -66.0, duration_s: float = 2.0) -> bytes:
    """What a quiet telephone line sounds like; digital silence would be a give-away."""
    draw = np.random.default_rng(seed)
    rms = 32768 * 10 ** (level_dbfs / 20)
    return encode(draw.normal(0.0, rms, int(duration_s * RATE_HZ)))
