"""Hanging up over REST, against a carrier of every mood."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web

from transports.twilio.hangup import Account, hang_up
from transports.twilio.webhook import Twilio

pytestmark = pytest.mark.wire

ACCOUNT = Account("AC1", "secret")


class Carrier:
    """The REST API, answering as told."""

    def __init__(self) -> None:
        self.status = 200
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.is_stuck = False
        self.url = ""

    async def update(self, request: web.Request) -> web.Response:
        """One update of a call."""
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.requests.append((request.path, request.headers["Authorization"], form))
        if self.is_stuck:
            await asyncio.sleep(30)
        return web.json_response({"code": 20404 if self.status == 404 else 0}, status=self.status)


@pytest.fixture
async def carrier() -> AsyncIterator[Carrier]:
    """A carrier on loopback."""
    carrier = Carrier()
    app = web.Application()
    app.router.add_post("/{path:.*}", carrier.update)
    app.router.add_delete("/{path:.*}", carrier.update)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    carrier.url = f"http://{host}:{port}/"
    yield carrier
    await runner.cleanup()


async def hung_up(url: str, *, account: Account = ACCOUNT, timeout_s: float = 3.0) -> str:
    """Hang up; the fault as text, or nothing."""
    async with aiohttp.ClientSession() as session:
        settings = Twilio(api_url=url, rest_timeout_s=timeout_s)
        fault = await hang_up("CA1", account=account, settings=settings, session=session)
    return str(fault or "")


async def test_the_call_is_completed(carrier: Carrier) -> None:
    """The right resource, the right form, the account's credentials."""
    assert await hung_up(carrier.url) == ""
    ((path, authorization, form),) = carrier.requests
    assert path == "/2010-04-01/Accounts/AC1/Calls/CA1.json"
    assert base64.b64decode(authorization.split()[1]) == b"AC1:secret"
    assert form == {"Status": "completed"}


async def test_an_api_key_asks_in_the_accounts_name(carrier: Carrier) -> None:
    """The key logs in, the account owns the call."""
    await hung_up(carrier.url, account=Account("AC1", "hush", key_id="SK1"))
    ((path, authorization, _),) = carrier.requests
    assert "/Accounts/AC1/" in path
    assert base64.b64decode(authorization.split()[1]) == b"SK1:hush"
    assert "hush" not in repr(Account("AC1", "hush"))


async def test_a_call_that_is_over_is_a_success(carrier: Carrier) -> None:
    """404 means there is nothing left to end."""
    carrier.status = 404
    assert await hung_up(carrier.url) == ""


@pytest.mark.parametrize("status", [400, 401, 429, 500, 503])
async def test_a_refusal_is_reported(carrier: Carrier, status: int) -> None:
    """Any other answer is a fault, returned and not raised."""
    carrier.status = status
    assert await hung_up(carrier.url) == f"HangUpFailed at hang up: HTTP {status}"


async def test_a_carrier_that_does_not_answer_is_given_up(carrier: Carrier) -> None:
    """After `twilio.rest_timeout_s` it is over, also for us."""
    carrier.is_stuck = True
    assert await hung_up(carrier.url, timeout_s=0.1) == "HangUpFailed at hang up: TimeoutError"


async def test_a_carrier_that_is_not_there_is_reported() -> None:
    """A refused connection is a fault like any other."""
    assert "ClientConnectorError" in await hung_up("http://127.0.0.1:1")
