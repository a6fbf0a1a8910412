"""The tap stamps whose turn it is, and ends what only that depended on."""

from __future__ import annotations

import time

import pytest
from pipecat.frames.frames import (
    Frame,
    InterruptionFrame,
    TextFrame,
    UserSpeakingFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.tests.utils import run_test

from call.measures import INTERRUPTIONS, Measure, Moment, NullRecorder
from frames.floor import (
    HoldFrame,
    ResumeFrame,
    VoiceEbbFrame,
    VoiceOnsetFrame,
    VoicePauseFrame,
)
from processors.turn_tap import TurnTap

pytestmark = pytest.mark.frame


class Stamps(NullRecorder):
    """Remembers moments."""

    def __init__(self) -> None:
        self.stamped: list[tuple[Moment, float]] = []
        self.counted: list[Measure] = []

    def count(self, measure: Measure, amount: float = 1, **labels: str) -> None:
        """Keep the measure."""
        self.counted.append(measure)

    def moment(self, moment: Moment, at: float) -> None:
        """Keep it."""
        self.stamped.append((moment, at))


def story() -> list[Frame]:
    """What passes behind the aggregator in a turn, and something that is no moment."""
    return [
        HoldFrame(),
        ResumeFrame(),
        VADUserStartedSpeakingFrame(),
        InterruptionFrame(),
        VADUserStoppedSpeakingFrame(),
        UserStoppedSpeakingFrame(),
        TextFrame("hello"),
    ]


async def test_each_moment_is_stamped_once_on_the_monotonic_clock() -> None:
    """In order, as it passes."""
    stamps, began_at, sent = Stamps(), time.monotonic(), story()
    down, _ = await run_test(TurnTap(stamps), frames_to_send=sent)
    assert list(down) == sent
    assert [moment for moment, _ in stamps.stamped] == [
        Moment.HELD,
        Moment.RESUMED,
        Moment.SPEECH_STARTED,
        Moment.INTERRUPTED,
        Moment.SPEECH_STOPPED,
        Moment.TURN_DECIDED,
    ]
    assert stamps.counted == [INTERRUPTIONS]
    instants = [at for _, at in stamps.stamped]
    assert instants == sorted(instants)
    assert began_at <= instants[0] <= instants[-1] <= time.monotonic()


async def test_the_upstream_copies_of_broadcasts_are_not_counted_again() -> None:
    """One moment, one stamp."""
    stamps, sent = Stamps(), story()
    _, up = await run_test(
        TurnTap(stamps), frames_to_send=sent, frames_to_send_direction=FrameDirection.UPSTREAM
    )
    assert list(up) == sent
    assert stamps.stamped == []
    assert stamps.counted == []


async def test_how_the_voice_comes_and_goes_is_told_no_further() -> None:
    """Its turn is decided; everything else passes."""
    voice = [VoiceOnsetFrame(), VoicePauseFrame(), VoiceEbbFrame(), UserSpeakingFrame()]
    down, _ = await run_test(TurnTap(), frames_to_send=[*voice, TextFrame("hello")])
    assert [type(frame) for frame in down] == [TextFrame]
