"""Messages are announced: signed, tried again within bounds, in nobody's way."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot import notify as module
from bot.notify import SIGNATURE, Notifier, Voicemail
from call.measures import Measure, NullRecorder
from tests.conftest import TICK, eventually

pytestmark = pytest.mark.wire

MESSAGE = {"event": "voicemail", "call_id": "1", "voicemail_url": "https://x/RE1"}


class Outcomes(NullRecorder):
    """Counts what became of notices."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()

    def count(self, measure: Measure, amount: float = 1, **labels: str) -> None:
        self.seen[labels["outcome"]] += 1


class Desk:
    """Where messages are announced: answers with these statuses in turn, then 200."""

    def __init__(self, statuses: Sequence[int]) -> None:
        self.statuses = list(statuses)
        self.posts: list[tuple[dict[str, str], bytes]] = []

    async def post(self, request: web.Request) -> web.Response:
        self.posts.append((dict(request.headers), await request.read()))
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 0:
            assert request.transport is not None
            request.transport.abort()
        headers = {"location": "/elsewhere"} if status == 302 else {}
        return web.Response(status=status or 200, headers=headers)


@asynccontextmanager
async def desk(
    *statuses: int, secret: str = "", **knobs: Any
) -> AsyncIterator[tuple[Notifier, Desk, Outcomes]]:
    """A notifier and the desk it announces to."""
    there, outcomes = Desk(statuses), Outcomes()
    app = web.Application()
    app.add_routes([web.post("/messages", there.post), web.post("/elsewhere", there.post)])
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        settings = Voicemail(notify_url=str(server.make_url("/messages")), **knobs)
        notifier = Notifier(
            settings, http=http, secret=secret, recorder=outcomes, pause_s=TICK / 10
        )
        yield notifier, there, outcomes
        await notifier.aclose()


async def test_a_message_is_posted_as_it_is():
    """JSON, unsigned without a secret."""
    async with desk() as (notifier, there, outcomes):
        notifier.announce(MESSAGE)
        await eventually(lambda: outcomes.seen["accepted"], what="accepted")
        [(headers, body)] = there.posts
        assert json.loads(body) == MESSAGE
        assert SIGNATURE not in headers


async def test_a_post_is_signed_over_its_time_and_body():
    """As the page tells a receiver to check it."""
    async with desk(secret="throw-away") as (notifier, there, outcomes):
        notifier.announce(MESSAGE)
        await eventually(lambda: outcomes.seen["accepted"], what="accepted")
        [(headers, body)] = there.posts
    parts = dict(part.split("=", 1) for part in headers[SIGNATURE].split(","))
    told = hmac.new(b"throw-away", f"{parts['t']}.".encode() + body, hashlib.sha256).hexdigest()
    assert parts["v1"] == told


@pytest.mark.parametrize("trouble", [500, 503, 429, 408, 302, 0])
async def test_what_may_pass_is_tried_again(trouble: int):
    """An outage, a crowd, a broken connection; a redirect is not followed."""
    async with desk(trouble, trouble) as (notifier, there, outcomes):
        notifier.announce(MESSAGE)
        await eventually(lambda: outcomes.seen["accepted"], what="accepted")
        assert len(there.posts) == 3


async def test_a_refusal_is_final():
    """Asking again would be refused again."""
    async with desk(403) as (notifier, there, outcomes):
        notifier.announce(MESSAGE)
        await eventually(lambda: outcomes.seen["given_up"], what="given up")
        assert len(there.posts) == 1


async def test_attempts_are_bounded():
    """Then the message is only listed."""
    async with desk(*[500] * 9, notify_attempts=3) as (notifier, there, outcomes):
        notifier.announce(MESSAGE)
        await eventually(lambda: outcomes.seen["given_up"], what="given up")
        assert len(there.posts) == 3


async def test_nobody_waits_for_a_desk_that_does_not_answer():
    """Neither whoever announces nor the process that ends."""
    held = asyncio.Event()

    async def hold(request: web.Request) -> web.Response:
        await held.wait()
        return web.Response()

    app = web.Application()
    app.add_routes([web.post("/messages", hold)])
    async with TestServer(app) as server, aiohttp.ClientSession() as http:
        settings = Voicemail(notify_url=str(server.make_url("/messages")), notify_timeout_s=60)
        notifier = Notifier(settings, http=http, secret="", recorder=Outcomes())
        notifier.announce(MESSAGE)
        await asyncio.sleep(0)
        await notifier.aclose()
        held.set()


async def test_without_an_address_nothing_is_announced():
    """The messages are listed."""
    async with aiohttp.ClientSession() as http:
        notifier = Notifier(Voicemail(), http=http, secret="", recorder=Outcomes())
        notifier.announce(MESSAGE)
        await notifier.aclose()


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"notify_url": "messages.example"}, "notify_url"),
        ({"notify_url": "https://joe:x@messages.example"}, "notify_url"),
        ({"notify_timeout_s": 0}, "notify_timeout_s"),
        ({"notify_attempts": 0}, "notify_attempts"),
    ],
)
def test_settings_name_what_is_wrong(wrong: dict[str, Any], named: str):
    """One line."""
    with pytest.raises(ValueError, match=named):
        Voicemail(**wrong)


async def test_no_more_than_a_bound_are_under_way(monkeypatch: pytest.MonkeyPatch):
    """The rest is only listed."""
    monkeypatch.setattr(module, "UNDER_WAY", 1)
    async with desk() as (notifier, _, outcomes):
        notifier.announce(MESSAGE)
        notifier.announce(MESSAGE)
        assert outcomes.seen["given_up"] == 1
        await eventually(lambda: outcomes.seen["accepted"], what="accepted")
