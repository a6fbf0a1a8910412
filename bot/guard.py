"""The guard before all doors: who may look in, how much may be sent, which headers go out.

Open to everybody are the carrier's doors, which check its signature themselves, and the two health
questions. Everything else (console, API, events, metrics, the page that talks and its offer) is
asked for OFFHOOK_CONSOLE_PASSWORD, or has to come from this very machine. A new door is closed
until it is listed here.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from loguru import logger

from bot.addresses import is_loopback, is_loopback_host
from call.measures import REFUSED, Recorder

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

OPEN_DOORS = ("/healthz", "/readyz")
CARRIER_DOORS = "/twilio/"
WITHOUT_BODY = ("GET", "HEAD", "OPTIONS")
# A proxy adds one of these; whoever sent the request is then not who connected.
FORWARDED = (b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"via")
CLOSE = (b"connection", b"close")


@dataclass(frozen=True)
class Doors:
    """What one request may weigh."""

    max_body_bytes: int = 65536
    """Longest request body accepted; the carrier's forms are below 4 KiB, a browser's offer below
    16."""
    body_timeout_s: float = 5.0
    """Seconds a request may take to send its body; a slow sender would hold memory for ever."""
    max_form_fields: int = 200
    """Fields of a form; the carrier sends about 30."""
    max_json_depth: int = 16
    """Levels of brackets in a JSON body; an offer has one."""

    def __post_init__(self) -> None:
        if not 1024 <= self.max_body_bytes <= 16 << 20:
            raise ValueError(
                f"max_body_bytes is {self.max_body_bytes}; give 1024 to {16 << 20} bytes"
            )
        if not 0 < self.body_timeout_s <= 60:
            raise ValueError(f"body_timeout_s is {self.body_timeout_s}; give up to 60 seconds")
        if not 30 <= self.max_form_fields <= 10_000:
            raise ValueError(f"max_form_fields is {self.max_form_fields}; give 30 to 10000")
        if not 1 <= self.max_json_depth <= 100:
            raise ValueError(f"max_json_depth is {self.max_json_depth}; give 1 to 100")


@dataclass(frozen=True)
class Refusal:
    """Why a request goes no further; its one line says nothing of what was sent."""

    status: int
    reason: str
    line: str


UNASKED = Refusal(
    403, "closed", "closed: set OFFHOOK_CONSOLE_PASSWORD, or ask from the machine itself"
)
NO_PASSWORD = Refusal(401, "password", "the console's password, please")
FOREIGN_PAGE = Refusal(403, "foreign_page", "another site's page may not do this")
TOO_LONG = Refusal(413, "too_long", "the request is too long")
TOO_SLOW = Refusal(408, "too_slow", "the request took too long")


class Guard:
    """ASGI middleware around every door."""

    def __init__(
        self, app: Asgi, *, doors: Doors, public_url: str, password: str, recorder: Recorder
    ) -> None:
        self._app = app
        self._doors = doors
        self._public_url = public_url
        self._password = password.encode()
        self._recorder = recorder
        self._headers = security_headers(public_url)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Let through, or answer with one line."""
        if scope["type"] != "http":  # the media socket asks for its signature and its token itself
            await self._app(scope, receive, send)
            return
        dressed = self._dressed(send)
        refusal = self._refusal(scope)
        if refusal is None and scope["method"] not in WITHOUT_BODY:
            body = await self._body(scope, receive)
            if isinstance(body, Refusal):
                refusal = body
            elif body is None:
                return  # gone before it had said everything
            else:
                receive = _replay(body, receive)
        if refusal is None:
            await self._app(scope, receive, dressed)
            return
        door = _door(scope["path"])
        self._recorder.count(REFUSED, door=door, reason=refusal.reason)
        logger.warning("request refused at the {} door: {}", door, refusal.reason)
        await _answer(dressed, refusal)

    # ── who may look in ──────────────────────────────────────────────────────────────
    def _refusal(self, scope: MutableMapping[str, Any]) -> Refusal | None:
        path = scope["path"]
        if path in OPEN_DOORS or path.startswith(CARRIER_DOORS):
            return None
        headers = dict(scope["headers"])
        if not self._is_known(scope, headers):
            return NO_PASSWORD if self._password else UNASKED
        if scope["method"] not in WITHOUT_BODY and self._is_foreign(headers):
            return FOREIGN_PAGE
        return None

    def _is_known(self, scope: MutableMapping[str, Any], headers: dict[bytes, bytes]) -> bool:
        given = password_of(headers.get(b"authorization", b""))
        if self._password and hmac.compare_digest(given, self._password):
            return True
        return self._is_local(scope, headers)

    def _is_local(self, scope: MutableMapping[str, Any], headers: dict[bytes, bytes]) -> bool:
        """Asked from this machine, for this machine.

        Behind a proxy or tunnel everybody comes from loopback, so then nobody is local. The name in
        Host is read only to refuse: a page that points its own name here sends that name.
        """
        if self._public_url and not is_loopback(self._public_url):
            return False
        if any(name in headers for name in FORWARDED):
            return False
        client = scope.get("client")
        return (
            client is not None
            and is_loopback_host(client[0])
            and is_loopback("//" + headers.get(b"host", b"").decode("latin-1"))
        )

    def _is_foreign(self, headers: dict[bytes, bytes]) -> bool:
        """Whether a page of another site makes a browser do this."""
        if headers.get(b"sec-fetch-site", b"same-origin") not in (b"same-origin", b"none"):
            return True
        origin = headers.get(b"origin")
        if origin is None:
            return False
        own = {headers.get(b"host", b"").decode("latin-1"), urlsplit(self._public_url).netloc}
        return origin.decode("latin-1").partition("://")[2] not in own - {""}

    # ── how much may be sent ─────────────────────────────────────────────────────────
    async def _body(
        self, scope: MutableMapping[str, Any], receive: Receive
    ) -> bytes | Refusal | None:
        """The whole body, bounded in size and time; None when the client went away."""
        limit = self._doors.max_body_bytes
        length = dict(scope["headers"]).get(b"content-length", b"")
        if length.isdigit() and (len(length) > 12 or int(length) > limit):
            return TOO_LONG
        body = bytearray()
        try:
            async with asyncio.timeout(self._doors.body_timeout_s):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return None
                    body += message.get("body", b"")
                    if len(body) > limit:
                        return TOO_LONG
                    if not message.get("more_body", False):
                        return bytes(body)
        except TimeoutError:
            return TOO_SLOW

    # ── which headers go out ─────────────────────────────────────────────────────────
    def _dressed(self, send: Send) -> Send:
        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", []))
                names = {name.lower() for name, _ in given}
                missing = [pair for pair in self._headers if pair[0] not in names]
                message = {**message, "headers": [*given, *missing]}
            await send(message)

        return dressed


