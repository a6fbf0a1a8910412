"""The clause chunker numbers replies and clauses, keeps their order, and forgets what was
interrupted."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    Frame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TextFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.tests.utils import SleepFrame, run_test

from call.clauses import Clauses
from call.speculation import Guess, Verdict
from frames.speculation import guess_of, mark
from frames.speech import ClauseFrame
from processors.clause_chunker import ClauseChunker
from tests.conftest import TICK

pytestmark = pytest.mark.frame

Start, End = LLMFullResponseStartFrame, LLMFullResponseEndFrame


def chunker(**knobs: float) -> ClauseChunker:
    """A chunker with patient time limits unless told otherwise."""
    return ClauseChunker(Clauses(**{"flush_s": 60.0, "settle_s": 60.0, **knobs}), "en")  # type: ignore[arg-type]


def tokens(*pieces: str) -> list[Frame]:
    """The model's tokens."""
    return [LLMTextFrame(piece) for piece in pieces]


def pause(ticks: float = 1) -> SleepFrame:
    """Let data frames through before the next system frame overtakes them."""
    return SleepFrame(sleep=ticks * TICK)


async def down(station: ClauseChunker, *frames: Frame) -> Sequence[Frame]:
    """What leaves downstream."""
    return (await run_test(station, frames_to_send=list(frames)))[0]


def shape(frames: Sequence[Frame]) -> list[str]:
    """Clauses as "id text", other frames as their type, ends of the test left out."""
    names = {Start: "start", End: "end", InterruptionFrame: "interruption"}
    return [
        f"{frame.clause_id} {frame.text}" if isinstance(frame, ClauseFrame) else names[type(frame)]
        for frame in frames
        if isinstance(frame, ClauseFrame | Start | End | InterruptionFrame)
    ]


async def test_clauses_stand_between_start_and_end() -> None:
    """Tokens become numbered clauses in order, the rest before the end, and no token passes."""
    frames = await down(
        chunker(), Start(), *tokens("Sure", ", I ca", "n help. W", "hich day?"), End()
    )
    assert shape(frames) == [
        "start",
        "1.1 Sure,",
        "1.2 I can help.",
        "1.3 Which day?",
        "end",
    ]
    assert not any(isinstance(frame, LLMTextFrame) for frame in frames)


async def test_written_equals_text_and_kind_is_reply() -> None:
    """A clause leaves with the model's own words and says that the model wrote it."""
    frames = await down(chunker(), Start(), *tokens("Call 850-687-4000."), End())
    (clause,) = [frame for frame in frames if isinstance(frame, ClauseFrame)]
    assert (clause.text, clause.written, clause.kind) == (
        "Call 850-687-4000.",
        "Call 850-687-4000.",
        "reply",
    )


async def test_replies_are_numbered_through_the_call() -> None:
    """The second reply starts again at clause one of reply two."""
    reply = [Start(), *tokens("Yes."), End()]
    frames = await down(chunker(), *reply, Start(), *tokens("Never. Not once."), End())
    assert shape(frames) == [
        "start",
        "1.1 Yes.",
        "end",
        "start",
        "2.1 Never.",
        "2.2 Not once.",
        "end",
    ]


async def test_an_interrupted_reply_leaves_nothing_behind() -> None:
    """Waiting words, late tokens and the late end of an interrupted reply never appear."""
    frames = await down(
        chunker(),
        Start(),
        *tokens("Our opening hours"),
        pause(),
        InterruptionFrame(),
        pause(),
        *tokens(" are nine to five. Then we ", "close."),
        End(),
        Start(),
        *tokens("Of course."),
        End(),
    )
    assert shape(frames) == ["start", "interruption", "start", "2.1 Of course.", "end"]


