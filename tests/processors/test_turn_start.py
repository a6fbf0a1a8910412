"""When the caller's turn begins, and whether it stops the agent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    LLMContextFrame,
    SystemFrame,
    TranscriptionFrame,
    UserBackchannelFrame,
    UserSpeakingFrame,
    UserStartedSpeakingFrame,
    VADUserStartedSpeakingFrame,
)
from pipecat.tests.utils import SleepFrame, run_test

from call.floor import Floor
from call.interruption import BargeIn
from call.measures import FALSE_INTERRUPTIONS, HOLDS, Measure, NullRecorder
from frames.floor import HoldFrame, ResumeFrame, VoiceOnsetFrame, VoicePauseFrame
from frames.speech import SpeakNowFrame
from processors.turn_start import TurnStart
from tests.conftest import TICK
from tests.processors.aggregator import pair

pytestmark = pytest.mark.frame

SIGNS = (UserStartedSpeakingFrame, InterruptionFrame)


async def signs(floor: Floor, *sent: Frame) -> list[type]:
    """What the turn's start announces downstream; the same goes upstream."""
    down, up = await run_test(pair(floor=floor).user(), frames_to_send=list(sent))
    assert shown(down) == shown(up)
    return shown(down)


def shown(frames: Sequence[Frame]) -> list[type]:
    """Starts and interruptions."""
    return [type(frame) for frame in frames if isinstance(frame, SIGNS)]


def words(text: str, *, final: bool = True) -> Frame:
    """A transcript."""
    kind = TranscriptionFrame if final else InterimTranscriptionFrame
    return kind(text, "caller", "")


async def test_speech_opens_a_turn_without_interrupting_an_idle_agent() -> None:
    """There is nothing to stop, so nothing is cleared."""
    assert await signs(Floor(), VADUserStartedSpeakingFrame()) == [UserStartedSpeakingFrame]


async def test_speech_interrupts_a_busy_agent() -> None:
    """Thinking or speaking; once."""
    floor = Floor()
    floor.agent_began()
    sent = [VADUserStartedSpeakingFrame(), UserSpeakingFrame(), VADUserStartedSpeakingFrame()]
    assert await signs(floor, *sent) == list(SIGNS)


async def test_a_protected_phrase_is_not_interrupted() -> None:
    """A voice opens no turn over it, for it may be its echo; its words do, and are kept."""
    floor = Floor()
    floor.clause_began(1, "This call is recorded.", is_protected=True, now=float("inf"))
    assert await signs(floor, VADUserStartedSpeakingFrame()) == []
    words = InterimTranscriptionFrame("I want to book on Tuesday", "", "")
    assert await signs(floor, VADUserStartedSpeakingFrame(), words) == [UserStartedSpeakingFrame]


@pytest.mark.parametrize("sign", [UserSpeakingFrame, VADUserStartedSpeakingFrame])
async def test_who_still_speaks_when_the_protected_phrase_is_over_takes_the_floor(
    sign: type[Frame],
) -> None:
    """The greeting behind a disclosure is not spoken over the caller."""
    floor = Floor()
    floor.clause_began(1, "This call is recorded.", is_protected=True, now=float("inf"))

    class Ends(SystemFrame):
        """The phrase is over when this passes."""

    user = pair(floor=floor).user()
    user.add_event_handler("on_before_process_frame", ended(floor, Ends))
    down, up = await run_test(
        user,
        frames_to_send=[
            VADUserStartedSpeakingFrame(),
            InterimTranscriptionFrame("I want to book on Tuesday", "", ""),
            SleepFrame(sleep=TICK),
            UserSpeakingFrame(),
            Ends(),
            sign(),
        ],
    )
    assert shown(down) == shown(up) == list(SIGNS)


def ended(floor: Floor, sign: type[Frame]) -> Callable[..., Awaitable[None]]:
    """Ends the protected reply when `sign` passes."""

    async def watch(_: object, frame: Frame) -> None:
        if isinstance(frame, sign):
            floor.reply_ended(1)

    return watch


@pytest.mark.parametrize("final", [True, False])
async def test_words_open_a_turn_that_the_voice_detector_missed(final: bool) -> None:
    """A very quiet caller is heard by the recogniser."""
    assert await signs(Floor(), words("hello", final=final)) == [UserStartedSpeakingFrame]


