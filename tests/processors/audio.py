"""Caller audio for station tests: real speech from beside the checkout, silence, 20 ms frames."""

from __future__ import annotations

import wave
from pathlib import Path

from pipecat.frames.frames import InputAudioRawFrame

from call.audio import FRAME_PCM_BYTES, RATE_HZ, mulaw_from_pcm, pcm_from_mulaw


def telephone(path: Path) -> bytes:
    """An 8 kHz clip as a telephone line gives it: through µ-law."""
    with wave.open(str(path)) as clip:
        assert (clip.getframerate(), clip.getnchannels()) == (RATE_HZ, 1)
        return pcm_from_mulaw(mulaw_from_pcm(clip.readframes(clip.getnframes())))


def silence(seconds: float) -> bytes:
    """Digital silence."""
    return bytes(int(seconds * RATE_HZ) * 2)


def frames(pcm: bytes) -> list[InputAudioRawFrame]:
    """20 ms each, as the wire gives them; a rest that fills no frame is left out."""
    return [
        InputAudioRawFrame(pcm[at : at + FRAME_PCM_BYTES], RATE_HZ, 1)
        for at in range(0, len(pcm) - FRAME_PCM_BYTES + 1, FRAME_PCM_BYTES)
    ]
