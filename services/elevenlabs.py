"""ElevenLabs: µ-law speech over multi-stream-input, one context a reply.

Each clause is flushed at once, so the first is spoken without waiting for more text; closing the
context makes the vendor say when its last sample has come.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from services.channel import Address
from services.fault import Origin, from_name
from services.voice import Event, Failed, Finished, Sound, Timing, Unknown

_LANGUAGE_MODELS = ("eleven_flash_v2_5", "eleven_turbo_v2_5")  # others refuse a language code
_INACTIVITY_S = 180  # the vendor's most; contexts die after 20 s otherwise


@dataclass(frozen=True)
class ElevenLabs:
    """The `[elevenlabs]` section: where the voice is and how it sounds."""

    url: str = "wss://api.elevenlabs.io"
    """Base URL; the path is appended."""
    model: str = "eleven_flash_v2_5"
    """Flash is the fastest, and speaks 32 languages."""
    stability: float = 0.5
    """0 lively to 1 even."""
    similarity_boost: float = 0.75
    """Closeness to the original voice, 0 to 1."""
    speed: float = 1.0
    """0.7 slow to 1.2 fast."""
    auto_mode: bool = True
    """Speak each clause as it comes, without the vendor's own buffering of text."""
    text_normalization: str = "auto"
    """The vendor's own spelling out of numbers: "auto", "on" or "off"; ours has been there."""
    connect_timeout_s: float = 3.0
    """The opening handshake may take this long."""
    keepalive_s: float = 10.0
    """A keep-alive after this long without a message; idle contexts close after 20 s."""

    SPEEDS: ClassVar[tuple[float, float]] = (0.7, 1.2)

    def __post_init__(self) -> None:
        for name in ("stability", "similarity_boost"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} {getattr(self, name)} must lie between 0 and 1")
        slowest, fastest = self.SPEEDS
        if not slowest <= self.speed <= fastest:
            raise ValueError(f"speed {self.speed} must lie between 0.7 and 1.2")
        if self.text_normalization not in ("auto", "on", "off"):
            raise ValueError(
                f'text_normalization "{self.text_normalization}" must be "auto", "on" or "off"'
            )
        for name in ("connect_timeout_s", "keepalive_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} {getattr(self, name)} must be above 0 seconds")


class ElevenLabsDialect:
    """What ElevenLabs understands and says."""

    origin = Origin("elevenlabs", "speak")
    renew_s = 0.0
    context_life_s = 0.0  # kept alive, and the vendor says when it closes one

    def __init__(self, settings: ElevenLabs, key: str, *, voice: str, language: str) -> None:
        self.keepalive_s = settings.keepalive_s
        self._settings = settings
        self._key = key
        self._voice = voice
        self._language = language

    def address(self) -> Address:
        """The socket of this voice, answering in the telephone's own format."""
        settings = self._settings
        query = {
            "model_id": settings.model,
            "output_format": "ulaw_8000",
            "auto_mode": "true" if settings.auto_mode else "false",
            "apply_text_normalization": settings.text_normalization,
            "inactivity_timeout": str(_INACTIVITY_S),
            "sync_alignment": "true",
        }
        if settings.model in _LANGUAGE_MODELS:
            query["language_code"] = self._language.split("-")[0]
        path = f"/v1/text-to-speech/{quote(self._voice, safe='')}/multi-stream-input"
        return Address(
            f"{settings.url.rstrip('/')}{path}?{urlencode(query)}", {"xi-api-key": self._key}
        )

    def speak(self, context: str, text: str, *, is_first: bool) -> list[str]:
        """Say a clause now; voice settings go with the context's first message only."""
        message: dict[str, Any] = {
            "text": f"{text.strip()} ",  # the vendor wants one blank at the end
            "context_id": context,
            "flush": True,
        }
        if not is_first:
            return [json.dumps(message)]
        settings = self._settings
        opening = {
            "text": " ",
            "context_id": context,
            "voice_settings": {
                "stability": settings.stability,
                "similarity_boost": settings.similarity_boost,
                "speed": settings.speed,
            },
        }
        return [json.dumps(opening), json.dumps(message)]

    def finish(self, context: str) -> list[str]:
        """Close the context; what is flushed is still spoken, then `isFinal` comes."""
        return [json.dumps({"context_id": context, "close_context": True})]

    def cancel(self, context: str) -> list[str]:
        """Close the context; whatever still comes for it is dropped."""
        return self.finish(context)

    def keepalive(self, contexts: Sequence[str]) -> str | None:
        """Empty text: for the newest open context, else for the socket."""
        empty: dict[str, str] = {"text": ""}
        if contexts:
            empty["context_id"] = contexts[-1]
        return json.dumps(empty)

    def read(self, text: str) -> list[Event]:
        """Sound with its letters, the end of a context, or an error; both spellings of each key."""
        message = json.loads(text)
        context = str(_either(message, "contextId", "context_id") or "")
        if message.get("error") or (message.get("message") and not message.get("audio")):
            fault = from_name(self.origin, str(message.get("error") or ""))
            # its "code" is that of the close that follows
            return [Failed(fault, context or None, is_last=message.get("code") is not None)]
        events: list[Event] = []
        audio = message.get("audio")
        if audio:
            alignment = message.get("alignment") or message.get("normalizedAlignment")
            if alignment:
                events.append(_timing(context, alignment))
            events.append(Sound(context, base64.b64decode(audio, validate=True)))
        if _either(message, "isFinal", "is_final"):
            events.append(Finished(context))
        if not events and not _is_silent(message):
            events.append(Unknown())
        return events


def _timing(context: str, alignment: dict[str, Any]) -> Timing:
    starts = [float(ms) / 1000 for ms in _either(alignment, "charStartTimesMs") or ()]
    lengths = _either(alignment, "charDurationsMs", "charsDurationsMs") or ()
    ends = [start + float(ms) / 1000 for start, ms in zip(starts, lengths, strict=False)]
    return Timing(context, alignment["chars"], starts, ends, is_relative=True)


def _either(message: dict[str, Any], *names: str) -> Any:
    """The first of several spellings that is there: the vendor's pages disagree on them."""
    return next((message[name] for name in names if message.get(name) is not None), None)


def _is_silent(message: dict[str, Any]) -> bool:
    """An answer without sound, such as the one to a flush with nothing left."""
    return "audio" in message or "isFinal" in message or "is_final" in message
