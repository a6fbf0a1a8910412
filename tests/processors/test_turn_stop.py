"""When the caller's turn is over, inside Pipecat's aggregator."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import uvloop
from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    Frame,
    InterimTranscriptionFrame,
    LLMContextFrame,
    LLMContextUserTurnFrame,
    TranscriptionFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.tests.utils import SleepFrame, run_test

from call.floor import Floor
from call.measures import TURNS_DECIDED, Measure, NullRecorder
from call.speculation import Speculation
from call.waits import Endpoint
from frames.floor import VoiceEbbFrame, VoiceOnsetFrame, VoicePauseFrame
from frames.turns import STTFinalizedFrame, TurnProbabilityFrame
from processors.turn_stop import TurnStop
from tests.conftest import TICK, eventually
from tests.processors.aggregator import pair

pytestmark = pytest.mark.frame

# nothing is decided by waiting unless a test asks for it
PATIENT = Endpoint(
    speculate="off",
    second_stage_s=0.0,
    sure_s=(0.0, 0.0, 60.0, 60.0),
    likely_s=(60.0,) * 4,
    unlikely_s=(60.0,) * 4,
    no_s=(60.0,) * 4,
    unknown_s=(60.0,) * 4,
    hard_stop_s=60.0,
    final_wait_s=60.0,
    nothing_s=60.0,
    words_only_s=60.0,
)
NEVER_SPOKEN = float("inf")


class Story(NullRecorder):
    """Remembers words and reasons."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str, bool, float | None]] = []
        self.reasons: list[str] = []

    def words(self, party: str, text: str, *, final: bool, confidence: float | None = None) -> None:
        """Keep them."""
        self.said.append((party, text, final, confidence))

    def count(self, measure: Measure, amount: float = 1, **labels: str) -> None:
        """Keep why turns were decided."""
        if measure is TURNS_DECIDED:
            self.reasons.append(labels["reason"])


def final(text: str, *, finalized: bool = False, confidence: float | None = None) -> Frame:
    """Words for good, as the recogniser's service frames them."""
    best = SimpleNamespace(confidence=confidence)
    result = SimpleNamespace(channel=SimpleNamespace(alternatives=[best]))
    return TranscriptionFrame(text, "caller", "", result=result, finalized=finalized)


def sounds(probability: float) -> Frame:
    """A verdict on the latest silence, whenever that was."""
    return TurnProbabilityFrame(probability=probability, spoken_at=NEVER_SPOKEN)


def pause(ticks: float = 1) -> SleepFrame:
    """Let data frames through before the next system frame overtakes them."""
    return SleepFrame(sleep=ticks * TICK)


Ready = Callable[[Story], object]


def until_decided(count: int = 1) -> Ready:
    """Wait until so many turns were."""
    return lambda story: len(story.reasons) >= count


def _in_order(sent: Sequence[Frame | Ready], story: Story) -> Iterator[Frame]:
    """What is sent, and in place of what has to become true the waiting for it."""
    for each in sent:
        if isinstance(each, Frame):
            yield each
            continue
        for _ in range(1500):
            if each(story):
                break
            yield pause()


STARTED, STOPPED = VADUserStartedSpeakingFrame, VADUserStoppedSpeakingFrame


async def through(
    *sent: Frame | Ready,
    settings: Endpoint = PATIENT,
    story: Story | None = None,
    floor: Floor | None = None,
) -> Sequence[Frame]:
    """What leaves the aggregator downstream."""
    story = story or Story()
    user = pair(floor=floor or Floor(), settings=settings, recorder=story).user()
    frames: Any = _in_order(sent, story)  # read while it runs
    return (await run_test(user, frames_to_send=frames))[0]


