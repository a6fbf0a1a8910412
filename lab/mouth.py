"""The caller's mouth: clips of speech, and the line noise between them, in 20 ms frames."""

from __future__ import annotations

import json
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lab.loudness import RATE_HZ, WINDOW_S, audible, encode, line_noise, mixed

FRAME_BYTES = 160
FRAME_S = FRAME_BYTES / RATE_HZ
CLIPS = Path(__file__).parent / "clips"


class ClipError(ValueError):
    """A clip that is not there or not 8 kHz mono; one line with the remedy."""


@dataclass(frozen=True)
class Clip:
    """Recorded speech: µ-law, its words, and where in it somebody speaks."""

    name: str
    sound: bytes
    words: str
    starts_s: float
    ends_s: float

    @property
    def duration_s(self) -> float:
        """Its whole length."""
        return len(self.sound) / RATE_HZ


def clip(
    name: str,
    sound: bytes,
    *,
    words: str = "",
    starts_s: float | None = None,
    ends_s: float | None = None,
) -> Clip:
    """A clip whose first and last audible instants are found by energy unless known."""
    flags = audible(sound)
    first, last = flags.find(1), flags.rfind(1)
    if starts_s is None:
        starts_s = max(0, first) * WINDOW_S
    if ends_s is None:
        ends_s = (last + 1) * WINDOW_S if last >= 0 else len(sound) / RATE_HZ
    return Clip(name, sound, words, starts_s, ends_s)


class Clips:
    """A folder of clips: `clips.json` (name → text, onset_s, end_s) and `*.ulaw` beside it; 8 kHz
    WAV files work too."""

    def __init__(self, folder: Path = CLIPS) -> None:
        self._folder = folder
        self._entries = _index(folder)
        self._loaded: dict[str, Clip] = {}

    def __getitem__(self, name: str) -> Clip:
        if name not in self._loaded:
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def _load(self, name: str) -> Clip:
        entry = self._entries.get(name, {})
        file = self._folder / str(entry.get("file", f"{name}.ulaw"))
        if file.is_file():
            sound = file.read_bytes() if file.suffix != ".wav" else _wav(file)
        elif (wav := self._folder / f"{name}.wav").is_file():
            sound = _wav(wav)
        else:
            known = ", ".join(sorted(self._entries)) or "none"
            raise ClipError(f"no clip {name!r} in {self._folder}; there are: {known}")
        return clip(
            name,
            sound,
            words=str(entry.get("text", "")),
            starts_s=_seconds(entry.get("onset_s")),
            ends_s=_seconds(entry.get("end_s")),
        )


def _seconds(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


def _index(folder: Path) -> dict[str, dict[str, object]]:
    try:
        document = json.loads((folder / "clips.json").read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise ClipError(f"{folder / 'clips.json'}: not JSON ({error})") from None
    if not isinstance(document, dict):
        raise ClipError(f"{folder / 'clips.json'}: write one object, clip name → entry")
    return {name: entry for name, entry in document.items() if isinstance(entry, dict)}


def _wav(file: Path) -> bytes:
    with wave.open(str(file)) as sound:
        shape = (sound.getframerate(), sound.getnchannels(), sound.getsampwidth())
        if shape != (RATE_HZ, 1, 2):
            raise ClipError(f"{file}: is {shape}; make it 8000 Hz, mono, 16 bit")
        return encode(np.frombuffer(sound.readframes(sound.getnframes()), dtype=np.int16))


class _Loop:
    """A sound that never ends."""

    def __init__(self, sound: bytes) -> None:
        self._sound = sound * (FRAME_BYTES // len(sound) + 1)
        self._at = 0

    def take(self, size: int) -> bytes:
        """Its next bytes, at most a frame."""
        if self._at + size > len(self._sound):
            self._at = 0
        start, self._at = self._at, self._at + size
        return self._sound[start : self._at]


class Mouth:
    """Gives the caller's sound frame by frame; between clips the line whispers."""

    def __init__(
        self, *, seed: int, noise_dbfs: float | None = -66.0, background: bytes = b""
    ) -> None:
        """`background`: what sounds behind the caller, µ-law, over and over."""
        quiet = line_noise(seed=seed, level_dbfs=noise_dbfs) if noise_dbfs is not None else b""
        self._quiet = _Loop(quiet or b"\xff" * FRAME_BYTES)
        self._behind = _Loop(background) if background else None
        self._waiting = b""

    @property
    def is_busy(self) -> bool:
        """A clip is being spoken."""
        return bool(self._waiting)

    def say(self, sound: bytes) -> None:
        """Speak from the next frame on."""
        self._waiting += sound

    def frame(self) -> bytes:
        """The next 20 ms."""
        spoken, self._waiting = self._waiting[:FRAME_BYTES], self._waiting[FRAME_BYTES:]
        sound = spoken + self._quiet.take(FRAME_BYTES - len(spoken))
        if self._behind is None:
            return sound
        return mixed((sound, 1.0), (self._behind.take(FRAME_BYTES), 1.0))
