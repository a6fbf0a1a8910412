"""Knows the lab's own caller clips by their sound, wherever in the audio they begin.

Audio becomes a row of band energies every 10 ms; half a second of rows is a patch; the patch last
heard is compared with every patch of every clip in one multiplication. Once a clip is found, it is
followed: only patches near the expected place are looked at. Alignment, short losses and line
noise change a patch little; other speech does not resemble it.
"""

from __future__ import annotations

import audioop
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(__file__).parent / "clips"
RATE_HZ = 8000
HOP = 80  # samples between rows: 10 ms
SPAN = 256  # samples seen by one row: 32 ms
ROWS = 50  # rows of a patch: half a second
STRIDE = 2  # every other row is compared, and every other place: 20 ms is fine enough

FOUND = 0.9  # likeness of the patch last heard that makes a clip known
KEPT = 0.75  # likeness below which a clip that was followed is given up
MIN_SPEECH_ROWS = 14  # rows of the patch with speech in them before it is looked up

_BANDS_HZ = np.geomspace(250, 3700, 17)
_FLOOR = 1e-5  # power per band, about -50 dBFS: what is softer, noise of the line, is nothing
_TAIL_ROWS = 30  # a clip is still recognised this long after its end

Rows = NDArray[np.float32]


@dataclass(frozen=True)
class ClipWord:
    """One word of a clip on the clip's own clock."""

    text: str
    written: str
    start_s: float
    end_s: float


@dataclass(frozen=True)
class Clip:
    """One known utterance."""

    id: str
    words: tuple[ClipWord, ...]
    onset_s: float
    end_s: float


@dataclass(frozen=True)
class Match:
    """The patch last heard ends `at_s` seconds into the clip."""

    clip: Clip
    at_s: float
    likeness: float


@cache
def _weights() -> Rows:
    """How much of each spectral line belongs to each band: triangles, evenly spaced by ear."""
    lines_hz = np.fft.rfftfreq(SPAN, 1 / RATE_HZ)
    left, peak, right = _BANDS_HZ[:-2, None], _BANDS_HZ[1:-1, None], _BANDS_HZ[2:, None]
    rise, fall = (lines_hz - left) / (peak - left), (right - lines_hz) / (right - peak)
    return np.asarray(np.clip(np.minimum(rise, fall), 0, None).T, np.float32)


