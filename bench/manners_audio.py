"""What the turn-end table listens to: turns with their pauses, their true ends and their words.

Three sources, all outside the project (`../shared/audio`): synthetic sentences whose onset and end
are given, the same with a thinking pause spliced in where the sentence was cut, and human
recordings with the labels of `labels/human.json`. Every turn is brought to one level, put through
the telephone's µ-law and followed by four seconds of line noise.
"""

from __future__ import annotations

import hashlib
import json
import re
import wave
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from call.audio import RATE_HZ, mulaw_from_pcm, pcm_from_mulaw

AUDIO = Path(__file__).resolve().parents[2] / "shared" / "audio"
LABELS = Path(__file__).parent / "labels" / "human.json"
PAUSE_S = 0.3  # a shorter silence is a gap between words
TAIL_S = 4.0  # past the hard stop of every policy
LEAD_S = 0.6
EDGE_S = 0.1  # of a recording, kept beyond the labelled voice
SHORTEST_THOUGHT_S, LONGEST_THOUGHT_S = 0.4, 0.9
_LEVEL = 10 ** (-20 / 20) * 32768
_QUIETEST_LINE = 10 ** (-66 / 20) * 32768

Samples = NDArray[np.float64]


@dataclass(frozen=True)
class Span:
    """A stretch of voice without a pause, and its words."""

    start_s: float
    end_s: float
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pause:
    """A silence within a turn; it ends where the caller goes on."""

    start_s: float
    end_s: float


@dataclass(frozen=True)
class Talk:
    """One turn of a caller, as a telephone brings it."""

    name: str
    source: str  # "sentence", "splice", "human", "neural" or "monologue"
    is_held_out: bool
    pcm: bytes
    spans: tuple[Span, ...]
    has_words: bool = True
    counts_end: bool = True

    @property
    def end_s(self) -> float:
        """Where the caller is done."""
        return self.spans[-1].end_s

    @property
    def pauses(self) -> tuple[Pause, ...]:
        """The silences of the turn that are long enough to be taken for its end."""
        return tuple(
            Pause(before.end_s, after.start_s)
            for before, after in zip(self.spans, self.spans[1:], strict=False)
            if after.start_s - before.end_s >= PAUSE_S
        )

    def timed_words(self) -> list[tuple[float, str]]:
        """When each word is over: a span's time shared out by letters."""
        timed: list[tuple[float, str]] = []
        for span in self.spans:
            letters = sum(len(word) for word in span.words)
            said = 0
            for word in span.words:
                said += len(word)
                timed.append((span.start_s + (span.end_s - span.start_s) * said / letters, word))
        return timed


def is_held_out(key: str) -> bool:
    """Half of all clips, by the hash of what they are cut from; never looked at when tuning."""
    return hashlib.blake2b(key.encode(), digest_size=1).digest()[0] % 2 == 1


