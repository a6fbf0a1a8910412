"""The clients of a process: warm, without retries of their own."""

from __future__ import annotations

import pytest

from services.claude_client import Anthropic, Model, Models, claude_client, warm
from tests.services.stage import Lab

pytestmark = pytest.mark.provider


async def test_the_client_never_retries_by_itself(lab: Lab) -> None:
    """A hidden retry is a second of dead air."""
    lab.fault("anthropic", "http_status", status=529)
    async with claude_client(Anthropic(url=lab.url), "k") as client:
        with pytest.raises(Exception, match="529|verloaded"):
            await client.messages.create(
                model="claude-haiku-4-5", max_tokens=1, messages=[{"role": "user", "content": "Hi"}]
            )
    assert lab.world.faults.armed() == []


async def test_warming_opens_a_connection_that_the_first_turn_uses(lab: Lab) -> None:
    """No paid request is made; a vendor that cannot be reached is no reason to fail."""
    async with claude_client(Anthropic(url=lab.url), "k") as client:
        assert await warm(client)
    assert not lab.entries("anthropic", "request")
    async with claude_client(Anthropic(url="http://127.0.0.1:9"), "k") as nobody:
        assert not await warm(nobody)


async def test_a_connection_is_opened_when_more_calls_go_on_than_ever(lab: Lab) -> None:
    """Others find theirs waiting; after a while they have to be opened anew."""
    lab.world.knobs.network.handshake_s = 0.001
    client = claude_client(Anthropic(url=lab.url), "k")
    counted: list[object] = []

    async def count(request: object) -> None:
        counted.append(request)

    client._client.event_hooks["request"] = [count]
    models = Models(Model("claude-a", client))
    asked = 0
    for calls, now, asks in ((1, 0.0, 1), (1, 1.0, 0), (2, 2.0, 1), (1, 3.0, 0), (1, 300.0, 1)):
        await models.expect(calls, now)
        asked += asks
        assert len(lab.entries("anthropic", "handshake")) <= 1  # one at a time: one connection
        assert len(counted) == asked
    await models.close()


def test_settings_refuse_what_cannot_work() -> None:
    """A sentence names the value."""
    for wrong in ({"stall_s": 0.0}, {"cache_ttl": "2h"}, {"temperature": 1.5}):
        with pytest.raises(ValueError, match=str(next(iter(wrong.values())))):
            Anthropic(**wrong)


async def test_the_models_of_a_process_are_warmed_and_closed_together(lab: Lab) -> None:
    """Each place once; the first one says whether the vendor answers."""
    here = claude_client(Anthropic(url=lab.url), "k")
    nobody = claude_client(Anthropic(url="http://127.0.0.1:9"), "k")
    for stand_in in (None, Model("claude-b", here), Model("claude-b", nobody)):
        assert await Models(Model("claude-a", here), stand_in).warm()
    models = Models(Model("claude-a", nobody), Model("claude-b", here))
    assert not await models.warm()
    await models.close()
    assert here.is_closed() and nobody.is_closed()