def rows(samples: NDArray[np.float32]) -> Rows:
    """Band energies of each 32 ms, every 10 ms; samples within -1 and 1."""
    count = max(0, (len(samples) - SPAN) // HOP + 1)
    if count == 0:
        return np.zeros((0, _weights().shape[1]), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, SPAN)[::HOP][:count]
    window = np.hanning(SPAN).astype(np.float32)
    lines = np.abs(np.fft.rfft(frames * window, axis=1)) / (SPAN / 4)
    power = np.square(lines) @ _weights()
    return np.asarray(np.log10(1 + power / _FLOOR), np.float32)


def patch(heard: Rows) -> NDArray[np.float32] | None:
    """The last half second as one vector of length one; None when there is nothing in it."""
    if len(heard) < ROWS:
        heard = np.vstack((np.zeros((ROWS - len(heard), heard.shape[1]), np.float32), heard))
    flat = heard[-ROWS:][(ROWS - 1) % STRIDE :: STRIDE].ravel()
    flat = flat - flat.mean()
    size = float(np.linalg.norm(flat))
    return np.asarray(flat / size, np.float32) if size > 1e-3 else None


@dataclass(frozen=True)
class KnownClips:
    """Every clip's patches, and where each belongs."""

    clips: tuple[Clip, ...]
    patches: NDArray[np.float32]  # one row per place
    owners: NDArray[np.int32]  # which clip it is of
    ends_s: NDArray[np.float32]  # how far into the clip it ends
    first: NDArray[np.int32]  # the first place of each clip

    def search(self, heard: Rows) -> Match | None:
        """Where in which clip this sounds like, if anywhere."""
        wanted = patch(heard)
        if wanted is None:
            return None
        likeness = self.patches @ wanted
        best = int(likeness.argmax())
        if likeness[best] < FOUND:
            return None
        return self._match(best, float(likeness[best]))

    def follow(self, heard: Rows, clip: Clip, *, expected_s: float, slack: int = 3) -> Match:
        """How far into that clip we are, near where we should be, and how much it sounds so.

        Silence, and places of the clip without speech, sound as expected.
        """
        wanted = patch(heard)
        if wanted is None:
            return Match(clip, expected_s, 1.0)
        owner = self.clips.index(clip)
        first = int(self.first[owner])
        last = int(self.first[owner + 1])
        guess = first + round((expected_s - float(self.ends_s[first])) * RATE_HZ / HOP / STRIDE)
        low, high = max(first, guess - slack), min(last, guess + slack + 1)
        if low >= high:
            return Match(clip, expected_s, 1.0)
        near = self.patches[low:high]
        if not near[len(near) // 2].any():
            return Match(clip, expected_s, 1.0)
        likeness = near @ wanted
        best = int(likeness.argmax())
        return self._match(low + best, float(likeness[best]))

    def _match(self, place: int, likeness: float) -> Match:
        clip = self.clips[int(self.owners[place])]
        return Match(clip, float(self.ends_s[place]), likeness)


@cache
def load(folder: Path = FOLDER) -> KnownClips:
    """The clips of a folder; computed once per process, in a fraction of a second."""
    index: dict[str, dict[str, Any]] = json.loads((folder / "clips.json").read_text("utf-8"))
    clips: list[Clip] = []
    patches: list[NDArray[np.float32]] = []
    owners: list[int] = []
    ends_s: list[float] = []
    first: list[int] = []
    for id_, entry in index.items():
        words = tuple(
            ClipWord(word["text"], word["written"], word["start_s"], word["end_s"])
            for word in entry["words"]
        )
        first.append(len(patches))
        owner = len(clips)
        clips.append(Clip(id_, words, entry["onset_s"], entry["end_s"]))
        for end_s, vector in _places((folder / entry["file"]).read_bytes()):
            patches.append(vector)
            owners.append(owner)
            ends_s.append(end_s)
    first.append(len(patches))
    return KnownClips(
        clips=tuple(clips),
        patches=np.stack(patches),
        owners=np.asarray(owners, np.int32),
        ends_s=np.asarray(ends_s, np.float32),
        first=np.asarray(first, np.int32),
    )


def _places(ulaw: bytes) -> list[tuple[float, NDArray[np.float32]]]:
    """Each place of one clip with the second it ends at; where it pauses, the patch is all zero."""
    samples = as_floats(audioop.ulaw2lin(ulaw, 2))
    lead, tail = ROWS * HOP, _TAIL_ROWS * HOP + SPAN
    features = rows(np.pad(samples, (lead, tail)))
    found: list[tuple[float, NDArray[np.float32]]] = []
    for end in range(ROWS, len(features) + 1, STRIDE):
        window = features[end - ROWS : end]
        vector = patch(window)
        if vector is None or not has_speech(window):
            vector = np.zeros(features.shape[1] * len(range(0, ROWS, STRIDE)), np.float32)
        found.append((((end - 1) * HOP + SPAN - lead) / RATE_HZ, vector))
    spoken = [index for index, (_, vector) in enumerate(found) if vector.any()]
    return found[spoken[0] : spoken[-1] + 1]


def as_floats(pcm: bytes) -> NDArray[np.float32]:
    """PCM16 as numbers between -1 and 1."""
    return np.frombuffer(pcm, "<i2").astype(np.float32) * np.float32(2**-15)


def has_speech(window: Rows) -> bool:
    """Is there enough in it to be looked up?"""
    return int((window[-ROWS:].sum(axis=1) > _weights().shape[1] * 0.3).sum()) >= MIN_SPEECH_ROWS
