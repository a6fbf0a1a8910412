"""What the carrier asks us over HTTP, and what it is told: is this request really theirs, and what
is to happen with the call.

TwiML is read top down: `<Connect>` holds the call until its media socket closes, then the next verb
runs. So every answer that connects ends with a `<Redirect>` to `/twilio/after`, which decides what
follows: hang up, take a message, or dial a person.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

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


@dataclass(frozen=True)
class Tongue:
    """In which language and voice the carrier speaks for us, where the agent cannot."""

    language: str = "en-US"
    voice: str = ""
    """the carrier's name for a voice, such as "Polly.Joanna"; empty: its default"""


def tongue(language: str, voice: str = "") -> Tongue:
    """The carrier's tongue for an agent's language, in `voice` if one is named."""
    own = _TONGUES.get(language, Tongue(language))
    return Tongue(own.language, voice or own.voice)


ENGLISH = Tongue()
# The carrier knows languages with their country, and has no default voice for Arabic.
_TONGUES = {"en": ENGLISH, "ar": Tongue("arb", "Polly.Zeina")}


def message_twiml(public_url: str, *, words: str, say: Tongue = ENGLISH) -> str:
    """Say `words`, then record a message; for a full house, a drained one, or a call that broke."""
    response = VoiceResponse()
    _say(response, words, say)
    # Without an action the carrier would ask this very document again after the message.
    response.record(
        action=_at(public_url, "/twilio/recording"),
        method="POST",
        max_length=MESSAGE_S,
        play_beep=True,
        recording_status_callback=_at(public_url, "/twilio/recording"),
        recording_status_callback_event="completed",
    )
    response.hangup()  # reached when nothing was said
    return str(response)


def transfer_twiml(
    public_url: str,
    *,
    number: str,
    call_id: str,
    words: str = "",
    say: Tongue = ENGLISH,
) -> str:
    """Say `words`, if any, then dial a person, who hears `/twilio/whisper` before the caller; how
    that ended is told to `/twilio/dial`."""
    response = VoiceResponse()
    if words:
        _say(response, words, say)
    dial = Dial(action=_at(public_url, "/twilio/dial"), method="POST", timeout=RING_S)
    whisper = _at(public_url, "/twilio/whisper?") + urlencode({"call": call_id})
    dial.number(number, url=whisper, method="POST")
    response.append(dial)
    return str(response)


def whisper_twiml(words: str, *, say: Tongue = ENGLISH) -> str:
    """What the person hears; at its end the caller is put through."""
    response = VoiceResponse()
    if words:
        _say(response, words, say)
    return str(response)


def _say(response: VoiceResponse, words: str, say: Tongue) -> None:
    response.say(words, language=say.language, voice=say.voice or None)


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


# ── what has been recorded? ─────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Recording:
    """A message that the carrier keeps."""

    recording_id: str
    url: str = field(repr=False)
    duration_s: int
    is_complete: bool
    """the carrier has it whole; before, it is still being written"""


def recording(form: Mapping[str, str], *, api_url: str) -> Recording | None:
    """The recording a callback tells of, or None when it tells of none.

    Its address is taken only from where the carrier keeps recordings: it is shown to people as a
    link, and deleted with our account.
    """
    recording_id = form.get("RecordingSid", "")
    if not re.fullmatch(r"RE[0-9a-f]{32}", recording_id):
        return None
    url = form.get("RecordingUrl", "")
    if not _is_carriers(url, api_url) or not url.endswith(f"/Recordings/{recording_id}"):
        return None
    duration = form.get("RecordingDuration", "")
    return Recording(
        recording_id,
        url=url,
        duration_s=int(duration) if duration.isascii() and duration.isdigit() else 0,
        is_complete=form.get("RecordingStatus") == "completed",
    )


def _is_carriers(url: str, api_url: str) -> bool:
    if len(url) > 300 or not url.isascii() or not url.isprintable() or " " in url:
        return False
    try:
        parts, own = urlsplit(url), urlsplit(api_url)
    except ValueError:
        return False
    if parts.query or parts.fragment:
        return False
    is_twilio = parts.scheme == "https" and parts.netloc.endswith(".twilio.com")
    return is_twilio or (parts.scheme, parts.netloc) == (own.scheme, own.netloc)


def _at(public_url: str, path: str) -> str:
    return public_url.rstrip("/") + path
