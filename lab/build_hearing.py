"""Builds the emulated recogniser's model: what callers of a clinic say, on a telephone line.

    python -m lab.build_hearing           # needs libflite; writes lab/hearing_model/

From `grammar.txt`: a trigram model and the part of the pronouncing dictionary it needs. From the
same synthetic sentences heard wide and through the telephone: the linear transform (MLLR) that
moves the wideband acoustic model to the telephone's band, and a warm cepstral mean. The same
inputs give the same files.
"""

from __future__ import annotations

import audioop
import io
import itertools
import random
import re
import sys
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray
from pocketsphinx import get_model_path
from pocketsphinx._pocketsphinx import Decoder  # type: ignore[import-not-found]
from pocketsphinx.lm import ArpaBoLM

from lab import flite
from lab.sphinx import FOLDER, config

SENTENCES = 8000
_PAIRED = 60  # sentences per voice for the transform
_VOICES = ("slt", "rms", "awb", "kal16")
_STREAMS = 3  # the acoustic model keeps cepstra, deltas and accelerations apart
_CEPSTRA = 13
_RATE_HZ = 16000
_OURS = ("toothache T UW TH EY K",)  # words the wheel's dictionary lacks

Floats = NDArray[np.float64]


def main() -> None:
    """Build all four files and say how large they are."""
    if not flite.is_available():
        sys.exit("The transform is fitted on flite's voices: apt-get install libflite1")
    sentences = sample(SENTENCES, seed=1)
    words = sorted({word for sentence in sentences for word in sentence.split()})
    _write_dictionary(words)
    _write_language_model(sentences)
    _write_transform(random.Random(2).sample(sorted(set(sentences)), _PAIRED))
    for path in sorted(FOLDER.iterdir()):
        sys.stdout.write(f"{path.name:14} {path.stat().st_size:8} bytes\n")
    sys.stdout.write(f"{len(words)} words, {len(set(sentences))} different sentences\n")


# ── sentences ────────────────────────────────────────────────────────────────────────
def sample(count: int, *, seed: int) -> list[str]:
    """Sentences of the grammar, each line equally often."""
    lines, lists = _grammar()
    draw = random.Random(seed)
    drawn = (_expand(lines[index % len(lines)], lists, draw) for index in range(count))
    return [sentence for sentence in drawn if sentence]


@cache
def _grammar() -> tuple[list[str], dict[str, list[str]]]:
    lines: list[str] = []
    lists: dict[str, list[str]] = {}
    for line in (FOLDER / "grammar.txt").read_text("utf-8").splitlines():
        name, equals, choices = line.partition(" = ")
        if equals:
            lists[name] = [choice.strip() for choice in choices.split("|")]
        elif line and not line.startswith("#"):
            lines.append(line)
    return lines, lists


def _expand(line: str, lists: dict[str, list[str]], draw: random.Random) -> str:
    """One sentence of a line, innermost brackets first."""
    inner = re.compile(r"\(([^()\[\]]*)\)|\[([^()\[\]]*)\]|(<\w+>)")
    while found := inner.search(line):
        if found.group(3):
            chosen = draw.choice(lists[found.group(3)])
        elif found.group(1) is not None:
            chosen = draw.choice(found.group(1).split("|"))
        else:
            chosen = draw.choice([*found.group(2).split("|"), ""]) if draw.random() < 0.7 else ""
        line = line[: found.start()] + chosen + line[found.end() :]
    return " ".join(line.split())


# ── words ────────────────────────────────────────────────────────────────────────────
def _write_dictionary(words: list[str]) -> None:
    """The pronunciations of the grammar's words; one that is missing stops the build."""
    source = Path(get_model_path("en-us/cmudict-en-us.dict")).read_text("utf-8")
    entries: dict[str, list[str]] = {}
    for line in (*source.splitlines(), *_OURS):
        entries.setdefault(re.sub(r"\(\d+\)$", "", line.split()[0]), []).append(line)
    missing = [word for word in words if word not in entries]
    if missing:
        sys.exit(f"grammar.txt uses words without a pronunciation: {', '.join(missing)}")
    lines = [line for word in words for line in entries[word]]
    (FOLDER / "domain.dict").write_text("\n".join(lines) + "\n", "utf-8")


def _write_language_model(sentences: list[str]) -> None:
    model = ArpaBoLM(text="\n".join(sentences), add_start=True)
    model.compute()
    text = io.StringIO()
    model.write(text)
    kept = [line.rstrip() for line in text.getvalue().splitlines()]
    start = kept.index("\\data\\")  # the lines before it name the day of the build
    (FOLDER / "domain.arpa").write_text("\n".join(kept[start:]) + "\n", "utf-8")