async def test_empty_words_open_nothing() -> None:
    """An interim without text is no sign of life."""
    assert await signs(Floor(), words(" "), words("", final=False)) == []


async def test_a_turn_opens_once() -> None:
    """Speech and its words are one turn."""
    sent = [VADUserStartedSpeakingFrame(), words("hello", final=False), words("hello")]
    assert await signs(Floor(), *sent) == [UserStartedSpeakingFrame]


async def test_a_phrase_handed_in_from_above_makes_the_agent_busy() -> None:
    """It may be interrupted before its first sound."""
    floor = Floor()
    await signs(floor, SpeakNowFrame(text="Are you there?"))
    assert floor.is_agents


# ── while the agent speaks ───────────────────────────────────────────────────────────
MANNERS = (*SIGNS, HoldFrame, ResumeFrame, UserBackchannelFrame, LLMContextFrame)


async def manners(*sent: Frame, floor: Floor | None = None) -> tuple[list[type], Notes]:
    """What is announced downstream when a voice comes over the agent's."""
    if floor is None:
        floor = Floor()
        floor.clause_began(1, "A cleaning is 90 dollars.", is_protected=False, now=0.0)
    notes = Notes()
    down, _ = await run_test(pair(floor=floor, recorder=notes).user(), frames_to_send=list(sent))
    return [type(frame) for frame in down if isinstance(frame, MANNERS)], notes


async def test_a_sign_of_listening_is_held_for_and_then_passed_over() -> None:
    """No turn, no interruption, no request of the model; it is told as what it is."""
    told, notes = await manners(
        VoiceOnsetFrame(), words("uh huh", final=False), VoicePauseFrame(), words("Uh huh.")
    )
    assert told == [HoldFrame, ResumeFrame, UserBackchannelFrame]
    assert notes.counted == ["offhook_holds_total,resumed"]


async def test_its_words_do_not_wait_for_the_next_turn() -> None:
    """The conversation has the question alone."""
    floor = Floor()
    floor.clause_began(1, "A cleaning is 90 dollars.", is_protected=False, now=0.0)
    both = pair(floor=floor)
    user = both.user()
    await run_test(
        user,
        frames_to_send=[VoiceOnsetFrame(), VoicePauseFrame(), words("Right."), words("How much?")],
    )
    said = [message["content"] for message in user.context.get_messages()]
    assert said == ["How much?"]


async def test_words_that_take_the_floor_interrupt_a_held_agent() -> None:
    """Once, and nothing resumes."""
    told, notes = await manners(VoiceOnsetFrame(), words("wait", final=False), words("Wait."))
    assert told == [HoldFrame, *SIGNS]
    assert notes.counted == ["offhook_holds_total,yielded"]


async def test_a_long_voice_takes_the_floor_without_words() -> None:
    """By the timer; nothing else comes."""
    told, _ = await manners(VoiceOnsetFrame(), *[SleepFrame(0.05)] * 17)
    assert told == [HoldFrame, *SIGNS]


async def test_a_cough_is_passed_over_without_words() -> None:
    """By the timer too."""
    told, _ = await manners(VoiceOnsetFrame(), VoicePauseFrame(), *[SleepFrame(0.05)] * 11)
    assert told == [HoldFrame, ResumeFrame]


async def test_the_agent_is_let_go_when_it_ended_while_it_was_held() -> None:
    """There is nothing to interrupt, and nothing may stay held."""
    floor = Floor()
    floor.clause_began(1, "A cleaning is 90 dollars.", is_protected=False, now=0.0)

    class Ends(SystemFrame):
        """The reply is over when this passes."""

    user = pair(floor=floor).user()

    async def watch(_: object, frame: Frame) -> None:
        if isinstance(frame, Ends):
            floor.agent_ended()

    user.add_event_handler("on_before_process_frame", watch)
    down, _ = await run_test(
        user, frames_to_send=[VoiceOnsetFrame(), Ends(), words("Wait, please.", final=False)]
    )
    told = [type(frame) for frame in down if isinstance(frame, MANNERS)]
    assert told[0] is HoldFrame
    assert set(told[1:]) == {ResumeFrame, UserStartedSpeakingFrame}


