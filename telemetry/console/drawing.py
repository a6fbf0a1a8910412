"""Where things stand on the console's waterfalls and time lines, in units of their SVG."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from telemetry.live import OTHER_COLOUR, STAGE_COLOURS

# A waterfall is never narrower than this, so that fast calls look fast.
LEAST_SCALE_MS = 600
GRID_MS = 100
# Width of a time line; its seconds are scaled to it.
LINE_WIDTH = 1000
# A time line shows at most about this many ticks.
TICKS = 8
TICK_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)


@dataclass(frozen=True)
class Segment:
    """One stage's share of a turn, in milliseconds from the end of the caller's voice."""

    stage: str
    start_ms: float
    width_ms: float
    colour: str

    @property
    def ms(self) -> int:
        """The share, as it is written beside the drawing."""
        return round(self.width_ms)


def colour_of(stage: str) -> str:
    """The colour a stage has everywhere."""
    return STAGE_COLOURS.get(stage, OTHER_COLOUR)


def waterfall(turn: Mapping[str, Any]) -> list[Segment]:
    """The critical path of one turn, each stage where the one before it ends."""
    segments, at_ms = [], 0.0
    for stage, seconds in turn.get("critical_path") or ():
        width_ms = max(0.0, float(seconds) * 1000)
        segments.append(Segment(str(stage), round(at_ms, 2), round(width_ms, 2), colour_of(stage)))
        at_ms += width_ms
    return segments


def scale_ms(turns: Iterable[Mapping[str, Any]]) -> int:
    """The width the waterfalls of one call share: milliseconds, a whole number of grid steps."""
    longest = max(
        (
            segments[-1].start_ms + segments[-1].width_ms
            for segments in map(waterfall, turns)
            if segments
        ),
        default=0.0,
    )
    return max(LEAST_SCALE_MS, GRID_MS * -(-int(longest + 0.5) // GRID_MS))


@dataclass(frozen=True)
class Mark:
    """Something that happened at one instant of a call."""

    kind: str
    at_s: float
    x: float
    text: str


def marks(record: Mapping[str, Any], length_s: float) -> list[Mark]:
    """Turns, interruptions, tools and faults of a call on its time line, in their order."""
    found = [
        *_turn_marks(record.get("turns") or ()),
        *_entry_marks("tool", record.get("tools") or (), ("name", "outcome")),
        *_entry_marks("fault", record.get("faults") or (), ("provider", "kind")),
    ]
    return [
        Mark(kind, at_s, round(LINE_WIDTH * min(at_s, length_s) / length_s, 1), text)
        for kind, at_s, text in sorted(found, key=lambda mark: mark[1])
        if length_s > 0
    ]


def _turn_marks(turns: Sequence[Mapping[str, Any]]) -> Iterable[tuple[str, float, str]]:
    for turn in turns:
        if turn.get("at_s") is not None:
            kind = "interrupted" if turn.get("interrupted") else "turn"
            yield kind, float(turn["at_s"]), f"turn {turn.get('turn')}"


def _entry_marks(
    kind: str, entries: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> Iterable[tuple[str, float, str]]:
    for entry in entries:
        if entry.get("at_s") is not None:
            text = ": ".join(str(entry[name]) for name in names if entry.get(name))
            yield kind, float(entry["at_s"]), f"{kind} {text}"


def ticks(length_s: float) -> list[tuple[int, float]]:
    """Round seconds below a time line, and where they stand."""
    if length_s <= 0:
        return []
    step = next((step for step in TICK_STEPS_S if length_s / step <= TICKS), TICK_STEPS_S[-1])
    return [(at, round(LINE_WIDTH * at / length_s, 1)) for at in range(0, int(length_s) + 1, step)]
