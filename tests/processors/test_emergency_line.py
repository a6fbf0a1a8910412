"""The emergency line comes first: over the agent's words, while it thinks, in the middle of the
caller's."""

from __future__ import annotations

import pytest
from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    TranscriptionFrame,
)
from pipecat.tests.utils import run_test

from call.emergency import Emergency
from call.floor import Floor
from call.measures import Measure, NullRecorder
from call.way_out import Reason
from frames.recovery import WayOutFrame
from frames.speech import SpeakNowFrame
from processors.emergency_line import EmergencyLine

pytestmark = pytest.mark.frame

LINE = Emergency(text="Hang up and dial 911.", again_after_s=60.0)
KINDS = (
    InterruptionFrame,
    SpeakNowFrame,
    WayOutFrame,
    TranscriptionFrame,
    InterimTranscriptionFrame,
)


class Counts(NullRecorder):
    """How often."""

    seen = 0

    def count(self, measure: Measure, amount: float = 1, **labels: str) -> None:
        self.seen += 1


def final(text: str) -> Frame:
    return TranscriptionFrame(text, "", "")


def interim(text: str) -> Frame:
    return InterimTranscriptionFrame(text, "", "")


async def out(station: EmergencyLine, *sent: Frame) -> list[Frame]:
    down, _ = await run_test(station, frames_to_send=list(sent))
    return [frame for frame in down if isinstance(frame, KINDS)]


def kinds(frames: list[Frame]) -> list[type[Frame]]:
    return [type(frame) for frame in frames]


async def test_the_agent_is_stopped_and_the_line_is_said_before_the_words_pass() -> None:
    """Speaking or thinking; the caller's words go on to the model as well."""
    floor = Floor()
    floor.agent_began()
    station = EmergencyLine(LINE, floor=floor)
    frames = await out(station, interim("please call nine one one"))
    assert kinds(frames) == [InterruptionFrame, SpeakNowFrame, InterimTranscriptionFrame]
    said = frames[1]
    assert isinstance(said, SpeakNowFrame)
    assert (said.text, said.kind, said.interruptible) == (LINE.text, "emergency", False)


async def test_a_silent_agent_has_nothing_to_be_stopped() -> None:
    """Also between two questions whether anybody is there."""
    frames = await out(EmergencyLine(LINE, floor=Floor()), final("911"))
    assert kinds(frames) == [SpeakNowFrame, TranscriptionFrame]


async def test_the_line_is_said_once_for_all_the_results_of_an_utterance() -> None:
    """And counted once."""
    counts = Counts()
    station = EmergencyLine(LINE, floor=Floor(), recorder=counts)
    sent = [interim("call 911"), interim("call 911 now"), final("Call 911 now.")]
    frames = await out(station, *sent)
    assert kinds(frames).count(SpeakNowFrame) == counts.seen == 1
    assert len(frames) == 4


async def test_whoever_ends_the_call_is_told_before_the_line_is_said() -> None:
    """So that a call on its way out waits for it."""
    told: list[str] = []
    station = EmergencyLine(LINE, floor=Floor(), on_said=lambda: told.append("line"))
    await out(station, interim("hello"), final("Call 911 now."))
    assert told == ["line"]


async def test_where_somebody_is_to_be_dialled_the_line_is_a_way_out() -> None:
    """The session says the line and leads the caller on."""
    station = EmergencyLine(LINE, floor=Floor(), hands_over=True)
    frames = await out(station, final("I need an ambulance"))
    assert kinds(frames) == [WayOutFrame, TranscriptionFrame]
    assert isinstance(frames[0], WayOutFrame)
    assert (frames[0].reason, frames[0].party) == (Reason.EMERGENCY, None)


async def test_a_number_that_was_asked_for_is_an_answer() -> None:
    """The agent's last words are known from the floor."""
    floor = Floor()
    floor.last_said = "What is your phone number?"
    assert kinds(await out(EmergencyLine(LINE, floor=floor), final("nine one one"))) == [
        TranscriptionFrame
    ]
