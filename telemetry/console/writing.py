"""How the console writes times, durations, money and redacted words."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup, escape

NOTHING = "–"
# What redaction leaves in a text in place of personal data.
_TOKEN = re.compile(r"(\[[A-Z][A-Z_]*(?:_\d+)?\])")


def ms(seconds: float | None) -> str:
    """Whole milliseconds, without the unit."""
    return NOTHING if seconds is None else f"{seconds * 1000:.0f}"


def duration(seconds: float | None) -> str:
    """How long a call was: `42 s`, `1 min 25 s`."""
    if seconds is None:
        return NOTHING
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60:02d} s"


def instant(iso: str | None) -> str:
    """An ISO instant as people read it, in UTC."""
    try:
        at = datetime.fromisoformat(iso or "")
    except ValueError:
        return NOTHING
    return f"{at.astimezone(UTC):%d %b %Y %H:%M:%S}"


def usd(dollars: float | None) -> str:
    """Dollars; fractions of a cent matter below one dollar."""
    if dollars is None:
        return NOTHING
    return f"${dollars:.2f}" if dollars >= 1 else f"${dollars:.4f}"


def plain(name: str | None) -> str:
    """`caller_hung_up` as words."""
    return str(name or NOTHING).replace("_", " ")


def redacted(text: str | None) -> Markup:
    """A transcript's text, escaped, with what redaction put in shown as such."""
    parts = _TOKEN.split(str(text or ""))
    return Markup("").join(
        Markup('<span class="token">{}</span>').format(part) if index % 2 else escape(part)
        for index, part in enumerate(parts)
    )


FILTERS: dict[str, Callable[..., Any]] = {
    "ms": ms,
    "duration": duration,
    "instant": instant,
    "usd": usd,
    "plain": plain,
    "redacted": redacted,
}
