"""Where the vendors' documents leave room or contradict each other, a knob says what the lab does.

Set at start (`python -m lab --set deepgram.interim_s=0.2`) or while running
(`PATCH /control/knobs {"deepgram": {"interim_s": 0.2}}`).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass
class NetworkKnobs:
    """The way to all of them."""

    handshake_s: float = 0.0
    """Median of the time a new connection takes, for TCP, TLS and the upgrade; 95 % take less than
    1.5 times as long. Over the internet three round trips, some 0.12."""


@dataclass
class DeepgramKnobs:
    """`/v1/listen`."""

    interim_s: float = 0.1
    """Audio between two interims while words change; live traffic shows 0.1 to 1 s."""
    finalize_when_empty: bool = True
    """Answer a Finalize though nothing is buffered; the vendor does not promise it."""
    finalize_speech_final: bool = True
    """`speech_final` of the result that answers a Finalize; undocumented."""
    endpoint_floor_s: float = 0.25
    """Least silence that ends an utterance, whatever `endpointing` asks: closures inside a word
    last up to that, and the lab listens to energy where the vendor listens to words."""
    ingest_limit: float = 1.25
    """Audio faster than this many times real time waits its turn; 0 = no limit."""
    idle_s: float = 10.0
    """Seconds without audio or KeepAlive before close 1011 NET-0001."""
    max_keyterms: int = 100
    """More of them in Configure fail with CONFIGURE_KEYTERM_LIMIT_EXCEEDED."""
    max_sockets: int = 0
    """Open sockets beyond this are refused with 429; 0 = no limit (vendor: 50 pay as you go)."""


@dataclass
class FluxKnobs:
    """`/v2/listen`."""

    update_s: float = 0.25
    """Audio between two Updates."""
    settle_s: float = 0.21
    """Pace at which silence turns into end-of-turn confidence, 1 - exp(-silence / settle_s): 0.7
    after 0.25 s, the vendor's published median."""
    resume_confidence: float = 0.1
    """End-of-turn confidence while somebody is speaking."""
    word_times: bool = True
    """Words carry start and end; the vendor may leave them out."""
    ingest_limit: float = 1.25
    """As for `/v1/listen`."""
    max_sockets: int = 0
    """As for `/v1/listen`."""


@dataclass
class AnthropicKnobs:
    """`/v1/messages`."""

    cache_min_tokens: int = -1
    """Shortest prefix that is cached; -1 = the vendor's minimum for the model (4096 for Haiku 4.5,
    1024 for Sonnet 5): below it `cache_control` silently does nothing."""
    cache_life_s: float = 300.0
    """Seconds an unused cache entry lives."""
    ping_every: int = 0
    """A further `ping` after each this many deltas; 0 = only the one at the start."""
    max_running: int = 0
    """Requests in flight beyond this get 429; 0 = no limit."""


@dataclass
class ElevenLabsKnobs:
    """`/v1/text-to-speech/{voice}/…-input`."""

    final_flag: str = "isFinal"
    """`isFinal` (schema) or `is_final` (examples) in the last message of a context."""
    durations: str = "charDurationsMs"
    """`charDurationsMs` (live traffic) or `charsDurationsMs` (published schema)."""
    context_key: str = "contextId"
    """`contextId` (live) or `context_id` in server messages."""
    max_contexts: int = 5
    """Open contexts per socket."""
    inactivity_s: float = 0.0
    """Overrides the query's `inactivity_timeout` (default 20 s, at most 180); 0 = obey it."""
    chunk_s: float = 0.25
    """Audio per message."""
    pace: float = 10.0
    """Speed of synthesis in times real time; 0 = all at once."""
    max_running: int = 0
    """Contexts generating at once, over all sockets; 0 = no limit."""


@dataclass
class CartesiaKnobs:
    """`/tts/websocket`."""

    error_shape: str = ""
    """`old` (until 2025) or `new` (from 2026-03-01); empty = by the client's Cartesia-Version."""
    error_context: bool = True
    """Error frames name the context; the new shape may leave it out."""
    default_buffer_ms: int = 0
    """`max_buffer_delay_ms` of a request that does not say: 0 in the 2025-04-16 specification,
    3000 in later releases."""
    done_status: int = 206
    """`status_code` of `done`: 206 in examples, 200 seen too."""
    expire_s: float = 1.0
    """A context is forgotten this long after its last audio."""
    idle_s: float = 300.0
    """An idle socket is closed after this long."""
    chunk_s: float = 0.2
    """Audio per message."""
    pace: float = 10.0
    """Speed of synthesis in times real time; 0 = all at once."""
    max_running: int = 0
    """Contexts generating at once, over all sockets; 0 = no limit."""


@dataclass
class Knobs:
    """All of them."""

    deepgram: DeepgramKnobs = field(default_factory=DeepgramKnobs)
    flux: FluxKnobs = field(default_factory=FluxKnobs)
    anthropic: AnthropicKnobs = field(default_factory=AnthropicKnobs)
    elevenlabs: ElevenLabsKnobs = field(default_factory=ElevenLabsKnobs)
    cartesia: CartesiaKnobs = field(default_factory=CartesiaKnobs)
    network: NetworkKnobs = field(default_factory=NetworkKnobs)

    def set(self, provider: str, name: str, value: object) -> None:
        """Turn one knob; strings are read as the knob's own type. ValueError lists the choices."""
        group = self._group(provider)
        names = [knob.name for knob in fields(group)]
        if name not in names:
            raise ValueError(f"{provider} has no knob {name!r}; choose one of {', '.join(names)}")
        setattr(group, name, _as(type(getattr(group, name)), value, f"{provider}.{name}"))

    def as_dict(self) -> dict[str, Any]:
        """Every knob and its value."""
        return asdict(self)

    def _group(self, provider: str) -> Any:
        groups = [group.name for group in fields(self)]
        if provider not in groups:
            raise ValueError(
                f"provider {provider!r} has no knobs; choose one of {', '.join(groups)}"
            )
        return getattr(self, provider)


def _as(kind: type, value: object, name: str) -> object:
    """`value` as `kind`; strings from the command line are understood."""
    try:
        if kind is bool:
            if str(value).lower() not in ("true", "false", "1", "0"):
                raise ValueError
            return str(value).lower() in ("true", "1")
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ValueError
        return kind(value)
    except ValueError:
        raise ValueError(f"{name} wants {kind.__name__}, not {value!r}") from None
