"""The emulated recogniser's engine for unknown speech: pocketsphinx with the clinic's model.

A small vocabulary on a telephone line; no general recogniser. One decoder per call, about 8 MB.
It holds the GIL while it works, so it is fed in short pieces.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from pocketsphinx._pocketsphinx import Config, Decoder  # type: ignore[import-not-found]

FOLDER = Path(__file__).parent / "hearing_model"
FRAME_S = 0.01

_RATE_HZ = 16000
_NOT_WORDS = ("<", "[", "+", "++")


@dataclass(frozen=True)
class Found:
    """One word the decoder found; times count from the start of its utterance."""

    text: str
    start_s: float
    end_s: float
    confidence: float


def config(*, is_phone: bool = True) -> Config:
    """The decoder's settings; `is_phone` moves the acoustic model to the telephone's band."""
    settings = Config(
        samprate=_RATE_HZ,
        lm=str(FOLDER / "domain.arpa") if (FOLDER / "domain.arpa").exists() else None,
        dict=str(FOLDER / "domain.dict"),
        # the second pass would freeze the loop for up to half a second and gains 0.8 points
        fwdflat=False,
        bestpath=True,  # without it nearly twice the errors
        maxhmmpf=3000,  # bounds the work on speech that fits no sentence of the model
        loglevel="FATAL",
    )
    if is_phone:
        settings["mllr"] = str(FOLDER / "phone.mllr")
        settings["cmninit"] = (FOLDER / "cmninit.txt").read_text().strip()
    return settings


class Sphinx:
    """One decoder and the stream that feeds it 8 kHz audio, one utterance after the other."""

    def __init__(self) -> None:
        self._decoder = Decoder(config())
        self._upsampler = soxr.ResampleStream(8000, _RATE_HZ, 1, dtype="int16")
        self._is_open = False

    def begin(self) -> None:
        """Start an utterance; the next audio is at its second zero."""
        if self._is_open:
            self.end()
        self._upsampler.clear()
        self._decoder.start_utt()
        self._is_open = True

    def take(self, pcm8k: bytes) -> None:
        """Decode a piece of the utterance; keep pieces short."""
        wide = self._upsampler.resample_chunk(np.frombuffer(pcm8k, "<i2"))
        if len(wide):  # the first pieces fill the resampler's window and give nothing
            self._decoder.process_raw(wide.tobytes())

    def words(self) -> list[Found]:
        """What the utterance is taken for so far."""
        if not self._is_open or self._decoder.hyp() is None:
            return []
        return self._words(is_final=False)

    def end(self) -> list[Found]:
        """Close the utterance and return its words for good."""
        if not self._is_open:
            return []
        wide = self._upsampler.resample_chunk(np.zeros(0, np.int16), last=True)
        if len(wide):
            self._decoder.process_raw(wide.tobytes())
        self._decoder.end_utt()
        self._is_open = False
        if self._decoder.hyp() is None:
            return []
        return self._words(is_final=True)

    def _words(self, *, is_final: bool) -> list[Found]:
        """Segments that are words; posteriors exist only once the utterance is closed."""
        return [
            Found(
                text=segment.word.split("(")[0],
                start_s=segment.start_frame * FRAME_S,
                end_s=(segment.end_frame + 1) * FRAME_S,
                # an interim's words are not weighed yet
                confidence=min(1.0, max(0.01, float(segment.prob))) if is_final else 0.6,
            )
            for segment in self._decoder.seg()
            if not segment.word.startswith(_NOT_WORDS)
        ]
