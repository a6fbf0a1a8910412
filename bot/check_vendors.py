"""`offhook check`, online: do keys, models and voices exist, and is the telephone number set up?

Each vendor is asked through its own package (Deepgram and Twilio over plain REST) at an address
derived from the configured one, so the emulated providers are asked just the same.
"""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import httpx
from anthropic import AsyncAnthropic
from cartesia import AsyncCartesia
from elevenlabs.client import AsyncElevenLabs
from elevenlabs.core.request_options import RequestOptions

from bot.finding import Finding, good, note, problem
from bot.persona import Persona
from bot.settings import Loaded, provider_keys

TIMEOUT_S = 8.0
"""for one vendor's answers; a doctor who waits longer is no help"""


class NotThere(Exception):
    """The vendor answered, and does not know what was asked for."""


class RestError(Exception):
    """A plain REST answer that is not a 2xx."""

    def __init__(self, status_code: int) -> None:
        self.status_code = status_code
        super().__init__(f"HTTP {status_code}")


async def ask_vendors(
    loaded: Loaded, personas: Iterable[Persona], *, timeout_s: float = TIMEOUT_S
) -> list[Finding]:
    """Ask everybody at once; one finding or more each."""
    people = list(personas)
    settings = loaded.settings
    questions = {settings.hear.provider: _deepgram, settings.think.provider: _anthropic}
    for name in (settings.speak.provider, *settings.speak.stand_ins):
        questions[name] = {"elevenlabs": _elevenlabs, "cartesia": _cartesia}[name]
    if settings.wire.kind == "twilio":
        questions["twilio"] = _twilio
    async with aiohttp.ClientSession() as http:
        answers = await asyncio.gather(
            *(
                _asked(name, question(loaded, people, http), loaded, timeout_s)
                for name, question in questions.items()
            )
        )
    return [finding for findings in answers for finding in findings]


async def _asked(
    name: str, asking: Awaitable[list[Finding]], loaded: Loaded, timeout_s: float
) -> list[Finding]:
    """Whatever a vendor's package raises becomes one line."""
    section = getattr(loaded.settings, name)
    url = rest_url(section.api_url if name == "twilio" else section.url)
    try:
        async with asyncio.timeout(timeout_s):
            return await asking
    except TimeoutError:
        text = f"{url} gave no answer within {timeout_s:g} s"
        return [problem(name, text, "check the network, a proxy or firewall, and the vendor")]
    except NotThere as missing:
        return [problem(name, *missing.args)]
    except Exception as error:  # the doctor: every vendor has its own tree of errors
        return [_refusal(name, url, error)]


def _refusal(name: str, url: str, error: Exception) -> Finding:
    status = getattr(error, "status_code", None)
    keys = "TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN" if name == "twilio" else _variable(name)
    if status in (401, 403):
        return problem(name, f"{url} refuses the key ({status})", f"check {keys}")
    if status == 402:
        return problem(name, f"{url} asks for payment (402)", "check the account's balance")
    if status == 429:
        return note(name, f"{url} is asked too often just now (429)", "check again in a minute")
    if status is not None:
        return problem(name, f"{url} answered {status}", f"check {name}.url, and the vendor")
    if isinstance(error, ValueError | TypeError | AttributeError):
        return problem(name, f"{url} answers, but not as {name} does", f"check {name}.url")
    text = f"{url} cannot be reached ({type(error).__name__})"
    return problem(name, text, f"check the network, DNS and {name}.url")


def _variable(name: str) -> str:
    return f"{name.upper()}_API_KEY"


def rest_url(url: str) -> str:
    """Where the vendor's REST API is, seen from the socket's address."""
    parts = urlsplit(url)
    scheme = {"wss": "https", "ws": "http"}.get(parts.scheme, parts.scheme)
    path = "" if parts.path.endswith("/websocket") else parts.path.rstrip("/")
    return f"{scheme}://{parts.netloc}{path}"


# ── the vendors ──────────────────────────────────────────────────────────────────────
async def _deepgram(
    loaded: Loaded, people: list[Persona], http: aiohttp.ClientSession
) -> list[Finding]:
    settings = loaded.settings.deepgram
    url = rest_url(settings.url)
    headers = {"Authorization": f"Token {provider_keys(loaded)['deepgram']}"}
    await _get(http, f"{url}/v1/auth/token", headers=headers)
    known = await _get(http, f"{url}/v1/models", headers=headers)
    names: set[str] = set()
    for model in known.get("stt", []):
        # "nova-3" is the architecture of what the list calls "nova-3-general"
        names |= {str(model.get(key)) for key in ("name", "canonical_name", "architecture")}
    if names and settings.model not in names:
        close = ", ".join(sorted(name for name in names if "nova" in name or "flux" in name))
        raise NotThere(f"the model {settings.model!r} is not offered", f"choose one of {close}")
    return [good("deepgram", f"key accepted, model {settings.model} offered")]


async def _anthropic(
    loaded: Loaded, people: list[Persona], http: aiohttp.ClientSession
) -> list[Finding]:
    think, url = loaded.settings.think, loaded.settings.anthropic.url
    keys = provider_keys(loaded)
    asked = [("think.model", think.model, url, keys["anthropic"])]
    if think.stand_in_model:
        key = keys["stand_in"] if think.stand_in_url else keys["anthropic"]
        there = think.stand_in_url or url
        asked.append(("think.stand_in_model", think.stand_in_model, there, key))
    for knob, model, there, key in asked:
        async with AsyncAnthropic(api_key=key, base_url=there, max_retries=0) as client:
            with _looking_for(f"the model {model!r}", f"set {knob} to one of yours"):
                _readable(await client.models.retrieve(model))
    names = " and ".join(model for _, model, _, _ in asked)
    return [good("anthropic", f"key accepted, {names} offered")]


