"""Speech against the noise of a line."""

from __future__ import annotations

import numpy as np
import pytest

from lab.known_clips import as_floats
from lab.speech_gate import SpeechGate
from tests.lab.audio import clip, silence, telephone

pytestmark = pytest.mark.provider


def _gate(pcm: bytes, *, size: int = 320) -> SpeechGate:
    gate = SpeechGate()
    for at in range(0, len(pcm), size):
        gate.take(as_floats(pcm[at : at + size]))
    return gate


@pytest.mark.parametrize("noise_db", [None, -60.0, -50.0, -42.0])
def test_speech_is_noticed_above_any_usual_line(noise_db: float | None) -> None:
    """The onset is known within 80 ms, and the end of it too."""
    pcm = telephone(silence(1.0) + clip("hours"), noise_db=noise_db)
    during = _gate(pcm[: round(1.4 * 16_000)])
    assert during.is_speech and during.onset_s == pytest.approx(1.04, abs=0.08)
    after = _gate(telephone(silence(1.0) + clip("hours") + silence(0.4), noise_db=noise_db))
    assert not after.is_speech and 0.3 < after.silent_s < 0.7


@pytest.mark.parametrize("noise_db", [-60.0, -45.0, -40.0])
def test_a_steady_line_is_silence(noise_db: float) -> None:
    """Noise that does not change is nobody speaking."""
    assert not _gate(telephone(silence(3.0), noise_db=noise_db)).is_speech


def test_a_click_is_no_speech() -> None:
    """Twenty milliseconds of anything are too short to be a word."""
    click = (np.ones(160) * 8000).astype("<i2").tobytes()
    assert not _gate(silence(0.5) + click + silence(0.02)).is_speech


@pytest.mark.parametrize("size", [2, 158, 160, 320, 1600])
def test_how_the_audio_is_cut_does_not_matter(size: int) -> None:
    """The same answer for every frame size."""
    pcm = silence(0.5) + clip("yes")
    assert _gate(pcm, size=size).onset_s == _gate(pcm).onset_s
