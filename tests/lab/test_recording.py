"""The stereo recording, to the sample."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from lab.loudness import decode, encode
from lab.recording import Recording

pytestmark = pytest.mark.rule

TONE = encode(8000 * np.sin(np.arange(800) * 0.5))


def test_each_side_is_put_at_its_second(tmp_path: Path) -> None:
    """Caller left, agent right, silence where nothing was."""
    recording = Recording()
    recording.caller(TONE, at_s=0.1)
    recording.agent(TONE, at_s=0.25)
    recording.end(0.5)
    recording.write(tmp_path / "call.wav")
    with wave.open(str(tmp_path / "call.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 2, 2)
        both = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, 2)
    assert len(both) == 4000
    assert (both[800:1600, 0] == decode(TONE)).all()
    assert (both[2000:2800, 1] == decode(TONE)).all()
    assert not both[:800, 0].any()
    assert not both[1600:, 0].any()
    assert not both[:2000, 1].any()
    assert not both[2800:, 1].any()


def test_sound_beyond_the_ends_of_the_call_is_cut() -> None:
    """Nothing before zero, nothing after the end."""
    recording = Recording()
    recording.caller(TONE, at_s=-0.05)
    recording.agent(TONE, at_s=0.95)
    recording.agent(TONE, at_s=3.0)
    recording.end(1.0)
    both = recording.samples()
    assert both.shape == (8000, 2)
    assert (both[:400, 0] == decode(TONE)[400:]).all()
    assert (both[7600:, 1] == decode(TONE)[:400]).all()
