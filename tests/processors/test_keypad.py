"""What is typed enters like what is said."""

from __future__ import annotations

import pytest
from pipecat.audio.dtmf.types import KeypadEntry
from pipecat.frames.frames import (
    Frame,
    InputDTMFFrame,
    InterruptionFrame,
    TextFrame,
    TranscriptionFrame,
)
from pipecat.tests.utils import SleepFrame, run_test

from call.dtmf import Dtmf
from call.floor import Floor
from frames.floor import KeyPressedFrame
from processors.keypad import Keypad

pytestmark = pytest.mark.frame


def keys(text: str) -> list[Frame]:
    """Key presses."""
    return [InputDTMFFrame(button=KeypadEntry(key)) for key in text]


async def out(station: Keypad, *sent: Frame) -> list[Frame]:
    """What leaves downstream that matters here."""
    down, _ = await run_test(station, frames_to_send=list(sent))
    kinds = (InputDTMFFrame, InterruptionFrame, TranscriptionFrame, TextFrame)
    return [frame for frame in down if isinstance(frame, kinds)]


async def test_keys_up_to_the_hash_are_one_turns_words() -> None:
    """Final, so that nobody waits for more; the keys themselves go no further."""
    (said,) = await out(Keypad(), *keys("5550142#"))
    assert isinstance(said, TranscriptionFrame)
    assert (said.text, said.finalized) == ("I typed 5550142", True)


async def test_a_pause_ends_the_entry() -> None:
    """Its length is a setting."""
    (said,) = await out(Keypad(Dtmf(gap_s=0.2)), *keys("42"), *[SleepFrame(0.05)] * 8)
    assert isinstance(said, TranscriptionFrame) and said.text == "I typed 42"


async def test_the_first_key_stops_the_agent() -> None:
    """Once."""
    floor = Floor()
    floor.agent_began()
    frames = await out(Keypad(floor=floor), *keys("12#"))
    assert [type(frame) for frame in frames] == [InterruptionFrame, TranscriptionFrame]


async def test_each_key_says_that_somebody_types() -> None:
    """Not which one it was."""
    down, _ = await run_test(Keypad(), frames_to_send=keys("12#"))
    told = [frame for frame in down if isinstance(frame, KeyPressedFrame)]
    assert len(told) == 3
    assert not any(digit in repr(vars(frame)["metadata"]) for frame in told for digit in "12")


async def test_a_phrase_that_must_be_finished_is_not_stopped() -> None:
    """The keys count all the same."""
    floor = Floor()
    floor.clause_began(1, "This call is recorded.", is_protected=True, now=float("inf"))
    frames = await out(Keypad(floor=floor), *keys("1#"))
    assert [type(frame) for frame in frames] == [TranscriptionFrame]


async def test_everything_else_passes() -> None:
    """Nothing is added."""
    word = TextFrame("hello")
    assert await out(Keypad(), word) == [word]
