"""Clips and line noise, frame by frame."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np
import pytest

from lab.loudness import decode, encode
from lab.mouth import CLIPS, Clip, ClipError, Clips, Mouth, clip

pytestmark = pytest.mark.rule

TONE = encode(8000 * np.sin(np.arange(8000) * 0.5))


def test_a_clip_knows_where_its_voice_is() -> None:
    """By energy, to 10 ms, unless told."""
    found = clip("a", b"\xff" * 800 + TONE[:1600] + b"\xff" * 2400)
    assert found.starts_s == pytest.approx(0.1)
    assert found.ends_s == pytest.approx(0.3)
    assert found.duration_s == pytest.approx(0.6)
    assert clip("a", TONE, ends_s=0.9).ends_s == 0.9


def test_between_clips_the_line_whispers_and_a_clip_is_said_whole() -> None:
    """Frames are always 20 ms; the last one of a clip is filled up with line noise."""
    mouth = Mouth(seed=1)
    quiet = mouth.frame()
    assert len(quiet) == 160
    assert np.abs(decode(quiet)).max() < 150
    mouth.say(TONE[:250])
    assert mouth.is_busy
    first, second, third = mouth.frame(), mouth.frame(), mouth.frame()
    assert (first + second)[:250] == TONE[:250]
    assert [len(first), len(second), len(third)] == [160, 160, 160]
    assert not mouth.is_busy


def test_without_noise_the_line_is_digitally_silent() -> None:
    """A knob for tests of a bot's ears."""
    assert Mouth(seed=1, noise_dbfs=None).frame() == b"\xff" * 160


def test_clips_come_from_a_folder_with_their_words(tmp_path: Path) -> None:
    """µ-law with an index, or any 8 kHz WAV beside it."""
    (tmp_path / "a.ulaw").write_bytes(TONE)
    (tmp_path / "clips.json").write_text(
        json.dumps({"a": {"text": "hello there", "onset_s": 0.1, "end_s": 0.8}})
    )
    with wave.open(str(tmp_path / "b.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(decode(TONE).tobytes())
    clips = Clips(tmp_path)
    assert clips["a"] == Clip("a", TONE, "hello there", 0.1, 0.8)
    assert clips["b"].sound == TONE
    with pytest.raises(ClipError, match=r"no clip 'c' in .*there are: a"):
        clips["c"]


def test_a_wav_of_another_rate_is_refused(tmp_path: Path) -> None:
    """The telephone has one rate."""
    with wave.open(str(tmp_path / "b.wav"), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(44100)
    with pytest.raises(ClipError, match="make it 8000 Hz, mono, 16 bit"):
        Clips(tmp_path)["b"]


def test_the_clips_of_the_lab_can_be_said() -> None:
    """Each has words and voice that ends inside it."""
    names = [file.stem for file in CLIPS.glob("*.ulaw")]
    if not (CLIPS / "clips.json").is_file():
        pytest.skip("the lab's clips are not built")
    for name in names:
        said = Clips()[name]
        assert said.words
        assert 0 <= said.starts_s < said.ends_s <= said.duration_s


def test_what_sounds_behind_the_caller_never_ends() -> None:
    """Between the words and under them, over and over, however short it is."""
    hum = encode(np.full(100, 2000.0))
    mouth = Mouth(seed=1, noise_dbfs=None, background=hum)
    mouth.say(encode(np.full(160, 1000.0)))
    spoken, *silent = (decode(mouth.frame()) for _ in range(5))
    assert spoken == pytest.approx(np.full(160, 3000), rel=0.05)
    for frame in silent:
        assert frame == pytest.approx(np.full(160, 2000), rel=0.05)
