"""Only what was heard enters the conversation, in front of Pipecat's own aggregator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from pipecat.frames.frames import (
    EndFrame,
    Frame,
    FunctionCallCancelFrame,
    FunctionCallFromLLM,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    FunctionCallsStartedFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMMessagesTransformFrame,
    LLMTextFrame,
    OutputAudioRawFrame,
    TranscriptionFrame,
    TTSTextFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.tests.utils import SleepFrame, run_test

from call.floor import Floor
from call.heard import Heard, HeardLog
from call.measures import CLAUSES, MARKS_MISSED, VOICE_SWITCHES, Measure, Moment, NullRecorder
from call.pardon import LastWords
from call.phrases import Phrases, phrases_in
from call.tongue import Tongue
from frames.speech import (
    ClauseCutFrame,
    ClauseFrame,
    PlayedToFrame,
    ReplyHeardFrame,
    VoiceSwitchedFrame,
)
from processors.heard_ledger import HeardLedger
from tests.conftest import TICK
from tests.processors.aggregator import pair

pytestmark = pytest.mark.frame

Start, End = LLMFullResponseStartFrame, LLMFullResponseEndFrame
MARKER = "[interrupted by the caller]"


class Story(NullRecorder):
    """Remembers everything."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def count(self, measure: Measure, amount: float = 1, **labels: str) -> None:
        """Keep the name."""
        self.told.append(measure.name)

    def moment(self, moment: Moment, at: float) -> None:
        """Keep it."""
        self.told.append(moment)

    def words(self, party: str, text: str, *, final: bool, confidence: float | None = None) -> None:
        """Keep them."""
        self.told.append((party, text, final))


def clause(name: str, text: str, *, kind: str = "reply", is_protected: bool = False) -> ClauseFrame:
    """A clause whose sound begins to leave; the voice says something else than what is written."""
    reply, _, number = name.partition(".")
    frame = ClauseFrame(
        text.upper(), "clause", written=text, reply=int(reply), clause=int(number), kind=kind
    )
    frame.interruptible = not is_protected
    return frame


def played(name: str, *, is_end: bool = True) -> Frame:
    """The wire's word that the caller has heard it."""
    return PlayedToFrame(clause_id=name, chars=3, is_end=is_end)


def calling(tool_id: str) -> list[Frame]:
    """What the model's service sends when it calls a tool."""
    call = FunctionCallFromLLM("find_slots", tool_id, {}, LLMContext())
    return [
        FunctionCallsStartedFrame([call]),
        FunctionCallInProgressFrame("find_slots", tool_id, {}, cancel_on_interruption=True),
    ]


def result(tool_id: str) -> Frame:
    """The tool's answer."""
    return FunctionCallResultFrame("find_slots", tool_id, {}, {"slots": ["10:30"]})


def pause(ticks: float = 1) -> SleepFrame:
    """Let data frames through before the next system frame overtakes them."""
    return SleepFrame(sleep=ticks * TICK)


class Ear:
    """A ledger in front of the assistant's half of a conversation."""

    def __init__(self, settings: Heard | None = None) -> None:
        self.story, self.floor, self.last_words = Story(), Floor(), LastWords()
        self.tongue = Tongue("en", Phrases(), {"ar": phrases_in("ar")})
        self.ledger = HeardLedger(
            HeardLog(settings),
            self.story,
            floor=self.floor,
            last_words=self.last_words,
            tongue=self.tongue,
        )
        self.speaker = pair(floor=self.floor).assistant()
        self.down: Sequence[Frame] = ()
        self.up: Sequence[Frame] = ()

    async def hear(self, *sent: Frame) -> list[Any]:
        """Send frames from the wire's output; the conversation afterwards."""
        self.down, self.up = await run_test(
            Pipeline([self.ledger, self.speaker]), frames_to_send=list(sent)
        )
        return list(self.speaker.context.messages)

    def endings(self) -> list[tuple[int, str, bool]]:
        """Which replies were reported heard, the same in both directions."""
        both = [
            [(f.reply, f.heard, f.interrupted) for f in frames if isinstance(f, ReplyHeardFrame)]
            for frames in (self.down, self.up)
        ]
        assert both[0] == both[1]
        return both[0]