# ── the telephone's band ─────────────────────────────────────────────────────────────
def _write_transform(sentences: list[str]) -> None:
    """Least squares from wideband to telephone features of the same sentences."""
    wide: list[Floats] = []
    phone: list[Floats] = []
    means: list[Floats] = []
    for voice, sentence in itertools.product(_VOICES, sentences):
        with tempfile.TemporaryDirectory() as folder:
            settings = config(is_phone=False)
            settings["mfclogdir"] = folder
            decoder = Decoder(settings)  # a fresh one each time: it adapts to what it hears
            pcm = _wide(sentence, voice=voice)
            pair = _cepstra(decoder, pcm), _cepstra(decoder, _through_telephone(pcm))
        frames = min(len(part) for part in pair)
        means.append(pair[1][:frames].mean(axis=0))
        for features, side in zip(pair, (wide, phone), strict=True):
            side.append(_dynamic(features[:frames]))
    blocks = [
        _fit(np.concatenate(wide)[:, part], np.concatenate(phone)[:, part])
        for part in (slice(at, at + _CEPSTRA) for at in range(0, _STREAMS * _CEPSTRA, _CEPSTRA))
    ]
    lines = ["1", str(_STREAMS)]
    for matrix, offset in blocks:
        lines.append(str(_CEPSTRA))
        lines += [" ".join(f"{value:.5f}" for value in row) for row in matrix]
        lines.append(" ".join(f"{value:.5f}" for value in offset))
        lines.append(" ".join(["1.0"] * _CEPSTRA))
    (FOLDER / "phone.mllr").write_text("\n".join(lines) + "\n", "utf-8")
    mean = np.mean(means, axis=0)
    (FOLDER / "cmninit.txt").write_text(",".join(f"{value:.2f}" for value in mean) + "\n", "utf-8")


def _fit(wide: Floats, phone: Floats) -> tuple[Floats, Floats]:
    """The matrix and offset that carry `wide` to `phone` with the least squared error."""
    inputs = np.hstack((wide, np.ones((len(wide), 1))))
    solved = np.linalg.lstsq(inputs, phone, rcond=None)[0]
    return np.asarray(solved[:-1].T, float), np.asarray(solved[-1], float)


def _wide(sentence: str, *, voice: str) -> NDArray[np.int16]:
    take = flite.synthesise(sentence, voice=voice)
    level = np.sqrt(np.mean(take.samples**2)) + 1e-9
    samples = np.clip(take.samples * (0.1 / level), -1, 1)
    if take.rate_hz != _RATE_HZ:
        samples = soxr.resample(samples, take.rate_hz, _RATE_HZ)
    return np.asarray(samples * 32767, np.int16)


def _through_telephone(pcm: NDArray[np.int16]) -> NDArray[np.int16]:
    """Down to 8 kHz mu-law and up again, as the ear will hear a caller."""
    narrow = soxr.resample(pcm, _RATE_HZ, 8000).tobytes()
    heard = audioop.ulaw2lin(audioop.lin2ulaw(narrow, 2), 2)
    return np.asarray(soxr.resample(np.frombuffer(heard, "<i2"), 8000, _RATE_HZ), np.int16)


def _cepstra(decoder: Decoder, pcm: NDArray[np.int16]) -> Floats:
    """The decoder's own features of one utterance, from the log it keeps of them."""
    folder = Path(decoder.config["mfclogdir"])
    decoder.start_utt()
    decoder.process_raw(pcm.tobytes(), full_utt=True, no_search=True)
    decoder.end_utt()
    log = max(folder.iterdir())
    values = np.frombuffer(log.read_bytes(), ">f4", offset=4)  # a count, then big-endian floats
    return np.asarray(values, float).reshape(-1, _CEPSTRA)


def _dynamic(cepstra: Floats) -> Floats:
    """Mean-free cepstra with the decoder's deltas (±2 frames) and accelerations behind them."""
    still = cepstra - cepstra.mean(axis=0)
    padded = np.pad(still, ((3, 3), (0, 0)), mode="edge")
    delta = padded[5:-1] - padded[1:-5]
    acceleration = (padded[6:] - padded[2:-4]) - (padded[4:-2] - padded[:-6])
    return np.hstack((still, delta, acceleration))


if __name__ == "__main__":
    main()
