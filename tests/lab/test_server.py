"""The server as a whole: in this process, and as a bystander to its clients' deaths."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

import lab.server
from lab.knobs import Knobs
from tests.conftest import eventually
from tests.lab import plain
from tests.lab.clients import CARTESIA, CLAUDE, providers, session, socket

pytestmark = pytest.mark.provider


async def test_it_tells_that_it_lives() -> None:
    """GET /healthz answers ok; host and port are known."""
    async with providers() as it, session() as client:
        async with client.get(f"{it.http_url}/healthz") as answer:
            assert await answer.json() == {"status": "ok"}
        assert it.http_url == f"http://127.0.0.1:{it.port}"


async def test_a_port_in_use_is_an_oserror() -> None:
    """Two labs cannot share a port."""
    async with providers() as it:
        with pytest.raises(OSError):
            async with lab.server.start(port=it.port, engine=plain.engines()):
                pass


async def test_unknown_profile_and_engine_are_refused() -> None:
    """A wrong word is a ValueError before anything listens."""
    for wrong in ({"profile": "mars"}, {"engine": "siri"}):
        with pytest.raises(ValueError):
            async with providers(**wrong):
                pass


async def test_the_zero_profile_waits_for_nothing() -> None:
    """Neither ingest limit nor pace of synthesis; the others keep theirs."""
    async with providers() as it:
        assert it.knobs.deepgram.ingest_limit == it.knobs.elevenlabs.pace == 0
    async with providers(profile="public", knobs=Knobs()) as it:
        assert it.knobs.deepgram.ingest_limit == 1.25 and it.knobs.elevenlabs.pace == 10


async def test_the_book_of_appointments_is_served() -> None:
    """The demo's tools live beside the providers."""
    async with providers() as it, session() as client:
        body = {"call_id": "c", "arguments": {"day": "tuesday"}}
        async with client.post(f"{it.http_url}/book/find_slots", json=body) as answer:
            assert answer.status == 200


async def test_stopping_hangs_up_on_everybody_at_once() -> None:
    """Open sockets and running streams do not hold up the end."""
    clock = asyncio.get_running_loop().time
    async with session() as client:
        async with providers(profile="public") as it:
            ws = await client.ws_connect(f"{it.ws_url}/tts/websocket", headers=CARTESIA)
            body = {
                "model": "claude-haiku-4-5",
                "max_tokens": 9,
                "messages": [{"role": "user", "content": "Hello."}],
            }
            post = client.post(f"{it.http_url}/v1/messages", json=body, headers=CLAUDE)
            running = asyncio.ensure_future(post.__aenter__())
            await eventually(lambda: it.world.streams and it.world.lines)
            began_at = clock()
        assert clock() - began_at < 2
        assert (await ws.receive()).type.name in ("CLOSED", "ERROR", "CLOSE")
        await asyncio.wait([running])
        assert running.exception() is not None
        await ws.close()


async def test_one_clients_garbage_is_no_other_clients_trouble() -> None:
    """While one socket sends nonsense another is served."""
    request = {
        "model_id": "sonic-3",
        "voice": {"mode": "id", "id": "v"},
        "output_format": {"container": "raw", "encoding": "pcm_mulaw", "sample_rate": 8000},
        "transcript": "Hello.",
        "context_id": "c",
        "continue": False,
    }
    nonsense: list[Any] = [
        "{",
        "null",
        json.dumps({"context_id": 5}),
        b"\x00\xff",
        json.dumps(request | {"voice": 1}),
    ]
    async with providers() as it, socket(it, "/tts/websocket", headers=CARTESIA) as good:
        async with socket(it, "/tts/websocket", headers=CARTESIA) as bad:
            await bad.send(*nonsense)
            for _ in nonsense:
                await bad.next(type="error")
        await good.send(request)
        await good.next(type="done")