async def test_what_keys_interrupt_is_held_no_longer() -> None:
    """The voice that held it may go on: it opens a turn like any other, and lets nothing go."""
    floor = Floor()
    floor.clause_began(1, "A cleaning is 90 dollars.", is_protected=False, now=0.0)
    notes = Notes()
    user = pair(floor=floor, recorder=notes).user()

    async def keypad(_: object, frame: Frame) -> None:
        if isinstance(frame, InterruptionFrame):
            floor.take(1.0)

    user.add_event_handler("on_before_process_frame", keypad)
    down, _ = await run_test(
        user,
        frames_to_send=[
            VoiceOnsetFrame(),
            SleepFrame(TICK),
            InterruptionFrame(),
            SleepFrame(TICK),
            words("I would like", final=False),
        ],
    )
    told = [type(frame) for frame in down if isinstance(frame, MANNERS)]
    assert told[:2] == [HoldFrame, InterruptionFrame]
    assert ResumeFrame not in told and UserStartedSpeakingFrame in told
    assert notes.counted == ["offhook_holds_total,yielded"]


class Notes(NullRecorder):
    """Keeps what was counted of holds, and what was said for good."""

    def __init__(self) -> None:
        self.counted: list[str] = []
        self.said: list[str] = []

    def words(self, party: str, text: str, *, final: bool, confidence: float | None = None) -> None:
        """Finals only."""
        if final:
            self.said.append(text)

    def count(self, measure: Measure, amount: float = 1, **labels: str) -> None:
        """Name and labels."""
        if measure in (HOLDS, FALSE_INTERRUPTIONS):
            self.counted.append(",".join([measure.name, *labels.values()]))


async def test_the_record_of_a_turn_holds_no_sign_of_listening() -> None:
    """It was shown while it was said, but it is no words of anybody's turn."""
    floor = Floor()
    floor.clause_began(1, "A cleaning is 90 dollars.", is_protected=False, now=0.0)
    notes = Notes()
    sent = [VoiceOnsetFrame(), VoicePauseFrame(), words("Right."), words("How much?")]
    await run_test(pair(floor=floor, recorder=notes).user(), frames_to_send=sent)
    assert notes.said == ["How much?"]


class Watched(TurnStart):
    """Without a pipeline around it."""

    def __init__(self, settings: BargeIn | None = None, *, floor: Floor) -> None:
        super().__init__(settings, floor=floor)
        self.done: list[str] = []

    async def broadcast_frame(self, frame_cls: type[Frame], **_: object) -> None:
        self.done.append(frame_cls.__name__)

    def create_task(
        self, coroutine: Coroutine[Any, Any, None], *_: object, **__: object
    ) -> asyncio.Task[None]:
        return asyncio.create_task(coroutine)


async def test_a_process_that_stood_still_reads_before_it_gives_a_verdict() -> None:
    """The cough was over long ago, and nobody was there to hear that it was."""
    floor = Floor()
    floor.agent_began()
    floor.clause_began(1, "We are open from nine to five.", is_protected=False, now=0.0)
    start = Watched(BargeIn(decide_s=0.7, voiced_s=0.6), floor=floor)
    await start.process_frame(VoiceOnsetFrame(at=time.monotonic()))
    time.sleep(0.8)  # noqa: ASYNC251 - the process itself
    for _ in range(5):
        await asyncio.sleep(0)
    assert start.done == ["HoldFrame"]
    await start.process_frame(VoicePauseFrame())
    assert start.done == ["HoldFrame", "ResumeFrame"]
    await start.cleanup()


async def test_a_verdict_by_time_is_carried_out_before_what_is_decided_behind_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A frame may come between the timer and its task: the new hold is not lifted by the old
    resume."""
    clock = SimpleNamespace(now=100.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr("processors.turn_start.time", clock)
    floor = Floor()
    floor.agent_began()
    floor.clause_began(1, "We are open from nine to five.", is_protected=False, now=clock.now)
    start = Watched(floor=floor)
    await start.process_frame(VoiceOnsetFrame(at=clock.now))
    clock.now += 0.1
    await start.process_frame(VoicePauseFrame(over_db=9.0))  # too loud for a sign of listening
    clock.now += BargeIn().quiet_s
    start._ask_again()
    await start.process_frame(VoiceOnsetFrame(at=clock.now))
    await asyncio.sleep(0)
    assert start.done == ["HoldFrame", "ResumeFrame", "HoldFrame"]
    await start.cleanup()