async def _elevenlabs(
    loaded: Loaded, people: list[Persona], http: aiohttp.ClientSession
) -> list[Finding]:
    settings = loaded.settings.elevenlabs
    key, url = provider_keys(loaded)["elevenlabs"], rest_url(settings.url)
    # its client has no close of its own
    async with httpx.AsyncClient(timeout=TIMEOUT_S) as connection:
        client = AsyncElevenLabs(api_key=key, base_url=url, httpx_client=connection)
        once = RequestOptions(max_retries=0)
        offered = {str(m.model_id) for m in await client.models.list(request_options=once)}
        if settings.model not in offered:
            text = f"the model {settings.model!r} is not offered"
            raise NotThere(text, f"choose one of {', '.join(sorted(offered))}")
        for voice in _voices(people, "elevenlabs"):
            with _looking_for(f"the voice {voice!r}", "choose one under Voices"):
                await client.voices.get(voice, request_options=once)
    return [good("elevenlabs", f"key accepted, model {settings.model} and voices offered")]


async def _cartesia(
    loaded: Loaded, people: list[Persona], http: aiohttp.ClientSession
) -> list[Finding]:
    key, url = provider_keys(loaded)["cartesia"], rest_url(loaded.settings.cartesia.url)
    async with AsyncCartesia(api_key=key, base_url=url, max_retries=0) as client:
        for voice in _voices(people, "cartesia"):
            with _looking_for(f"the voice {voice!r}", "choose one at play.cartesia.ai"):
                _readable(await client.voices.get(voice))
    return [good("cartesia", "key accepted, voices offered")]


def _voices(people: list[Persona], provider: str) -> list[str]:
    return list(dict.fromkeys(p.voices[provider] for p in people if p.voices.get(provider)))


@contextmanager
def _looking_for(what: str, remedy: str) -> Iterator[None]:
    """A name the vendor cannot place (400, 404, 422) is an answer, not an accident."""
    try:
        yield
    except Exception as error:  # the doctor: every vendor has its own tree of errors
        if getattr(error, "status_code", None) in (400, 404, 422):
            raise NotThere(f"{what} does not exist", remedy) from None
        raise


def _readable(answer: object) -> None:
    """The packages hand a page that is no JSON back as text."""
    if not getattr(answer, "id", None):
        raise ValueError("not the vendor's answer")


# ── the carrier ──────────────────────────────────────────────────────────────────────
async def _twilio(
    loaded: Loaded, people: list[Persona], http: aiohttp.ClientSession
) -> list[Finding]:
    sid, token = (loaded.secrets.value(f"TWILIO_{name}") for name in ("ACCOUNT_SID", "AUTH_TOKEN"))
    if not sid or not token:
        return []  # said already, with the other keys
    account = f"{loaded.settings.twilio.api_url.rstrip('/')}/2010-04-01/Accounts/{sid}"
    auth = {"Authorization": f"Basic {b64encode(f'{sid}:{token}'.encode()).decode()}"}
    state = (await _get(http, f"{account}.json", headers=auth)).get("status")
    if state != "active":
        return [problem("twilio", f"the account is {state}", "see the Twilio console")]
    listed = await _get(http, f"{account}/IncomingPhoneNumbers.json?PageSize=1000", headers=auth)
    found = [good("twilio", "account and token accepted")]
    webhook = loaded.settings.wire.public_url.rstrip("/") + "/twilio/voice"
    numbers = [n for n in listed.get("incoming_phone_numbers", []) if n.get("voice_url") == webhook]
    if not numbers:
        text = f"no number's Voice URL is {webhook}"
        return [*found, note("twilio", text, "set it at the number (docs/first-call.md, step 4)")]
    return found + [await _fallback(http, number, webhook) for number in numbers]


async def _fallback(http: aiohttp.ClientSession, number: dict[str, Any], webhook: str) -> Finding:
    """When this host is dead, only the number's own fallback can still answer."""
    name, url = number.get("phone_number", "?"), number.get("voice_fallback_url") or ""
    remedy = "host the TwiML of docs/first-call.md elsewhere and set it as Voice Fallback URL"
    if not url:
        return problem("twilio", f"{name} has no Voice Fallback URL", remedy)
    if urlsplit(url).netloc == urlsplit(webhook).netloc:
        return problem("twilio", f"{name} falls back to the very host that would be down", remedy)
    method = str(number.get("voice_fallback_method") or "POST")
    try:
        async with http.request(method, url, timeout=aiohttp.ClientTimeout(5)) as response:
            text = (await response.content.read(65536)).decode(errors="replace")
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return problem("twilio", f"the Voice Fallback URL of {name} does not answer", remedy)
    if response.status in (401, 403):
        text = f"the Voice Fallback URL of {name} answers its owner only ({response.status})"
        return note("twilio", text, "make sure that it takes a message")
    if response.status != 200 or "<Record" not in text:
        return problem("twilio", f"the Voice Fallback URL of {name} takes no message", remedy)
    return good("twilio", f"{name} reaches this webhook and falls back to a voicemail")


async def _get(http: aiohttp.ClientSession, url: str, *, headers: dict[str, str]) -> dict[str, Any]:
    async with http.get(url, headers=headers, allow_redirects=False) as response:
        if response.status != 200:
            raise RestError(response.status)
        body = await response.json(content_type=None)
        if not isinstance(body, dict):
            raise ValueError("not an object")
        return body