def decisions(down: Sequence[Frame]) -> list[str]:
    """Turn ends, and the words that enter the conversation behind each.

    What was not decided when the call ended is written into the conversation by Pipecat; that is
    not a decision.
    """
    found: list[str] = []
    for frame in down:
        if isinstance(frame, UserStoppedSpeakingFrame):
            found.append("decided")
        elif isinstance(frame, LLMContextUserTurnFrame) and found[-1:] == ["decided"]:
            found.append(frame.text)
    return found


async def test_sound_words_and_the_recognisers_word_decide_the_turn() -> None:
    """The end is announced, then the model is asked, once."""
    floor = Floor()
    down = await through(
        STARTED(),
        STOPPED(),
        sounds(0.95),
        final("Hello there"),
        STTFinalizedFrame(),
        pause(),
        floor=floor,
    )
    assert decisions(down) == ["decided", "Hello there"]
    shown = [f for f in down if isinstance(f, UserStoppedSpeakingFrame | LLMContextFrame)]
    assert [type(f) for f in shown] == [UserStoppedSpeakingFrame, LLMContextFrame]
    assert floor.is_agents


async def test_an_empty_answer_to_finalize_ends_the_wait() -> None:
    """All words were final before the silence."""
    down = await through(
        STARTED(),
        final("Hello there"),
        pause(),
        STOPPED(),
        sounds(0.95),
        STTFinalizedFrame(),
        pause(),
    )
    assert decisions(down) == ["decided", "Hello there"]


async def test_a_final_that_says_it_is_the_last_needs_no_other_word() -> None:
    """Services may mark the transcript itself."""
    down = await through(
        STARTED(), STOPPED(), sounds(0.95), pause(), final("Hello there", finalized=True), pause()
    )
    assert decisions(down) == ["decided", "Hello there"]


async def test_words_before_the_verdict_wait_for_it() -> None:
    """And the verdict decides when it comes."""
    sent = [STARTED(), STOPPED(), final("Hello there"), STTFinalizedFrame(), pause(2)]
    assert decisions(await through(*sent)) == []
    assert decisions(await through(*sent, sounds(0.95), pause())) == ["decided", "Hello there"]


async def test_the_timer_decides_when_the_evidence_is_weak() -> None:
    """A low probability waits out its row."""
    settings = replace(PATIENT, no_s=(3 * TICK,) * 4)
    sent = [STARTED(), STOPPED(), sounds(0.01), final("Hello there"), STTFinalizedFrame()]
    assert decisions(await through(*sent, pause(1))) == []  # sixty seconds
    assert decisions(await through(*sent, until_decided(), settings=settings)) == [
        "decided",
        "Hello there",
    ]


class Alone(TurnStop):
    """Without a pipeline around it."""

    def create_task(
        self, coroutine: Coroutine[Any, Any, None], *_: object, **__: object
    ) -> asyncio.Task[None]:
        return asyncio.create_task(coroutine)


@pytest.mark.parametrize("goes_on", [True, False])
async def test_a_process_that_stood_still_reads_before_it_decides(goes_on: bool) -> None:
    """The caller may have gone on, and nobody was there to hear it."""
    story = Story()
    settings = replace(PATIENT, no_s=(0.05,) * 4)
    stop = Alone(settings, floor=Floor(), recorder=story)
    await stop.handle_user_turn_started()
    for frame in (STARTED(), STOPPED(), sounds(0.01), final("Hello"), STTFinalizedFrame()):
        await stop.process_frame(frame)
    time.sleep(0.4)  # noqa: ASYNC251 - the process itself
    for _ in range(5):
        await asyncio.sleep(0)
    assert story.reasons == []
    if goes_on:
        await stop.process_frame(STARTED())
        assert stop._timer is None
    else:
        await eventually(lambda: story.reasons, what="the decision")
    await stop.cleanup()


