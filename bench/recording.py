"""Listens to a call by measurement: how much of each side is speech, whether anything clips, and
how much of what the agent says an ear that has never heard its script can make out.

    offhook bench recording runs/<call id>

The ear is pocketsphinx with the general English model of its wheel on 8 kHz audio: a poor listener
on the telephone band. Its figure is a floor that shows whether speech is there and in order, not a
measure of the voice.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from num2words import num2words

FRAME = 160  # 20 ms at 8 kHz
SPEECH_RMS = 300.0  # about -40 dBFS; line noise of the simulated caller lies below it
GAP_FRAMES = 25  # half a second of silence parts two utterances
Samples = np.ndarray[Any, Any]


def read(path: Path) -> Samples:
    """The stereo recording as (samples, 2)."""
    with wave.open(str(path)) as wav:
        samples: Samples = np.frombuffer(wav.readframes(wav.getnframes()), "<i2")
    return samples.reshape(-1, 2)


def loud_frames(side: Samples) -> Samples:
    """Which 20 ms frames hold speech."""
    frames = side[: len(side) // FRAME * FRAME].reshape(-1, FRAME).astype(float)
    loud: Samples = np.sqrt((frames**2).mean(axis=1)) > SPEECH_RMS
    return loud


def utterances(side: Samples) -> list[Samples]:
    """Stretches of speech with a quarter of a second around them."""
    loud = np.flatnonzero(loud_frames(side))
    runs = np.split(loud, np.flatnonzero(np.diff(loud) > GAP_FRAMES) + 1)
    return [side[max(0, run[0] - 12) * FRAME : (run[-1] + 13) * FRAME] for run in runs if run.size]


def make_out(side: Samples) -> list[str]:
    """The words a general recogniser hears."""
    from pocketsphinx import Decoder  # type: ignore[attr-defined] # it exports by star

    decoder, words = Decoder(samprate=16000, loglevel="FATAL"), []
    for speech in utterances(side):
        wide = soxr.resample(speech.astype(np.float32) / 32768, 8000, 16000)
        decoder.start_utt()
        decoder.process_raw((wide * 32767).astype("<i2").tobytes(), full_utt=True)
        decoder.end_utt()
        words += plain(decoder.hyp().hypstr if decoder.hyp() else "")
    return words


def plain(text: str) -> list[str]:
    """Lower-case words; digits as they are said one by one."""
    spelled = re.sub(r"\d", lambda digit: f" {num2words(int(digit.group()))} ", text)
    return re.findall(r"[a-z']+", spelled.lower())


def word_errors(reference: Sequence[str], heard: Sequence[str]) -> int:
    """Least number of words to change, drop or add."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(reference, 1):
        above, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (word != other))
    return row[-1]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure one call's folder; 1 when a side is silent or clips."""
    parser = argparse.ArgumentParser(prog="offhook bench recording", description=__doc__)
    parser.add_argument("folder", type=Path, help="a folder under runs/")
    folder = parser.parse_args(argv).folder
    samples = read(folder / "recording.wav")
    record = json.loads((folder / "call.json").read_text())
    out, is_good = sys.stdout, True
    for index, side in enumerate(("caller", "agent")):
        share = float(loud_frames(samples[:, index]).mean())
        peak = int(np.abs(samples[:, index].astype(int)).max())
        is_good &= share > 0.02 and peak < 32000
        out.write(f"{side}: {share:.0%} speech, peak {20 * np.log10(peak / 32768):.1f} dBFS\n")
    said = " ".join([record["opening_text"], *(turn["heard_text"] for turn in record["turns"])])
    heard, spoken = make_out(samples[:, 1]), plain(said)
    known = sum(word in set(heard) for word in set(spoken)) / len(set(spoken))
    errors = word_errors(spoken, heard) / len(spoken)
    out.write(f"agent: {known:.0%} of its different words made out, word error rate {errors:.2f}")
    out.write(f" over {len(spoken)} words (pocketsphinx, general English)\n")
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
