"""The lab's voices: text in, 8 kHz audio and the time of every character out.

    speech = await lab.speaking.speak("Hello.", voice="slt", engine="real")
    speech.pcm8k        # PCM16 mono 8 kHz, about -20 dBFS, no clipping
    speech.chars        # one (start_ms, duration_ms) per character of the text, in order
    speech.words        # (text, start_s, end_s) per whitespace-separated word
    speech.duration_s

`voice` may be any string a provider is asked for: names of engine voices are taken as they are
(`VOICES`), an unknown id shaped like a UUID (Cartesia's) is the male voice, any other (ElevenLabs')
the female one. `engine` is "real" (flite when its library is present, else espeak-ng) or "bursts"
(speech-shaped noise for load runs).
"""

from __future__ import annotations

import asyncio
import re
import zlib
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache

import numpy as np
import soxr
from numpy.typing import NDArray

from lab import espeak, flite
from lab.take import Mark, Take

RATE_HZ = 8000
"""The telephone's sample rate."""

ENGINES = ("real", "bursts")

VOICES = {
    "female": ("slt", "en-us+f3"),
    "male": ("rms", "en-us+m3"),
    **{name: (name, "en-us+m3") for name in flite.VOICES},
    "slt": ("slt", "en-us+f3"),
}
"""Voice name → (flite voice, espeak voice)."""

_LEVEL = 10 ** (-20 / 20)  # -20 dBFS over the speech: usual for a telephone line
_PEAK = 10 ** (-1 / 20)
_LEAD_S, _TAIL_S = 0.04, 0.1  # silence kept around the speech; engines add up to 0.3 s of their own
_KEEP = 512  # utterances cached: about 25 MB
_LATIN = re.compile(r"[A-Za-z0-9]")
_ARABIC = re.compile(r"[\u0600-\u06ff]")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


@dataclass(frozen=True)
class Speech:
    """What was said, and when each character and word of it sounds."""

    pcm8k: bytes
    chars: list[tuple[int, int]]
    words: list[tuple[str, float, float]]
    engine: str

    @property
    def duration_s(self) -> float:
        """Length of the audio."""
        return len(self.pcm8k) / 2 / RATE_HZ


async def speak(text: str, *, voice: str, engine: str) -> Speech:
    """Say `text`, off the loop; the same text and voice are computed once per process."""
    if engine not in ENGINES:
        raise ValueError(f"no engine named {engine!r}; choose one of {', '.join(ENGINES)}")
    key = (text, voice, engine)
    future = _CACHE.pop(key, None)
    if future is None:
        future = _pool().submit(say, text, voice=voice, engine=engine)
    _CACHE[key] = future
    while len(_CACHE) > _KEEP:
        _CACHE.popitem(last=False)
    # a caller who hangs up cancels its own wait, not the utterance others may want
    return await asyncio.shield(asyncio.wrap_future(future))


def say(text: str, *, voice: str, engine: str) -> Speech:
    """What `speak` does, in the calling thread and without the cache."""
    if engine == "bursts":
        return finished(text, take=_bursts(text), engine="bursts")
    female_or_male = VOICES["male" if _UUID.fullmatch(voice) else "female"]
    flite_voice, espeak_voice = VOICES.get(voice, female_or_male)
    if _ARABIC.search(text):
        return finished(text, take=espeak.synthesise(text, voice="ar"), engine="espeak-ng")
    if not _LATIN.search(text):
        return finished(text, take=Take(np.zeros(0, np.float32), RATE_HZ, []), engine="none")
    if flite.is_available():
        return finished(text, take=flite.synthesise(text, voice=flite_voice), engine="flite")
    return finished(text, take=espeak.synthesise(text, voice=espeak_voice), engine="espeak-ng")


_CACHE: OrderedDict[tuple[str, str, str], Future[Speech]] = OrderedDict()


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=2, thread_name_prefix="lab-speaking")


def finished(text: str, *, take: Take, engine: str) -> Speech:
    """The take at the telephone's rate and level, its silence trimmed, its characters timed."""
    samples = take.samples
    if len(samples) and take.rate_hz != RATE_HZ:
        samples = soxr.resample(samples, take.rate_hz, RATE_HZ)
    first, last = speech_span(samples)
    start = max(0, first - int(_LEAD_S * RATE_HZ))
    end = min(len(samples), last + int(_TAIL_S * RATE_HZ))
    loud = samples[first:last]
    cut = samples[start:end] * _gain(loud)
    pcm8k = (cut * 32767).round().astype("<i2").tobytes()
    words = _words(text, marks=take.marks, offset_s=start / RATE_HZ, length_s=len(cut) / RATE_HZ)
    return Speech(pcm8k, _chars(text, words=words), words, engine)