async def test_a_start_older_than_the_interruption_is_swallowed() -> None:
    """The order frames were made in decides, not the order they were read in."""
    stale = [Start(), *tokens("Old words."), End()]
    interruption = InterruptionFrame()
    frames = await down(chunker(), interruption, pause(), *stale, Start(), *tokens("New."), End())
    assert shape(frames) == ["interruption", "start", "1.1 New.", "end"]


async def test_an_interruption_from_below_counts_too() -> None:
    """It goes on upwards, and nothing is left of the reply."""
    station = chunker()
    station.decide(Start(), 0.0)
    station.decide(LLMTextFrame("So"), 0.0)
    down, up = await run_test(
        station,
        frames_to_send=[InterruptionFrame()],
        frames_to_send_direction=FrameDirection.UPSTREAM,
    )
    assert shape(up) == ["interruption"]
    assert shape(down) == []
    assert station.decide(End(), 0.0) == []


async def test_a_reply_that_never_ended_is_ended_by_the_next() -> None:
    """Every start has its end, and no words are lost."""
    frames = await down(chunker(), Start(), *tokens("Wait"), Start(), *tokens("Now"), End())
    assert shape(frames) == ["start", "1.1 Wait", "end", "start", "2.1 Now", "end"]


async def test_a_dribbling_stream_is_flushed_by_time() -> None:
    """Whole words leave when no boundary comes for long, before the reply goes on."""
    frames = await down(
        chunker(flush_s=2 * TICK, settle_s=2 * TICK),
        Start(),
        *tokens("We are ope"),
        pause(5),
        *tokens("n today."),
        End(),
    )
    assert shape(frames) == ["start", "1.1 We are", "1.2 open today.", "end"]


async def test_a_finished_sentence_leaves_when_the_stream_falls_silent() -> None:
    """Before a tool call nothing follows the sentence; it does not wait for the end."""
    frames = await down(
        chunker(settle_s=TICK),
        Start(),
        *tokens("Let me check that."),
        pause(5),
        TextFrame("tool"),
        End(),
    )
    kinds = [type(frame).__name__ for frame in frames]
    assert kinds.index("ClauseFrame") < kinds.index("TextFrame")


async def test_no_timer_fires_after_the_interruption() -> None:
    """Words withdrawn by the caller are not flushed by the clock."""
    frames = await down(
        chunker(flush_s=3 * TICK, settle_s=3 * TICK),
        Start(),
        *tokens("We are open "),
        pause(),
        InterruptionFrame(),
        pause(5),
    )
    assert shape(frames) == ["start", "interruption"]


async def test_text_not_meant_for_the_voice_passes() -> None:
    """Tokens marked `skip_tts` go by as they are."""
    silent = LLMTextFrame("a note")
    silent.skip_tts = True
    frames = await down(chunker(), Start(), silent, *tokens("Yes."), End())
    assert silent in frames
    assert shape(frames) == ["start", "1.1 Yes.", "end"]


async def test_other_frames_pass_untouched_in_both_directions() -> None:
    """What is not consumed goes on."""
    note = TextFrame("note")
    assert note in await down(chunker(), note)
    _, up = await run_test(
        chunker(), frames_to_send=[note], frames_to_send_direction=FrameDirection.UPSTREAM
    )
    assert note in up


def of(guess: Guess, *frames: Frame) -> list[Frame]:
    """The frames of an answer begun early."""
    for frame in frames:
        mark(frame, guess)
    return list(frames)


async def test_clauses_of_an_answer_begun_early_carry_its_guess() -> None:
    """The reply behind it does not."""
    guess = Guess("hi")
    early = of(guess, Start(), *tokens("Sure. I can help."), End())
    frames = await down(chunker(), *early, Start(), *tokens("And now?"), End())
    clauses = [frame for frame in frames if isinstance(frame, ClauseFrame)]
    assert [guess_of(clause) for clause in clauses] == [guess, guess, None]


