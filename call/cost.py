"""What a call costs: measured usage times a dated table of list prices.

Everything that was paid for counts, also answers nobody heard. What has no price in the table is
named, never guessed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

MILLION = 1_000_000
_SECONDS = 60
TOKEN_KINDS = ("input", "output", "cache_read", "cache_creation")


@dataclass(frozen=True)
class Prices:
    """List prices in US dollars, pay as you go; put your contract's here."""

    as_of: str = "2025-11-01"
    """The day these prices were noted; it stands in every call record beside the cost."""
    models: tuple[str, ...] = (
        "claude-haiku-4-5 1.00 5.00 0.10 1.25",
        "claude-sonnet-4 3.00 15.00 0.30 3.75",
        "claude-opus-4-5 5.00 25.00 0.50 6.25",
    )
    """A model's name (or how it begins), then dollars per million tokens: input, output, read from
    the cache, written to the cache."""
    voices: tuple[str, ...] = ("elevenlabs 50.00", "cartesia 39.00")
    """A voice's provider, then dollars per million characters."""
    recognisers: tuple[str, ...] = ("deepgram 0.0077",)
    """A recogniser's provider, then dollars per minute of audio sent, silence included; billed by
    the second."""
    carriers: tuple[str, ...] = ("twilio 0.0125", "webrtc 0")
    """A carrier, then dollars per minute begun: a local incoming call in the US (0.0085) and its
    media stream (0.004)."""

    def __post_init__(self) -> None:
        try:
            date.fromisoformat(self.as_of)
        except ValueError:
            raise ValueError(f"as_of {self.as_of!r} is no date; write 2025-11-01") from None
        for name, figures in (
            ("models", len(TOKEN_KINDS)),
            ("voices", 1),
            ("recognisers", 1),
            ("carriers", 1),
        ):
            for row in getattr(self, name):
                _row(row, figures=figures, where=name)

    def of_tokens(self, model: str) -> dict[str, float] | None:
        """Dollars per token by kind, of the longest name that the model's begins with."""
        rows = [_row(row, figures=len(TOKEN_KINDS), where="models") for row in self.models]
        known = [row for row in rows if model.startswith(row[0])]
        if not known:
            return None
        _, figures = max(known, key=lambda row: len(row[0]))
        return {kind: usd / MILLION for kind, usd in zip(TOKEN_KINDS, figures, strict=True)}

    def of_character(self, provider: str) -> float | None:
        """Dollars per character of a voice."""
        usd = _look(self.voices, provider, where="voices")
        return None if usd is None else usd / MILLION

    def of_heard_second(self, provider: str) -> float | None:
        """Dollars per second of a recogniser."""
        usd = _look(self.recognisers, provider, where="recognisers")
        return None if usd is None else usd / _SECONDS

    def of_minute(self, carrier: str) -> float | None:
        """Dollars per minute of a carrier."""
        return _look(self.carriers, carrier, where="carriers")


@dataclass(frozen=True)
class Usage:
    """What one call used, as measured: never estimated."""

    tokens: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """by model, by kind"""
    characters: Mapping[str, int] = field(default_factory=dict)
    """sent to a voice, by provider"""
    heard_s: Mapping[str, float] = field(default_factory=dict)
    """audio sent to a recogniser, by provider"""
    carrier: str = ""
    carrier_s: float = 0.0

    @property
    def carrier_minutes(self) -> int:
        """As the carrier bills: each minute begun."""
        return math.ceil(self.carrier_s / _SECONDS)

    def document(self) -> dict[str, Any]:
        """As it stands in the call record."""
        return {
            "llm_tokens": {model: dict(kinds) for model, kinds in self.tokens.items()},
            "tts_characters": dict(self.characters),
            "stt_seconds": {name: round(seconds, 3) for name, seconds in self.heard_s.items()},
            "carrier": self.carrier,
            "carrier_seconds": round(self.carrier_s, 3),
            "carrier_minutes": self.carrier_minutes,
        }


@dataclass(frozen=True)
class Cost:
    """What it comes to."""

    by_provider_usd: Mapping[str, float]
    unpriced: tuple[str, ...]
    as_of: str

    @property
    def total_usd(self) -> float:
        """All of it that has a price."""
        return round(sum(self.by_provider_usd.values()), 6)


def cost(usage: Usage, prices: Prices, *, model_provider: str = "anthropic") -> Cost:
    """Price what was used."""
    found: dict[str, float] = {}
    unpriced: list[str] = []

    def add(provider: str, usd: float | None, *, what: str) -> None:
        if usd is None:
            unpriced.append(what)
        else:
            found[provider] = found.get(provider, 0.0) + usd

    for model, kinds in usage.tokens.items():
        rates = prices.of_tokens(model)
        usd = None if rates is None else sum(rates[kind] * n for kind, n in kinds.items())
        add(model_provider, usd, what=f"model {model}")
    for provider, characters in usage.characters.items():
        add(provider, _times(prices.of_character(provider), characters), what=f"voice {provider}")
    for provider, seconds in usage.heard_s.items():
        rate = prices.of_heard_second(provider)
        add(provider, _times(rate, seconds), what=f"recogniser {provider}")
    if usage.carrier:
        rate = prices.of_minute(usage.carrier)
        add(usage.carrier, _times(rate, usage.carrier_minutes), what=f"carrier {usage.carrier}")
    return Cost(
        {provider: round(usd, 6) for provider, usd in found.items()},
        tuple(unpriced),
        prices.as_of,
    )


def usage_of(
    counters: Mapping[str, float],
    *,
    model: str,
    stand_in: str = "",
    carrier: str,
    carrier_s: float,
) -> Usage:
    """Usage from a call's counters, named as they stand in its record."""
    second = {kind: int(counters.get(f"stand_in_tokens.{kind}", 0)) for kind in TOKEN_KINDS}
    first = {kind: int(counters.get(f"llm_tokens.{kind}", 0)) - second[kind] for kind in second}
    used = ((model, first), (stand_in, second))
    return Usage(
        tokens={name: tokens for name, tokens in used if any(tokens.values())},
        characters={name: int(n) for name, n in _under(counters, "tts_characters").items()},
        heard_s=_under(counters, "stt_audio"),
        carrier=carrier,
        carrier_s=carrier_s,
    )


def _under(counters: Mapping[str, float], name: str) -> dict[str, float]:
    """Counters `name.label`, by label."""
    start = f"{name}."
    return {key[len(start) :]: n for key, n in counters.items() if key.startswith(start)}


def _times(rate: float | None, amount: float) -> float | None:
    return None if rate is None else rate * amount


def _look(rows: tuple[str, ...], name: str, *, where: str) -> float | None:
    for row in rows:
        known, figures = _row(row, figures=1, where=where)
        if known == name:
            return figures[0]
    return None


def _row(row: str, *, figures: int, where: str) -> tuple[str, list[float]]:
    name, *rest = row.split() or [""]
    try:
        values = [float(figure) for figure in rest]
    except ValueError:
        values = []
    if not name or len(values) != figures or not all(0 <= v < math.inf for v in values):
        raise ValueError(f"{where}: {row!r} must be a name and {figures} prices of 0 or more")
    return name, values
