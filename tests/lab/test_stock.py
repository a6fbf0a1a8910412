"""The yardstick bot: it answers as Pipecat's documentation says it would."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn

from lab import server
from lab.caller import Caller
from lab.dialling import Phone
from lab.peers.stock import app, setup
from lab.plan import Plan
from lab.script import parse
from tests.conftest import eventually

pytestmark = pytest.mark.provider

AGENT = Path(__file__).resolve().parents[2] / "agent.toml"


@asynccontextmanager
async def stock(lab_port: int) -> AsyncIterator[str]:
    """The stock bot on a free port of this process."""
    web = app(setup(f"127.0.0.1:{lab_port}", agent=AGENT))
    running = uvicorn.Server(uvicorn.Config(web, port=0, log_level="error", lifespan="off"))
    serving = asyncio.create_task(running.serve())
    await eventually(lambda: running.started, what="the stock bot is up")
    host, port = running.servers[0].sockets[0].getsockname()[:2]
    try:
        yield f"http://{host}:{port}/"
    finally:
        running.should_exit = True
        await serving


@pytest.mark.timeout(60)  # its imports and models alone take seconds on a busy machine
async def test_it_greets_a_caller_and_keeps_the_carriers_rules() -> None:
    """Through its webhook, with the lab's voice."""
    async with server.start(port=0, profile="zero", engine="bursts") as lab:
        async with stock(lab.port) as url:
            script = parse({"steps": [{"do": "wait_agent", "quiet_s": 0.0}]})
            outcome = await Caller(Plan(script, {}, phone=Phone())).call(url)
        spoken = [entry["text"] for entry in lab.log.read(kind="speech")]
    assert outcome.problem == ""
    assert outcome.timeline.agent_spans
    assert outcome.conformance.is_good
    assert "Harbour Dental" in " ".join(spoken)


def test_it_says_what_our_agent_says() -> None:
    """Prompt, greeting and disclosure come from agent.toml."""
    made = setup("127.0.0.1:7900", agent=AGENT)
    assert "Harbour Dental" in made.prompt
    assert made.greeting.endswith("You are speaking with an AI assistant.")
    assert made.deepgram_url == "ws://127.0.0.1:7900"
