"""Builders of caller audio for tests of the lab's ears."""

from __future__ import annotations

import audioop
import json
from pathlib import Path
from typing import Any

import numpy as np

from lab import known_clips

CLIPS: dict[str, dict[str, Any]] = json.loads(
    (known_clips.FOLDER / "clips.json").read_text("utf-8")
)


def clip(name: str, *, folder: Path = known_clips.FOLDER) -> bytes:
    """PCM16 of a caller clip."""
    return audioop.ulaw2lin((folder / CLIPS[name]["file"]).read_bytes(), 2)


def silence(seconds: float) -> bytes:
    """Digital silence."""
    return bytes(round(seconds * 8000) * 2)


def said(name: str) -> str:
    """The words of a clip."""
    return " ".join(word["text"] for word in CLIPS[name]["words"])


def telephone(
    pcm: bytes, *, noise_db: float | None = None, gone: float = 0.0, silent: float = 0.0
) -> bytes:
    """The same through a line: noise, and 20 ms packets that vanish or arrive as silence."""
    draw = np.random.default_rng(len(pcm))
    samples = known_clips.as_floats(pcm)
    if noise_db is not None:
        samples = samples + draw.standard_normal(len(samples), np.float32) * np.float32(
            10 ** (noise_db / 20)
        )
    line = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
    line = audioop.ulaw2lin(audioop.lin2ulaw(line, 2), 2)
    packets = [line[at : at + 320] for at in range(0, len(line), 320)]
    packets = [bytes(len(p)) if draw.random() < silent else p for p in packets]
    return b"".join(p for p in packets if draw.random() >= gone)
