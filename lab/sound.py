"""Audio formats at the lab's doors: what clients may send and ask for, to and from PCM16 8 kHz."""

from __future__ import annotations

import audioop
from functools import lru_cache
from typing import Any

import numpy as np
import soxr

LAB_RATE = 8000
STEP_S = 0.04  # an ear is fed this much at least: half the cost of 20 ms at a time
HEARD = {"linear16": 2, "mulaw": 1, "alaw": 1}
"""Encodings the emulated recognisers understand, and bytes per sample."""


class Hearer:
    """Turns a client's audio into PCM16 8 kHz; odd bytes and the resampler carry over."""

    def __init__(self, encoding: str, *, rate: int) -> None:
        self.encoding = encoding
        self.rate = rate
        self.width = HEARD[encoding]
        self._odd = b""
        self._gathered = bytearray()
        self._state: Any = None

    def pcm8k(self, data: bytes) -> bytes:
        """The audio in `data`, decoded and resampled."""
        if self.encoding == "mulaw":
            pcm = audioop.ulaw2lin(data, 2)
        elif self.encoding == "alaw":
            pcm = audioop.alaw2lin(data, 2)
        else:
            data = self._odd + data
            whole = len(data) & ~1
            pcm, self._odd = data[:whole], data[whole:]
        if self.rate != LAB_RATE:
            pcm, self._state = audioop.ratecv(pcm, 2, 1, self.rate, LAB_RATE, self._state)
        return pcm

    def gather(self, data: bytes) -> bytes:
        """Collect small messages: PCM once a step is full, nothing before."""
        self._gathered += data
        return self.rest() if self.seconds(self._gathered) >= STEP_S else b""

    def rest(self) -> bytes:
        """PCM of what was collected so far."""
        data, self._gathered = bytes(self._gathered), bytearray()
        return self.pcm8k(data) if data else b""

    def seconds(self, data: bytes | bytearray) -> float:
        """How long that audio lasts."""
        return len(data) / self.width / self.rate


def render(pcm8k: bytes, *, encoding: str, rate: int) -> bytes:
    """PCM16 8 kHz as `pcm_s16le`, `pcm_f32le`, `pcm_mulaw` or `pcm_alaw` at any rate."""
    pcm = pcm8k if rate == LAB_RATE else _resampled(pcm8k, rate)
    if encoding == "pcm_mulaw":
        return audioop.lin2ulaw(pcm, 2)
    if encoding == "pcm_alaw":
        return audioop.lin2alaw(pcm, 2)
    if encoding == "pcm_f32le":
        return (np.frombuffer(pcm, np.int16).astype(np.float32) / 32768).tobytes()
    return pcm


@lru_cache(maxsize=64)
def _resampled(pcm8k: bytes, rate: int) -> bytes:
    """Whole utterances are resampled once; the same words are said in many calls."""
    wave = np.frombuffer(pcm8k, np.int16).astype(np.float32) / 32768
    out = soxr.resample(wave, LAB_RATE, rate)
    pcm: bytes = (np.clip(out, -1, 1 - 2**-15) * 32768).astype(np.int16).tobytes()
    return pcm
