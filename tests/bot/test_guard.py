"""Strangers see no window, big and slow requests end early, and every answer is dressed."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from bot.guard import Doors, Guard, content_policy, password_of, read_form, read_json
from call.measures import REFUSED, NullRecorder
from transports.webrtc import talk_page

pytestmark = pytest.mark.wire

PASSWORD = "correct horse battery staple: ü"
WINDOWS = ("/console", "/api/calls", "/api/events", "/metrics", "/talk", "/some/new/door")
HERE = ("127.0.0.1", 5000)
ELSEWHERE = ("203.0.113.9", 5000)
DOORS = Doors()


class Tally(NullRecorder):
    """Remembers refusals."""

    def __init__(self) -> None:
        self.refused: list[tuple[str, str]] = []

    def count(self, measure, amount=1, **labels):
        assert measure is REFUSED
        self.refused.append((labels["door"], labels["reason"]))


def guarded(*, password: str = "", public_url: str = "", doors: Doors = DOORS) -> tuple[Any, Tally]:
    """A house whose every path answers with what it was sent."""
    app, tally = FastAPI(), Tally()

    @app.api_route("/{path:path}", methods=["GET", "POST"])
    async def everything(request: Request) -> JSONResponse:
        return JSONResponse({"got": (await request.body()).decode()})

    return (
        Guard(app, doors=doors, public_url=public_url, password=password, recorder=tally),
        tally,
    )


def ask(house: Any, path: str, *, client: tuple[str, int] = HERE, **kwargs: Any) -> Any:
    method = kwargs.pop("method", "GET")
    base_url = kwargs.pop("base_url", "http://127.0.0.1:7860")
    return TestClient(house, base_url=base_url, client=client).request(method, path, **kwargs)


# ── who may look in ─────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("path", WINDOWS)
def test_without_a_password_only_this_machine_looks_in(path: str):
    """Loopback sees everything; from elsewhere there is one line saying what to set."""
    house, tally = guarded()
    assert ask(house, path).status_code == 200
    refused = ask(house, path, client=ELSEWHERE)
    assert refused.status_code == 403
    assert "OFFHOOK_CONSOLE_PASSWORD" in refused.text and refused.text.count("\n") == 1
    assert [reason for _, reason in tally.refused] == ["closed"]


@pytest.mark.parametrize("path", WINDOWS)
def test_the_password_opens_the_windows_from_anywhere(path: str):
    """Any name, the right password; anything else is asked again."""
    house, _ = guarded(password=PASSWORD, public_url="https://phone.example")
    for client in (HERE, ELSEWHERE):
        assert ask(house, path, client=client, auth=("me", PASSWORD)).status_code == 200
        for auth in (None, ("me", ""), ("me", PASSWORD[:-1]), (PASSWORD, "")):
            answer = ask(house, path, client=client, auth=auth)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"].startswith("Basic realm=")


def test_an_empty_password_is_none():
    """Without one set, sending none is no key."""
    house, _ = guarded(public_url="https://phone.example")
    assert ask(house, "/console", client=ELSEWHERE, auth=("", "")).status_code == 403


def test_behind_a_proxy_on_loopback_nobody_is_local():
    """With a public URL the whole world connects from 127.0.0.1."""
    house, _ = guarded(public_url="https://phone.example")
    assert ask(house, "/metrics").status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"X-Real-IP": "127.0.0.1"},
        {"X-Forwarded-Host": "localhost"},
    ],
)
@pytest.mark.parametrize("client", [HERE, ELSEWHERE])
def test_what_a_proxy_says_never_makes_anybody_local(headers: dict[str, str], client: Any):
    """Forwarded headers are a stranger's word."""
    house, _ = guarded()
    assert ask(house, "/api/calls", client=client, headers=headers).status_code == 403


@pytest.mark.parametrize(
    "name", ["evil.example", "evil.example:7860", "127.0.0.1.evil.example", ""]
)
def test_a_name_that_was_pointed_at_this_machine_is_not_this_machine(name: str):
    """A web page cannot read the console through a name of its own."""
    house, _ = guarded()
    assert ask(house, "/api/calls", headers={"Host": name}).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_sites_page_cannot_make_the_browser_call(headers: dict[str, str]):
    """Neither from loopback nor with the browser's remembered password."""
    house, tally = guarded(password=PASSWORD)
    for auth in (None, ("me", PASSWORD)):
        answer = ask(house, "/webrtc/offer", method="POST", headers=headers, auth=auth)
        assert answer.status_code == 403
    assert tally.refused == [("webrtc", "foreign_page")] * 2


def test_our_own_page_may_call_also_behind_a_proxy():
    """Its origin is the Host it asked, or the public URL when a proxy changed the Host."""
    house, _ = guarded(password=PASSWORD, public_url="https://phone.example")
    for host in ("phone.example", "10.0.0.7:7860"):
        headers = {"Origin": "https://phone.example", "Host": host, "Sec-Fetch-Site": "same-origin"}
        answer = ask(house, "/webrtc/offer", method="POST", headers=headers, auth=("me", PASSWORD))
        assert answer.status_code == 200


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/twilio/voice", "/twilio/after"])
def test_the_carrier_and_the_orchestrator_need_no_password(path: str):
    """The carrier signs; health says nothing but health."""
    house, _ = guarded(password=PASSWORD, public_url="https://phone.example")
    assert ask(house, path, client=ELSEWHERE).status_code == 200


