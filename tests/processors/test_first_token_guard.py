"""The guard says the agent's own phrases at once, numbers replies as they are said, and keeps them
apart."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    Frame,
    FunctionCallCancelFrame,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    FunctionCallResultProperties,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.tests.utils import SleepFrame, run_test
from pipecat.utils.text.base_text_aggregator import TextType

from call.clauses import Clauses
from call.first_token import Patience
from call.measures import FILLERS
from call.phrases import CATCHING_UP, Phrases, phrases_in
from call.recovery import Line, Recovery, Remedy, Stage, Step, Trouble
from call.speculation import Guess, Verdict
from call.tongue import Tongue
from frames.recovery import ModelLateFrame, WayOutFrame
from frames.speculation import guess_of, mark
from frames.speech import ClauseFrame, PlayedToFrame, ReplyHeardFrame, SpeakNowFrame
from processors.first_token_guard import FirstTokenGuard, Holding
from tests.conftest import TICK
from tests.services.stage import Notes

pytestmark = pytest.mark.frame

Start, End = LLMFullResponseStartFrame, LLMFullResponseEndFrame


def guard() -> FirstTokenGuard:
    """A guard for whom time stands still."""
    return FirstTokenGuard(Patience(), Clauses(), language="en", clock=lambda: 0.0)


def clause(text: str, number: int = 1) -> ClauseFrame:
    """A clause of the model's, as the chunker numbers it."""
    return ClauseFrame(text, TextType.SENTENCE, written=text, reply=1, clause=number)


def phrase(text: str, guess: Guess | None = None) -> SpeakNowFrame:
    """A phrase of the agent's own."""
    frame = SpeakNowFrame(text, "again")
    mark(frame, guess)
    return frame


def shape(frames: Sequence[Frame] | None) -> list[str]:
    """Clauses as "id text", other frames as their type, the rest left out."""
    names = {
        Start: "start",
        End: "end",
        InterruptionFrame: "interruption",
        FunctionCallInProgressFrame: "tool",
    }
    return [
        f"{frame.clause_id} {frame.text}" if isinstance(frame, ClauseFrame) else names[type(frame)]
        for frame in frames or ()
        if isinstance(frame, ClauseFrame) or type(frame) in names
    ]


def after(station: FirstTokenGuard, *frames: Frame, at: float = 0.0) -> list[str]:
    """What leaves for these, one after another."""
    left: list[str] = []
    for frame in frames:
        leaving = station.decide(frame, at)
        left += shape((frame,) if leaving is None else leaving)
    return left


def pause(ticks: float = 1) -> SleepFrame:
    """Let data frames through before the next system frame overtakes them."""
    return SleepFrame(sleep=ticks * TICK)


async def test_a_phrase_becomes_a_reply_of_its_own() -> None:
    """It leaves as start, clauses, end, with its kind and nothing of the phrase itself."""
    say = SpeakNowFrame("Hello there. I am a robot.", "greeting")
    frames, _ = await run_test(guard(), frames_to_send=[say])
    assert shape(frames) == ["start", "1.1 Hello there.", "1.2 I am a robot.", "end"]
    assert {frame.kind for frame in frames if isinstance(frame, ClauseFrame)} == {"greeting"}
    assert not any(isinstance(frame, SpeakNowFrame) for frame in frames)


def test_an_uninterruptible_phrase_makes_uninterruptible_frames() -> None:
    """Start, clauses and end carry what the phrase says."""
    for interruptible in (True, False):
        say = SpeakNowFrame(
            "This call is answered by a machine.", "disclosure", interruptible=interruptible
        )
        frames = guard().decide(say, 0.0)
        assert frames and {frame.interruptible for frame in frames} == {interruptible}


def test_a_phrase_without_words_says_nothing() -> None:
    """No start and end around nothing."""
    assert after(guard(), SpeakNowFrame(" … ")) == []


def test_a_clause_says_since_when_it_is_waited_for() -> None:
    """So that the voice knows how much time is left; what comes behind one on its way does not."""
    station = guard()
    after(station, UserStoppedSpeakingFrame(), at=10.0)
    first, second, more = clause("Yes."), clause("At six.", 2), clause("Until ten.", 3)
    after(station, Start(), first, second, at=11.6)
    assert (first.silent_since, second.silent_since) == (10.0, None)
    after(station, PlayedToFrame(clause_id="1.2", chars=7, is_end=True), at=13.0)
    after(station, more, at=14.0)
    assert more.silent_since == 13.0


