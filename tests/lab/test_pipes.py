"""Bytes: whole, sliced, cut off; and the close handshake."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.pipes import _frame
from tests.lab.clients import CARTESIA, DEEPGRAM, providers, socket

pytestmark = pytest.mark.provider

LISTEN = {"model": "nova-3", "encoding": "mulaw", "sample_rate": 8000}


@given(st.sampled_from([0, 1, 125, 126, 127, 65535, 65536, 70000]))
def test_frames_are_as_the_rfc_says(length: int) -> None:
    """FIN and text, no mask, the three sizes of length."""
    frame = _frame(b"x" * length)
    assert frame[0] == 0x81 and frame.endswith(b"x" * length)
    head = frame[: len(frame) - length]
    if length < 126:
        assert head[1:] == bytes([length])
    elif length < 65536:
        assert head[1] == 126 and int.from_bytes(head[2:], "big") == length
    else:
        assert head[1] == 127 and int.from_bytes(head[2:], "big") == length


async def test_slices_of_two_messages_do_not_mix() -> None:
    """Messages said at once by two contexts arrive whole through the slicer."""
    request = {
        "model_id": "sonic-3",
        "voice": {"mode": "id", "id": "v"},
        "output_format": {"container": "raw", "encoding": "pcm_mulaw", "sample_rate": 8000},
        "transcript": "Hello there, how are you?",
        "continue": False,
    }
    async with providers() as it:
        it.faults.add({"provider": "cartesia", "shape": "slicer", "bytes": 50, "moment": "connect"})
        async with socket(it, "/tts/websocket", headers=CARTESIA) as line:
            await line.send(*(request | {"context_id": name} for name in "abc"))
            for _ in range(3):
                await line.next(type="done")


async def test_a_close_from_another_task_does_the_whole_handshake() -> None:
    """The idle watch closes while the reader waits and the client still sends: no reset."""
    async with providers() as it:
        it.knobs.deepgram.idle_s = 0.05
        async with socket(it, "/v1/listen", LISTEN, DEEPGRAM) as line:
            for _ in range(20):
                await line.send(json.dumps({"type": "KeepAlive"}) + " " * 5000)
            await asyncio.sleep(0.05)
            frame = await line.raw()
    assert (frame.data, line.code) == (1011, 1011)