@given(st.binary(max_size=60))
def test_no_header_breaks_the_password_reader(value: bytes):
    """Whatever stands there, it is some bytes or none."""
    assert isinstance(password_of(value), bytes)
    assert isinstance(password_of(b"Basic " + value), bytes)
    assert password_of(b"Basic " + base64.b64encode(b"name:" + value)) == value
    assert password_of(b"Bearer " + base64.b64encode(b"name:" + value)) == b""


# ── how much may be sent ────────────────────────────────────────────────────────────
@pytest.mark.parametrize("path", ["/twilio/voice", "/webrtc/offer"])
@pytest.mark.parametrize("is_declared", [True, False])
def test_a_long_body_is_turned_away(path: str, is_declared: bool):
    """Declared or in pieces: 413, and nothing of it is kept."""
    house, tally = guarded(doors=Doors(max_body_bytes=1024))
    pieces = iter([b"a" * 512] * 3)
    body: Any = b"a" * 1025 if is_declared else pieces
    assert ask(house, path, method="POST", content=body).status_code == 413
    assert [reason for _, reason in tally.refused] == ["too_long"]
    assert ask(house, path, method="POST", content=b"a" * 1024).json() == {"got": "a" * 1024}


async def test_a_body_that_never_ends_is_given_up():
    """A slow sender holds its own request only so long."""
    house, tally = guarded(doors=Doors(body_timeout_s=0.01))
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.sleep(60)

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/twilio/voice", "headers": []}
    await house(scope, receive, send)
    assert sent[0]["status"] == 408
    assert tally.refused == [("twilio", "too_slow")]


async def test_a_client_that_leaves_in_the_middle_is_answered_nothing():
    """There is nobody to answer."""
    house, tally = guarded()
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/twilio/voice", "headers": []}
    await house(scope, receive, send)
    assert (sent, tally.refused) == ([], [])


def test_forms_and_json_have_their_limits():
    """Too many fields, too deep, no UTF-8, no object: one line each, without what was sent."""
    assert read_form(b"From=%2B1555&To=&x=a+b", doors=DOORS) == {
        "From": "+1555",
        "To": "",
        "x": "a b",
    }
    assert read_json(b'{"a": [[1]]}', doors=Doors(max_json_depth=3)) == {"a": [[1]]}
    for wrong in (b"&".join(b"secret=1" for _ in range(201)), b"a=\xff\xfesecret"):
        with pytest.raises(ValueError, match="^the form ") as told:
            read_form(wrong, doors=DOORS)
        assert "secret" not in str(told.value)
    for wrong in (b"[" * 60000, b'{"a":' * 20 + b"1" + b"}" * 20, b"[1]", b"3", b"", b"\xff", b"{"):
        with pytest.raises(ValueError, match="^the body "):
            read_json(wrong, doors=DOORS)


@given(st.binary(max_size=300))
def test_no_body_escapes_as_anything_but_one_line(body: bytes):
    """Whatever is posted: fields, an object, or a ValueError of one line."""
    for read in (read_form, read_json):
        try:
            assert isinstance(read(body, doors=DOORS), dict)
        except ValueError as error:
            assert "\n" not in str(error) and len(str(error)) < 80


@given(
    st.recursive(
        st.none() | st.integers(), lambda inner: st.lists(inner, max_size=2), max_leaves=12
    )
)
def test_depth_is_counted_in_brackets(document: Any):
    """Exactly as many levels as there are nested brackets."""

    def depth(thing: Any) -> int:
        return 1 + max(map(depth, thing), default=0) if isinstance(thing, list) else 0

    body = json.dumps({"a": document}).encode()
    levels = 1 + depth(document)
    assert read_json(body, doors=Doors(max_json_depth=levels))
    if levels > 1:
        with pytest.raises(ValueError, match="levels"):
            read_json(body, doors=Doors(max_json_depth=levels - 1))


@pytest.mark.parametrize(
    ("knob", "value"),
    [
        ("max_body_bytes", 10), ("body_timeout_s", 0), ("max_form_fields", 1),
        ("max_json_depth", 0),
    ],
)  # fmt: skip
def test_a_senseless_limit_is_refused_by_name(knob: str, value: float):
    """The message names the knob and its value."""
    with pytest.raises(ValueError, match=f"{knob} is {value}"):
        Doors(**{knob: value})  # type: ignore[arg-type]


# ── which headers go out ────────────────────────────────────────────────────────────
@pytest.mark.parametrize("client", [HERE, ELSEWHERE])
@pytest.mark.parametrize("path", ["/api/calls", "/twilio/voice", "/healthz"])
def test_every_answer_is_dressed_refusals_too(path: str, client: Any):
    """No framing, no sniffing, no referrer, no cache, no foreign script."""
    house, _ = guarded()
    headers = ask(house, path, client=client).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy and "http" not in policy and "*" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "strict-transport-security" not in headers


def test_https_stays_https():
    """Browsers are told so where the public URL is https."""
    house, _ = guarded(public_url="https://phone.example")
    assert "strict-transport-security" in ask(house, "/healthz").headers


def test_the_talk_page_runs_under_its_policy():
    """Its one script and style are named by hash; it has no inline handler, no foreign address."""
    page = talk_page()
    policy = content_policy(page)
    assert re.search(r"script-src 'self' 'sha256-[\w+/]{43}='", policy)
    assert re.search(r"style-src 'self' 'sha256-[\w+/]{43}='", policy)
    assert not re.search(r"""<[^>]+\s(?:on\w+|style)=|(?:src|href)=["'](?:https?:)?//""", page)
    assert content_policy(page.replace("use strict", "use struct")) != policy
