"""All that is known when a call ends: the call record, document version 1."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from call.cost import Prices, cost, usage_of
from call.errors import Ending, Party
from call.hearing import UNSTEADY_FROM
from call.timeline import Timeline

VERSION = 1
_SHOWN_DIGITS = 2


def receipt(
    timeline: Timeline,
    *,
    call_id: str,
    started: datetime,
    ended: datetime,
    ending: Ending | None,
    fault_party: Party | None = None,
    counters: Mapping[str, float] | None = None,
    prices: Prices | None = None,
    **about: str,
) -> dict[str, Any]:
    """Close the time line and assemble the record; without an `ending` the call goes on.

    `about` is what the wire and the agent know: provider_call_id, wire, caller, called, language,
    model, stand_in; the two numbers are masked.
    """
    if ending is not None:
        timeline.close()
    duration_s = round((ended - started).total_seconds(), 3)
    used = usage_of(
        counters or {},
        model=about.get("model", ""),
        stand_in=about.get("stand_in", ""),
        carrier=about.get("wire", ""),
        carrier_s=duration_s,
    )
    spent = cost(used, prices or Prices())
    return {
        "version": VERSION,
        "call_id": call_id,
        "provider_call_id": about.get("provider_call_id", ""),
        "wire": about.get("wire", ""),
        "from": masked(about.get("caller", "")),
        "to": masked(about.get("called", "")),
        "language": about.get("language", ""),
        "started_at": started.isoformat(),
        "ended_at": None if ending is None else ended.isoformat(),
        "duration_s": duration_s,
        "ending": None if ending is None else ending.value,
        "fault_party": None if fault_party is None else fault_party.value,
        "opening_text": timeline.opening_text,
        "turns": [record.document() for record in timeline.records],
        "tools": [],
        "faults": [],
        "flags": _flags(counters or {}),
        "voicemail_url": None,
        "usage": used.document(),
        "cost_usd": spent.total_usd,
        "cost_by_provider_usd": dict(spent.by_provider_usd),
        "unpriced": list(spent.unpriced),
        "prices_as_of": spent.as_of,
        "counters": {name: _whole(value) for name, value in sorted((counters or {}).items())},
    }


def _flags(counters: Mapping[str, float]) -> list[str]:
    """What makes the call worth a look, in words."""
    reconnects = _whole(counters.get("stt_reconnects", 0))
    if reconnects < UNSTEADY_FROM:
        return []
    return [f"the recogniser was connected again {reconnects} times"]


def masked(number: str) -> str:
    """A telephone number with only its last two digits left; anything else is hidden whole."""
    digits = sum(c.isdigit() for c in number)
    if digits <= _SHOWN_DIGITS or not all(c.isdigit() or c in "+-(). " for c in number):
        return "***" if number else ""
    hidden, out = digits - _SHOWN_DIGITS, []
    for c in number:
        if c.isdigit() and hidden:
            hidden -= 1
            out.append("*")
        else:
            out.append(c)
    return "".join(out)


def _whole(value: float) -> float:
    """Counts are whole numbers; written so."""
    return int(value) if value == int(value) else round(value, 6)