def says(text: str) -> dict[str, str]:
    """A message of the agent's."""
    return {"role": "assistant", "content": text}


async def test_a_reply_enters_the_conversation_when_it_was_heard() -> None:
    """In the model's own words, as one message, spaced; and both ends of the list are told."""
    ear = Ear()
    sent = [Start(), clause("1.1", "We close at 6,"), clause("1.2", "on Fridays at 5."), End()]
    assert await ear.hear(*sent, pause(), played("1.1"), played("1.2"), pause()) == [
        says("We close at 6, on Fridays at 5.")
    ]
    assert ear.endings() == [(1, "We close at 6, on Fridays at 5.", False)]
    assert ear.story.told == [
        ("agent", "We close at 6,", False),
        ("agent", "on Fridays at 5.", False),
        ("agent", "We close at 6,", True),
        ("agent", "on Fridays at 5.", True),
        Moment.REPLY_HEARD,
    ]


async def test_what_was_sent_and_never_played_does_not_enter() -> None:
    """The end of the call finds it unheard."""
    ear = Ear()
    assert await ear.hear(Start(), clause("1.1", "We close at six."), End(), pause()) == []
    assert ear.endings() == [(1, "", True)]


async def test_an_interruption_keeps_what_was_heard_and_a_marker() -> None:
    """Although the interruption overtakes everything else."""
    ear = Ear()
    sent = [Start(), clause("1.1", "One."), clause("1.2", "Two.")]
    assert await ear.hear(*sent, pause(), played("1.1"), InterruptionFrame(), pause()) == [
        says(f"One. {MARKER}")
    ]
    assert ear.endings() == [(1, "One.", True)]
    assert Moment.REPLY_HEARD not in ear.story.told
    assert [f for f in ear.down if isinstance(f, InterruptionFrame)]


async def test_a_clause_nobody_could_end_is_kept_as_far_as_it_was_said() -> None:
    """And who spoke is counted, also where another voice went on inside a clause."""
    ear = Ear()
    first = clause("1.1", "One moment please.")
    first.voice = "elevenlabs"
    sent = [
        Start(),
        first,
        VoiceSwitchedFrame("1.1", "cartesia"),
        ClauseCutFrame("1.1", len("One moment")),
        ClauseCutFrame("strange", 1),
        End(),
    ]
    assert await ear.hear(*sent, pause(), played("1.1"), pause()) == [says("One moment")]
    assert ear.story.told[1:3] == [CLAUSES.name, VOICE_SWITCHES.name]
    kinds = (VoiceSwitchedFrame, ClauseCutFrame)
    assert not any(isinstance(frame, kinds) for frame in ear.down)


async def test_a_reply_never_heard_is_not_there() -> None:
    """Interrupted before the first mark."""
    ear = Ear()
    sent = [Start(), clause("1.1", "One."), End()]
    assert await ear.hear(*sent, pause(), InterruptionFrame(), pause()) == []
    assert ear.endings() == [(1, "", True)]


async def test_the_next_reply_is_its_own_message() -> None:
    """Also when it follows at once, and after an interruption."""
    ear = Ear()
    one = [Start(), clause("1.1", "One."), End(), Start(), clause("2.1", "Two."), End()]
    three = [Start(), clause("3.1", "Three."), End()]
    messages = await ear.hear(
        *one,
        pause(),
        played("1.1"),
        pause(),
        InterruptionFrame(),
        pause(),
        *three,
        pause(),
        played("3.1"),
        pause(),
    )
    assert messages == [says("One."), says("Three.")]


async def test_text_that_went_to_the_voice_stops_here() -> None:
    """Words of the model or of the voice are not what was heard; the caller's words pass."""
    ear = Ear()
    caller = TranscriptionFrame("hello", "caller", "")
    voice = TTSTextFrame("ONE.", "word")
    assert await ear.hear(Start(), LLMTextFrame("One."), voice, caller, End(), pause()) == []
    ear = Ear()
    down, _ = await run_test(ear.ledger, frames_to_send=[caller, LLMTextFrame("One.")])
    assert list(down) == [caller]