def share(key: str) -> float:
    """A number from 0 to 1 that is the same on every machine."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest(), "big") / 2**32


def plain_words(text: str) -> list[str]:
    """What a recogniser would write: words without punctuation."""
    return re.findall(r"[\w'-]+", text)


def talks(folder: Path = AUDIO, *, labels: Path = LABELS) -> list[Talk]:
    """Every turn of all three sources."""
    manifest = json.loads((folder / "MANIFEST.json").read_text("utf-8"))
    files = {entry["file"]: entry for entry in manifest["files"]}
    found: list[Talk] = []
    for file, entry in sorted(files.items()):
        if file.startswith("turns/") and file.endswith("_full.wav"):
            found.append(_sentence(folder, entry))
            cut = files.get(file.replace("_full", "_cut"))
            if cut is not None:
                found += [_splice(folder, entry, cut, nth=nth) for nth in (0, 1)]
    return found + human(folder, json.loads(labels.read_text("utf-8"))["turns"])


def human(folder: Path, labels: Sequence[Mapping[str, Any]]) -> list[Talk]:
    """The labelled turns of human recordings."""
    found = []
    for i, label in enumerate(labels):
        sound = read(folder / label["file"])
        first, last = label["spans"][0][0], label["spans"][-1][1]
        from_s = max(0.0, first - LEAD_S)
        piece = sound[int(from_s * RATE_HZ) : int((last + EDGE_S) * RATE_HZ)]
        lead_s = LEAD_S - (first - from_s)
        spans = tuple(
            Span(a - from_s + lead_s, b - from_s + lead_s, tuple(plain_words(text)))
            for a, b, text in label["spans"]
        )
        found.append(
            Talk(
                name=f"{label['file']}#{i}",
                source=label["source"],
                is_held_out=is_held_out(f"{label['file']}#{i}"),
                pcm=telephone(piece, noise=np.zeros(int(lead_s * RATE_HZ))),
                spans=spans,
                has_words=all(span.words for span in spans),
                counts_end=label["end"],
            )
        )
    return found


def _sentence(folder: Path, entry: Mapping[str, Any]) -> Talk:
    """A whole sentence; its own pauses (at commas) are pauses of the turn."""
    sound = read(folder / entry["file"])
    start_s, end_s = entry["speech_onset_s"], entry["speech_end_s"]
    voiced = stretches(sound, from_s=start_s, until_s=end_s)
    words = plain_words(entry["transcript"])
    return Talk(
        name=entry["file"],
        source="sentence",
        is_held_out=is_held_out(_sentence_number(entry["file"])),
        pcm=telephone(sound[: int((end_s + EDGE_S) * RATE_HZ)]),
        spans=tuple(shared_out(words, voiced)),
    )


def _splice(folder: Path, full: Mapping[str, Any], cut: Mapping[str, Any], *, nth: int) -> Talk:
    """The cut sentence, 0.4 to 0.9 s of its own line noise, and the rest of the whole one."""
    whole, first = read(folder / full["file"]), read(folder / cut["file"])
    cut_s, end_s = cut["speech_end_s"], full["speech_end_s"]
    shift_s = full["speech_onset_s"] - cut["speech_onset_s"]
    name = f"{cut['file']}+{nth}"
    width_s = (LONGEST_THOUGHT_S - SHORTEST_THOUGHT_S) / 2
    thought_s = SHORTEST_THOUGHT_S + width_s * (nth + share(name))
    rest = whole[int((cut_s + shift_s) * RATE_HZ) : int((end_s + EDGE_S) * RATE_HZ)]
    before = first[: int(cut_s * RATE_HZ)]
    lead = int((cut["speech_onset_s"] - 0.1) * RATE_HZ)
    noise = np.resize(first[:lead], int(thought_s * RATE_HZ))
    rest_s = (end_s - cut_s - shift_s) + cut_s + thought_s
    words = plain_words(full["transcript"])
    said = len(plain_words(cut["transcript"]))
    spans = [
        *shared_out(words[:said], stretches(first, from_s=cut["speech_onset_s"], until_s=cut_s)),
        Span(cut_s + thought_s, rest_s, tuple(words[said:])),
    ]
    return Talk(
        name=name,
        source="splice",
        is_held_out=is_held_out(_sentence_number(cut["file"])),
        pcm=telephone(np.concatenate([before, noise, rest])),
        spans=tuple(spans),
        counts_end=False,  # the same end as the whole sentence's
    )


def _sentence_number(file: str) -> str:
    """Both voices of a sentence fall on one side of the split."""
    return re.sub(r".*_(\d+)_(?:cut|full)\.wav", r"sentence \1", file)


def shared_out(words: Sequence[str], voiced: Sequence[tuple[float, float]]) -> list[Span]:
    """Words in the order of time, as many to each stretch as its length by letters."""
    total_s = sum(end - start for start, end in voiced)
    letters = sum(len(word) for word in words)
    spans, taken, before_s = [], 0, 0.0
    for start, end in voiced:
        before_s += end - start
        upto, said = taken, sum(len(word) for word in words[:taken])
        while upto < len(words) and said + len(words[upto]) / 2 < letters * before_s / total_s:
            said += len(words[upto])
            upto += 1
        spans.append(Span(start, end, tuple(words[taken:upto])))
        taken = upto
    last = spans[-1]
    spans[-1] = Span(last.start_s, last.end_s, (*last.words, *words[taken:]))
    return spans


def stretches(sound: Samples, *, from_s: float, until_s: float) -> list[tuple[float, float]]:
    """The voice between two instants, cut where 0.3 s and more stay 40 dB below the loudest."""
    block = RATE_HZ // 100
    first = int(from_s * 100)
    piece = sound[first * block : int(until_s * 100) * block]
    energy = np.square(piece[: len(piece) // block * block]).reshape(-1, block).mean(axis=1)
    loud = np.flatnonzero(energy > energy.max() * 1e-4)
    found, start = [], from_s
    for here, there in zip(loud, loud[1:], strict=False):
        if (there - here - 1) / 100 >= PAUSE_S:
            found.append((start, (first + int(here) + 1) / 100))
            start = (first + int(there)) / 100
    return [*found, (start, until_s)]


def telephone(sound: Samples, *, noise: Samples | None = None) -> bytes:
    """The loudest third of its samples at -20 dBFS, through µ-law, with line noise behind (and
    where `noise` is given before)."""
    loud = np.sort(np.square(sound))[-len(sound) // 3 :]
    rms = float(np.sqrt(loud.mean())) or 1.0
    level = sound * (_LEVEL / rms)
    blocks = np.square(level[: len(level) // 80 * 80]).reshape(-1, 80).mean(axis=1)
    floor = max(_QUIETEST_LINE, min(float(np.sqrt(np.quantile(blocks, 0.02))), 100.0))
    draw = np.random.default_rng(1)
    before = draw.normal(0, floor, len(noise) if noise is not None else 0)
    behind = draw.normal(0, floor, int(TAIL_S * RATE_HZ))
    whole = np.concatenate([before, level, behind])
    pcm = np.clip(whole, -32768, 32767).astype("<i2").tobytes()
    return pcm_from_mulaw(mulaw_from_pcm(pcm))


def read(path: Path) -> Samples:
    """A WAV file at the telephone's rate."""
    with wave.open(str(path)) as file:
        raw = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64)
        rate = file.getframerate()
    return raw if rate == RATE_HZ else np.asarray(soxr.resample(raw, rate, RATE_HZ))
