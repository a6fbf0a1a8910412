"""Speech cut into timed pieces."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.delays import Draw
from lab.sound import render
from lab.speaking import Speech
from lab.voicing import Format, Piece, Utterance, pieces
from tests.lab import plain

pytestmark = pytest.mark.provider

NOW = Draw(0.0, "first_byte", "", 0)


async def cut(
    seconds: float, *, form: Format, chunk_s: float, pace: float = 0.0
) -> tuple[list[Piece], bytes]:
    speech = Speech(plain.tone(seconds), [], [], "plain")
    now = asyncio.get_running_loop().time()
    utterance = Utterance("x", now, chunk_s, pace, form)
    found = [piece async for piece in pieces(utterance, speech, NOW)]
    return found, render(speech.pcm8k, encoding=form.encoding, rate=form.rate)


@given(
    st.integers(0, 4000).map(lambda samples: samples / 8000),
    st.sampled_from(
        [Format("pcm_mulaw", 8000), Format("pcm_s16le", 22050), Format("pcm_f32le", 44100)]
    ),
    st.sampled_from([0.02, 0.1, 0.25]),
)
def test_no_byte_is_lost_or_doubled(seconds: float, form: Format, chunk_s: float) -> None:
    """The pieces are the whole audio, in order, and tile its time."""
    found, whole = asyncio.run(cut(seconds, form=form, chunk_s=chunk_s))
    assert b"".join(piece.audio for piece in found) == whole
    assert [piece.is_last for piece in found] == [False] * (len(found) - 1) + [True]
    assert [p.end_s for p in found[:-1]] == [p.start_s for p in found[1:]]
    assert found[-1].end_s == pytest.approx(seconds, abs=1 / 8000)


async def test_pace_spreads_the_pieces() -> None:
    """At ten times real time half a second takes nearly fifty milliseconds."""
    clock = asyncio.get_running_loop().time
    began_at = clock()
    await cut(0.5, form=Format("pcm_mulaw", 8000), chunk_s=0.1, pace=10.0)
    assert clock() - began_at >= 0.04
