"""The semantic detector's station: audio passes at once, the verdict follows."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    Frame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams
from pipecat.tests.utils import SleepFrame, run_test

from call.audio import RATE_HZ
from call.measures import SMART_TURN_SECONDS, SMART_TURN_SHED, Measure, NullRecorder
from call.waits import Endpoint
from frames.turns import TurnProbabilityFrame
from processors.smart_turn import SmartTurn
from processors.turn_detector import KEPT_S, TurnDetector
from processors.vad import Vad, preload, session_vad
from tests.conftest import TICK
from tests.processors.audio import frames, silence, telephone

pytestmark = pytest.mark.frame

ONCE = Endpoint(score_at_s=(0.0,))


class Scripted(SmartTurn):
    """Answers from a list, remembers the audio; None waits for ever."""

    def __init__(self, *answers: float | None) -> None:
        super().__init__()
        self._answers = list(answers)
        self.heard: list[bytes] = []
        self.cancelled = 0

    async def score(self, pcm: bytes) -> float | None:
        """The next answer."""
        self.heard.append(pcm)
        answer = self._answers.pop(0)
        if answer is not None:
            return answer if answer >= 0 else None
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return None


class Story(NullRecorder):
    """Remembers what was counted and observed."""

    def __init__(self) -> None:
        self.told: list[Measure] = []

    def count(self, measure: Measure, amount: float = 1, **labels: str) -> None:
        """Keep the measure."""
        self.told.append(measure)

    def observe(self, measure: Measure, value: float, **labels: str) -> None:
        """Keep the measure."""
        assert value >= 0
        self.told.append(measure)


def started() -> Frame:
    """The voice detector hears speech."""
    return VADUserStartedSpeakingFrame(start_secs=0.2)


def stopped() -> Frame:
    """And silence."""
    return VADUserStoppedSpeakingFrame(stop_secs=0.2)


def pause(ticks: float = 2) -> SleepFrame:
    """Time for background work."""
    return SleepFrame(sleep=ticks * TICK)


async def through(scorer: SmartTurn, settings: Endpoint, *sent: Frame) -> Sequence[Frame]:
    """What leaves downstream."""
    return (await run_test(TurnDetector(scorer, settings), frames_to_send=list(sent)))[0]


def verdicts(down: Sequence[Frame]) -> list[float]:
    """The probabilities among the frames."""
    return [frame.probability for frame in down if isinstance(frame, TurnProbabilityFrame)]


async def test_the_turns_audio_is_scored_with_its_lead() -> None:
    """From `lead_s` before the speech to the stop; what was said before is left out."""
    scorer = Scripted(0.7)
    old, lead, speech = b"\x01\x00", b"\x02\x00", b"\x03\x00"
    at_start = 0.2  # the voice detector needs it to be sure; it is part of the turn
    pcm = old * RATE_HZ + lead * int(0.5 * RATE_HZ) + speech * int(at_start * RATE_HZ)
    rest = speech * (RATE_HZ // 2)
    down = await through(scorer, ONCE, *frames(pcm), started(), *frames(rest), stopped(), pause())
    assert scorer.heard == [pcm[len(old) * RATE_HZ :] + rest]
    (verdict,) = [f for f in down if isinstance(f, TurnProbabilityFrame)]
    assert verdict.probability == 0.7
    assert 0.2 <= verdict.silence_s < 1.0
    assert verdict.spoken_at > 0


async def test_every_frame_passes_before_the_verdict_is_in() -> None:
    """A slow model holds nothing up."""
    scorer = Scripted(None)
    sent = [*frames(silence(0.1)), started(), stopped(), *frames(silence(0.1))]
    down = await through(scorer, ONCE, *sent, pause())
    assert [f for f in down if not isinstance(f, TurnProbabilityFrame)] == sent
    assert verdicts(down) == []
    assert scorer.cancelled == 1  # at the end of the call


async def test_the_sound_is_scored_again_as_the_silence_grows() -> None:
    """At each checkpoint, with the silence so far in it; a shed score is skipped."""
    scorer, story = Scripted(0.3, -1.0, 0.9), Story()
    knobs = Endpoint(score_at_s=(0.0, 2 * TICK, 4 * TICK))
    tail = frames(silence(0.1))
    sent = [started(), stopped(), pause(1), *tail, pause(8)]
    detector = TurnDetector(scorer, knobs, recorder=story)
    down, _ = await run_test(detector, frames_to_send=sent)
    assert story.told == [SMART_TURN_SECONDS, SMART_TURN_SHED, SMART_TURN_SECONDS]
    assert verdicts(down) == [0.3, 0.9]
    assert len(scorer.heard[1]) - len(scorer.heard[0]) == len(silence(0.1))


async def test_resumed_speech_withdraws_the_score() -> None:
    """The next stop is scored on the whole turn."""
    scorer = Scripted(None, 0.8)
    down = await through(
        scorer,
        ONCE,
        started(),
        *frames(silence(0.2)),
        stopped(),
        pause(),
        started(),
        *frames(silence(0.2)),
        stopped(),
        pause(),
    )
    assert verdicts(down) == [0.8]
    assert scorer.cancelled == 1
    assert len(scorer.heard[1]) == len(scorer.heard[0]) + len(silence(0.2))


async def test_resumed_speech_ends_the_checkpoints() -> None:
    """Nobody scores the caller's words as silence."""
    scorer = Scripted(0.4, 0.9)
    knobs = Endpoint(score_at_s=(0.0, 3 * TICK))
    down = await through(scorer, knobs, started(), stopped(), pause(1), started(), pause(6))
    assert verdicts(down) == [0.4]


