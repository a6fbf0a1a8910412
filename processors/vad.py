"""Speech or silence, 32 ms at a time, from one Silero model shared by every call of the process.

The model's recurrent state is two small arrays that live in Python, so one ONNX session serves all
calls; only the state is a call's own. A window takes about a tenth of a millisecond, less than
handing it to a thread and back, so it is scored where it arrives.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
import onnxruntime
from pipecat.audio.vad.silero import SileroOnnxModel, SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams, VADState
from pipecat.frames.frames import Frame, InputAudioRawFrame
from pipecat.processors.audio.vad_processor import VADProcessor
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from call.audio import FRAME_S, RATE_HZ, loudest
from call.loudness import Loudness
from call.voice_edge import VoiceEdge
from frames.floor import VoiceEbbFrame, VoiceOnsetFrame, VoicePauseFrame

_ort: Any = onnxruntime  # its wheel exports names that type checkers cannot see
WINDOW_S = 0.032  # 256 samples at 8 kHz: the model's only window
_WINDOW = 256
_CONTEXT = 32  # samples of the window before that the model sees again
_RATE = np.array(RATE_HZ, dtype=np.int64)
# How often the framework repeats that somebody is speaking, for whoever waits to yield the floor;
# each repeat walks the whole list in both directions.
SPEAKING_NOTICE_S = 0.4
STILL = 96  # of 32768: a window without a sample this loud holds no voice (-51 dBFS)
STILL_WINDOWS = 32  # a second of them: the model has come to rest, and more would not move it


@dataclass(frozen=True)
class Vad:
    """Speech or silence. Times are rounded to whole windows of 32 ms: 0.2 acts as 0.192, 0.11 as
    0.096, 0.3 as 0.288."""

    stop_s: float = 0.11
    """Seconds of silence before speech counts as stopped: the first signal of a turn's end, at
    which all work starts and nothing is decided yet. Below 0.1 it falls into the gaps between
    words; above it, all that runs beside the decision starts later by the excess."""
    start_s: float = 0.2
    """Seconds of speech before a turn opens. A click or a cough is shorter, a "yes" is longer."""
    confidence: float = 0.45
    """Least speech probability of a window that counts as speech, 0 to 1. The model's usual 0.7 is
    for wide-band microphones; on the telephone band it misses soft beginnings."""
    onset_s: float = 0.064
    """Seconds of speech after which a speaking agent is held, before anybody knows what the sound
    is. One window would hold it for every click; three cost 32 ms of politeness."""
    fade_db: float = 20.0
    """A voice this much below its own recent loudness has faded, although the detector, in which it
    rings on for 0.1 to 0.2 s, still hears it. Vowels of one word differ by 10. 0 leaves it to the
    detector."""
    fade_s: float = 0.04
    """For so long: two packets. The silence inside "uh-huh" is shorter."""
    ebbs_below: float = 0.85
    """A voice that has faded ebbs when its speech probability falls below this: it may have been
    the last word, and the recogniser is asked for it, 0.1 s before the stop. In the closure of a
    "p" or "k" the probability stays above 0.95. Every 8 s of speech it is asked in vain; by
    loudness alone it would be every second. 0 switches it off."""
    min_volume: float = 0.0
    """Least loudness (0 to 1) that counts as speech; 0 switches the gate and its arithmetic off. It
    averages over 400 ms, which delays the onset by 60 to 320 ms on quiet lines."""

    def __post_init__(self) -> None:
        if not 0.032 <= self.stop_s <= 2:
            raise ValueError(f"stop_s is {self.stop_s}; choose 0.032 to 2 seconds")
        if not 0.032 <= self.start_s <= 2:
            raise ValueError(f"start_s is {self.start_s}; choose 0.032 to 2 seconds")
        if not 0.032 <= self.onset_s <= self.start_s:
            raise ValueError(f"onset_s is {self.onset_s}; choose 0.032 seconds to start_s")
        if self.fade_db < 0 or not 0.02 <= self.fade_s <= 1:
            raise ValueError(
                f"fade_db is {self.fade_db} and fade_s {self.fade_s}; choose 0 dB or more, and "
                "0.02 to 1 second"
            )
        if not 0 <= self.ebbs_below <= 1:
            raise ValueError(f"ebbs_below is {self.ebbs_below}; choose 0 to 1")
        if not 0 < self.confidence < 1:
            raise ValueError(f"confidence is {self.confidence}; choose between 0 and 1")
        if not 0 <= self.min_volume <= 1:
            raise ValueError(f"min_volume is {self.min_volume}; choose 0 to 1")


@cache
def _session() -> Any:
    """The process's one Silero session, from the model file inside the Pipecat wheel."""
    options = _ort.SessionOptions()
    options.inter_op_num_threads = 1
    options.intra_op_num_threads = 1
    path = resources.files("pipecat.audio.vad.data").joinpath("silero_vad.onnx")
    return _ort.InferenceSession(
        str(path), providers=["CPUExecutionProvider"], sess_options=options
    )


def preload() -> None:
    """Load the model and run it once, so that no call pays for it."""
    model = _SharedSilero()
    model(np.zeros(256, dtype=np.float32), RATE_HZ)


