"""How soon is a voice noticed, and how often a noise taken for one: the curve behind the hold.

The product's detector and its rule for onsets, on recordings and a simulated clock: what the
socket, the loop and the network add is not in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bench.manners_audio import AUDIO, Samples, Talk, read, talks
from bench.manners_endpoint import vad_params, voice_events
from bench.manners_report import ms, quantile, table
from bot.settings import load_process
from call.audio import FRAME_S, RATE_HZ, mulaw_from_pcm, pcm_from_mulaw
from processors.vad import WINDOW_S, Vad

KNOBS = ((1, 0.45), (2, 0.3), (2, 0.45), (2, 0.7), (3, 0.45), (3, 0.7), (4, 0.45), (5, 0.7))
"""(windows, confidence)"""
EARLY_S = 0.1  # a label is no better than this: an onset so soon before it is its own
WITHIN_S = 1.0  # of the first energy a voice is noticed, or missed
LEVELS = (-36, -20)  # dBFS of the noise; callers' voices are at -20
MOST_S = 60.0  # of one noise
VOICES = ("people_talking", "baby_crying")
KINDS = ("noise", "voices")
QUICK = 4


def measure(*, quick: bool = False, folder: Path = AUDIO) -> dict[str, Any]:
    """A row for each pair of knobs; a quarter of a minute of one core."""
    found = [talk for talk in talks(folder) if talk.source in ("sentence", "human", "neural")]
    files = sorted((folder / "noise").glob("*.wav"))
    if quick:
        found, files = found[:QUICK], files[:1]
    sounds: dict[str, list[Samples]] = {kind: [] for kind in KINDS}
    for file in files:
        sounds[_kind(file.stem)].append(read(file)[: int(MOST_S * RATE_HZ)])
    return {
        "rows": [_row(windows, sure, found, sounds) for windows, sure in KNOBS],
        "seconds": {kind: sum(map(len, sounds[kind])) / RATE_HZ for kind in KINDS},
    }


def _kind(name: str) -> str:
    """Noise, or somebody who is not the caller."""
    return "voices" if any(each in name for each in VOICES) else "noise"


def _row(
    windows: int,
    confidence: float,
    found: Sequence[Talk],
    sounds: Mapping[str, Sequence[Samples]],
) -> dict[str, Any]:
    ours = load_process().settings.vad
    knobs = replace(ours, onset_s=windows * WINDOW_S, confidence=confidence)
    delays = [delay_s(talk, knobs) for talk in found]
    noticed = [delay for delay in delays if delay is not None]
    return {
        "windows": windows,
        "confidence": confidence,
        "is_ours": knobs == ours,
        "noticed": len(noticed),
        "missed": len(delays) - len(noticed),
        "p50_ms": quantile(noticed, 50),
        "p95_ms": quantile(noticed, 95),
        "holds_a_minute": {
            kind: [holds_a_minute(sounds[kind], knobs, dbfs=level) for level in LEVELS]
            for kind in KINDS
        },
    }


def delay_s(talk: Talk, knobs: Vad) -> float | None:
    """First energy to onset; None when nobody noticed."""
    start_s = talk.spans[0].start_s
    heard = talk.pcm[: 2 * int((start_s + WITHIN_S) * RATE_HZ)]
    began = onsets(heard, knobs)
    return next((at - start_s for at in began if at >= start_s - EARLY_S), None)


def onsets(pcm: bytes, knobs: Vad) -> list[float]:
    """When a speaking agent would be held."""
    events = voice_events(pcm, vad_params(knobs), settings=knobs)
    return [event.at for event in events if event.kind == "began"]


def holds_a_minute(noises: Sequence[Samples], knobs: Vad, *, dbfs: float) -> float | None:
    """Onsets in noises on a telephone's line; None of nothing."""
    seconds = sum(len(noise) for noise in noises) / RATE_HZ
    if seconds < FRAME_S:
        return None
    return sum(len(onsets(_at(noise, dbfs), knobs)) for noise in noises) * 60 / seconds


def _at(sound: Samples, dbfs: float) -> bytes:
    """Its loudest third at a level, through µ-law."""
    loud = np.sort(np.square(sound))[-len(sound) // 3 :]
    rms = float(np.sqrt(loud.mean())) or 1.0
    level = np.clip(sound * (10 ** (dbfs / 20) * 32768 / rms), -32768, 32767)
    return pcm_from_mulaw(mulaw_from_pcm(level.astype("<i2").tobytes()))


def section(document: Mapping[str, Any]) -> list[str]:
    """The curve as a table."""
    quiet, loud = LEVELS
    seconds = document["seconds"]
    head = (
        "windows, confidence",
        "first energy → hold, p50 / p95 (ms)",
        f"false holds a minute: noise at {quiet} dBFS",
        f"at {loud} dBFS",
        f"other voices at {quiet} dBFS",
        f"at {loud} dBFS",
    )
    return [
        "## Onset against false holds",
        "",
        *table(head, [_cells(row) for row in document["rows"]]),
        "",
        "- Recordings on the simulated clock, in packets of 20 ms: the detector and its rule "
        "alone, without socket and loop. First energy is the label's; a voice that is not noticed "
        "within a second is missed. Callers' voices are at -20 dBFS. Nothing was tuned on this.",
        f"- Noise: {seconds['noise']:.0f} s of `../shared/audio/noise`, so that one hold is "
        f"{_each(seconds['noise'])} a minute; other voices (people talking, a baby): "
        f"{seconds['voices']:.0f} s, {_each(seconds['voices'])}. A hold costs a pause, and only "
        "while the agent speaks; after two that nothing came of, words alone stop it "
        "(`[barge_in] false_alarms`).",
    ]


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    name = f"{row['windows']} × {WINDOW_S * 1000:.0f} ms, {row['confidence']}"
    delay = f"{ms(row['p50_ms'])} / {ms(row['p95_ms'])}"
    return (
        name + (" (ours)" if row["is_ours"] else ""),
        f"{delay} (n {row['noticed']}, {row['missed']} missed)",
        *(_rate(each) for kind in KINDS for each in row["holds_a_minute"][kind]),
    )


def _each(seconds: float) -> str:
    """What one hold adds."""
    return _rate(60 / seconds if seconds else None)


def _rate(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"
