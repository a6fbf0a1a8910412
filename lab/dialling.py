"""How Twilio reaches a bot before and after the stream: signed webhooks out, TwiML back.

The signature is computed by the carrier's own library over the public URL; `via` stands in for the
tunnel and only changes where the bytes go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit
from xml.etree import ElementTree

import aiohttp
from twilio.request_validator import RequestValidator

from lab.carrier import CallIds
from lab.conformance import Conformance

WEBHOOK_TIMEOUT_S = 15.0  # Twilio's own
PARAMETER_CHARS = 500
LOOPBACK = ("127.0.0.1", "localhost", "::1")


class DialError(Exception):
    """The bot could not be reached or did not answer as a bot; one line for people."""


@dataclass(frozen=True)
class Phone:
    """Who calls whom, and what signs for it."""

    ids: CallIds = field(default_factory=CallIds)
    caller_number: str = "+15550100142"
    called_number: str = "+15550100100"
    auth_token: str = ""
    via: str = ""
    """host:port that stands for every host, as a tunnel would."""

    def form(self, status: str) -> dict[str, str]:
        """The fields of every voice webhook."""
        return {
            "CallSid": self.ids.call_sid,
            "AccountSid": self.ids.account_sid,
            "From": self.caller_number,
            "To": self.called_number,
            "Caller": self.caller_number,
            "Called": self.called_number,
            "CallStatus": status,
            "Direction": "inbound",
            "ApiVersion": "2010-04-01",
        }

    def signed(self, url: str, form: Mapping[str, str]) -> dict[str, str]:
        """Headers for a request to `url`; none without a token."""
        if not self.auth_token:
            return {}
        signature = RequestValidator(self.auth_token).compute_signature(url, dict(form))
        return {"X-Twilio-Signature": signature}

    def route(self, url: str) -> str:
        """Where the bytes for `url` go."""
        if not self.via:
            return url
        parts = urlsplit(url)
        plain = {"https": "http", "wss": "ws"}.get(parts.scheme, parts.scheme)
        return urlunsplit((plain, self.via, parts.path, parts.query, ""))


@dataclass(frozen=True)
class Verb:
    """One TwiML verb: what the report shows of it, and the element itself."""

    name: str
    attributes: Mapping[str, str]
    text: str
    element: ElementTree.Element

    def as_json(self) -> dict[str, object]:
        """For the report."""
        return {"verb": self.name, "attributes": dict(self.attributes), "text": self.text}


@dataclass(frozen=True)
class StreamOffer:
    """Where the TwiML wants the stream, and with which parameters."""

    url: str
    parameters: Mapping[str, str]


async def ask(
    session: aiohttp.ClientSession,
    url: str,
    *,
    phone: Phone,
    form: Mapping[str, str],
    method: str = "POST",
) -> list[Verb]:
    """Ask for a document as the carrier does; its verbs, or `DialError`."""
    timeout = aiohttp.ClientTimeout(total=WEBHOOK_TIMEOUT_S)
    if method == "GET":
        url += ("&" if urlsplit(url).query else "?") + urlencode(form)
        form = {}
    try:
        async with session.request(
            method, phone.route(url), data=form, headers=phone.signed(url, form), timeout=timeout
        ) as answer:
            body = await answer.text()
            code = answer.status
    except TimeoutError:
        raise DialError(f"{_plain(url)}: no answer within {WEBHOOK_TIMEOUT_S:g} s") from None
    except aiohttp.ClientError as error:
        raise DialError(f"{_plain(url)}: {unreachable(error)}") from None
    if code != 200:
        hint = "; is --auth-token the bot's TWILIO_AUTH_TOKEN?" if code == 403 else ""
        raise DialError(f"{_plain(url)}: answered {code} instead of TwiML{hint}")
    return verbs(body, url=_plain(url))


def _plain(url: str) -> str:
    """Without what the carrier put behind it."""
    return url.partition("?")[0]


def unreachable(error: aiohttp.ClientError) -> str:
    """Why nothing answered, in a few words."""
    if isinstance(error, aiohttp.ClientConnectorError):
        cause = error.os_error
        is_refusal = isinstance(cause, ConnectionRefusedError)
        return f"{'connection refused' if is_refusal else cause}; is the bot up?"
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return f"the upgrade was answered {error.status} instead of 101"
    return f"{type(error).__name__}: {error}"


def verbs(body: str, *, url: str) -> list[Verb]:
    """The verbs of a TwiML document."""
    if not body.strip():
        return []
    if "<!DOCTYPE" in body or "<!ENTITY" in body:
        raise DialError(f"{url}: the TwiML declares a document type; Twilio takes none")
    try:
        root = ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise DialError(f"{url}: the answer is not XML ({error})") from None
    if root.tag != "Response":
        raise DialError(f"{url}: the document is <{root.tag}>, not <Response>")
    return [
        Verb(child.tag, dict(child.attrib), "".join(child.itertext()).strip(), child)
        for child in root
    ]


def stream_offer(verb: Verb, *, base_url: str, conformance: Conformance) -> StreamOffer | None:
    """The Stream inside a Connect, judged."""
    stream = verb.element.find("Stream")
    if verb.name != "Connect" or stream is None:
        return None
    url = urljoin(base_url, stream.get("url", ""))
    parts = urlsplit(url)
    is_secure = parts.scheme == "wss" or (parts.scheme == "ws" and parts.hostname in LOOPBACK)
    conformance.judge(
        "stream-url", is_secure and not parts.query, detail=f"the Stream's url is {url}"
    )
    parameters = {
        each.get("name", ""): each.get("value", "") for each in stream.findall("Parameter")
    }
    for name, value in parameters.items():
        size = len(name) + len(value)
        conformance.judge(
            "parameter-length", size < PARAMETER_CHARS, detail=f"{name} has {size} characters"
        )
    return StreamOffer(url, parameters)