class _SharedSilero(SileroOnnxModel):
    """The call's own state around the shared session.

    The same arithmetic as Pipecat's wrapper for the one rate there is, on one array that holds a
    window behind the end of the one before it.
    """

    def __init__(self) -> None:
        self.session = _session()
        self.sample_rates = [RATE_HZ]
        self._input = np.zeros((1, _CONTEXT + _WINDOW), dtype=np.float32)
        self.reset_states()

    def reset_states(self, batch_size: int = 1) -> None:
        """As if nothing had been heard."""
        self._state: Any = np.zeros((2, 1, 128), dtype=np.float32)
        self._input[:] = 0.0

    def pass_over(self, pcm: bytes) -> None:
        """A window that is not scored; the next one still begins with its end."""
        self._input[0, -_CONTEXT:] = np.frombuffer(pcm, np.int16)[-_CONTEXT:] / 32768.0

    def __call__(self, x: Any, sr: int) -> Any:
        """Probability of speech in 256 samples at 8 kHz, as an array of one row."""
        heard = self._input
        heard[0, :_CONTEXT] = heard[0, _WINDOW:]
        heard[0, _CONTEXT:] = x
        out, self._state = self.session.run(
            None, {"input": heard, "state": self._state, "sr": _RATE}
        )
        return out


class SharedSileroAnalyzer(SileroVADAnalyzer):
    """Pipecat's Silero analyzer without a model, a thread or a loudness meter of its own."""

    def __init__(self, params: VADParams, *, still_below: int = STILL) -> None:
        """`still_below` 0 scores every window."""
        # past SileroVADAnalyzer.__init__, which loads a session for each call
        VADAnalyzer.__init__(self, sample_rate=RATE_HZ, params=params)
        self._model: _SharedSilero = _SharedSilero()
        self._windows_since_reset = 0
        self._low_confidence_windows = 0
        self.score = 0.0  # of the last window
        self.is_voice = False  # the same, as a verdict
        self.alike = 0  # windows like it, in a row
        self._still_below = still_below
        self._still = 0  # windows in a row in which there was nothing to hear

    def _get_smoothed_volume(self, audio: bytes) -> float:
        if self._params.min_volume <= 0:
            return 0.0
        return float(super()._get_smoothed_volume(audio))

    async def analyze_audio(self, buffer: bytes) -> VADState:
        """Score the windows that are complete, on the spot."""
        return self._run_analyzer(buffer)

    def voice_confidence(self, buffer: bytes) -> Any:
        """Score one window, and keep count of alike ones. A line that has been still for a while is
        not asked again whether there is a voice in it, until there is something to hear."""
        self._still = self._still + 1 if loudest(buffer) < self._still_below else 0
        if self._still > STILL_WINDOWS and not self.is_voice:
            self.alike += 1
            self._model.pass_over(buffer)
            return self.score
        score = super().voice_confidence(buffer)
        self.score = float(np.max(score))
        is_voice = bool(score >= self._params.confidence)
        self.alike = self.alike + 1 if is_voice == self.is_voice else 1
        self.is_voice = is_voice
        return score


class CallVad(VADProcessor):
    """Pipecat's station, which also tells each onset and pause long before it is a turn."""

    def __init__(
        self, *, edge: VoiceEdge, vad_analyzer: SharedSileroAnalyzer, **options: Any
    ) -> None:
        super().__init__(vad_analyzer=vad_analyzer, **options)
        self._analyzer = vad_analyzer
        self._edge = edge
        self._loudness = Loudness()

    async def queue_frame(
        self,
        frame: Frame,
        direction: FrameDirection = FrameDirection.DOWNSTREAM,
        callback: Any = None,
    ) -> None:
        """The caller's audio goes by without what surrounds every other frame of the framework's:
        fifty a second, that costs as much as the detector."""
        if isinstance(frame, InputAudioRawFrame) and self._next is not None:
            await self._next.queue_frame(frame, direction)
            await self._hear(frame)
        else:
            await super().queue_frame(frame, direction, callback)

    async def _hear(self, frame: InputAudioRawFrame) -> None:
        """Let the detector work, then tell what its last windows say."""
        await self._vad_controller.process_frame(frame)
        heard = self._analyzer
        energy = energy_of(heard, frame.audio)
        changed = self._edge.hear(is_voice=heard.is_voice, alike=heard.alike, energy=energy)
        if heard.is_voice:
            self._loudness.hear(energy)
        if changed is True:
            onset_at = time.monotonic() - heard.alike * WINDOW_S
            await self.push_frame(VoiceOnsetFrame(at=onset_at))
        elif changed is False:
            await self.push_frame(VoicePauseFrame(over_db=self._loudness.paused()))
        if self._edge.ebbs(heard.score):
            await self.push_frame(VoiceEbbFrame())


def edge_of(edge: VoiceEdge, heard: SharedSileroAnalyzer, packet: bytes) -> bool | None:
    """Whether a voice begins or fades with this packet."""
    energy = energy_of(heard, packet)
    return edge.hear(is_voice=heard.is_voice, alike=heard.alike, energy=energy)


def energy_of(heard: SharedSileroAnalyzer, packet: bytes) -> float:
    """A packet's mean square; 0 where there is no voice, for nobody asks then."""
    if not heard.is_voice:
        return 0.0
    samples = np.frombuffer(packet, np.int16).astype(np.float32)
    return float(samples @ samples) / max(1, len(samples))


def voice_edge(settings: Vad) -> VoiceEdge:
    """The rule of one call."""
    return VoiceEdge(
        windows=max(1, round(settings.onset_s / WINDOW_S)),
        fade_db=settings.fade_db,
        fade_packets=max(1, round(settings.fade_s / FRAME_S)),
        ebbs_below=settings.ebbs_below,
    )


def session_vad(settings: Vad) -> FrameProcessor:
    """The station for one call; costs microseconds once the model is loaded."""
    params = VADParams(
        confidence=settings.confidence,
        start_secs=settings.start_s,
        stop_secs=settings.stop_s,
        min_volume=settings.min_volume,
    )
    return CallVad(
        edge=voice_edge(settings),
        vad_analyzer=SharedSileroAnalyzer(params),
        speech_activity_period=SPEAKING_NOTICE_S,
        enable_direct_mode=True,  # nothing here waits, so a queue would only add a hop per frame
    )
