"""What a bot tells of a call, and when its agent has been heard out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from lab.watch import Watch, watching
from tests.conftest import eventually

pytestmark = pytest.mark.provider

STARTED = {"type": "call.started", "call_id": "c", "provider_call_id": "CA1"}
GREETED = [{"type": "agent.clause"}, {"type": "agent.speaking"}, {"type": "agent.silent"}]
ASKED = {"type": "caller.words", "final": True}
ANSWERED = {"type": "turn", "turn": {"interrupted": False}}
CUT = {"type": "turn", "turn": {"interrupted": True}}


def after(*events: dict[str, Any]) -> bool:
    """Whether the agent is done once these were told of the call."""
    watch = Watch("CA1")
    for event in (STARTED, *events):
        watch.told({"call_id": "c", **event})
    return watch.is_done


@pytest.mark.parametrize(
    ("events", "is_done"),
    [
        ([], False),  # it has not been greeted yet
        (GREETED[:2], False),
        (GREETED, True),
        ([*GREETED, {**ASKED, "final": False}], True),  # a sign of listening, or words to come
        ([*GREETED, ASKED], False),
        ([*GREETED, ASKED, *GREETED], False),  # a holding phrase
        ([*GREETED, ASKED, *GREETED, ANSWERED], True),
        ([*GREETED, ASKED, GREETED[0], CUT], False),  # whoever cut in is to be answered
        ([*GREETED, ASKED, ANSWERED, GREETED[0]], False),  # it asks into the silence
        ([ASKED, {"type": "call.ended"}], True),
    ],
)
def test_a_reply_is_over_when_its_turn_is(events: Sequence[dict[str, Any]], is_done: bool) -> None:
    """The greeting when it was heard."""
    assert after(*events) is is_done


def test_what_is_told_of_other_calls_is_theirs() -> None:
    """And of a call that nobody announced nothing is known."""
    watch = Watch("CA1")
    watch.told({**STARTED, "provider_call_id": "CA2"})
    watch.told({**ASKED, "call_id": "c"})
    assert watch.is_done
    watch.told({**STARTED, "call_id": "d"})
    watch.told({**ANSWERED, "call_id": "c"})
    assert not watch.is_done


@asynccontextmanager
async def bot(*lines: str, stays: bool) -> AsyncIterator[str]:
    """A stream of events, and where it is."""

    async def events(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await answer.prepare(request)
        for line in (": hello", *lines):
            await answer.write(f"{line}\n\n".encode())
        if stays:
            await asyncio.Event().wait()
        return answer

    app = web.Application()
    app.router.add_get("/events", events)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}/events"
    finally:
        await runner.cleanup()


async def test_it_listens_from_before_the_call() -> None:
    """To a real stream, with lines that are no events."""
    async with (
        bot("event: call.started", f"data: {json.dumps(STARTED)}", stays=True) as url,
        watching(url, "CA1") as watch,
    ):
        await eventually(lambda: not watch.is_done, what="the call was announced")


@pytest.mark.parametrize("line", [f"data: {json.dumps(STARTED)}", "data: {"])
async def test_a_bot_that_tells_no_more_is_taken_at_its_sound(line: str) -> None:
    """The stream ends, or cannot be read."""
    async with bot(line, stays=line.endswith("{")) as url, watching(url, "CA1") as watch:
        await eventually(lambda: watch.is_done, what="nothing is known any more")


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:1/api/events"])
async def test_a_bot_that_tells_nothing_is_called_all_the_same(url: str) -> None:
    """Most bots do not."""
    async with watching(url, "CA1") as watch:
        assert watch.is_done