def test_a_phrase_overtakes_a_reply_that_has_no_words_yet() -> None:
    """The model is asked, and silent: the phrase comes first, and has the lower number."""
    left = after(guard(), Start(), SpeakNowFrame("One moment."), clause("Yes."), End())
    assert left == ["start", "1.1 One moment.", "end", "start", "2.1 Yes.", "end"]


def test_a_phrase_waits_for_a_reply_that_is_being_said() -> None:
    """Replies never lie inside each other."""
    left = after(guard(), Start(), clause("Yes."), SpeakNowFrame("Bye."), clause("No.", 2), End())
    assert left == ["start", "1.1 Yes.", "1.2 No.", "end", "start", "2.1 Bye.", "end"]


def test_a_phrase_waits_for_no_reply_that_has_stalled() -> None:
    """It stands between the parts of the reply, and the later part counts as said later."""
    station = guard()
    after(station, Start(), clause("Yes,"), SpeakNowFrame("One moment."), at=10.0)
    assert station.next_deadline() == 11.5
    assert station.on_deadline(11.4) == ()
    assert shape(station.on_deadline(11.5)) == ["end", "start", "2.1 One moment.", "end"]
    assert station.next_deadline() is None
    left = after(station, clause("you may.", 2), End(), at=12.0)
    assert left == ["start", "3.2 you may.", "end"]


def test_a_reply_of_which_nothing_is_left_when_a_phrase_cut_in_ends_there() -> None:
    """No empty reply follows the phrase."""
    station = guard()
    after(station, Start(), clause("Yes,"), SpeakNowFrame("One moment."), at=10.0)
    station.on_deadline(11.5)
    assert after(station, SpeakNowFrame("Bye."), at=12.0) == ["start", "3.1 Bye.", "end"]
    assert after(station, End(), Start(), clause("No."), End(), at=12.0) == [
        "start",
        "4.1 No.",
        "end",
    ]


def test_a_late_timer_says_nothing() -> None:
    """The reply ended meanwhile."""
    station = guard()
    after(station, Start(), clause("Yes."), SpeakNowFrame("Bye."), End())
    assert station.on_deadline(99.0) == ()


def test_a_reply_without_words_still_has_its_ends() -> None:
    """A tool called without a word belongs to a reply, and the reply ends."""
    tool = FunctionCallInProgressFrame(function_name="f", tool_call_id="t", arguments={})
    assert after(guard(), Start(), tool, End()) == ["start", "tool", "end"]
    assert after(guard(), Start(), End()) == ["start", "end"]


def test_a_reply_that_never_ended_is_ended_by_the_next() -> None:
    """Every start has its end."""
    left = after(guard(), Start(), clause("Wait"), Start(), clause("Now"), End())
    assert left == ["start", "1.1 Wait", "end", "start", "2.1 Now", "end"]


def test_what_an_interruption_leaves_is_swallowed() -> None:
    """Clauses, a start and an end that were on their way."""
    station, late = guard(), Start()
    left = after(
        station, Start(), clause("So"), InterruptionFrame(), clause("what", 2), End(), late
    )
    assert left == ["start", "1.1 So", "interruption"]
    assert after(station, clause("now", 3), Start(), clause("New."), End()) == [
        "start",
        "2.1 New.",
        "end",
    ]


def test_only_a_phrase_that_must_be_said_survives_an_interruption() -> None:
    """It is said behind it."""
    station = guard()
    after(station, Start(), clause("So"))
    after(
        station,
        SpeakNowFrame("Anything else?"),
        SpeakNowFrame("Goodbye.", "goodbye", interruptible=False),
    )
    left = after(station, InterruptionFrame())
    assert left == ["interruption", "start", "2.1 Goodbye.", "end"]