async def test_a_process_that_stands_still_again_and_again_decides_all_the_same() -> None:
    """What came meanwhile is read first once."""
    story = Story()
    stop = Alone(replace(PATIENT, no_s=(0.05,) * 4), floor=Floor(), recorder=story)
    await stop.handle_user_turn_started()
    for frame in (STARTED(), STOPPED(), sounds(0.01), final("Hello"), STTFinalizedFrame()):
        await stop.process_frame(frame)
    for reasons in (0, 1):
        time.sleep(0.5)  # noqa: ASYNC251 - the process itself
        for _ in range(5):
            await asyncio.sleep(0)
        assert len(story.reasons) == reasons
    await stop.cleanup()


def test_a_timer_that_is_due_at_once_rings_on_the_loop_of_the_process() -> None:
    """Whose handle of such a timer cannot tell when it is due."""

    async def ring() -> None:
        broken: list[dict[str, Any]] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, about: broken.append(about))
        stop = Alone(PATIENT, floor=Floor(), recorder=Story())
        stop._filter.next_deadline = time.monotonic  # type: ignore[method-assign]
        stop._arm()
        await asyncio.sleep(0.01)
        await stop.cleanup()
        assert broken == []

    uvloop.run(ring())


async def test_resumed_speech_stops_the_timer() -> None:
    """The words so far stay in the turn."""
    settings = replace(PATIENT, no_s=(3 * TICK,) * 4)
    down = await through(
        STARTED(),
        STOPPED(),
        sounds(0.01),
        final("Hello"),
        STTFinalizedFrame(),
        pause(1),
        STARTED(),
        pause(8),
        STOPPED(),
        sounds(0.95),
        final("there"),
        STTFinalizedFrame(),
        pause(1),
        settings=settings,
    )
    assert decisions(down) == ["decided", "Hello there"]


async def test_two_turns_are_two_decisions() -> None:
    """Nothing of the first is left in the second."""
    turn = [STARTED(), STOPPED(), sounds(0.95)]
    down = await through(
        *turn,
        final("One"),
        STTFinalizedFrame(),
        pause(2),
        *turn,
        pause(2),
        final("Two"),
        STTFinalizedFrame(),
        pause(),
    )
    assert decisions(down) == ["decided", "One", "decided", "Two"]


async def test_noise_is_given_up_without_asking_the_model() -> None:
    """A cough ends as it began."""
    story, floor = Story(), Floor()
    settings = replace(PATIENT, nothing_s=2 * TICK)
    down = await through(
        STARTED(),
        STOPPED(),
        STTFinalizedFrame(),
        until_decided(),
        settings=settings,
        story=story,
        floor=floor,
    )
    assert decisions(down) == ["decided"]
    assert story.reasons == ["nothing"]
    assert not floor.is_agents


async def test_words_without_speech_are_a_turn() -> None:
    """Decided by the recogniser's quiet."""
    settings = replace(PATIENT, words_only_s=2 * TICK)
    down = await through(final("Hello"), until_decided(), settings=settings)
    assert decisions(down) == ["decided", "Hello"]


async def test_what_the_agent_asked_is_evidence() -> None:
    """ "Yes" answers a yes/no question, whatever it sounds like."""
    floor = Floor()
    floor.clause_began(1, "Is that right?", is_protected=False, now=0.0)
    floor.agent_ended()
    settings = replace(PATIENT, no_s=(0.0, 60.0, 60.0, 60.0))
    sent = [STARTED(), STOPPED(), sounds(0.01), final("Yes."), STTFinalizedFrame(), pause()]
    assert decisions(await through(*sent, settings=settings)) == []
    assert decisions(await through(*sent, settings=settings, floor=floor)) == ["decided", "Yes."]


async def test_words_are_reported_with_their_confidence_and_the_reason_is_counted() -> None:
    """Interim and final, for the live view and the record."""
    story = Story()
    await through(
        STARTED(),
        InterimTranscriptionFrame("Hel", "caller", ""),
        InterimTranscriptionFrame(" ", "caller", ""),
        pause(),
        STOPPED(),
        sounds(0.95),
        final("Hello there", confidence=0.87),
        STTFinalizedFrame(),
        pause(),
        story=story,
    )
    assert story.said == [
        ("caller", "Hel", False, None),
        ("caller", "Hello there", True, 0.87),
    ]
    assert story.reasons == ["sure+open"]


