"""The shell over a real loopback socket: audio both ways, marks, clears, pace, and every ending."""

from __future__ import annotations

import pytest

from call.audio import pcm_from_mulaw
from tests.conftest import eventually
from tests.wire import exchange

pytestmark = pytest.mark.wire

EVERY_CODE = bytes(range(256))


async def test_mulaw_is_bit_exact_through_the_whole_pipeline() -> None:
    """All 256 codes go in as media, through a pipeline, and come out as they were; only negative
    zero comes back as positive zero."""
    audio = (EVERY_CODE * 10)[: 160 * 16]
    async with exchange(is_parrot=True) as place:
        peer, _ = await place.connected()
        await peer.speak(audio)
        await eventually(lambda: len(peer.audio) >= len(audio), what="all audio came back")
        assert peer.audio == audio.replace(b"\x7f", b"\xff")
        assert pcm_from_mulaw(b"\x7f\xff") == bytes(4)
        assert place.notebook.broken() == {}
        await peer.close()