def test_a_withdrawn_answer_leaves_no_words_and_keeps_no_phrase_waiting() -> None:
    """Its tail is swallowed, the held phrase is said, before and after anybody is told."""
    for tells in (True, False):
        guess, station = Guess("hi"), guard()
        early: list[Frame] = [Start(), clause("Sure."), clause("I can.", 2), End()]
        for frame in early:
            mark(frame, guess)
        assert after(station, *early[:2]) == ["start", "1.1 Sure."]
        assert after(station, SpeakNowFrame("Are you there?")) == []
        guess.settle(Verdict.WITHDRAWN, wasted=lambda kind, amount: None)
        said = ["start", "2.1 Are you there?", "end"]
        if tells:
            assert after(station, EagerEndOfTurnCancelFrame()) == said
            assert after(station, *early[2:]) == []
        else:
            assert after(station, *early[2:]) == said


def test_a_cancelled_guess_leaves_an_ordinary_reply_alone() -> None:
    """Only what was begun on it is dropped."""
    left = after(guard(), Start(), EagerEndOfTurnCancelFrame(), clause("Yes."), End())
    assert left == ["start", "1.1 Yes.", "end"]


def test_once_the_call_is_given_up_the_model_is_silent() -> None:
    """Only phrases are said."""
    station = guard()
    assert after(station, Start(), clause("So"), WayOutFrame()) == ["start", "1.1 So"]
    assert after(station, InterruptionFrame(), Start(), clause("Yes"), End()) == ["interruption"]
    said = after(station, SpeakNowFrame("Sorry.", "way_out", interruptible=False))
    assert said == ["start", "2.1 Sorry.", "end"]


async def test_an_interruption_from_below_counts_too() -> None:
    """It goes on upwards, and what must still be said goes down."""
    station = guard()
    after(station, Start(), clause("So"), SpeakNowFrame("Goodbye.", "goodbye", interruptible=False))
    down, up = await run_test(
        station,
        frames_to_send=[InterruptionFrame()],
        frames_to_send_direction=FrameDirection.UPSTREAM,
    )
    assert shape(up) == ["interruption"]
    assert shape(down) == ["start", "2.1 Goodbye.", "end"]


async def test_a_phrase_behind_a_stalled_reply_is_said_by_the_clock() -> None:
    """The station's own timer does it."""
    station = FirstTokenGuard(Patience(stall_s=TICK), Clauses(), language="en")
    frames = [Start(), clause("Yes,"), pause(0.5), SpeakNowFrame("One moment."), pause(3)]
    down, _ = await run_test(station, frames_to_send=frames)
    assert shape(down) == ["start", "1.1 Yes,", "end", "start", "2.1 One moment.", "end"]


# ── silences ─────────────────────────────────────────────────────────────────────────
ONE, TWO = "One moment while I look that up.", "I am still on it, thank you for waiting."


def asked(station: FirstTokenGuard, *, at: float = 10.0) -> FirstTokenGuard:
    """The turn is the agent's, and the model is asked."""
    after(station, UserStoppedSpeakingFrame(), Start(), at=at)
    return station


def calling(tool: str = "find_slots") -> FunctionCallInProgressFrame:
    """The model's station starts a tool."""
    return FunctionCallInProgressFrame(function_name=tool, tool_call_id="t", arguments={})


def said(station: FirstTokenGuard, at: float) -> list[str]:
    """The phrases said because time passed."""
    return [f.text for f in station.on_deadline(at) if isinstance(f, ClauseFrame)]


def test_a_silent_model_is_covered_and_told_so() -> None:
    """Two phrases that differ; the second time the stand-in is asked, the third time all is given
    up, in silence: the apology is not the guard's."""
    notes = Notes()
    station = asked(
        FirstTokenGuard(Patience(), Clauses(), language="en", recorder=notes, clock=lambda: 0.0)
    )
    assert station.next_deadline() == 11.7
    assert said(station, 11.7) == [ONE]
    after(station, PlayedToFrame("1.1", 5, is_end=True), at=13.5)
    assert said(station, 15.2) == [TWO]
    assert said(station, 19.2) == []
    risen = [frame.remedy for frame in station._rising if isinstance(frame, ModelLateFrame)]
    assert risen == [
        Remedy(Step.WAIT, Line.FILLER),
        Remedy(Step.STAND_IN, Line.FILLER),
        Remedy(Step.GIVE_UP, Line.APOLOGY),
    ]
    assert notes.of(FILLERS, stage="think") == 2


