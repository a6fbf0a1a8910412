"""Small print shared by both halves of the table: quantiles, goals, rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Goal = tuple[str, str, str, str]  # what, asked, measured, met


def quantile(seconds: Sequence[float], percent: float) -> float | None:
    """In milliseconds; None of nothing."""
    return float(np.percentile(seconds, percent)) * 1000 if seconds else None


def ms(value: float | None) -> str:
    """Whole milliseconds, or a dash."""
    return "–" if value is None else f"{value:.0f}"


def met(*pairs: tuple[float | None, float]) -> str:
    """Every figure below its bound?"""
    if any(value is None for value, _ in pairs):
        return "not measured"
    return "yes" if all(value < bound for value, bound in pairs if value is not None) else "**no**"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """A markdown table."""
    lines: list[Sequence[object]] = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(str(cell) for cell in line) + " |" for line in lines]