async def test_a_decided_turn_is_scored_no_further_and_the_next_starts_afresh() -> None:
    """No score is spent on a turn that is over."""
    scorer = Scripted(0.4, 0.6)
    knobs = Endpoint(score_at_s=(0.0, 3 * TICK))
    down = await through(
        scorer,
        knobs,
        started(),
        *frames(silence(2.0)),
        stopped(),
        pause(1),
        UserStoppedSpeakingFrame(),
        pause(5),
        started(),
        stopped(),
        pause(1),
    )
    assert verdicts(down) == [0.4, 0.6]
    assert len(scorer.heard[1]) == int(0.7 * RATE_HZ) * 2


async def test_a_long_turn_keeps_its_last_seconds_only() -> None:
    """Memory is bounded by what the model hears."""
    scorer = Scripted(0.5)
    pcm = silence(KEPT_S + 3)
    await through(scorer, ONCE, started(), *frames(pcm), stopped(), pause())
    assert len(scorer.heard[0]) == int(KEPT_S * RATE_HZ) * 2


async def test_a_stop_without_a_start_is_scored_on_what_there_is() -> None:
    """The detector joined in mid-speech."""
    scorer = Scripted(0.5)
    await through(scorer, ONCE, *frames(silence(1.0)), stopped(), pause())
    assert len(scorer.heard[0]) == len(silence(1.0))


async def test_real_speech_is_judged_by_the_real_models(shared_audio: Path) -> None:
    """Voice detector and turn model in a row: a whole question sounds finished."""
    scorer = SmartTurn()
    scorer.preload()
    pcm = telephone(shared_audio / "turns/fest_hts_06_full.wav")
    down, _ = await run_test(
        Pipeline([session_vad(Vad()), TurnDetector(scorer, ONCE)]),
        # 5 s of the clip: its end and 0.66 s of line noise, well before the next checkpoint
        frames_to_send=[*frames(pcm)[:250], SleepFrame(sleep=5 * TICK), pause(50)],
        pipeline_params=PipelineParams(audio_in_sample_rate=RATE_HZ),
    )
    scorer.close()
    signals = (VADUserStartedSpeakingFrame, VADUserStoppedSpeakingFrame)
    found = [type(f) for f in down if isinstance(f, signals)]
    assert (found[0], found[-1]) == signals  # a pause within may be a first signal as well
    assert verdicts(down)[-1] > 0.5


async def test_a_new_call_loads_no_model(
    shared_audio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Detector and turn model were loaded before the first; a call of Pipecat's own loads one."""
    preload()
    scorer = SmartTurn()
    scorer.preload()
    loads: list[object] = []
    ort: Any = onnxruntime  # its wheel exports names that type checkers cannot see
    load = ort.InferenceSession

    def counted(*model: object, **options: object) -> object:
        loads.append(model)
        return load(*model, **options)

    monkeypatch.setattr(ort, "InferenceSession", counted)
    pcm = telephone(shared_audio / "turns/fest_hts_06_full.wav")
    for _ in range(2):
        down, _up = await run_test(
            Pipeline([session_vad(Vad()), TurnDetector(scorer, ONCE)]),
            frames_to_send=[*frames(pcm)[:250], SleepFrame(sleep=5 * TICK), pause(50)],
            pipeline_params=PipelineParams(audio_in_sample_rate=RATE_HZ),
        )
        assert verdicts(down)  # both models were asked
    scorer.close()
    assert loads == []
    await SileroVADAnalyzer(sample_rate=RATE_HZ).cleanup()
    assert len(loads) == 1  # and loads are counted
