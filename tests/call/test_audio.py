"""Formats of a telephone call's audio."""

from __future__ import annotations

import pytest

from call.audio import loudest, mulaw_from_pcm, mulaw_seconds, pcm_from_mulaw, pcm_seconds

pytestmark = pytest.mark.rule


def test_mulaw_survives_the_way_there_and_back() -> None:
    """All codes but one, whose value is zero either way."""
    codes = bytes(code for code in range(256) if code != 0x7F)
    assert mulaw_from_pcm(pcm_from_mulaw(codes)) == codes
    assert pcm_from_mulaw(b"\x7f") == pcm_from_mulaw(b"\xff") == b"\x00\x00"
    assert mulaw_from_pcm(b"\x00\x00\x01") == b"\xff"  # an odd byte is dropped


def test_durations_count_samples() -> None:
    """One byte each in µ-law, two in PCM."""
    assert mulaw_seconds(160) == pcm_seconds(320) == 0.02


def test_the_loudest_sample_counts_whatever_its_sign() -> None:
    """And nothing is silent."""
    assert loudest((-300).to_bytes(2, "little", signed=True) + b"\x05\x00") == 300
    assert loudest(b"") == 0
