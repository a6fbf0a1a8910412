"""Dialling: what happens when nobody, the wrong thing or nothing answers."""

from __future__ import annotations

import asyncio

import pytest

from lab import caller as caller_module
from lab.caller import Caller, Outcome
from lab.plan import Plan
from lab.script import parse
from tests.lab.scripted_bot import Bot, bot

pytestmark = pytest.mark.wire

PLAN = Plan(parse({"steps": [{"do": "hang_up"}]}), {})


def failed(outcome: Outcome) -> set[str]:
    """The rules that were broken."""
    return {v.rule.name for v in outcome.conformance.verdicts() if v.outcome == "fail"}


async def test_nobody_there_is_one_clear_line() -> None:
    """Refused, or a door that is no WebSocket."""
    outcome = await Caller(PLAN).call("ws://127.0.0.1:1/ws")
    assert outcome.problem == "ws://127.0.0.1:1/ws: connection refused; is the bot up?"
    async with bot(Bot.until_stop) as (host, _):
        outcome = await Caller(PLAN).call(f"ws://{host}/elsewhere")
    assert "the upgrade was answered 404 instead of 101" in outcome.problem
    assert failed(outcome) == {"upgrade"}


async def test_a_bot_that_never_accepts_the_socket_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After ten seconds."""
    monkeypatch.setattr(caller_module, "UPGRADE_TIMEOUT_S", 0.05)

    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            pass
        writer.close()
        await writer.wait_closed()
        closed.set()

    closed = asyncio.Event()
    server = await asyncio.start_server(ignore, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    outcome = await Caller(PLAN).call(f"ws://127.0.0.1:{port}/ws")
    # the request is read to its end only when the caller has let go
    server.close()
    await closed.wait()
    assert outcome.problem == f"ws://127.0.0.1:{port}/ws: no answer within 0.05 s"
    assert failed(outcome) == {"upgrade"}


async def test_a_call_that_goes_well_has_no_problem() -> None:
    """And leaves a time line, a recording and a book of rules."""
    async with bot(Bot.until_stop) as (host, _):
        outcome = await Caller(PLAN).call(f"ws://{host}/ws")
    assert outcome.problem == ""
    assert outcome.timeline.ended_by == "caller"
    assert not failed(outcome)
