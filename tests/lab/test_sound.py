"""Audio formats."""

from __future__ import annotations

import audioop

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.sound import Hearer, render
from tests.lab import plain

pytestmark = pytest.mark.provider


@pytest.mark.parametrize(
    ("encoding", "rate"), [("mulaw", 8000), ("alaw", 8000), ("linear16", 8000), ("linear16", 16000)]
)
@given(cuts=st.lists(st.integers(1, 700), max_size=8))
def test_hearing_does_not_depend_on_the_cuts(encoding: str, rate: int, cuts: list[int]) -> None:
    """However a stream is cut into messages, even inside a sample, the same audio is heard."""
    pcm = plain.tone(0.1)
    if rate != 8000:
        pcm = audioop.ratecv(pcm, 2, 1, 8000, rate, None)[0]
    data = {"mulaw": audioop.lin2ulaw, "alaw": audioop.lin2alaw}.get(encoding, lambda p, _: p)(
        pcm, 2
    )
    whole = Hearer(encoding, rate=rate).pcm8k(data)
    hearer, parts, at = Hearer(encoding, rate=rate), b"", 0
    for cut in [*cuts, len(data)]:
        parts += hearer.pcm8k(data[at : at + cut])
        at += cut
    assert parts == whole
    assert hearer.seconds(data) == pytest.approx(0.1, abs=0.001)


@pytest.mark.parametrize(
    ("encoding", "width"), [("pcm_mulaw", 1), ("pcm_alaw", 1), ("pcm_s16le", 2), ("pcm_f32le", 4)]
)
@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_rendering_keeps_the_length(encoding: str, width: int, rate: int) -> None:
    """Every encoding at every rate lasts as long as the speech."""
    audio = render(plain.tone(0.5), encoding=encoding, rate=rate)
    assert len(audio) / width / rate == pytest.approx(0.5, abs=0.001)


def test_rendering_keeps_the_sound() -> None:
    """Float and linear samples are the same wave; loud peaks do not wrap when resampled."""
    pcm = plain.tone(0.1, level=32767)
    floats = np.frombuffer(render(pcm, encoding="pcm_f32le", rate=8000), np.float32)
    assert np.allclose(floats * 32768, np.frombuffer(pcm, np.int16))
    up = np.frombuffer(render(pcm, encoding="pcm_s16le", rate=16000), np.int16).astype(float)
    assert np.abs(np.diff(up)).max() < 20000
