"""The emulated Twilio REST: hang-ups, and the vendor's SDK as judge."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest

from lab.twilio_rest import Calls
from tests.lab.clients import TWILIO, providers, session

pytestmark = pytest.mark.provider

CALL = "/2010-04-01/Accounts/AC1/Calls/CA1.json"


async def post(it: Any, form: dict[str, str], headers: Any = None) -> tuple[int, Any]:
    async with session() as client:
        async with client.post(
            it.http_url + CALL, data=form, headers=TWILIO if headers is None else headers
        ) as answer:
            return answer.status, await answer.json()


async def test_a_hang_up_completes_the_call_once() -> None:
    """Status=completed ends the call; the second time it is not found, code 20404."""
    async with providers() as it:
        status, body = await post(it, {"Status": "completed"})
        assert (status, body["sid"], body["status"]) == (200, "CA1", "completed")
        status, body = await post(it, {"Status": "completed"})
        assert (status, body["code"]) == (404, 20404)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer x"},
        {"Authorization": "Basic ???"},
        {"Authorization": "Basic " + base64.b64encode(b"AC1:wrong").decode()},
        {"Authorization": "Basic " + base64.b64encode(b"joe:secret").decode()},
    ],
)
async def test_without_basic_authentication_it_is_401(headers: dict[str, str]) -> None:
    """AccountSid:AuthToken or ApiKeySid:Secret, nothing else."""
    async with providers() as it:
        status, body = await post(it, {"Status": "completed"}, headers)
    assert (status, body["code"]) == (401, 20003)


async def test_an_api_key_will_do() -> None:
    """ApiKeySid:Secret is accepted."""
    key = {"Authorization": "Basic " + base64.b64encode(b"SK1:secret").decode()}
    async with providers() as it:
        assert (await post(it, {"Status": "completed"}, key))[0] == 200


async def test_a_strange_status_is_400_and_twiml_is_kept() -> None:
    """Only completed and canceled are states to ask for; new TwiML leaves the call running."""
    async with providers() as it:
        assert (await post(it, {"Status": "singing"}))[0] == 400
        status, body = await post(it, {"Twiml": "<Response/>"})
        assert (status, body["status"]) == (200, "in-progress")
        assert it.calls.get("CA1").twiml == "<Response/>"


async def test_a_caller_in_another_process_learns_of_the_hang_up() -> None:
    """Register the call, wait for its end over HTTP, see it completed."""
    async with providers() as it, session() as client:
        async with client.put(f"{it.http_url}/control/calls/CA1") as answer:
            assert answer.status == 201
        url = f"{it.http_url}/control/calls/CA1"

        async def watch() -> Any:
            async with client.get(url, params={"wait_s": "5"}) as answer:
                return await answer.json()

        watching = asyncio.ensure_future(watch())
        await post(it, {"Status": "completed"})
        assert (await watching)["status"] == "completed"
        async with client.get(f"{it.http_url}/control/calls") as answer:
            assert (await answer.json())["calls"] == [{"sid": "CA1", "status": "completed"}]
        async with client.get(url, params={"wait_s": "soon"}) as answer:
            assert answer.status == 400


async def test_waiting_ends_with_its_time() -> None:
    """A wait without a hang-up tells that the call is still under way."""
    async with providers() as it, session() as client:
        async with client.get(f"{it.http_url}/control/calls/CA2?wait_s=0.01") as answer:
            assert (await answer.json())["status"] == "in-progress"


async def test_the_log_has_the_form() -> None:
    """What was asked of Twilio can be read back."""
    async with providers() as it:
        await post(it, {"Status": "completed"})
        (entry,) = it.log.read(provider="twilio")
    assert (entry["sid"], entry["form"], entry["status"]) == ("CA1", {"Status": "completed"}, 200)


def test_the_oldest_calls_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """The book of calls is bounded; a sid begun again is a new call."""
    monkeypatch.setattr("lab.twilio_rest.MAX_CALLS", 2)
    calls = Calls()
    for sid in ("CA1", "CA2", "CA3"):
        calls.begin(sid)
    assert [call.sid for call in calls.all()] == ["CA2", "CA3"]
    calls.end("CA3")
    assert calls.begin("CA3").status == "in-progress"


async def test_the_vendors_sdk_is_satisfied() -> None:
    """twilio's REST client, pointed here, hangs up, fetches, and sees 404 as its exception."""
    from twilio.base.exceptions import TwilioRestException
    from twilio.http.http_client import TwilioHttpClient
    from twilio.rest import Client

    class Loopback(TwilioHttpClient):
        """The SDK has no base URL; its requests are turned to the lab."""

        def __init__(self, url: str) -> None:
            super().__init__(timeout=30)
            self.place = url

        def request(  # type: ignore[override]
            self, method: str, url: str, *rest: Any, **options: Any
        ) -> Any:
            here = url.replace("https://api.twilio.com", self.place)
            return super().request(method, here, *rest, **options)

    def run(url: str) -> Any:
        client = Client("AC" + "1" * 32, "secret", http_client=Loopback(url))
        sid = "CA" + "2" * 32
        before = client.calls(sid).fetch().status
        after = client.calls(sid).update(status="completed").status
        account = client.api.accounts("AC" + "1" * 32).fetch().status
        numbers = client.incoming_phone_numbers.list()
        with pytest.raises(TwilioRestException) as caught:
            client.calls(sid).update(status="completed")
        return before, after, account, numbers, caught.value.code

    async with providers() as it:
        seen = await asyncio.to_thread(run, it.http_url)
    assert seen == ("in-progress", "completed", "active", [], 20404)