def password_of(authorization: bytes) -> bytes:
    """The password of an HTTP Basic header, whatever the name before it; b"" when there is none."""
    scheme, _, value = authorization.partition(b" ")
    if scheme.lower() != b"basic":
        return b""
    try:
        return base64.b64decode(value.strip(), validate=True).partition(b":")[2]
    except (binascii.Error, ValueError):
        return b""


def _door(path: str) -> str:
    """A door's name for counters and logs; the path itself is the stranger's text."""
    first = path.lstrip("/").partition("/")[0]
    return first if first in ("twilio", "api", "metrics", "console", "talk", "webrtc") else "other"


def _replay(body: bytes, receive: Receive) -> Receive:
    """A body read already, given once; what comes then is the client's leaving."""
    told = False

    async def replayed() -> Message:
        nonlocal told
        if told:
            return await receive()
        told = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


async def _answer(send: Send, refusal: Refusal) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), CLOSE]
    if refusal is NO_PASSWORD:
        headers.append((b"www-authenticate", b'Basic realm="offhook", charset="UTF-8"'))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": refusal.line.encode() + b"\n"})


# ── headers ──────────────────────────────────────────────────────────────────────────
def security_headers(public_url: str) -> list[tuple[bytes, bytes]]:
    """What every answer carries unless the door has set it itself."""
    headers = {
        "content-security-policy": content_policy(),
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "microphone=(self), camera=(), geolocation=()",
        "cache-control": "no-store",
    }
    if public_url.startswith("https://"):
        headers["strict-transport-security"] = "max-age=31536000"
    return [(name.encode(), value.encode()) for name, value in headers.items()]


_INLINE = re.compile(r"<(script|style)(?:\s[^>]*)?>(.*?)</\1>", re.DOTALL | re.IGNORECASE)


def content_policy(page: str = "") -> str:
    """What a page may load: our own files, and the scripts and styles that stand in `page` itself,
    by their hashes. `page` has to be a file of ours, with nothing of a caller's in it."""
    inline: dict[str, list[str]] = {"script": [], "style": []}
    for kind, text in _INLINE.findall(page):
        if text.strip():
            digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
            inline[kind.lower()].append(f"'sha256-{digest}'")
    return "; ".join(
        [
            "default-src 'none'",
            " ".join(["script-src 'self'", *inline["script"]]),
            " ".join(["style-src 'self'", *inline["style"]]),
            "connect-src 'self'",
            "img-src 'self' data:",
            "media-src 'self' blob:",
            "font-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )


# ── what bodies may be ───────────────────────────────────────────────────────────────
def read_form(body: bytes, *, doors: Doors) -> dict[str, str]:
    """A form's fields; ValueError (one line, without its text) when it is none, or too many."""
    try:
        fields = parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, max_num_fields=doors.max_form_fields
        )
    except UnicodeDecodeError:
        raise ValueError("the form is not UTF-8") from None
    except ValueError:
        raise ValueError(f"the form has more than {doors.max_form_fields} fields") from None
    return dict(fields)


def read_json(body: bytes, *, doors: Doors) -> dict[str, Any]:
    """A JSON object; ValueError (one line, without its text) for anything else, or too deep."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise ValueError("the body is no JSON") from None
    if not isinstance(document, dict):
        raise ValueError("the body is no JSON object")
    if _is_deeper(document, doors.max_json_depth):
        raise ValueError(f"the body has more than {doors.max_json_depth} levels")
    return document


def _is_deeper(document: object, levels: int) -> bool:
    layer: Iterable[object] = [document]
    for _ in range(levels):
        layer = [item for thing in layer for item in _items(thing)]
        if not layer:
            return False
    return any(isinstance(thing, dict | list) for thing in layer)


def _items(thing: object) -> Iterable[object]:
    if isinstance(thing, dict):
        return thing.values()
    return thing if isinstance(thing, list) else ()