def speech_span(samples: NDArray[np.float32]) -> tuple[int, int]:
    """First and last sample within 40 dB of the loudest 10 ms."""
    block = RATE_HZ // 100
    count = len(samples) // block
    if count == 0:
        return 0, len(samples)
    energy = np.square(samples[: count * block]).reshape(count, block).mean(axis=1)
    if energy.max() <= 0:
        return 0, 0
    loud = np.flatnonzero(energy > energy.max() * 1e-4)
    return int(loud[0]) * block, (int(loud[-1]) + 1) * block


def _gain(loud: NDArray[np.float32]) -> float:
    """Brings the speech to the line's level without letting a peak clip."""
    if not len(loud) or not loud.any():
        return 1.0
    rms = float(np.sqrt(np.mean(np.square(loud))))
    return float(min(_LEVEL / rms, _PEAK / float(np.abs(loud).max())))


def _words(
    text: str, *, marks: list[Mark], offset_s: float, length_s: float
) -> list[tuple[str, float, float]]:
    """Each whitespace-separated word with the stretch its marks cover."""
    spans = [match.span() for match in re.finditer(r"\S+", text)]
    times: list[tuple[float, float] | None] = [None] * len(spans)
    cursor = 0
    for mark in marks:
        at = text.find(mark.text, cursor)
        if at < 0:
            continue
        cursor = at + len(mark.text)
        index = next((i for i, (start, end) in enumerate(spans) if start <= at < end), None)
        if index is None:
            continue
        known = times[index]
        start_s = known[0] if known else mark.start_s
        times[index] = (start_s, mark.end_s)
    words: list[tuple[str, float, float]] = []
    now_s = 0.0
    for (start, end), found in zip(spans, times, strict=True):
        start_s, end_s = (t - offset_s for t in found) if found else (now_s, now_s)
        start_s = min(max(start_s, now_s), length_s)
        now_s = min(max(end_s, start_s), length_s)
        words.append((text[start:end], start_s, now_s))
    return words


def _chars(text: str, *, words: list[tuple[str, float, float]]) -> list[tuple[int, int]]:
    """Characters share their word's time evenly; spaces take the gap to the next word."""
    edges_s: list[float] = []
    now_s = 0.0
    left = iter(words)
    for match in re.finditer(r"\S+|\s+", text):
        size = match.end() - match.start()
        start_s, end_s = now_s, now_s
        if not match.group().isspace():
            _, start_s, end_s = next(left)
        edges_s.extend(start_s + (end_s - start_s) * i / size for i in range(size))
        now_s = end_s
    starts_ms = [round(edge * 1000) for edge in edges_s]
    ends_ms = [*starts_ms, round(now_s * 1000)][1:]
    return [(start, max(0, end - start)) for start, end in zip(starts_ms, ends_ms, strict=True)]


@cache
def _carrier() -> NDArray[np.float32]:
    """Four seconds of a droning voice: harmonics of 120 Hz under three formants, and breath."""
    at = np.arange(4 * RATE_HZ) / RATE_HZ
    pitch_hz = 120 * (1 + 0.08 * np.sin(2 * np.pi * 0.7 * at))
    phase = 2 * np.pi * np.cumsum(pitch_hz) / RATE_HZ
    voice = np.zeros_like(at)
    for harmonic in range(1, 28):
        hz = 120 * harmonic
        formants = sum(np.exp(-(((hz - centre) / 250) ** 2)) for centre in (500, 1500, 2500))
        voice += (0.05 + formants) * np.sin(harmonic * phase)
    breath = np.random.default_rng(1).standard_normal(len(at)) * 0.3
    return np.asarray(voice + breath, np.float32)


def _bursts(text: str) -> Take:
    """One syllable-shaped burst per three letters, at a speaker's pace; costs next to nothing."""
    blocks: list[NDArray[np.float32]] = []
    marks: list[Mark] = []
    now_s = 0.0
    for word in text.split():
        size = int(max(2, len(word)) * 0.065 * RATE_HZ)
        syllables = max(1, len(word) // 3)
        shape = np.abs(np.sin(np.pi * syllables * np.arange(size) / size)) ** 0.5
        start = zlib.crc32(word.encode()) % (3 * RATE_HZ)
        source = np.resize(_carrier()[start:], size)
        gap = np.zeros(int((0.25 if word[-1] in ".?!,;:" else 0.04) * RATE_HZ), np.float32)
        blocks += [np.asarray(source * shape, np.float32), gap]
        marks.append(Mark(word, now_s, now_s + size / RATE_HZ))
        now_s += (size + len(gap)) / RATE_HZ
    samples = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
    return Take(samples, RATE_HZ, marks)