async def test_everything_else_passes_untouched() -> None:
    """Marks, audio, and frames of the other direction."""
    ear = Ear()
    sent = [played("1.1"), played("nonsense"), OutputAudioRawFrame(b"\0\0", 8000, 1)]
    down, _ = await run_test(ear.ledger, frames_to_send=sent)
    assert [f for f in down if f in sent] == sent


async def test_marks_that_never_come_are_bounded_and_counted() -> None:
    """The reply then counts as heard."""
    ear = Ear(Heard(mark_wait_s=2 * TICK))
    assert await ear.hear(Start(), clause("1.1", "One."), End(), pause(8)) == [says("One.")]
    assert ear.story.told[-2:] == [MARKS_MISSED.name, Moment.REPLY_HEARD]


async def test_a_tool_turn_keeps_the_order_of_the_conversation() -> None:
    """Words heard after the call began stand in front of it, and nothing waits for them: the
    result asks the model at once."""
    ear = Ear()
    messages = await ear.hear(
        Start(),
        clause("1.1", "Let me check."),
        *calling("t1"),
        End(),
        result("t1"),
        pause(2),
        played("1.1"),
        pause(),
        Start(),
        clause("2.1", "Ten thirty."),
        End(),
        pause(),
        played("2.1"),
        pause(),
    )
    assert [message["role"] for message in messages] == [
        "assistant",
        "assistant",
        "tool",
        "assistant",
    ]
    assert [messages[0], messages[3]] == [says("Let me check."), says("Ten thirty.")]
    assert messages[1]["tool_calls"][0]["id"] == "t1"
    assert [type(f) for f in ear.up if isinstance(f, LLMContextFrame)] == [LLMContextFrame]
    assert ear.endings() == [(1, "Let me check.", False), (2, "Ten thirty.", False)]


async def test_words_heard_on_both_sides_of_a_tool_call_are_one_message() -> None:
    """In front of the call."""
    ear = Ear()
    messages = await ear.hear(
        Start(),
        clause("1.1", "One moment,"),
        clause("1.2", "let me check."),
        pause(),
        played("1.1"),
        pause(),
        *calling("t1"),
        End(),
        pause(),
        played("1.2"),
        pause(),
    )
    assert messages[0] == says("One moment, let me check.")
    assert [message["role"] for message in messages] == ["assistant", "assistant", "tool"]


async def test_an_interrupted_tool_turn_says_so_in_front_of_the_call() -> None:
    """The words that were heard are not lost with the call."""
    ear = Ear()
    messages = await ear.hear(
        Start(),
        clause("1.1", "One moment,"),
        clause("1.2", "let me check."),
        *calling("t1"),
        pause(),
        played("1.1"),
        InterruptionFrame(),
        pause(),
    )
    assert messages[0] == says(f"One moment, {MARKER}")


async def test_words_for_a_call_that_is_no_longer_there_are_let_go() -> None:
    """The conversation was rebuilt meanwhile; appended, they would look like the model's next."""
    ear = Ear()
    frames = [Start(), clause("1.1", "Let me check."), *calling("t1"), End(), pause()]
    down, _ = await run_test(ear.ledger, frames_to_send=[*frames, played("1.1"), pause()])
    (amendment,) = [f for f in down if isinstance(f, LLMMessagesTransformFrame)]
    assert not amendment.interruptible
    messages: list[Any] = [{"role": "user", "content": "hi"}, "odd"]
    assert amendment.transform(messages) == messages


async def test_a_reply_that_only_calls_a_tool_is_reported_without_words() -> None:
    """Nothing to hear, nothing to wait for."""
    ear = Ear()
    messages = await ear.hear(Start(), *calling("t1"), End(), pause())
    assert [message["role"] for message in messages] == ["assistant", "tool"]
    assert ear.endings() == [(0, "", False)]
    assert Moment.REPLY_HEARD not in ear.story.told