async def test_interims_that_nobody_has_read_for_names_are_not_shown() -> None:
    """The live view sees finals only."""
    story = Story()
    stop = TurnStop(PATIENT, floor=Floor(), recorder=story, shows_interims=False)
    read = TranscriptionFrame("Ask [NAME_1]", "caller", "")
    for frame in (InterimTranscriptionFrame("Ask Pe", "caller", ""), read):
        stop._report(frame)
    assert [text for _, text, _, _ in story.said] == ["Ask [NAME_1]"]


async def test_wall_clock_stamps_on_frames_are_not_read() -> None:
    """A frame from 1970 decides like any other."""
    stop = VADUserStoppedSpeakingFrame(stop_secs=0.2, timestamp=0.0)
    down = await through(
        STARTED(), stop, sounds(0.95), final("Hello there"), STTFinalizedFrame(), pause()
    )
    assert decisions(down) == ["decided", "Hello there"]


EAGER = replace(PATIENT, speculate="llm", ask_within_s=60.0)


def asked(down: Sequence[Frame]) -> list[str]:
    """What the model is asked and told, in order: guesses, withdrawals, turn ends, questions."""
    told: list[str] = []
    for frame in down:
        match frame:
            case LLMContextFrame():
                last = frame.context.messages[-1]
                told.append(f"{'guess' if frame.speculation else 'ask'} {last['content']}")  # type: ignore[index]
            case EagerEndOfTurnCancelFrame():
                told.append("withdraw")
            case UserStoppedSpeakingFrame():
                told.append("decided")
    return told


async def test_the_model_is_asked_at_the_first_signal_and_not_again() -> None:
    """The words so far were the last: the answer begun early is the answer."""
    down = await through(
        STARTED(),
        InterimTranscriptionFrame("hello there", "caller", ""),
        pause(),
        STOPPED(),
        pause(),
        sounds(0.95),
        final("Hello there."),
        STTFinalizedFrame(),
        pause(),
        settings=EAGER,
    )
    assert asked(down) == ["guess hello there", "decided"]
    assert decisions(down) == ["decided", "Hello there."]


async def test_words_told_behind_an_ebb_of_the_voice_are_asked_before_the_stop() -> None:
    """And a voice that goes on for a moment takes nothing back."""
    down = await through(
        STARTED(),
        InterimTranscriptionFrame("what are your hours", "caller", ""),
        VoiceOnsetFrame(),
        VoicePauseFrame(),
        VoiceEbbFrame(),
        pause(),
        final("What are your hours?"),
        pause(),
        VoiceOnsetFrame(),
        VoicePauseFrame(),
        pause(),
        STOPPED(),
        sounds(0.95),
        STTFinalizedFrame(),
        pause(),
        settings=EAGER,
    )
    assert asked(down) == ["guess What are your hours?", "decided"]


async def test_other_words_take_the_guess_back_and_ask_with_the_right_ones() -> None:
    """The recogniser corrected itself before the decision."""
    down = await through(
        STARTED(),
        InterimTranscriptionFrame("hello the", "caller", ""),
        pause(),
        STOPPED(),
        pause(),
        sounds(0.95),
        final("Hello there."),
        STTFinalizedFrame(),
        pause(),
        settings=EAGER,
    )
    assert asked(down) == ["guess hello the", "withdraw", "guess Hello there.", "decided"]


