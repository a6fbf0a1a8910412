"""Cartesia: µ-law speech over one socket, one context a reply, continued clause by clause.

The context's audio buffer is switched off and each clause is flushed, so that every clause is
spoken at once and its end is told.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from call.audio import RATE_HZ
from call.errors import ProviderFault
from services.channel import Address
from services.fault import Origin, from_name
from services.voice import Event, Failed, Finished, Flushed, Sound, Timing, Unknown


@dataclass(frozen=True)
class Cartesia:
    """The `[cartesia]` section: where the voice is and how it sounds."""

    url: str = "wss://api.cartesia.ai/tts/websocket"
    """The socket's full URL."""
    model: str = "sonic-3"
    """The voice's model."""
    version: str = "2026-03-01"
    """API version the messages follow."""
    speed: float = 1.0
    """0.6 slow to 1.5 fast."""
    volume: float = 1.0
    """0.5 to 2."""
    emotion: str = ""
    """A feeling the model knows ("calm", "sympathetic", …); empty leaves it to the text."""
    connect_timeout_s: float = 3.0
    """The opening handshake may take this long."""
    renew_s: float = 240.0
    """An idle socket older than this is replaced; the vendor closes it after 5 minutes."""

    SPEEDS: ClassVar[tuple[float, float]] = (0.6, 1.5)

    def __post_init__(self) -> None:
        slowest, fastest = self.SPEEDS
        if not slowest <= self.speed <= fastest:
            raise ValueError(f"speed {self.speed} must lie between 0.6 and 1.5")
        if not 0.5 <= self.volume <= 2.0:
            raise ValueError(f"volume {self.volume} must lie between 0.5 and 2")
        for name in ("connect_timeout_s", "renew_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} {getattr(self, name)} must be above 0 seconds")


class CartesiaDialect:
    """What Cartesia understands and says."""

    origin = Origin("cartesia", "speak")
    keepalive_s = 0.0  # the vendor has no keep-alive message; `renew_s` takes its place
    context_life_s = 0.6  # the vendor forgets one a second after its last audio, and says nothing

    def __init__(self, settings: Cartesia, key: str, *, voice: str, language: str) -> None:
        self.renew_s = settings.renew_s
        self._settings = settings
        self._key = key
        generation: dict[str, Any] = {"speed": settings.speed, "volume": settings.volume}
        if settings.emotion:
            generation["emotion"] = settings.emotion
        # All but the text must stay the same within a context.
        self._constant: dict[str, Any] = {
            "model_id": settings.model,
            "voice": {"mode": "id", "id": voice},
            "language": language.split("-")[0],
            "output_format": {
                "container": "raw",
                "encoding": "pcm_mulaw",
                "sample_rate": RATE_HZ,
            },
            "add_timestamps": True,
            "max_buffer_delay_ms": 0,
            "generation_config": generation,
        }

    def address(self) -> Address:
        """The socket, with key and version at the door."""
        headers = {"X-API-Key": self._key, "Cartesia-Version": self._settings.version}
        return Address(self._settings.url, headers)

    def speak(self, context: str, text: str, *, is_first: bool) -> list[str]:
        """Say a clause, then flush: its end will be told as `flush_done`."""
        return [
            self._message(context, f"{text.strip()} ", is_continued=True),
            self._message(context, "", is_continued=True, flush=True),
        ]

    def finish(self, context: str) -> list[str]:
        """Nothing follows; `done` comes behind the last sample."""
        return [self._message(context, "", is_continued=False)]

    def cancel(self, context: str) -> list[str]:
        """Stop the context; what is in flight is dropped when it comes."""
        return [json.dumps({"context_id": context, "cancel": True})]

    def keepalive(self, contexts: Sequence[str]) -> str | None:
        """There is no such message."""
        return None

    def read(self, text: str) -> list[Event]:
        """Sound, times, ends or an error (of both API generations)."""
        message = json.loads(text)
        context = str(message.get("context_id") or "")
        match message["type"]:
            case "chunk":
                return [Sound(context, base64.b64decode(message["data"], validate=True))]
            case "timestamps":
                times = message["word_timestamps"]
                return [Timing(context, times["words"], times["start"], times["end"])]
            case "flush_done":
                return [Flushed(context)]
            case "done":
                return [Finished(context)]
            case "error":
                return [Failed(self._fault(message), context or None)]
            case "phoneme_timestamps":
                return []
            case _:
                return [Unknown()]

    def _message(self, context: str, text: str, *, is_continued: bool, flush: bool = False) -> str:
        message = {
            **self._constant,
            "context_id": context,
            "transcript": text,
            "continue": is_continued,
        }
        if flush:
            message["flush"] = True
        return json.dumps(message)

    def _fault(self, message: dict[str, Any]) -> ProviderFault:
        status = message.get("status_code")
        request_id = message.get("request_id")
        return from_name(
            self.origin,
            str(message.get("error_code") or ""),
            status=status if isinstance(status, int) else 0,
            request_id=request_id if isinstance(request_id, str) else None,
        )