async def test_the_floor_is_the_agents_until_everything_was_heard() -> None:
    """From the reply's start to its last mark."""
    seen: list[tuple[Frame, bool]] = []

    class Watched(HeardLedger):
        """Looks at the floor behind each frame."""

        def decide(self, frame: Frame, now: float) -> Sequence[Frame] | None:
            """As ever."""
            frames = super().decide(frame, now)
            seen.append((frame, floor.is_agents))
            return frames

    floor = Floor()
    ledger = Watched(HeardLog(), floor=floor)
    sent = [Start(), clause("1.1", "One."), clause("1.2", "Right?"), End()]
    await run_test(ledger, frames_to_send=[*sent, pause(), played("1.1"), played("1.2"), pause()])
    assert [
        is_busy for frame, is_busy in seen if frame in sent or isinstance(frame, PlayedToFrame)
    ] == [
        *[True] * 5,
        False,
    ]
    assert floor.last_said == "Right?"


@pytest.mark.parametrize(
    ("ending", "is_agents"),
    [
        ([], True),
        ([result("t1")], True),
        ([result("t1"), pause(), Start(), End()], False),
        ([FunctionCallCancelFrame("find_slots", "t1")], True),
        ([InterruptionFrame()], False),
    ],
)
async def test_the_floor_is_the_agents_while_a_tool_is_at_work(
    ending: list[Frame], is_agents: bool
) -> None:
    """Until its result has been answered; in doubt the agent is busy."""
    ear = Ear()
    first = [Start(), clause("1.1", "Let me check."), *calling("t1"), End(), pause()]
    await ear.hear(*first, played("1.1"), pause(), *ending, pause())
    assert ear.floor.is_agents is is_agents


async def test_a_protected_phrase_holds_the_floor_and_survives() -> None:
    """It is heard to its end, interruption or not."""
    ear = Ear()
    messages = await ear.hear(
        Start(),
        clause("1.1", "This call", kind="disclosure", is_protected=True),
        clause("1.2", "is recorded.", kind="disclosure", is_protected=True),
        End(),
        pause(),
        played("1.1"),
        InterruptionFrame(),
        pause(),
        played("1.2"),
        pause(),
    )
    assert " ".join(message["content"] for message in messages) == "This call is recorded."
    assert ear.endings() == [(1, "This call is recorded.", False)]


async def test_the_end_of_the_call_passes() -> None:
    """Nothing is held back at the end."""
    ear = Ear()
    down, _ = await run_test(ear.ledger, frames_to_send=[Start(), EndFrame()], send_end_frame=False)
    assert [type(f) for f in down] == [Start, End, ReplyHeardFrame, EndFrame]


async def test_behind_a_holding_phrase_the_floor_stays_the_agents() -> None:
    """The answer is still to come; the phrase leaves no message and ends no turn."""
    ear = Ear()
    sent = [Start(), clause("1.1", "One moment.", kind="filler"), End()]
    assert await ear.hear(*sent, pause(), played("1.1"), pause()) == []
    assert ear.floor.is_agents
    assert Moment.FILLER_HEARD in ear.story.told and Moment.REPLY_HEARD not in ear.story.told


async def test_the_last_words_are_known_as_far_as_they_were_heard() -> None:
    """In full or in part; an answer that an interruption swept away with its tool is owed."""
    ear = Ear()
    for number, text in enumerate(("One,", "two,", "three."), 1):
        ear.last_words.written(1, number, text, kind="reply")
    start = LLMFullResponseStartFrame()
    parts = [clause("1.1", "One,"), clause("1.2", "two,"), played("1.1"), pause()]
    await ear.hear(start, *parts, played("1.2", is_end=False), pause())
    assert ear.last_words.answer("Sorry?") == "One, two,"
    assert ear.last_words.cut() == "two, three."
    await ear.hear(start, *parts, *calling("t1"), pause(), InterruptionFrame(), pause())
    assert ear.last_words.is_answer_owed


async def test_the_language_of_the_models_own_words_is_the_agents() -> None:
    """A phrase in another one changes nothing; it may be what was said before."""
    ear = Ear()
    await ear.hear(clause("1.1", "لحظة من فضلك، سأتحقق من ذلك.", kind="filler"))
    assert ear.tongue.is_home
    ear = Ear()
    await ear.hear(clause("1.1", "نفتح يوم الأحد في العاشرة."))
    assert ear.tongue.language == "ar"