async def test_resumed_speech_takes_the_guess_back() -> None:
    """Nothing of it enters the conversation; the whole turn is answered in the end."""
    down = await through(
        STARTED(),
        final("Hello"),
        pause(),
        STOPPED(),
        pause(),
        STARTED(),
        pause(),
        final("there"),
        pause(),
        STOPPED(),
        sounds(0.95),
        STTFinalizedFrame(),
        pause(),
        settings=EAGER,
    )
    assert asked(down) == ["guess Hello", "withdraw", "guess Hello there", "decided"]
    assert decisions(down) == ["decided", "Hello there"]


async def test_a_sound_after_the_stop_holds_the_decision() -> None:
    """Two windows of voice may be the caller going on; when they were not, the wait goes on."""
    settings = replace(PATIENT, no_s=(2 * TICK,) * 4)
    sent = [STARTED(), STOPPED(), sounds(0.01), VoiceOnsetFrame(), pause(0.5)]
    sent += [final("Hello there"), STTFinalizedFrame(), pause(6)]
    assert decisions(await through(*sent, settings=settings)) == []
    sent += [VoicePauseFrame()]
    assert decisions(await through(*sent, until_decided(), settings=settings)) == [
        "decided",
        "Hello there",
    ]


async def test_noise_takes_nothing_in_advance() -> None:
    """Without words there is nothing to ask."""
    settings = replace(EAGER, nothing_s=2 * TICK)
    sent = (STARTED(), STOPPED(), STTFinalizedFrame(), until_decided())
    down = await through(*sent, settings=settings)
    assert asked(down) == ["decided"]


@pytest.mark.parametrize(("early", "is_kept"), [("Actually", False), (None, True)])
async def test_words_from_before_the_turn_was_opened_count(
    early: str | None, is_kept: bool
) -> None:
    """The conversation will hold them, so an answer without them does not fit."""
    speculation = Speculation(EAGER)
    stop = TurnStop(EAGER, floor=Floor(), speculation=speculation)
    if early is not None:
        await stop.process_frame(final(early))
    await stop.handle_user_turn_started()
    for frame in (STARTED(), STOPPED(), final("where are you")):
        await stop.process_frame(frame)
    guess = speculation.in_hand
    assert guess is not None
    for frame in (sounds(0.95), STTFinalizedFrame()):
        await stop.process_frame(frame)
    assert guess.is_withdrawn is not is_kept
    await stop.handle_user_turn_stopped()
    await stop.cleanup()


@pytest.mark.parametrize("over_the_agent", ["Is ninety dollars.", "Uh huh."])
async def test_what_was_dismissed_over_the_agent_costs_the_next_turn_nothing(
    over_the_agent: str,
) -> None:
    """An echo or a sign of listening is no part of the turn that an answer begun early fits."""
    floor = Floor()
    floor.clause_began(1, "A cleaning is ninety dollars.", is_protected=False, now=0.0)
    down = await through(
        VoiceOnsetFrame(),
        VoicePauseFrame(),
        final(over_the_agent),
        pause(),
        STARTED(),
        final("what are your hours"),
        pause(),
        STOPPED(),
        pause(),
        sounds(0.95),
        STTFinalizedFrame(),
        pause(),
        settings=EAGER,
        floor=floor,
    )
    assert asked(down) == ["guess what are your hours", "decided"]
    assert decisions(down) == ["decided", "what are your hours"]


def test_what_is_due_at_once_is_decided_on_the_loop_of_a_process_that_serves() -> None:
    """Its handles know no time when nothing is to be waited for."""

    async def decided() -> list[str]:
        story = Story()
        stop = Alone(replace(PATIENT, no_s=(TICK,) * 4), floor=Floor(), recorder=story)
        await stop.handle_user_turn_started()
        for frame in (STARTED(), STOPPED(), sounds(0.01), final("Hello"), STTFinalizedFrame()):
            await stop.process_frame(frame)
        time.sleep(TICK)  # noqa: ASYNC251 - so that it is due
        stop._arm()
        await eventually(lambda: story.reasons, what="the decision")
        await stop.cleanup()
        return story.reasons

    assert uvloop.run(decided())
