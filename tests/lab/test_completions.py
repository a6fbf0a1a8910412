"""Learning from the lab's REST which calls are over."""

from __future__ import annotations

import pytest
from aiohttp import web

from lab.completions import Completions
from tests.conftest import eventually
from tests.lab.scripted_bot import Bot, bot

pytestmark = pytest.mark.wire


async def test_a_completed_call_is_told_to_its_caller_only() -> None:
    """Whatever else the lab answers meanwhile."""
    registered: list[str] = []
    answers = [
        web.Response(status=500, text="no"),
        web.Response(text="not json"),
        web.json_response([]),
        web.json_response({"status": "in-progress"}),
    ]

    async def register(request: web.Request) -> web.Response:
        registered.append(request.match_info["sid"])
        return web.json_response({"status": "in-progress"}, status=201)

    async def watch(request: web.Request) -> web.Response:
        if request.match_info["sid"] != "CA1":
            return web.json_response({"status": "in-progress"})
        return answers.pop(0) if answers else web.json_response({"status": "completed"})

    routes = [web.put("/control/calls/{sid}", register), web.get("/control/calls/{sid}", watch)]
    async with (
        bot(Bot.until_stop, routes) as (host, _),
        Completions(f"http://{host}/", retry_s=0.001) as completions,
    ):
        mine, other = completions.of("CA1"), completions.of("CA2")
        await eventually(mine.is_set, what="the completion was told")
        assert not answers
        assert sorted(registered) == ["CA1", "CA2"]
        assert not other.is_set()


async def test_a_lab_that_is_not_there_is_survived() -> None:
    """The socket's end still tells."""
    async with Completions("http://127.0.0.1:1", retry_s=0.001) as completions:
        event = completions.of("CA1")
        await eventually(lambda: True)
        assert not event.is_set()
