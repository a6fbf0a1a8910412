"""Which fault is tried at which provider, at which place of a call: the matrix as data.

A place is where the caller is when it bites: `greeting`, the `first` clause of an answer (for a
recogniser: the first words of a question), its `middle`, its `last`; `everywhere` strikes all four
with a fault that should cost nothing; `always` lasts until the call is over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

GREETING, FIRST, MIDDLE, LAST = "greeting", "first", "middle", "last"
EVERYWHERE, ALWAYS = "everywhere", "always"
PLACES = (GREETING, FIRST, MIDDLE, LAST)

EAR, MIND, MOUTH, STAND_IN = "deepgram", "anthropic", "elevenlabs", "cartesia"
SILENT = ("stall", "black_hole", "half_open", "latency", "bandwidth", "wrong_context")
"""Shapes without a signal: only a deadline notices them."""
GARBLED = ("duplicate", "swap", "max_tokens")
"""Shapes after which the words cannot be right: nothing in the vendor's messages tells a piece that
came twice, or too early, from one that belongs there; and an answer may be cut at its limit."""


HARMLESS = (
    "slicer", "unknown_type", "missing_fields", "late", "duplicate", "swap", "slow_close",
    "garbage", "latency", "bandwidth", "slow_tokens", "slow_first_token", "max_tokens",
)  # fmt: skip
"""Noise, or slowness that may stay within what is allowed."""


@dataclass(frozen=True)
class Cell:
    """One fault in one call."""

    provider: str
    shape: str
    place: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    also: tuple[tuple[str, str, Mapping[str, Any]], ...] = ()
    """(provider, shape, parameters) of what fails beside it, for as long as the call lasts."""

    @property
    def name(self) -> str:
        """As the table shows it."""
        detail = ",".join(
            f"{value:g}" if isinstance(value, float) else str(value)
            for value in self.parameters.values()
        )
        others = "".join(f" + {provider} {shape}" for provider, shape, _ in self.also)
        return f"{self.provider} {self.shape}{f'({detail})' if detail else ''}{others}"

    @property
    def is_at_door(self) -> bool:
        """Strikes a socket as it is opened, not what is said on it."""
        if self.provider == MIND:
            return False
        return self.parameters.get("moment") == "connect" or self.shape in DOOR_ONLY

    @property
    def has_signal(self) -> bool:
        """The client is told, by a close, an error or a status."""
        return self.shape not in SILENT

    @property
    def is_of_voice(self) -> bool:
        """The call may be with the stand-in's voice from here on."""
        return MOUTH in (self.provider, *(provider for provider, _, _ in self.also))

    @property
    def is_fault(self) -> bool:
        """A client cannot but notice; the rest is noise that it should not mind."""
        return self.shape not in HARMLESS

    @property
    def may_garble(self) -> bool:
        """The words of the struck clause are nobody's to save."""
        return self.shape in GARBLED and self.provider != EAR

    @property
    def may_end(self) -> bool:
        """No way through is left: the call may end with an apology and the way out."""
        return self.place == ALWAYS


Shapes = tuple[tuple[str, dict[str, Any]], ...]
DOOR_ONLY = ("http_status", "down", "accept_then_close", "half_open", "slow_close")
REFUSALS = (401, 402, 403, 429, 500, 503)
NO_TRUST = (400, 401, 403, 404, 413, 429, 500, 504, 529)

# Shapes that end or stop what is being said: tried at every place.
_CUTS: Shapes = (
    ("reset_peer", {"after": 1}),
    ("stall", {"after": 1}),
    ("close", {"after": 1, "code": 1011}),
    ("quota", {"after": 1}),
    ("limit_data", {"bytes": 4000}),
    ("expire", {}),
    ("black_hole", {}),
)
# Shapes that a client should not even notice: all places in one call.
_NOISE: Shapes = (
    ("slicer", {"bytes": 40}),
    ("garbage", {}),
    ("unknown_type", {}),
    ("missing_fields", {}),
)


def _mouth() -> Iterator[Cell]:
    for place in PLACES:
        for shape, parameters in _CUTS:
            yield Cell(MOUTH, shape, place, parameters)
        yield Cell(MOUTH, "wrong_context", place)
        yield Cell(MOUTH, "latency", place, {"delay_s": 1.5})
        yield Cell(MOUTH, "bandwidth", place, {"bytes_per_s": 4000})
    yield Cell(MOUTH, "close", FIRST, {"after": 0, "code": 1008})
    yield Cell(MOUTH, "stall", FIRST, {"after": 0})
    for shape, parameters in (*_NOISE, ("late", {}), ("duplicate", {}), ("swap", {})):
        yield Cell(MOUTH, shape, EVERYWHERE, parameters)
    yield from _door(MOUTH)


# Shapes of a model's stream with a place in it, and those of the whole answer.
_BROKEN_OFF = ("reset_peer", "stall", "quota", "error_after", "garbage")
_ANSWERS: Shapes = (
    ("error_after", {"type": "api_error"}),
    ("http_status", {"status": 429, "retry_after_s": 20.0}),
    ("down", {}),
    ("black_hole", {}),
    ("slow_first_token", {"delay_s": 4.0}),
    ("slow_tokens", {"token_s": 0.6}),
    ("headers_only", {}),
    ("pings_only", {"every_s": 0.5}),
    ("thinking_only", {}),
    ("refusal", {}),
    ("empty", {}),
    ("max_tokens", {"tokens": 3}),
    ("malformed_tool_json", {}),
    ("latency", {"delay_s": 0.3}),
    ("bandwidth", {"bytes_per_s": 400}),
    ("duplicate", {}),
    ("swap", {}),
    ("slicer", {}),
    ("unknown_type", {}),
    ("missing_fields", {}),
)


