"""The lab's own doors, over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from lab.faults import SHAPES
from tests.lab.clients import CARTESIA, TWILIO, providers, session, socket

pytestmark = pytest.mark.provider

STALL = {"provider": "cartesia", "shape": "stall"}


async def call(it: Any, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    async with session() as client:
        async with client.request(method, it.http_url + path, json=body) as answer:
            return answer.status, await answer.json()


async def test_a_fault_is_armed_shown_and_disarmed() -> None:
    """POST arms one, GET shows it with all shapes there are, DELETE disarms it."""
    async with providers() as it:
        status, armed = await call(it, "POST", "/control", STALL | {"for_next": 3, "after": 2})
        assert status == 201
        assert armed | {"id": 1, "for_next": 3, "after": 2, "moment": "request"} == armed
        _, shown = await call(it, "GET", "/control")
        assert shown["faults"] == [armed] and set(shown["shapes"]) == set(SHAPES)
        assert all(shape["meaning"] for shape in shown["shapes"].values())
        assert (shown["profile"], shown["seed"]) == ("zero", 1)
        assert (await call(it, "DELETE", "/control/1"))[0] == 200
        assert (await call(it, "DELETE", "/control/1"))[0] == 404
        await call(it, "POST", "/control", STALL)
        assert (await call(it, "DELETE", "/control"))[1] == {"faults": []}


async def test_a_list_arms_several() -> None:
    """A campaign arms its faults in one request."""
    async with providers() as it:
        status, armed = await call(it, "POST", "/control", [STALL, STALL | {"after": 5}])
        assert status == 201 and [fault["id"] for fault in armed] == [1, 2]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"provider": "openai", "shape": "stall"}, "choose one of deepgram"),
        ({"provider": "twilio", "shape": "stall"}, "choose one of http_status, down"),
        ("stall", "JSON object"),
        ([STALL, 5], "JSON object"),
    ],
)
async def test_nonsense_is_400_with_one_line(body: Any, words: str) -> None:
    """An unknown provider or shape is told with the choices; nothing is armed."""
    async with providers() as it:
        status, answer = await call(it, "POST", "/control", body)
        assert status == 400 and words in answer["error"] and "\n" not in answer["error"]
        assert it.faults.armed() == []


async def test_half_a_json_is_400() -> None:
    """A body that is no JSON is told as such."""
    async with providers() as it, session() as client:
        for method, path in (("POST", "/control"), ("PATCH", "/control/knobs")):
            async with client.request(method, it.http_url + path, data=b"{") as answer:
                assert answer.status == 400 and (await answer.json())["error"]


async def test_the_log_is_read_in_steps() -> None:
    """provider, kind, since and limit choose; `last` is where to go on."""
    async with providers() as it, session() as client:
        for _ in range(3):
            url = f"{it.http_url}/2010-04-01/Accounts/AC1/Calls/CA1.json"
            async with client.post(url, data={"Status": "completed"}, headers=TWILIO):
                pass
        _, whole = await call(it, "GET", "/control/log")
        assert [entry["status"] for entry in whole["entries"]] == [200, 404, 404]
        _, rest = await call(it, "GET", f"/control/log?since={whole['last'] - 1}")
        assert rest["entries"] == whole["entries"][-1:]
        _, none = await call(it, "GET", "/control/log?provider=deepgram")
        assert none["entries"] == []
        _, first = await call(it, "GET", "/control/log?kind=request&limit=1")
        assert len(first["entries"]) == 1
        status, error = await call(it, "GET", "/control/log?since=yesterday")
        assert status == 400 and "since" in error["error"]


async def test_reset_makes_it_as_new() -> None:
    """Faults, ordinals, log and caches go; open sockets stay."""
    async with providers() as it, socket(it, "/tts/websocket", headers=CARTESIA) as line:
        it.faults.add(STALL)
        it.delays.draw("p", "final", "x")
        await call(it, "POST", "/control/reset")
        assert it.faults.armed() == [] and it.log.read() == []
        assert it.delays.take("p", "final", key="x").ordinal == 0
        await line.send("{")
        await line.next(type="error")


async def test_knobs_are_turned() -> None:
    """PATCH turns knobs; unknown ones and wrong types are told."""
    async with providers() as it:
        status, now = await call(it, "PATCH", "/control/knobs", {"deepgram": {"interim_s": 0.5}})
        assert status == 200 and now["deepgram"]["interim_s"] == 0.5
        assert it.knobs.deepgram.interim_s == 0.5
        assert (await call(it, "GET", "/control/knobs"))[1] == now
        for bad in (
            {"deepgram": {"x": 1}},
            {"x": {"y": 1}},
            {"deepgram": 5},
            {"flux": {"settle_s": "a"}},
        ):
            assert (await call(it, "PATCH", "/control/knobs", bad))[0] == 400
