"""Everything that can go wrong with a provider, as data: what the control API accepts, and which
request it strikes.

A fault strikes at one of two moments. `connect`: a socket is opened or a POST arrives. `request`:
something is asked for on a living connection; a recogniser's utterance, a voice's context, a
Messages request. Words are known only at a `request` (and of a POST).
"""

from __future__ import annotations

import re
from collections.abc import Container, Mapping
from dataclasses import dataclass, field
from typing import Any

HEARS = ("deepgram", "flux")
SPEAKS = ("elevenlabs", "cartesia")
SOCKETS = HEARS + SPEAKS
POSTS = ("anthropic", "twilio")
PROVIDERS = SOCKETS + POSTS
CONNECT, REQUEST, NOW = "connect", "request", "now"
MAX_FAULTS = 200  # armed at once; a campaign disarms what it no longer needs


@dataclass(frozen=True)
class Shape:
    """One way to fail: who can, when it strikes (its default moment first), and its parameters."""

    meaning: str
    providers: tuple[str, ...] = SOCKETS + ("anthropic",)
    moments: tuple[str, ...] = (REQUEST, CONNECT)
    parameters: Mapping[str, Any] = field(default_factory=dict)


# A time of 0 in `for_s` means: until the peer gives up.
SHAPES: dict[str, Shape] = {
    # the door
    "http_status": Shape(
        "the upgrade or POST is answered with this status and the vendor's error body",
        PROVIDERS,
        (CONNECT,),
        {"status": 503, "retry_after_s": 0.0, "code": "", "message": ""},
    ),
    "down": Shape("connections are reset before any answer", PROVIDERS, (CONNECT,)),
    "accept_then_close": Shape(
        "the socket opens, then closes",
        SOCKETS,
        (CONNECT,),
        {"code": 1011, "reason": "", "after_s": 0.0},
    ),
    "half_open": Shape(
        "the socket opens, then nothing is read or said", SOCKETS, (CONNECT,), {"for_s": 0.0}
    ),
    "black_hole": Shape(
        "everything is taken, nothing answered; after `for_s` the connection closes",
        PROVIDERS,
        (CONNECT, REQUEST),
        {"for_s": 0.0},
    ),
    "restart": Shape(
        "all its open sockets drop now; code 0 = reset; for `down_s` nobody may return",
        SOCKETS + ("anthropic",),
        (NOW,),
        {"code": 0, "reason": "", "down_s": 0.0},
    ),
    # the network
    "latency": Shape(
        "each message is late", PROVIDERS, (REQUEST, CONNECT), {"delay_s": 0.2, "jitter_s": 0.0}
    ),
    "bandwidth": Shape("messages trickle", parameters={"bytes_per_s": 4000}),
    "slicer": Shape("messages arrive in small pieces", parameters={"bytes": 20, "delay_s": 0.0}),
    "limit_data": Shape("the connection closes after so many bytes", parameters={"bytes": 1000}),
    "reset_peer": Shape(
        "the connection is reset after so many messages",
        PROVIDERS,
        (REQUEST, CONNECT),
        {"after": 0},
    ),
    "slow_close": Shape("the close handshake takes long", SOCKETS, (CONNECT,), {"delay_s": 5.0}),
    # the protocol
    "stall": Shape(
        "silence after so many messages (1 = after the first byte)",
        parameters={"after": 1, "for_s": 0.0},
    ),
    "close": Shape(
        "the socket closes after so many messages",
        SOCKETS,
        parameters={"after": 1, "code": 1011, "reason": ""},
    ),
    "garbage": Shape("a message that is no JSON", PROVIDERS, (REQUEST, CONNECT), {"after": 0}),
    "unknown_type": Shape("a message of a type nobody knows", parameters={"after": 0}),
    "duplicate": Shape("each message comes twice"),
    "swap": Shape("two messages change places", parameters={"after": 0}),
    "missing_fields": Shape("optional fields are left out"),
    "quota": Shape("the quota ends in the middle", parameters={"after": 1}),
    "expire": Shape(
        "the pooled socket closes for idleness just as it is used", SOCKETS, (REQUEST,)
    ),
    "wrong_context": Shape("answers carry another context's id", SPEAKS, (REQUEST,)),
    "late": Shape(
        "messages of a context come after it was cancelled or closed",
        SPEAKS,
        (REQUEST,),
        {"messages": 3, "delay_s": 0.05},
    ),
    # the model
    "slow_first_token": Shape(
        "the first token is late", ("anthropic",), parameters={"delay_s": 3.0}
    ),
    "slow_tokens": Shape("tokens dribble", ("anthropic",), parameters={"token_s": 0.5}),
    "headers_only": Shape("headers, then silence", ("anthropic",), parameters={"for_s": 0.0}),
    "pings_only": Shape(
        "pings and nothing else", ("anthropic",), parameters={"for_s": 0.0, "every_s": 1.0}
    ),
    "thinking_only": Shape("it thinks and says nothing", ("anthropic",), parameters={"deltas": 20}),
    "error_after": Shape(
        "an error event after so many deltas, in a stream that began with 200",
        ("anthropic",),
        parameters={"after": 2, "type": "overloaded_error", "message": "Overloaded"},
    ),
    "refusal": Shape("the model refuses", ("anthropic",)),
    "max_tokens": Shape("the answer is cut off", ("anthropic",), parameters={"tokens": 5}),
    "empty": Shape("an answer without text", ("anthropic",)),
    "malformed_tool_json": Shape("a tool call whose input is no JSON", ("anthropic",)),
}

