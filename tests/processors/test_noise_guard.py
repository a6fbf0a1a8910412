"""For a steady sound without words the guard says that the caller is silent, both ways."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    TextFrame,
    TranscriptionFrame,
    UserSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.tests.utils import SleepFrame, run_test

from call.measures import NOISE, Measure, NullRecorder
from call.noise import Noise
from frames.floor import VoiceOnsetFrame, VoicePauseFrame
from frames.recovery import HearingBackFrame, HearingLostFrame
from processors.noise_guard import NoiseGuard
from tests.conftest import TICK

pytestmark = pytest.mark.frame

Began, Ceased = VADUserStartedSpeakingFrame, VADUserStoppedSpeakingFrame
PATIENCE = Noise(wordless_s=1.0)
SPEED = 0.2 / TICK  # seconds of the guard's clock in one of the wall's: five ticks are one


class Counts(NullRecorder):
    """Counts."""

    def __init__(self) -> None:
        self.counted: list[Measure] = []

    def count(self, measure: Measure, amount: float = 1, **labels: str) -> None:
        """Keep it."""
        self.counted.append(measure)


def ticks(count: int) -> SleepFrame:
    """A while."""
    return SleepFrame(sleep=count * TICK)


async def through(*frames: Frame, counts: Counts | None = None) -> tuple[Sequence[Frame], int]:
    """What leaves downstream, and how often silence was told upstream."""
    guard = NoiseGuard(Noise(wordless_s=1.0), counts)
    down, up = await run_test(guard, frames_to_send=list(frames))
    return down, sum(isinstance(frame, Ceased) for frame in up)


def facts(guard: NoiseGuard, *story: tuple[float, Frame]) -> NoiseGuard:
    """Tell the guard frames at their times; all of them pass."""
    for now, frame in story:
        assert guard.decide(frame, now) is None
    return guard


def test_sound_words_and_the_recogniser_are_followed() -> None:
    """Words, interim or final, put the verdict off; without a recogniser there is none."""
    began = (10.0, Began())
    assert facts(NoiseGuard(PATIENCE), began).next_deadline() == 11.0
    assert facts(NoiseGuard(PATIENCE), began, (10.5, Ceased())).next_deadline() is None
    for words in (InterimTranscriptionFrame("a", "", ""), TranscriptionFrame("a", "", "")):
        assert facts(NoiseGuard(PATIENCE), began, (10.5, words)).next_deadline() == 11.5
    blank = (10.5, InterimTranscriptionFrame(" ", "", ""))
    assert facts(NoiseGuard(PATIENCE), began, blank).next_deadline() == 11.0
    lost = (10.5, HearingLostFrame())
    assert facts(NoiseGuard(PATIENCE), began, lost).next_deadline() is None
    back = (12.0, HearingBackFrame(behind_s=0.5))
    assert facts(NoiseGuard(PATIENCE), began, lost, back).next_deadline() == 13.5


async def test_the_silence_is_told_both_ways_and_counted() -> None:
    """As siblings of one broadcast, once for one sound."""
    counts = Counts()
    guard = facts(NoiseGuard(PATIENCE, counts), (10.0, Began()))
    assert guard.on_deadline(10.9) == ()
    onward, back = guard.on_deadline(11.0)
    assert isinstance(onward, Ceased)
    assert guard.on_deadline(12.0) == ()
    assert counts.counted == [NOISE]


def test_the_signs_of_noise_go_no_further() -> None:
    """Until it is quiet for a while; words, and everything else, do."""
    guard = facts(NoiseGuard(PATIENCE), (10.0, Began()))
    guard.on_deadline(11.0)
    signs = (UserSpeakingFrame(), VoicePauseFrame(), Ceased(), VoiceOnsetFrame(), Began())
    for at, sign in enumerate(signs):
        assert guard.decide(sign, 12.0 + at / 10) == ()
    facts(guard, (13.0, TranscriptionFrame("hello", "", "")), (13.1, TextFrame("a")))
    assert guard.decide(Ceased(), 14.0) == ()
    facts(guard, (15.0, Began()), (15.1, Ceased()))


async def test_on_the_stream() -> None:
    """Everything passes; the silence leaves when its time has come."""
    guard = NoiseGuard(PATIENCE)
    sent = [Began(), TextFrame("a"), *[ticks(5)] * 25]
    down, up = await run_test(guard, frames_to_send=sent)
    assert [type(frame) for frame in down] == [Began, TextFrame, Ceased]
    assert [type(frame) for frame in up] == [Ceased]
