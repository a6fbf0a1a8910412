"""What the carrier asks us over HTTP, and what it is told: is this request really theirs, and what
is to happen with the call.

TwiML is read top down: `<Connect>` holds the call until its media socket closes, then the next verb
runs. So every answer that connects ends with a `<Redirect>` to `/twilio/after`, which decides what
follows: hang up, take a message, or dial a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import Connect, Dial, VoiceResponse

from call.errors import MisuseError

PARAMETER_CHARS = 500  # Twilio: name and value of a <Parameter> together stay below it
MESSAGE_S = 120  # a message longer than two minutes is not listened to
RING_S = 25  # about five rings, before a person's own voicemail picks up


@dataclass(frozen=True)
class Twilio:
    """Section `[twilio]`: the carrier's REST API and the tokens that tie a socket to a call."""

    api_url: str = "https://api.twilio.com"
    """Base URL of the REST API; the lab's with its default port is http://127.0.0.1:7900."""

    rest_timeout_s: float = 3.0
    """Seconds a REST request may take; a hang-up that takes longer is reported and given up."""

    token_life_s: float = 60
    """Seconds between the webhook and the media socket it announces; it needs about one."""

    def __post_init__(self) -> None:
        if not self.api_url.startswith(("https://", "http://")):
            raise ValueError(f"twilio.api_url is {self.api_url!r}; write it with https:// in front")
        if not 0.1 <= self.rest_timeout_s <= 30:
            raise ValueError(f"twilio.rest_timeout_s is {self.rest_timeout_s}; use 0.1 to 30")
        if not 1 <= self.token_life_s <= 3600:
            raise ValueError(f"twilio.token_life_s is {self.token_life_s}; use 1 to 3600 seconds")


# ── is it theirs? ───────────────────────────────────────────────────────────────────


def is_signed_post(
    auth_token: str, *, public_url: str, target: str, form: Mapping[str, str], signature: str
) -> bool:
    """Whether a form post to `target` (path with its query) carries the carrier's signature.

    The carrier signs the URL as it knows it, so it is built from `wire.public_url`, never from the
    Host header a proxy may have changed.
    """
    url = public_url.rstrip("/") + target
    return _is_signed(auth_token, url, dict(form), signature)


def is_signed_upgrade(auth_token: str, *, public_url: str, target: str, signature: str) -> bool:
    """Whether the upgrade of a media socket at `target` carries the carrier's signature.

    Signed is the exact wss URL, without parameters; the carrier is known to append a slash.
    """
    url = socket_url(public_url, target)
    return any(_is_signed(auth_token, seen, {}, signature) for seen in (url, url + "/"))


def _is_signed(auth_token: str, url: str, form: dict[str, str], signature: str) -> bool:
    if not auth_token or not signature.isascii():
        return False
    return bool(RequestValidator(auth_token).validate(url, form, signature))


def socket_url(public_url: str, target: str) -> str:
    """The media socket's address: wss where the webhook is https."""
    parts = urlsplit(public_url.rstrip("/"))
    scheme = "wss" if parts.scheme == "https" else "ws"
    return f"{scheme}://{parts.netloc}{parts.path}{target}"


# ── what is to happen? ──────────────────────────────────────────────────────────────


def connect_twiml(
    public_url: str, *, token: str = "", parameters: Mapping[str, str] | None = None
) -> str:
    """Connect the caller to our media socket; afterwards ask what is next.

    `token` and the further `parameters` come back in the stream's `start`.
    """
    connect = Connect()
    stream = connect.stream(url=socket_url(public_url, "/twilio/media"))
    carried = {"token": token, **(parameters or {})}
    for name, value in carried.items():
        if len(name) + len(value) >= PARAMETER_CHARS:
            raise MisuseError(f"parameter {name} is too long for a stream")
        if value:
            stream.parameter(name=name, value=value)
    response = VoiceResponse()
    response.append(connect)
    response.redirect(_at(public_url, "/twilio/after"), method="POST")
    return str(response)


def message_twiml(public_url: str, *, words: str, language: str = "en-US") -> str:
    """Say `words`, then record a message; for a full house, a drained one, or a call that broke."""
    response = VoiceResponse()
    response.say(words, language=language)
    # Without an action the carrier would ask this very document again after the message.
    response.record(
        action=_at(public_url, "/twilio/recording"),
        method="POST",
        max_length=MESSAGE_S,
        play_beep=True,
        recording_status_callback=_at(public_url, "/twilio/recording"),
    )
    response.hangup()  # reached when nothing was said
    return str(response)


def transfer_twiml(
    public_url: str, *, number: str, words: str = "", language: str = "en-US"
) -> str:
    """Say `words`, if any, then dial a person; how that ended is told to `/twilio/dial`."""
    response = VoiceResponse()
    if words:
        response.say(words, language=language)
    dial = Dial(action=_at(public_url, "/twilio/dial"), method="POST", timeout=RING_S)
    dial.number(number)
    response.append(dial)
    return str(response)


def reject_twiml() -> str:
    """Engaged tone: the call is never picked up, and costs nobody anything."""
    response = VoiceResponse()
    response.reject(reason="busy")
    return str(response)


def hangup_twiml() -> str:
    """End the call."""
    response = VoiceResponse()
    response.hangup()
    return str(response)


def _at(public_url: str, path: str) -> str:
    return public_url.rstrip("/") + path
