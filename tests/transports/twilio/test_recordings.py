"""Deleting a message over REST, against a carrier of every mood."""

from __future__ import annotations

import base64

import aiohttp
import pytest

from tests.transports.twilio.test_hangup import ACCOUNT, Carrier, carrier
from transports.twilio.recordings import delete_recording
from transports.twilio.webhook import Twilio

pytestmark = pytest.mark.wire

__all__ = ["carrier"]

SID = "RE" + "0123456789abcdef" * 2
URL = f"https://api.twilio.com/2010-04-01/Accounts/AC9/Recordings/{SID}"


async def deleted(api_url: str, *, url: str = URL, timeout_s: float = 3.0) -> bool:
    async with aiohttp.ClientSession() as session:
        settings = Twilio(api_url=api_url, rest_timeout_s=timeout_s)
        return await delete_recording(url, account=ACCOUNT, settings=settings, session=session)


@pytest.mark.parametrize(("status", "is_gone"), [(204, True), (404, True), (401, False)])
async def test_a_recording_is_gone_now_or_was_before(
    carrier: Carrier, status: int, is_gone: bool
) -> None:
    """It is asked of our own account, whichever the address names."""
    carrier.status = status
    assert await deleted(carrier.url) is is_gone
    [(path, authorization, _)] = carrier.requests
    assert path == f"/2010-04-01/Accounts/AC1/Recordings/{SID}.json"
    assert base64.b64decode(authorization.removeprefix("Basic ")) == b"AC1:secret"


async def test_a_carrier_that_is_away_or_stuck_deletes_nothing(carrier: Carrier) -> None:
    """And that is said, not raised."""
    assert not await deleted("http://127.0.0.1:1")
    carrier.is_stuck = True
    assert not await deleted(carrier.url, timeout_s=0.1)


@pytest.mark.parametrize("url", ["", "https://x/Recordings/RE1", f"{URL}/../../Calls/CA1"])
async def test_what_names_no_recording_is_not_asked_for(carrier: Carrier, url: str) -> None:
    """Nothing else is ever deleted."""
    assert not await deleted(carrier.url, url=url)
    assert carrier.requests == []
