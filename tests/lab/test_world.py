"""What the providers share: tasks that end with their line, and the small rules of names."""

from __future__ import annotations

import asyncio
import logging

import pytest

from lab.delays import Delays, Spread
from lab.outlet import Ended
from lab.world import Crew, is_missing, is_wrong_key, parse_object
from tests.conftest import eventually
from tests.lab.clients import DEEPGRAM, providers, session, socket

pytestmark = pytest.mark.provider

QUERY = {"model": "nova-3", "encoding": "mulaw", "sample_rate": 8000}


async def test_no_task_outlives_its_line() -> None:
    """A client that vanishes takes the tasks of its connection with it."""
    async with providers(profile="public") as it:
        query = {"model": "nova-3", "encoding": "mulaw", "sample_rate": 8000}
        before = len(asyncio.all_tasks())
        async with socket(it, "/v1/listen", query, DEEPGRAM) as line:
            await line.send(b"\xff" * 800, {"type": "Finalize"})
            await eventually(lambda: it.world.lines)
        await eventually(lambda: not it.world.lines)
        await eventually(lambda: len(asyncio.all_tasks()) <= before, what="tasks ended")


async def test_a_handshake_takes_its_seeded_time_and_later_requests_do_not() -> None:
    """Once for each connection, the same for the same seed."""
    async with providers(seed=4) as it, session() as client:
        it.knobs.network.handshake_s = 0.02
        for _ in range(3):
            async with client.get(f"{it.http_url}/v1/models", headers={"x-api-key": "k"}) as answer:
                await answer.read()
            body = {"model": "claude-haiku-4-5", "max_tokens": 5, "messages": []}
            async with client.post(
                f"{it.http_url}/v1/messages", json=body, headers={"x-api-key": "k"}
            ) as answer:
                await answer.read()
        async with socket(it, "/v1/listen", QUERY, DEEPGRAM):
            pass
        shaken = it.log.read(kind="handshake")
    assert [entry["provider"] for entry in shaken] == ["anthropic", "deepgram"]
    again = Delays("zero", seed=4).spread("deepgram", "handshake", Spread(0.02, 0.03))
    assert shaken[1]["delay_s"] == round(again.delay_s, 6) > 0


async def test_a_crew_cancels_and_waits() -> None:
    """close() ends what runs, however often it is called."""
    crew = Crew()
    task = crew.start(asyncio.sleep(60))
    await crew.close()
    await crew.close()
    assert task.cancelled()


@pytest.mark.parametrize(
    ("error", "is_told"), [(Ended(), False), (ConnectionResetError(), False), (KeyError("x"), True)]
)
async def test_a_stumble_is_logged(
    error: Exception, is_told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """An error of ours is told; a client that left, or a fault that ended the line, is not."""

    async def stumble() -> None:
        raise error

    crew = Crew()
    with caplog.at_level(logging.ERROR, logger="lab"):
        task = crew.start(stumble())
        await asyncio.wait([task])
        await asyncio.sleep(0)
    assert bool(caplog.records) is is_told


@pytest.mark.parametrize(
    ("text", "found"), [("{}", {}), ('{"a": 1}', {"a": 1}), ("[]", None), ("{", None), ("", None)]
)
def test_only_objects_are_messages(text: str, found: object) -> None:
    """Anything but a JSON object is no message."""
    assert parse_object(text) == found


def test_names_decide_what_exists() -> None:
    """Keys that begin with wrong and names that begin with missing stand for all that fail."""
    assert is_wrong_key(None) and is_wrong_key("") and is_wrong_key("wrong-1")
    assert not is_wrong_key("sk-123")
    assert is_missing("missing-voice") and not is_missing("voice")
