"""Audio formats of a telephone call: 8 kHz, one channel, 20 ms frames, µ-law on the wire and 16-bit
PCM inside.

The one place that names rates and frame sizes, and the one µ-law table: the standard library's
(`audioop`, which Python 3.13 takes from audioop-lts). µ-law to PCM and back is exact for 255 of 256
codes: 0x7F returns as 0xFF, and both are zero.
"""

from __future__ import annotations

import audioop

RATE_HZ = 8000
FRAME_S = 0.020
FRAME_SAMPLES = 160  # 20 ms at 8 kHz
FRAME_MULAW_BYTES = 160  # one byte a sample
FRAME_PCM_BYTES = 320  # two bytes a sample
MULAW_SILENCE = b"\xff"  # positive zero


def pcm_from_mulaw(mulaw: bytes) -> bytes:
    """Decode µ-law (one byte a sample) to little-endian 16-bit PCM."""
    return audioop.ulaw2lin(mulaw, 2)


def mulaw_from_pcm(pcm: bytes) -> bytes:
    """Encode little-endian 16-bit PCM as µ-law; a trailing odd byte is dropped."""
    return audioop.lin2ulaw(pcm[: len(pcm) & ~1], 2)


def loudest(pcm: bytes) -> int:
    """The largest sample of 16-bit PCM, whatever its sign; 0 of nothing."""
    return audioop.max(pcm, 2)


def mulaw_seconds(size_bytes: int) -> float:
    """Duration of µ-law audio at 8 kHz."""
    return size_bytes / RATE_HZ


def pcm_seconds(size_bytes: int) -> float:
    """Duration of 16-bit PCM at 8 kHz."""
    return size_bytes / (2 * RATE_HZ)
