"""The sound of an answer begun early leaves when the turn is decided, or never."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    EndFrame,
    Frame,
    InterruptionFrame,
    TTSAudioRawFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.tests.utils import run_test

from call.speculation import Guess, Verdict
from frames.speculation import mark
from processors.speech_gate import SpeechGate

pytestmark = pytest.mark.frame


class Gate(SpeechGate):
    """The gate with somebody behind it who takes his time."""

    def __init__(self) -> None:
        super().__init__()
        self.out: list[object] = []

    async def push_frame(
        self, frame: Frame, direction: FrameDirection = FrameDirection.DOWNSTREAM
    ) -> None:
        """Keep sounds by number, other frames by type."""
        await asyncio.sleep(0)
        self.out.append(frame.audio[0] if isinstance(frame, TTSAudioRawFrame) else type(frame))

    async def take(self, *frames: Frame) -> list[object]:
        """Hand frames in; what has left so far."""
        for frame in frames:
            await self.process_frame(frame, FrameDirection.DOWNSTREAM)
        return self.out


def sound(number: int, guess: Guess | None = None, *, interruptible: bool = True) -> Frame:
    """A piece of sound that can be told from others."""
    frame = TTSAudioRawFrame(bytes([number]) * 2, 8000, 1)
    frame.interruptible = interruptible
    mark(frame, guess)
    return frame


def settle(guess: Guess, verdict: Verdict) -> None:
    """Give the verdict."""
    guess.settle(verdict, wasted=lambda kind, amount: None)


async def test_an_ordinary_answer_passes_in_a_pipeline() -> None:
    """Nothing is held that was not begun early."""
    down = (await run_test(SpeechGate(), frames_to_send=[sound(1), sound(2)]))[0]
    assert [f.audio[0] for f in down if isinstance(f, TTSAudioRawFrame)] == [1, 2]


async def test_kept_sound_leaves_at_once_behind_the_turns_end() -> None:
    """In order with what had to wait behind it; what still comes of it passes."""
    gate, guess = Gate(), Guess("hi")
    assert await gate.take(sound(1), sound(2, guess), sound(3)) == [1]
    settle(guess, Verdict.KEPT)
    assert await gate.take(UserStoppedSpeakingFrame()) == [1, UserStoppedSpeakingFrame, 2, 3]
    assert (await gate.take(sound(4, guess)))[-1] == 4
    assert gate.held == 0


async def test_withdrawn_sound_never_leaves() -> None:
    """Neither what waited nor what comes late; what stood behind it does."""
    gate, guess = Gate(), Guess("hi")
    await gate.take(sound(1, guess), sound(2))
    settle(guess, Verdict.WITHDRAWN)
    found = await gate.take(EagerEndOfTurnCancelFrame(), sound(3, guess), sound(4))
    assert found == [EagerEndOfTurnCancelFrame, 2, 4]


async def test_a_phrase_that_must_be_said_survives_behind_a_withdrawn_answer() -> None:
    """An interruption, too, leaves it alone."""
    gate, guess = Gate(), Guess("hi")
    await gate.take(sound(1, guess), sound(2, interruptible=False), sound(3))
    assert await gate.take(InterruptionFrame()) == [InterruptionFrame, 2]


async def test_the_end_of_the_call_does_not_wait_for_a_verdict() -> None:
    """What is pending then is dropped."""
    gate = Gate()
    assert await gate.take(sound(1, Guess("hi")), sound(2), EndFrame()) == [2, EndFrame]


@given(
    st.lists(st.sampled_from([0, 1, 2]), min_size=1, max_size=30),
    st.lists(st.sampled_from(list(Verdict)[1:]), min_size=3, max_size=3),
    st.lists(st.integers(0, 30), min_size=3, max_size=3),
)
def test_no_order_of_sounds_and_verdicts_loses_doubles_or_reorders(
    owners: list[int], verdicts: list[Verdict], settled_after: list[int]
) -> None:
    """Two tasks push at once; what is kept, or nobody's guess, leaves once and in order."""

    async def play() -> tuple[list[object], list[int]]:
        gate, guesses = Gate(), [Guess(str(i)) for i in range(3)]
        wanted = [i for i, owner in enumerate(owners) if verdicts[owner] is Verdict.KEPT]

        async def voice() -> None:
            for i, owner in enumerate(owners):
                await gate.take(sound(i, guesses[owner]))

        async def verdict(owner: int) -> None:
            for _ in range(settled_after[owner]):
                await asyncio.sleep(0)
            settle(guesses[owner], verdicts[owner])
            await gate.take(EagerEndOfTurnCancelFrame())

        await asyncio.gather(voice(), *(verdict(owner) for owner in range(3)))
        await gate.take(EagerEndOfTurnCancelFrame())
        return [n for n in gate.out if isinstance(n, int)], wanted

    left, wanted = asyncio.run(play())
    assert left == wanted
