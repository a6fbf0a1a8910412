"""All that is known when a call ends: the call record, document version 1."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from call.errors import Ending, Party
from call.turn import Timeline

VERSION = 1
_SHOWN_DIGITS = 2


def receipt(
    timeline: Timeline,
    *,
    call_id: str,
    started: datetime,
    ended: datetime,
    ending: Ending,
    fault_party: Party | None = None,
    counters: Mapping[str, float] | None = None,
    **about: str,
) -> dict[str, Any]:
    """Close the time line and assemble the record.

    `about` is what the wire and the agent know: provider_call_id, wire, caller, called, language;
    the two numbers are masked.
    """
    timeline.close()
    return {
        "version": VERSION,
        "call_id": call_id,
        "provider_call_id": about.get("provider_call_id", ""),
        "wire": about.get("wire", ""),
        "from": masked(about.get("caller", "")),
        "to": masked(about.get("called", "")),
        "language": about.get("language", ""),
        "started_at": started.isoformat(),
        "ended_at": ended.isoformat(),
        "duration_s": round((ended - started).total_seconds(), 3),
        "ending": ending.value,
        "fault_party": None if fault_party is None else fault_party.value,
        "opening_text": timeline.opening_text,
        "turns": [record.document() for record in timeline.records],
        "counters": {name: _whole(value) for name, value in sorted((counters or {}).items())},
    }


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
    return int(value) if value == int(value) else value