def _mind() -> Iterator[Cell]:
    for place in (FIRST, MIDDLE, LAST):
        for shape in _BROKEN_OFF:
            yield Cell(MIND, shape, place)
    yield Cell(MIND, "limit_data", MIDDLE, {"bytes": 900})
    for status in NO_TRUST:
        yield Cell(MIND, "http_status", FIRST, {"status": status})
    for name, parameters in _ANSWERS:
        yield Cell(MIND, name, FIRST, parameters)


def _both() -> Iterator[Cell]:
    """The first clause comes when most of the two seconds are gone, and its voice says nothing."""
    for shape, parameters in (("stall", {"after": 0}), ("quota", {"after": 0})):
        yield Cell(
            MIND, "slow_first_token", FIRST, {"delay_s": 1.6}, also=((MOUTH, shape, parameters),)
        )


def _ear() -> Iterator[Cell]:
    for place in (FIRST, MIDDLE, LAST):
        for shape, parameters in _CUTS:
            given = (
                parameters if shape in ("expire", "black_hole") else parameters | _AT_ONCE[shape]
            )
            yield Cell(EAR, shape, place, given)
    yield Cell(EAR, "close", MIDDLE, {"after": 0, "code": 1000})
    yield Cell(EAR, "close", MIDDLE, {"after": 0, "code": 1008})
    yield Cell(EAR, "latency", FIRST, {"delay_s": 0.4})
    yield Cell(EAR, "bandwidth", FIRST, {"bytes_per_s": 2000})
    for shape, parameters in (*_NOISE, ("duplicate", {}), ("swap", {})):
        yield Cell(EAR, shape, FIRST, parameters)
    yield from _door(EAR)
    yield Cell(EAR, "accept_then_close", GREETING, {"code": 1011, "after_s": 1.0})


_AT_ONCE: dict[str, dict[str, Any]] = {
    "reset_peer": {"after": 0},
    "stall": {"after": 0},
    "close": {"after": 0},
    "quota": {"after": 0},
    "limit_data": {"bytes": 100},
}


def _door(provider: str) -> Iterator[Cell]:
    """What can go wrong while a socket is opened."""
    for status in REFUSALS:
        yield Cell(provider, "http_status", GREETING, {"status": status})
    yield Cell(provider, "down", GREETING)
    for code in (1000, 1008, 1011, 4001):
        yield Cell(provider, "accept_then_close", GREETING, {"code": code})
    yield Cell(provider, "half_open", GREETING)
    yield Cell(provider, "slow_close", GREETING)
    yield Cell(provider, "black_hole", GREETING, {"moment": "connect"})


def _ways_out() -> Iterator[Cell]:
    """Nothing works any more."""
    yield Cell(MIND, "http_status", ALWAYS, {"status": 529})
    yield Cell(MIND, "black_hole", ALWAYS)
    yield Cell(MIND, "refusal", ALWAYS)
    yield Cell(MIND, "malformed_tool_json", ALWAYS)
    yield Cell(MOUTH, "quota", ALWAYS, {"after": 1}, also=((STAND_IN, "quota", {"after": 0}),))
    yield Cell(MOUTH, "stall", ALWAYS, {"after": 0}, also=((STAND_IN, "stall", {"after": 0}),))
    yield Cell(EAR, "black_hole", ALWAYS)


def cells() -> list[Cell]:
    """All of them, each once."""
    return [*_mouth(), *_mind(), *_both(), *_ear(), *_ways_out()]


QUICK = {
    (MOUTH, "reset_peer"), (MOUTH, "stall"), (MOUTH, "quota"), (MOUTH, "http_status"),
    (MIND, "stall"), (MIND, "error_after"), (MIND, "http_status"), (MIND, "slow_first_token"),
    (EAR, "close"), (EAR, "reset_peer"), (EAR, "stall"),
}  # fmt: skip


def quick() -> list[Cell]:
    """The commonest of them, at one place each."""
    chosen: dict[tuple[str, str], Cell] = {}
    for cell in cells():
        key = (cell.provider, cell.shape)
        if key in QUICK and cell.place in (MIDDLE, FIRST, GREETING):
            chosen.setdefault(key, cell)
            if cell.place == MIDDLE:
                chosen[key] = cell
    return list(chosen.values())


_ONE_OF = {"http_status": "status", "accept_then_close": "code", "close": "code"}
"""Parameters of which one value stands for the others in a short run; the model's differ."""
_EVERY_PLACE = {(MOUTH, "reset_peer"), (MOUTH, "stall"), (MIND, "error_after"), (EAR, "close")}


def short() -> list[Cell]:
    """Every shape at every provider, each at one place and the commonest at all; places take turns,
    so that each is visited by many shapes."""
    groups: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in cells():
        given = {
            name: value
            for name, value in cell.parameters.items()
            if cell.provider == MIND or name != _ONE_OF.get(cell.shape)
        }
        kind = f"{sorted(given.items())} {cell.place == ALWAYS} {cell.also}"
        groups.setdefault((cell.provider, cell.shape, kind), []).append(cell)
    chosen: list[Cell] = []
    for turn, ((provider, shape, _), group) in enumerate(groups.items()):
        is_common = (provider, shape) in _EVERY_PLACE
        chosen += group if is_common else [group[turn % len(group)]]
    return chosen
