"""The doctor asks the vendors through their own packages; the lab answers as they do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.check_vendors import ask_vendors, rest_url
from bot.demo import free_port
from bot.finding import Finding
from bot.persona import Persona
from bot.settings import HOME, load
from lab.server import start
from tests.conftest import TICK

pytestmark = pytest.mark.provider

MIA = Persona(name="Mia", prompt="p", greeting="g", voices={"elevenlabs": "e1", "cartesia": "c1"})
PROVIDERS = ("deepgram", "anthropic", "elevenlabs", "cartesia")


@pytest.fixture
async def lab_port() -> AsyncIterator[int]:
    """The emulated vendors, on loopback."""
    async with start(profile="zero") as lab:
        yield lab.port


def pointed_at(port: int) -> dict[str, str]:
    at = f"127.0.0.1:{port}"
    return {
        "OFFHOOK__DEEPGRAM__URL": f"ws://{at}",
        "OFFHOOK__ANTHROPIC__URL": f"http://{at}",
        "OFFHOOK__ELEVENLABS__URL": f"ws://{at}",
        "OFFHOOK__CARTESIA__URL": f"ws://{at}/tts/websocket",
        "OFFHOOK__TWILIO__API_URL": f"http://{at}",
        "OFFHOOK__WIRE__PUBLIC_URL": "https://agent.example",
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": "token",
        **{f"{name.upper()}_API_KEY": "key" for name in PROVIDERS},
    }


async def ask(environ: dict[str, str], *, persona: Persona = MIA, timeout_s: float = 5.0):
    loaded = load(environ, path=HOME / "pipecat.toml")
    findings = await ask_vendors(loaded, [persona], timeout_s=timeout_s)
    assert all("\n" not in str(finding) for finding in findings)
    return findings


def about(findings: list[Finding], area: str) -> str:
    return "\n".join(str(finding) for finding in findings if finding.area == area)


# ── the providers ────────────────────────────────────────────────────────────────────
async def test_each_vendor_is_satisfied_with_its_key_model_and_voice(lab_port):
    """Through the packages elevenlabs, cartesia, anthropic, and REST for Deepgram and Twilio."""
    findings = await ask(pointed_at(lab_port))
    assert [str(f) for f in findings if f.is_problem] == []
    assert {f.area for f in findings} == {*PROVIDERS, "twilio"}


@pytest.mark.parametrize("name", PROVIDERS)
async def test_a_refused_key_is_named(lab_port, name):
    """Which variable, without its value."""
    variable = f"{name.upper()}_API_KEY"
    findings = await ask(pointed_at(lab_port) | {variable: "wrong-key"})
    text = about(findings, name)
    assert "refuses the key (401)" in text and variable in text and "wrong-key" not in text
    assert [f.area for f in findings if f.is_problem] == [name]


@pytest.mark.parametrize(
    ("environ", "area", "hint"),
    [
        ({"OFFHOOK__DEEPGRAM__MODEL": "nova-9"}, "deepgram", "choose one of flux"),
        ({"OFFHOOK__THINK__MODEL": "gpt"}, "anthropic", "the model 'gpt' does not exist"),
        ({"OFFHOOK__THINK__STAND_IN_MODEL": "gpt"}, "anthropic", "the model 'gpt' does not exist"),
        ({"OFFHOOK__ELEVENLABS__MODEL": "eleven_x"}, "elevenlabs", "eleven_flash_v2_5"),
    ],
)
async def test_a_model_that_does_not_exist_is_named(lab_port, environ, area, hint):
    """With those that do, where the vendor lists them."""
    findings = await ask(pointed_at(lab_port) | environ)
    assert hint in about(findings, area)
    assert [f.area for f in findings if f.is_problem] == [area]


@pytest.mark.parametrize("name", ["elevenlabs", "cartesia"])
async def test_a_voice_that_does_not_exist_is_named(lab_port, name):
    """Of the agent's file, not of the settings."""
    persona = replace(MIA, voices={**MIA.voices, name: "missing-voice"})
    findings = await ask(pointed_at(lab_port), persona=persona)
    assert "the voice 'missing-voice' does not exist" in about(findings, name)


async def test_only_the_chosen_providers_are_asked(lab_port):
    """A stand-in that nobody chose needs no account."""
    environ = {"OFFHOOK__SPEAK__STAND_INS": "", "OFFHOOK__WIRE__KIND": "webrtc"}
    areas = {f.area for f in await ask(pointed_at(lab_port) | environ)}
    assert areas == {"deepgram", "anthropic", "elevenlabs"}


async def test_offline_every_vendor_is_one_clear_line():
    """Nothing listens there: as with no network."""
    findings = await ask(pointed_at(free_port()))
    assert len(findings) == 5
    assert all("cannot be reached" in f.text and f.is_problem for f in findings)


