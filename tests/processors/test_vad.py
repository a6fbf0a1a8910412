"""The voice detector: one model for all calls, inline, with Pipecat's frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams, VADState
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.worker import PipelineParams
from pipecat.tests.utils import run_test

from call.audio import RATE_HZ
from frames.floor import VoiceEbbFrame, VoiceOnsetFrame, VoicePauseFrame
from processors import vad
from processors.vad import WINDOW_S, SharedSileroAnalyzer, Vad, preload, session_vad
from tests.processors.audio import frames, silence, telephone

pytestmark = pytest.mark.frame

CLIP = "turns/flite_slt_09_full.wav"  # "What is the status of my order?"
PARAMS = VADParams(confidence=0.45, start_secs=0.2, stop_secs=0.2, min_volume=0.0)


def analyzer(params: VADParams = PARAMS, *, still_below: int = vad.STILL) -> SharedSileroAnalyzer:
    """One call's analyzer at the telephone's rate."""
    made = SharedSileroAnalyzer(params, still_below=still_below)
    made.set_sample_rate(RATE_HZ)
    return made


async def states(detector: SileroVADAnalyzer, pcm: bytes) -> list[VADState]:
    """The state after each frame."""
    return [await detector.analyze_audio(frame.audio) for frame in frames(pcm)]


async def test_speech_is_framed_by_its_start_and_stop(shared_audio: Path) -> None:
    """And every audio frame has passed, ahead of what was found in it."""
    sent: list[Frame] = list(frames(telephone(shared_audio / CLIP)))
    down, up = await run_test(
        session_vad(Vad()),
        frames_to_send=sent,
        pipeline_params=PipelineParams(audio_in_sample_rate=RATE_HZ),
    )
    assert [f for f in down if isinstance(f, InputAudioRawFrame)] == sent
    signals = (VADUserStartedSpeakingFrame, VADUserStoppedSpeakingFrame)
    assert [type(f) for f in down if isinstance(f, signals)] == list(signals)
    assert [type(f) for f in up if isinstance(f, signals)] == list(signals)


async def test_an_onset_comes_long_before_the_turn_and_a_pause_before_its_end(
    shared_audio: Path,
) -> None:
    """Downstream, in pairs; a speaking agent has to know at once."""
    sent = frames(telephone(shared_audio / CLIP) + silence(0.5))
    down, up = await run_test(session_vad(Vad()), frames_to_send=list(sent))
    edges = (VoiceOnsetFrame, VoicePauseFrame)
    told = [type(f) for f in down if isinstance(f, edges)]
    assert told == [edges[at % 2] for at in range(len(told))] and told[-1] is VoicePauseFrame
    assert not [f for f in up if isinstance(f, edges)]  # nobody there asks
    onset = next(at for at, f in enumerate(down) if isinstance(f, VoiceOnsetFrame))
    start = next(at for at, f in enumerate(down) if isinstance(f, VADUserStartedSpeakingFrame))
    between = [f for f in down[onset:start] if isinstance(f, InputAudioRawFrame)]
    assert len(between) * 0.02 >= 0.1


async def test_the_voice_ebbs_before_it_stops(shared_audio: Path) -> None:
    """Some 0.1 s before, and in few of its pauses."""
    sent = frames(telephone(shared_audio / CLIP) + silence(0.5))
    down, up = await run_test(session_vad(Vad()), frames_to_send=list(sent))
    kinds = (VoicePauseFrame, VoiceEbbFrame, VADUserStoppedSpeakingFrame)
    told = [at for at, f in enumerate(down) if isinstance(f, kinds)]
    assert [type(down[at]) for at in told[-3:]] == list(kinds)
    between = [f for f in down[told[-2] : told[-1]] if isinstance(f, InputAudioRawFrame)]
    assert 2 <= len(between) <= 12
    ebbs = [f for f in down if isinstance(f, VoiceEbbFrame)]
    assert len(ebbs) <= 2 < sum(isinstance(f, VoicePauseFrame) for f in down)
    assert not [f for f in up if isinstance(f, VoiceEbbFrame)]


async def test_silence_says_nothing() -> None:
    """Not even digital silence, on which a detector may drift."""
    detector = analyzer()
    assert set(await states(detector, silence(3.0))) == {VADState.QUIET}


async def test_two_calls_share_the_model_and_nothing_else(shared_audio: Path) -> None:
    """Interleaved with another call's silence, a call hears what it would hear alone."""
    preload()
    pcm = telephone(shared_audio / CLIP)
    alone = await states(analyzer(), pcm)
    first, second = analyzer(), analyzer()
    assert first._model.session is second._model.session
    together = []
    for speech, quiet in zip(frames(pcm), frames(silence(len(pcm) / 2 / RATE_HZ)), strict=True):
        together.append(await first.analyze_audio(speech.audio))
        assert await second.analyze_audio(quiet.audio) is VADState.QUIET
    assert together == alone
    assert VADState.SPEAKING in alone


