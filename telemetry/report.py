"""`report.html`: one call on one self-contained page, from its record and its recording."""

from __future__ import annotations

import json
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, FileSystemLoader, select_autoescape

from telemetry.live import OTHER_COLOUR, STAGE_COLOURS

WIDTH = 1200  # columns of the wave form; a 90 s call shows 75 ms in each
LANE_HEIGHT = 70
_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent),
    autoescape=select_autoescape(default=True),
    trim_blocks=True,
    lstrip_blocks=True,
)


@dataclass(frozen=True)
class Lane:
    """One speaker's wave form as an SVG path."""

    name: str
    path: str


def lanes(recording: Path) -> tuple[list[Lane], float]:
    """Both channels of a stereo 16-bit recording as SVG paths, and its length in seconds."""
    with wave.open(str(recording)) as wav:
        channels, rate, frames = wav.getnchannels(), wav.getframerate(), wav.getnframes()
        samples = np.frombuffer(wav.readframes(frames), dtype="<i2").reshape(-1, channels)
    names = ("caller", "agent")
    return (
        [Lane(names[side], _path(samples[:, side])) for side in range(min(channels, 2))],
        frames / rate,
    )


def _path(samples: np.ndarray[Any, Any]) -> str:
    """Peaks per column, mirrored about the lane's middle; a loud clip fills the lane."""
    columns = np.array_split(np.abs(samples.astype(np.int32)), WIDTH)
    peaks = [int(column.max()) if column.size else 0 for column in columns]
    middle = LANE_HEIGHT / 2
    heights = [min(1.0, peak / 16384) * (middle - 2) for peak in peaks]
    upper = " ".join(f"{x},{middle - height:.1f}" for x, height in enumerate(heights))
    lower = " ".join(
        f"{x},{middle + height:.1f}" for x, height in reversed(list(enumerate(heights)))
    )
    return f"M {upper} L {lower} Z"


def bars(turn: dict[str, Any]) -> list[dict[str, Any]]:
    """The critical path of one turn as coloured shares of its end-to-end time."""
    path = turn.get("critical_path") or []
    total = sum(seconds for _, seconds in path) or 1.0
    return [
        {
            "stage": stage,
            "ms": round(seconds * 1000),
            "percent": round(100 * seconds / total, 2),
            "colour": STAGE_COLOURS.get(stage, OTHER_COLOUR),
        }
        for stage, seconds in path
    ]


def heard_split(turn: dict[str, Any]) -> tuple[str, str]:
    """What the agent said, as (heard, never heard)."""
    said, heard = str(turn.get("agent_text") or ""), str(turn.get("heard_text") or "")
    if said.startswith(heard):
        return heard, said[len(heard) :].strip()
    return heard, "" if not turn.get("interrupted") else said


def write_report(record: dict[str, Any], path: Path, *, recording: Path | None = None) -> None:
    """Write the page of one call record (contract version 1) to `path`."""
    waves, length_s = lanes(recording) if recording is not None else ([], 0.0)
    turns = [
        {**turn, "bars": bars(turn), "split": heard_split(turn)}
        for turn in record.get("turns") or []
    ]
    page = _TEMPLATES.get_template("report.html.j2").render(
        record=record,
        turns=turns,
        lanes=waves,
        length_s=length_s,
        width=WIDTH,
        lane_height=LANE_HEIGHT,
        colours=STAGE_COLOURS,
        record_json=json.dumps(record, indent=2, ensure_ascii=False),
    )
    path.write_text(page, encoding="utf-8")