@pytest.mark.parametrize(
    ("status", "hint"),
    [(500, "answered 500"), (402, "payment"), (429, "too often"), (302, "302")],
)
async def test_a_vendor_in_trouble_is_one_line(status, hint):
    """A 5xx, an empty account, a busy hour, a captive portal's redirect."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, text="<html>", headers={"Location": "/elsewhere"})

    async with serving(answer) as port:
        findings = await ask(pointed_at(port))
        assert hint in about(findings, "deepgram")
        assert hint in about(findings, "twilio")


async def test_a_vendor_that_answers_with_garbage_is_one_line():
    """Somebody else's server at that address."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(text="hello", content_type="text/plain")

    async with serving(answer) as port:
        findings = await ask(pointed_at(port))
        assert {f.area for f in findings if f.is_problem} == {*PROVIDERS, "twilio"}


async def test_a_vendor_that_hangs_is_given_up():
    """The doctor does not wait for ever."""
    released = asyncio.Event()

    async def answer(request: web.Request) -> web.Response:
        await released.wait()
        return web.Response()

    async with serving(answer) as port:
        findings = await ask(pointed_at(port), timeout_s=20 * TICK)
        released.set()
    assert all("gave no answer within" in f.text for f in findings)


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class serving:
    """A server whose every GET gives `answer`; its port."""

    def __init__(self, answer: Answer) -> None:
        app = web.Application()
        app.router.add_get("/{tail:.*}", answer)
        self._server = TestServer(app, host="127.0.0.1")

    async def __aenter__(self) -> int:
        await self._server.start_server()
        assert self._server.port is not None
        return self._server.port

    async def __aexit__(self, *_: object) -> None:
        await self._server.close()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("wss://api.deepgram.com", "https://api.deepgram.com"),
        ("wss://api.cartesia.ai/tts/websocket", "https://api.cartesia.ai"),
        ("ws://127.0.0.1:7900/tts/websocket", "http://127.0.0.1:7900"),
        ("https://api.twilio.com", "https://api.twilio.com"),
        ("wss://host.example/deepgram/", "https://host.example/deepgram"),
    ],
)
def test_the_rest_address_follows_from_the_sockets(url, expected):
    """One setting per vendor is enough."""
    assert rest_url(url) == expected


# ── the carrier ──────────────────────────────────────────────────────────────────────
VOICEMAIL = "<Response><Say>Sorry.</Say><Record/></Response>"


def carrier(
    *,
    numbers: list[dict[str, Any]] | None = None,
    status: str = "active",
    fallback: str = VOICEMAIL,
) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/fallback.xml":
            return web.Response(text=fallback, content_type="text/xml")
        if request.path in ("/closed.xml", "/gone.xml"):
            return web.Response(status=403 if request.path == "/closed.xml" else 404)
        if not request.headers.get("Authorization", "").startswith("Basic "):
            return web.Response(status=401)
        if request.path.endswith("IncomingPhoneNumbers.json"):
            listed = [{**n, "voice_fallback_url": _at(request, n)} for n in numbers or []]
            return web.json_response({"incoming_phone_numbers": listed})
        return web.json_response({"status": status})

    return answer


def _at(request: web.Request, number: dict[str, Any]) -> str:
    return str(number["voice_fallback_url"]).replace("HERE", f"http://{request.host}")


def number(fallback: str, *, voice: str = "https://agent.example/twilio/voice") -> dict[str, Any]:
    return {
        "phone_number": "+12125550142",
        "voice_url": voice,
        "voice_fallback_url": fallback,
        "voice_fallback_method": "GET",
    }


async def carrier_says(answer: Answer) -> str:
    async with serving(answer) as port:
        environ = pointed_at(port) | {"OFFHOOK__SPEAK__STAND_INS": ""}
        return about(await ask(environ), "twilio")


async def test_a_number_with_webhook_and_fallback_is_good():
    """The whole way of a call was looked at."""
    text = await carrier_says(carrier(numbers=[number("HERE/fallback.xml")]))
    assert "+12125550142 reaches this webhook and falls back to a voicemail" in text
    assert "problem" not in text


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (carrier(status="suspended"), "the account is suspended"),
        (carrier(numbers=[number("x", voice="https://other.example")]), "no number's Voice URL"),
        (carrier(numbers=[number("")]), "has no Voice Fallback URL"),
        (carrier(numbers=[number("https://agent.example/x")]), "the very host"),
        (carrier(numbers=[number("http://127.0.0.1:1/x")]), "does not answer"),
        (carrier(numbers=[number("HERE/fallback.xml")], fallback="<Response/>"), "no message"),
        (carrier(numbers=[number("not a url")]), "does not answer"),
        (carrier(numbers=[number("HERE/closed.xml")]), "answers its owner only (403)"),
        (carrier(numbers=[number("HERE/gone.xml")]), "takes no message"),
    ],
)
async def test_a_number_that_would_fail_when_this_host_is_dead_is_told(answer, hint):
    """A dead host cannot apologise; the number's own fallback has to."""
    assert hint in await carrier_says(answer)


async def test_a_refused_token_names_both_variables(lab_port):
    """Account and token belong together."""
    findings = await ask(pointed_at(lab_port) | {"TWILIO_ACCOUNT_SID": "XX0"})
    text = about(findings, "twilio")
    assert "TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN" in text