async def test_it_hears_what_pipecats_own_hears(shared_audio: Path) -> None:
    """Same model, same rules: sharing and scoring inline change no verdict and no bit of a score,
    resets in silence included, as long as every window is scored."""
    pcm = telephone(shared_audio / CLIP) + silence(3.0) + telephone(shared_audio / CLIP)
    windows = [pcm[at : at + 512] for at in range(0, len(pcm) - 511, 512)]
    own, ours = SileroVADAnalyzer(sample_rate=RATE_HZ, params=PARAMS), analyzer(still_below=0)
    own.set_sample_rate(RATE_HZ)
    try:
        for window in windows:
            assert ours.voice_confidence(window) == own.voice_confidence(window)
        assert await states(ours, pcm) == await states(own, pcm)
    finally:
        await own.cleanup()


WHOLE = 40  # windows, and 64 packets: more than are scored of a still line


class Counting:
    """How often the model is run."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.runs = 0
        model, run = vad._SharedSilero, vad._SharedSilero.__call__

        def counted(this: Any, window: Any, rate: int) -> Any:
            self.runs += 1
            return run(this, window, rate)

        monkeypatch.setattr(model, "__call__", counted)


async def test_a_still_line_is_not_asked_for_a_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a second of it, however long it lasts; the first sound is scored at once."""
    detector, count = analyzer(), Counting(monkeypatch)
    still = np.full(WHOLE * 256, vad.STILL - 1, np.int16).tobytes()
    assert set(await states(detector, 10 * still)) == {VADState.QUIET}
    assert count.runs == vad.STILL_WINDOWS
    assert detector.alike == 10 * WHOLE
    click = bytearray(still[:512])
    click[-2:] = vad.STILL.to_bytes(2, "little")
    await detector.analyze_audio(bytes(click))
    assert count.runs == vad.STILL_WINDOWS + 1


async def test_the_first_window_behind_a_still_line_begins_with_its_end() -> None:
    """As each window begins with the end of the one before it."""
    detector = analyzer()
    still = np.arange(WHOLE * 256, dtype=np.int16) % vad.STILL
    await states(detector, still.tobytes())
    model: Any = detector._model
    assert np.array_equal(model._input[0, -32:], still[-32:] / np.float32(32768))


async def test_a_voice_behind_a_still_line_is_heard_as_ever(
    shared_audio: Path,
) -> None:
    """Its states begin within two windows of where they do when all is scored."""
    pcm = silence(5.0) + telephone(shared_audio / CLIP)
    rested = await states(analyzer(), pcm)
    scored = await states(analyzer(still_below=0), pcm)
    assert abs(rested.index(VADState.SPEAKING) - scored.index(VADState.SPEAKING)) <= 3
    assert rested.count(VADState.SPEAKING) == pytest.approx(scored.count(VADState.SPEAKING), abs=6)


async def test_a_voice_is_followed_into_its_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While the last verdict was a voice, a still window is scored."""
    detector, count = analyzer(), Counting(monkeypatch)
    detector.is_voice, detector._still = True, 10 * vad.STILL_WINDOWS
    await detector.analyze_audio(bytes(512))
    assert count.runs == 1


async def test_the_loudness_gate_works_when_it_is_asked_for(shared_audio: Path) -> None:
    """A line this quiet does not pass the gate of full loudness."""
    gated = analyzer(PARAMS.model_copy(update={"min_volume": 1.0}))
    pcm = telephone(shared_audio / CLIP)
    assert set(await states(gated, pcm)) == {VADState.QUIET}


async def test_times_round_to_whole_windows() -> None:
    """As the knobs' description says."""
    detector = analyzer(VADParams(confidence=0.5, start_secs=0.2, stop_secs=0.11, min_volume=0))
    assert detector._vad_start_frames * WINDOW_S == pytest.approx(0.192)
    assert detector._vad_stop_frames * WINDOW_S == pytest.approx(0.096)


@pytest.mark.parametrize(
    ("knob", "value"),
    [
        ("stop_s", 0.0),
        ("start_s", 9.0),
        ("onset_s", 0.3),
        ("confidence", 1.0),
        ("min_volume", 2.0),
        ("ebbs_below", 1.5),
    ],
)
def test_senseless_knobs_are_refused(knob: str, value: float) -> None:
    """By name and value."""
    with pytest.raises(ValueError, match=f"{knob} is {value}"):
        Vad(**{knob: value})