def test_the_next_late_turn_hears_another_phrase() -> None:
    """Also where each turn needs only one."""
    station = asked(guard())
    assert said(station, 11.7) == [ONE]
    after(station, PlayedToFrame("1.1", 5, is_end=True), at=13.0)
    after(station, clause("Yes."), End(), ReplyHeardFrame(reply=2), at=13.5)
    asked(station, at=20.0)
    assert said(station, 21.7) == [TWO]


@pytest.mark.parametrize("verdict", [Verdict.KEPT, Verdict.WITHDRAWN])
def test_nobody_is_asked_to_wait_behind_an_answer_that_is_ready(verdict: Verdict) -> None:
    """The answer breaks the silence itself; one that is withdrawn does not."""
    guess, station = Guess("hi"), guard()
    early: list[Frame] = [Start(), clause("Sure."), End()]
    for frame in early:
        mark(frame, guess)
    wait = SpeakNowFrame("One moment.", CATCHING_UP)
    assert after(station, *early[:2], wait, early[2]) == ["start", "1.1 Sure.", "end"]
    guess.settle(verdict, wasted=lambda kind, amount: None)
    waits = ["start", "2.1 One moment.", "end"] if verdict is Verdict.WITHDRAWN else []
    assert after(station, EagerEndOfTurnCancelFrame()) == waits
    assert after(station, Start(), clause("Yes.")) == ["start", f"{2 + bool(waits)}.1 Yes."]


async def test_the_model_is_told_upwards() -> None:
    """By a frame that overtakes what waits there."""
    station = FirstTokenGuard(
        Patience(first_clause_s=TICK, first_clause_least_s=TICK), Clauses(), language="en"
    )
    frames = [UserStoppedSpeakingFrame(), Start(), pause(4)]
    down, up = await run_test(station, frames_to_send=frames)
    assert [type(frame) for frame in up] == [ModelLateFrame]
    assert shape(down)[:2] == ["start", f"1.1 {ONE}"]


def test_a_clause_in_time_says_nothing_more() -> None:
    """And an answer begun early that is ready keeps nobody waiting."""
    station = asked(guard())
    after(station, clause("Yes."), at=11.0)
    assert station.next_deadline() is None
    guess, station = Guess("hi"), guard()
    early: list[Frame] = [Start(), clause("Yes.")]
    for frame in early:
        mark(frame, guess)
    after(station, *early, at=9.5)
    assert station.next_deadline() is None
    after(station, UserStoppedSpeakingFrame(), at=10.0)
    assert station.next_deadline() is None


def test_an_answer_that_was_withdrawn_when_it_was_ready_is_not_on_its_way() -> None:
    """The one that follows is waited for like any other."""
    station = guard()
    for at, confirmed in ((8.0, False), (9.5, True)):
        guess = Guess("hi")
        early: list[Frame] = [Start(), clause("Yes."), End()] if not confirmed else [Start()]
        for frame in early:
            mark(frame, guess)
        after(station, *early, at=at)
        if not confirmed:
            guess.settle(Verdict.WITHDRAWN, wasted=lambda kind, amount: None)
            after(station, EagerEndOfTurnCancelFrame(), at=9.0)
    after(station, UserStoppedSpeakingFrame(), at=10.0)
    assert station.next_deadline() == 11.7


def test_an_answer_begun_early_that_is_not_ready_is_waited_for() -> None:
    """Once the turn is confirmed."""
    guess, station, start = Guess("hi"), guard(), Start()
    mark(start, guess)
    after(station, start, at=9.0)
    assert station.next_deadline() is None
    after(station, UserStoppedSpeakingFrame(), at=10.0)
    assert station.next_deadline() == 11.7


async def test_an_answer_begun_in_the_instant_the_turn_ended_is_waited_for_too() -> None:
    """Its start came behind the end of the turn, and before the verdict."""
    quick = Patience(first_clause_s=TICK, first_clause_least_s=TICK)
    guess, station, start = Guess("hi"), FirstTokenGuard(quick, Clauses(), language="en"), Start()
    mark(start, guess)

    def keep() -> None:
        guess.settle(Verdict.KEPT, wasted=lambda kind, amount: None)
        guess.announce()

    asyncio.get_running_loop().call_later(TICK, keep)
    down, _ = await run_test(station, frames_to_send=[UserStoppedSpeakingFrame(), start, pause(5)])
    assert shape(down)[:2] == ["start", f"1.1 {ONE}"]