AT_THE_DOOR = ("http_status", "down", "accept_then_close", "half_open", "black_hole")
"""What a client feels the moment it connects."""
_ENVELOPE = {"provider", "shape", "for_next", "when_words", "moment"}


@dataclass
class Fault:
    """One armed fault; `left` None = until disarmed."""

    id: int
    provider: str
    shape: str
    moment: str
    parameters: dict[str, Any]
    left: int | None
    words: re.Pattern[str] | None
    hits: int = 0

    def __getitem__(self, name: str) -> Any:
        return self.parameters[name]

    def as_dict(self) -> dict[str, Any]:
        """As the control API shows it."""
        return {
            "id": self.id,
            "provider": self.provider,
            "shape": self.shape,
            "moment": self.moment,
            "for_next": self.left,
            "when_words": self.words.pattern if self.words else None,
            "hits": self.hits,
        } | self.parameters


class Faults:
    """The armed faults; asking whether one strikes costs nothing when none is armed."""

    def __init__(self) -> None:
        self._armed: list[Fault] = []
        self._next = 1

    def add(self, spec: Mapping[str, Any]) -> Fault:
        """Arm one; ValueError with one clear line when it makes no sense."""
        fault = parse(spec, self._next)
        if len(self._armed) >= MAX_FAULTS:
            raise ValueError(f"{MAX_FAULTS} faults are armed already; DELETE /control disarms all")
        self._next += 1
        if fault.moment == NOW:
            fault.left, fault.hits = 0, 1
        else:
            self._armed.append(fault)
        return fault

    def match(
        self,
        provider: str,
        moment: str,
        *,
        words: str | None = None,
        met: Container[int] | None = None,
    ) -> list[Fault]:
        """The faults that strike this request; each is used up by one. `words` None: not known.
        `met`: the request goes on, and only faults that wait for words it had not met yet strike.
        """
        if not self._armed:
            return []
        struck = [
            fault
            for fault in self._armed
            if fault.provider in (provider, "any")
            and (provider in POSTS or fault.moment == moment)
            and provider in SHAPES[fault.shape].providers
            and (fault.words is None or (words is not None and fault.words.search(words)))
            and (met is None or (fault.words is not None and fault.id not in met))
        ]
        for fault in struck:
            fault.hits += 1
            if fault.left is not None:
                fault.left -= 1
        self._armed = [fault for fault in self._armed if fault.left != 0]
        return struck

    def armed(self) -> list[Fault]:
        """What waits to strike."""
        return list(self._armed)

    def remove(self, fault_id: int) -> bool:
        """Disarm one; False when it is not armed."""
        before = len(self._armed)
        self._armed = [fault for fault in self._armed if fault.id != fault_id]
        return len(self._armed) < before

    def clear(self) -> None:
        """Disarm all."""
        self._armed = []


def parse(spec: Mapping[str, Any], fault_id: int = 0) -> Fault:
    """Read one fault of the control API; ValueError lists the choices."""
    provider, name = spec.get("provider"), spec.get("shape")
    if provider not in PROVIDERS + ("any",):
        raise ValueError(f"provider {provider!r} is unknown; choose one of {_list(PROVIDERS)}, any")
    offered = [n for n, s in SHAPES.items() if provider == "any" or provider in s.providers]
    if name not in offered:
        raise ValueError(
            f"shape {name!r} is unknown for {provider}; choose one of {_list(offered)}"
        )
    shape = SHAPES[name]
    words = _words(spec.get("when_words"))
    moment = _moment(spec, shape, name)
    if words is not None and moment != REQUEST and provider not in POSTS:
        raise ValueError(f"when_words cannot choose a {name}: it strikes before words are known")
    default_left = None if words is not None else 1
    return Fault(
        id=fault_id,
        provider=provider,
        shape=name,
        moment=moment,
        parameters=_parameters(spec, shape, name),
        left=_count(spec.get("for_next", default_left)),
        words=words,
    )


def _moment(spec: Mapping[str, Any], shape: Shape, name: str) -> str:
    """When it strikes: as asked, else at words when words are given, else as the shape does."""
    default = REQUEST if "when_words" in spec and REQUEST in shape.moments else shape.moments[0]
    moment = spec.get("moment", default)
    if moment not in shape.moments:
        raise ValueError(f"{name} cannot strike at {moment!r}; choose {_list(shape.moments)}")
    return str(moment)


def _words(pattern: object) -> re.Pattern[str] | None:
    """The regular expression of `when_words`, case ignored."""
    if pattern is None:
        return None
    try:
        return re.compile(str(pattern), re.IGNORECASE)
    except re.error as error:
        raise ValueError(f"when_words {pattern!r} is no regular expression: {error}") from None


def _count(value: object) -> int | None:
    """`for_next`: a positive number, or null for every one."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"for_next must be a whole number above 0, or null; not {value!r}")
    return value


def _parameters(spec: Mapping[str, Any], shape: Shape, name: str) -> dict[str, Any]:
    """The shape's parameters with the given ones put in."""
    given = {key: value for key, value in spec.items() if key not in _ENVELOPE}
    for key, value in given.items():
        if key not in shape.parameters:
            choices = _list(shape.parameters) or "none"
            raise ValueError(f"{name} has no parameter {key!r}; it has: {choices}")
        default = shape.parameters[key]
        kind = (int, float) if isinstance(default, float) else type(default)
        if isinstance(value, bool) or not isinstance(value, kind):
            raise ValueError(f"{name}: {key} must be like {default!r}, not {value!r}")
        if isinstance(value, int | float) and value < 0:
            raise ValueError(f"{name}: {key} must not be negative, it is {value!r}")
    return {**shape.parameters, **given}


def _list(names: Any) -> str:
    return ", ".join(names)
