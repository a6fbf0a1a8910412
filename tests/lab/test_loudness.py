"""The G.711 table and what counts as audible."""

from __future__ import annotations

import audioop

import numpy as np
import pytest

from lab.loudness import audible, decode, encode, line_noise, mixed

pytestmark = pytest.mark.rule


def test_every_code_decodes_as_the_standard_says() -> None:
    """The standard library's own decoder is the judge."""
    codes = bytes(range(256))
    assert decode(codes).tobytes() == audioop.ulaw2lin(codes, 2)


def test_every_code_survives_a_round_trip_but_the_second_zero() -> None:
    """255 of 256 codes; 0x7F and 0xFF are both zero."""
    codes = bytes(code for code in range(256) if code != 0x7F)
    assert encode(decode(codes)) == codes


def test_speech_is_audible_and_a_quiet_line_is_not() -> None:
    """A quiet voice is heard; line noise and digital silence are not."""
    voice = encode(600 * np.sin(np.arange(800) * 0.6))
    assert audible(voice) == b"\x01" * 10
    assert 1 not in audible(line_noise(seed=1))
    assert audible(b"\xff" * 160 + b"\x7f" * 79) == b"\x00\x00"


def test_line_noise_is_the_same_for_the_same_seed_and_not_digital_silence() -> None:
    """Seeds draw it."""
    assert line_noise(seed=4) == line_noise(seed=4) != line_noise(seed=5)
    assert len(set(line_noise(seed=4))) > 4


def test_sounds_at_once_add_up_and_are_cut_off_at_the_top() -> None:
    """Each with its gain."""
    one, other = encode(np.full(80, 8000.0)), encode(np.full(80, 30000.0))
    assert decode(mixed((one, 1.0), (one, 0.5))) == pytest.approx(np.full(80, 12000), rel=0.05)
    assert decode(mixed((one, 1.0), (other, 1.0))).max() == 32124