def test_a_reply_that_ceases_in_the_middle_is_covered() -> None:
    """When all of it has been heard; the rest of it comes as a reply of its own."""
    station = asked(guard())
    after(station, clause("We close at six,"), at=10.5)
    after(station, PlayedToFrame("1.1", 5, is_end=False), at=11.0)
    assert station.next_deadline() is None
    after(station, PlayedToFrame("1.1", 9, is_end=True), at=12.0)
    assert station.next_deadline() == 13.7
    assert shape(station.on_deadline(13.7)) == ["end", "start", f"2.1 {ONE}", "end"]
    assert after(station, clause("on Fridays at five.", 2), End(), at=14.0) == [
        "start",
        "3.2 on Fridays at five.",
        "end",
    ]


def test_a_slow_tool_speaks_for_itself() -> None:
    """Then the phrases of all tools; the model is not to blame. Its end ends the silence."""
    holding = Holding(by_tool={"find_slots": "Let me look."})
    station = FirstTokenGuard(
        Patience(), Clauses(), language="en", holding=holding, clock=lambda: 0.0
    )
    after(asked(station), clause("Sure."), calling(), End(), at=10.5)
    after(station, ReplyHeardFrame(reply=1), at=11.0)
    assert said(station, 12.7) == ["Let me look."]
    assert said(station, 16.7) == ["Just a moment, I am checking that for you."]
    assert not station._rising
    result = FunctionCallResultFrame("find_slots", "t", {}, {"ok": True})
    after(station, result, at=17.0)
    assert station.next_deadline() is None


def test_holding_phrases_follow_the_agent_into_another_language() -> None:
    """A tool's own filler does not: it is written in one."""
    tongue = Tongue("en", Phrases(), {"ar": phrases_in("ar")})
    tongue.answered("نفتح يوم الأحد في العاشرة.")
    holding = Holding(tongue, by_tool={"find_slots": "Let me look."})
    station = FirstTokenGuard(
        Patience(), Clauses(), language="en", holding=holding, clock=lambda: 0.0
    )
    after(asked(station), clause("Sure."), calling(), End(), at=10.5)
    after(station, ReplyHeardFrame(reply=1), at=11.0)
    assert said(station, 12.7) == [phrases_in("ar").tool_fillers[0]]


def test_a_tool_that_tells_the_model_nothing_owes_nothing() -> None:
    """Ending the call, or a tool that was given up."""
    quiet = FunctionCallResultFrame("end_call", "t", {}, {"ok": True})
    quiet.properties = FunctionCallResultProperties(run_llm=False)
    for end in (quiet, FunctionCallCancelFrame(function_name="f", tool_call_id="t")):
        station = asked(guard())
        after(station, calling(), End(), at=10.1)
        assert station.next_deadline() is not None
        after(station, end, at=10.5)
        assert station.next_deadline() is None


def test_nobody_speaks_over_a_caller_who_speaks() -> None:
    """Nor behind an interruption, nor once the call is given up."""
    station = asked(guard())
    after(station, VADUserStartedSpeakingFrame(), at=11.0)
    assert station.next_deadline() is None
    after(station, VADUserStoppedSpeakingFrame(), at=11.4)
    assert station.next_deadline() == 13.1
    for ends in (InterruptionFrame(), WayOutFrame()):
        assert after(asked(guard()), ends) == (["interruption"] if ends.name[0] == "I" else [])
        station = asked(guard())
        after(station, ends, at=11.0)
        assert station.next_deadline() is None


def test_the_table_is_the_calls_own() -> None:
    """A fault met elsewhere moves the remedies on."""
    recovery = Recovery()
    station = FirstTokenGuard(
        Patience(), Clauses(), language="en", recovery=recovery, clock=lambda: 0.0
    )
    asked(station)
    said(station, 11.7)
    assert recovery.met(Stage.THINK, Trouble.BUSY).step is Step.STAND_IN


async def test_a_phrase_begun_early_belongs_to_its_guess() -> None:
    """All of it; withdrawn on its way, nothing of it is said."""
    guess = Guess("sorry")
    frames = guard().decide(phrase("At ten.", guess), 0.0)
    assert [guess_of(frame) for frame in frames or ()] == [guess] * 3
    guess.settle(Verdict.WITHDRAWN, wasted=lambda kind, amount: None)
    assert guard().decide(phrase("At ten.", guess), 0.0) == ()