async def test_a_withdrawn_answer_leaves_no_words() -> None:
    """Its tail is swallowed."""
    guess, station = Guess("hi"), chunker()
    early = of(guess, Start(), *tokens("Sure. I can"), *tokens(" help. Now"), End())
    now = 1.0
    assert shape(list(station.decide(early[0], now) or [early[0]])) == ["start"]
    assert shape(list(station.decide(early[1], now) or ())) == ["1.1 Sure."]
    guess.settle(Verdict.WITHDRAWN, wasted=lambda kind, amount: None)
    assert station.decide(EagerEndOfTurnCancelFrame(), now) is None
    assert [station.decide(frame, now) for frame in early[2:]] == [(), ()]
    assert station.next_deadline() is None
    late = of(guess, Start(), *tokens("Late."), End())
    assert [list(station.decide(frame, now) or ()) for frame in late] == [[], [], []]


async def test_a_deadline_finds_the_answer_withdrawn() -> None:
    """Even before anybody told the chunker."""
    guess, station = Guess("hi"), chunker(flush_s=0.5, settle_s=0.5)
    for frame in of(guess, Start(), *tokens("Let me see what")):
        station.decide(frame, 1.0)
    guess.settle(Verdict.WITHDRAWN, wasted=lambda kind, amount: None)
    assert list(station.on_deadline(9.0)) == []


SPEAKING = VADUserStartedSpeakingFrame
SILENT = VADUserStoppedSpeakingFrame


async def test_what_answers_a_caller_who_still_speaks_waits_for_the_stop() -> None:
    """In order, the reply's end behind its clauses; its start tells nobody anything."""
    early = of(Guess("hi"), Start(), *tokens("Sure. I can help. Or", " not."), End())
    first = [SPEAKING(), pause(), *early, pause()]
    assert shape(await down(chunker(), *first)) == ["start"]
    assert shape(await down(chunker(), *first, SILENT(), pause(2))) == [
        "start", "1.1 Sure.", "1.2 I can help.", "1.3 Or not.", "end",
    ]  # fmt: skip


async def test_words_that_come_at_the_stop_stay_behind_what_was_held() -> None:
    """Whoever is first."""
    guess, station = Guess("hi"), chunker()
    start, text, more, end = of(guess, Start(), *tokens("Sure. I can", " help. Or not."), End())
    for frame in (SPEAKING(), start, text):
        station.decide(frame, 1.0)
    assert station.next_deadline() == 61.0
    assert station.decide(SILENT(), 1.1) is None
    assert station.next_deadline() == 0.0
    assert shape(list(station.decide(more, 1.1) or ())) == ["1.1 Sure.", "1.2 I can help."]
    assert list(station.on_deadline(1.1)) == []
    assert shape(list(station.decide(end, 1.2) or ())) == ["1.3 Or not.", "end"]


@pytest.mark.parametrize("gone", ["withdrawn", "interrupted"])
async def test_what_was_held_of_an_answer_that_is_gone_never_leaves(gone: str) -> None:
    """Taken back before the stop, or swept away."""
    guess, station = Guess("hi"), chunker()
    for frame in (SPEAKING(), *of(guess, Start(), *tokens("Sure. I can help."), End())):
        station.decide(frame, 1.0)
    if gone == "withdrawn":
        guess.settle(Verdict.WITHDRAWN, wasted=lambda kind, amount: None)
        station.decide(SILENT(), 1.1)
        assert list(station.on_deadline(1.1)) == []
    else:
        station.decide(InterruptionFrame(), 1.1)
    assert station.next_deadline() is None
    later = [Start(), *tokens("Yes."), End()]
    said = [frame for each in later for frame in station.decide(each, 2.0) or ()]
    assert shape(said) == ["start", "2.1 Yes.", "end"]


async def test_an_ordinary_answer_does_not_wait_for_a_stop() -> None:
    """A caller who speaks over it is somebody else's matter."""
    frames = await down(chunker(), SPEAKING(), pause(), Start(), *tokens("Yes."), End())
    assert shape(frames) == ["start", "1.1 Yes.", "end"]
