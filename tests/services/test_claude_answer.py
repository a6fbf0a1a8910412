"""A model that fails is asked again, continued, or stood in for; what was said is said once."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from types import SimpleNamespace as Made
from typing import Any, cast

import pytest
from anthropic import AsyncAnthropic
from anthropic.types import RawContentBlockDeltaEvent, TextDelta
from hypothesis import given
from hypothesis import strategies as st
from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    ErrorFrame,
    FunctionCallResultFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.services.llm_service import FunctionCallParams
from pipecat.utils.errors import ErrorCategory

from call.clauses import ClauseCutter, Clauses
from call.continuation import GO_ON, SPEAK_UP
from call.endpoint import Outlook
from call.errors import (
    ProviderBroke,
    ProviderBusy,
    ProviderDown,
    ProviderFault,
    ProviderRefused,
    ProviderSlow,
)
from call.first_token import Patience
from call.measures import LLM_REQUESTS, PROVIDER_FAULTS, RETRIES, STAND_IN_TOKENS, Moment
from call.recovery import Line, Recovery, Remedy, StandIn, Step
from call.speculation import Speculation
from call.waits import Endpoint
from frames.recovery import ModelLateFrame, WayOutFrame, remedy_of
from frames.speech import ClauseFrame
from lab.receptionist import Reply, ToolUse
from processors.clause_chunker import ClauseChunker
from services.anthropic import Claude, Prompt
from services.claude_answer import Answer, Limits
from services.claude_client import Anthropic, Model, Models, claude_client
from tests.conftest import TICK
from tests.services.stage import Lab, Notes, Stage

pytestmark = pytest.mark.provider

FIRST, SECOND = "claude-haiku-4-5", "claude-sonnet-4-6"
LONG = "We open at eight, and we close at six. On Saturday we open at nine. Anything else?"
HELLO = "Good morning. How can I help?"
STALL_S = 30 * TICK  # a crowded machine pauses too


@pytest.fixture
async def client(lab: Lab) -> AsyncIterator[AsyncAnthropic]:
    """The process's one client."""
    async with claude_client(Anthropic(url=lab.url, stall_s=STALL_S), "k") as client:
        yield client


class Mind:
    """The model's station in front of the chunker, and what becomes of its replies."""

    def __init__(self, client: AsyncAnthropic, notes: Notes, **more: Any) -> None:
        stand_in = more.pop("stand_in", Model(SECOND, client))
        self.rule = StandIn(keep_s=60.0)
        self.recovery = Recovery()
        self.station = Claude(
            Anthropic(stall_s=more.pop("first_s", STALL_S)),
            models=Models(Model(FIRST, client), stand_in, self.rule),
            recorder=notes,
            max_tokens=200,
            prompt=Prompt("You are kind."),
            recovery=self.recovery,
            patience=Patience(stall_s=STALL_S),
            **more,
        )
        chunker = ClauseChunker(Clauses(flush_s=0.1, settle_s=0.1), "en")
        self.stage = Stage(Pipeline([self.station, chunker]))

    async def ask(self, text: str = "Hello?", *, context: LLMContext | None = None) -> str:
        """Ask, wait for the end of the reply; what left for the voice."""
        ended = len(self.stage.seen(LLMFullResponseEndFrame))
        said = len(self.stage.seen(ClauseFrame))
        await self.stage.play(LLMContextFrame(context or asked(text)))
        await self.stage.until(
            lambda: len(self.stage.seen(LLMFullResponseEndFrame)) > ended, "the reply's end"
        )
        return " ".join(clause.written for clause in self.stage.seen(ClauseFrame)[said:])

    @property
    def steps(self) -> list[Step]:
        """What was done about each fault."""
        remedies = map(remedy_of, self.stage.risen(ErrorFrame))
        return [remedy.step for remedy in remedies if remedy is not None]


@pytest.fixture
async def mind(client: AsyncAnthropic, notes: Notes) -> AsyncIterator[Mind]:
    """A mind at work."""
    mind = Mind(client, notes)
    async with mind.stage.open():
        yield mind


def asked(text: str) -> LLMContext:
    return LLMContext([{"role": "user", "content": text}])


def requests(lab: Lab) -> list[dict[str, Any]]:
    """The bodies the lab was asked with."""
    return [entry["body"] for entry in lab.entries("anthropic", "request")]


# ── each fault, once ─────────────────────────────────────────────────────────────────
CASES: list[tuple[str, dict[str, Any], type[ProviderFault], ErrorCategory, Step]] = [
    ("http_status", {"status": 401}, ProviderRefused, ErrorCategory.AUTHENTICATION, Step.STAND_IN),
    ("http_status", {"status": 400}, ProviderRefused, ErrorCategory.INVALID_REQUEST, Step.REBUILD),
    ("http_status", {"status": 402}, ProviderRefused, ErrorCategory.QUOTA, Step.STAND_IN),
    ("http_status", {"status": 429}, ProviderBusy, ErrorCategory.RATE_LIMIT, Step.AGAIN),
    (
        "http_status",
        {"status": 429, "retry_after_s": 7.0},
        ProviderBusy,
        ErrorCategory.RATE_LIMIT,
        Step.STAND_IN,
    ),
    ("http_status", {"status": 529}, ProviderBusy, ErrorCategory.RATE_LIMIT, Step.AGAIN),
    ("http_status", {"status": 500}, ProviderDown, ErrorCategory.SERVER, Step.AGAIN),
    ("down", {}, ProviderDown, ErrorCategory.CONNECTIVITY, Step.AGAIN),
    ("black_hole", {}, ProviderSlow, ErrorCategory.CONNECTIVITY, Step.AGAIN),
    ("headers_only", {}, ProviderSlow, ErrorCategory.CONNECTIVITY, Step.AGAIN),
    ("pings_only", {"every_s": 0.05}, ProviderSlow, ErrorCategory.CONNECTIVITY, Step.AGAIN),
    ("stall", {"after": 2}, ProviderSlow, ErrorCategory.CONNECTIVITY, Step.AGAIN),
    ("reset_peer", {"after": 2}, ProviderDown, ErrorCategory.CONNECTIVITY, Step.AGAIN),
    ("limit_data", {"bytes": 600}, ProviderDown, ErrorCategory.CONNECTIVITY, Step.AGAIN),
    ("error_after", {"after": 1}, ProviderBusy, ErrorCategory.RATE_LIMIT, Step.AGAIN),
    (
        "error_after",
        {"after": 1, "type": "api_error"},
        ProviderDown,
        ErrorCategory.CONNECTIVITY,
        Step.AGAIN,
    ),
    ("quota", {"after": 1}, ProviderBusy, ErrorCategory.RATE_LIMIT, Step.AGAIN),
    ("refusal", {}, ProviderRefused, ErrorCategory.APPLICATION, Step.STAND_IN),
    ("malformed_tool_json", {}, ProviderBroke, ErrorCategory.SERVER, Step.AGAIN),
    ("empty", {}, ProviderBroke, ErrorCategory.SERVER, Step.AGAIN),
    ("thinking_only", {}, ProviderBroke, ErrorCategory.SERVER, Step.AGAIN),
]


@pytest.mark.parametrize(
    ("shape", "more", "kind", "category", "step"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES]
)
async def test_whatever_goes_wrong_once_the_caller_gets_the_answer(
    lab: Lab,
    mind: Mind,
    notes: Notes,
    shape: str,
    more: dict[str, Any],
    kind: type[ProviderFault],
    category: ErrorCategory,
    step: Step,
) -> None:
    """Whole and once, in one reply; one typed fault rises with its remedy, without payload."""
    lab.fault("anthropic", shape, **more)
    assert await mind.ask("My number is 555 0142.") == HELLO
    (error,) = mind.stage.risen(ErrorFrame)
    fault = error.exception
    assert type(fault) is kind and isinstance(fault, ProviderFault)
    assert error.category is category
    assert "0142" not in error.error
    assert fault.party == "llm"
    if shape == "http_status":
        assert fault.request_id
    assert mind.steps == [step]
    assert notes.of(PROVIDER_FAULTS, provider="anthropic") == notes.of(RETRIES, step=step) == 1
    assert requests(lab)[-1]["model"] == (SECOND if step is Step.STAND_IN else FIRST)
    assert mind.station.is_usable


# ── in a row ─────────────────────────────────────────────────────────────────────────
async def test_three_faults_in_a_row_give_the_answer_up(lab: Lab, mind: Mind, notes: Notes) -> None:
    """Once again, then the stand-in, then nobody: the last fault rises with the way out."""
    lab.fault("anthropic", "http_status", status=529, for_next=3)
    assert await mind.ask() == ""
    assert mind.steps == [Step.AGAIN, Step.STAND_IN, Step.GIVE_UP]
    assert [body["model"] for body in requests(lab)] == [FIRST, FIRST, SECOND]
    assert notes.of(PROVIDER_FAULTS) == 3


async def test_the_stand_in_goes_on_answering_once_it_had_to(
    lab: Lab, mind: Mind, notes: Notes
) -> None:
    """The next turn asks it first; what it has used is counted apart."""
    lab.fault("anthropic", "http_status", status=529, for_next=2)
    assert await mind.ask() == HELLO
    assert await mind.ask("And now?") == HELLO
    assert [body["model"] for body in requests(lab)][2:] == [SECOND, SECOND]
    assert notes.of(STAND_IN_TOKENS, kind="output") > 0
    await mind.ask()
    assert mind.steps == [Step.AGAIN, Step.STAND_IN]


async def test_a_stand_in_that_fails_is_stood_in_for_by_the_first(lab: Lab, mind: Mind) -> None:
    """It may be well again, and then answers from now on."""
    mind.rule.answered(is_stand_in=True, now=time.monotonic())
    lab.fault("anthropic", "http_status", status=529, for_next=2)
    assert await mind.ask() == HELLO
    assert await mind.ask("And now?") == HELLO
    assert [body["model"] for body in requests(lab)] == [SECOND, SECOND, FIRST, FIRST]


async def test_without_a_stand_in_the_first_is_asked_once_more(
    lab: Lab, client: AsyncAnthropic, notes: Notes
) -> None:
    """Better than nobody."""
    mind = Mind(client, notes, stand_in=None)
    lab.fault("anthropic", "http_status", status=529, for_next=2)
    async with mind.stage.open():
        assert await mind.ask() == HELLO
    assert [body["model"] for body in requests(lab)] == [FIRST] * 3


async def test_a_stand_in_elsewhere_is_asked_there(
    lab: Lab, client: AsyncAnthropic, notes: Notes
) -> None:
    """Under its own name; a trailing word of the agent's is no prompt for one that takes none."""
    elsewhere = claude_client(Anthropic(url=lab.url), "other")
    mind = Mind(client, notes, stand_in=Model("claude-something-new", elsewhere))
    lab.fault("anthropic", "http_status", status=401)
    talk = asked("Hello?")
    talk.add_message({"role": "assistant", "content": "Good"})
    async with mind.stage.open():
        await mind.ask(context=talk)
    await elsewhere.close()
    body = requests(lab)[-1]
    assert body["model"] == "claude-something-new"
    assert "thinking" not in body
    assert body["messages"][-1] == {"role": "user", "content": "(Go on.)"}


# ── in the middle of a reply ─────────────────────────────────────────────────────────
async def test_a_reply_that_breaks_off_goes_on_behind_its_last_clause(
    lab: Lab, mind: Mind, notes: Notes
) -> None:
    """The fresh request is told what was said; what was half written is left to it."""
    lab.replies = [Reply(LONG), Reply("Saturday we open at nine. Anything else?")]
    lab.fault("anthropic", "stall", after=14)
    assert await mind.ask() == LONG
    first, second = requests(lab)
    assert second["messages"][: len(first["messages"])] == first["messages"]
    said, note = second["messages"][-2:]
    assert said["role"] == "assistant" and LONG.startswith(said["content"])
    assert said["content"] == "We open at eight, and we close at six. On"
    assert note == {"role": "user", "content": GO_ON}
    assert notes.stamped(Moment.LLM_REQUEST) == 2


async def test_a_model_that_begins_again_is_not_heard_twice(lab: Lab, mind: Mind) -> None:
    """However often it breaks off."""
    lab.replies = [Reply(LONG)] * 3
    lab.fault("anthropic", "error_after", after=12)
    lab.fault("anthropic", "reset_peer", after=20, when_words=GO_ON[1:20], for_next=1)
    assert await mind.ask() == LONG
    assert mind.steps == [Step.AGAIN, Step.STAND_IN]


async def test_a_reply_of_which_nothing_is_left_to_say_is_complete(lab: Lab, mind: Mind) -> None:
    """The model has nothing to add to what was said."""
    lab.replies = [Reply("Yes, we do."), Reply("")]
    lab.fault("anthropic", "stall", after=4)
    assert await mind.ask() == "Yes, we"
    assert mind.steps == [Step.AGAIN]


# ── nothing, tools ───────────────────────────────────────────────────────────────────
async def test_an_answer_of_nothing_is_asked_for_once_more_then_owned_up_to(
    lab: Lab, mind: Mind
) -> None:
    """The second time the caller is asked to say it again; no outage is counted."""
    lab.fault("anthropic", "empty", for_next=2)
    assert await mind.ask() == ""
    remedies = [remedy_of(error) for error in mind.stage.risen(ErrorFrame)]
    assert remedies == [Remedy(Step.AGAIN), Remedy(Step.WAIT, Line.SAY_AGAIN)]
    assert requests(lab)[-1]["messages"][-1] == {"role": "user", "content": SPEAK_UP}
    assert await mind.ask() == HELLO


async def test_a_tool_without_words_is_neither_an_outage_nor_a_success(
    lab: Lab, mind: Mind
) -> None:
    """It runs; the row of faults before it goes on behind it."""

    async def look(params: FunctionCallParams) -> None:
        await params.result_callback({"ok": True})

    mind.station.register_function("look", look)
    lab.fault("anthropic", "http_status", status=529)
    lab.replies = [Reply("", [ToolUse("toolu_1", "look", {})])]
    assert await mind.ask() == ""
    await mind.stage.until(lambda: mind.stage.seen(FunctionCallResultFrame), "the tool")
    lab.fault("anthropic", "http_status", status=529)
    assert await mind.ask() == HELLO
    assert mind.steps == [Step.AGAIN, Step.STAND_IN]


async def test_a_tool_call_cut_short_is_asked_for_again(lab: Lab, mind: Mind) -> None:
    """Half an order is not carried out, and not taken for none."""
    ran: list[Any] = []

    async def look(params: FunctionCallParams) -> None:
        ran.append(dict(params.arguments))
        await params.result_callback({"ok": True})

    mind.station.register_function("look", look)
    lab.fault("anthropic", "malformed_tool_json")
    lab.replies = [Reply("Let me look."), Reply("", [ToolUse("t2", "look", {"day": "tuesday"})])]
    await mind.ask()
    await mind.stage.until(lambda: mind.stage.seen(FunctionCallResultFrame), "the tool")
    assert ran == [{"day": "tuesday"}]
    assert mind.steps == [Step.AGAIN]


# ── refused as it stands ─────────────────────────────────────────────────────────────
async def test_a_conversation_that_is_refused_is_put_in_plain_words(lab: Lab, mind: Mind) -> None:
    """From then on, for the rest of the call: what was refused once would be again."""
    context = asked("Tuesday?")
    call = {"id": "t1", "type": "function", "function": {"name": "slots", "arguments": "{}"}}
    context.add_message(cast(Any, {"role": "assistant", "tool_calls": [call]}))
    context.add_message({"role": "tool", "tool_call_id": "t1", "content": '{"ok": true}'})
    lab.fault("anthropic", "http_status", status=400)
    assert await mind.ask(context=context) == HELLO
    assert await mind.ask(context=context) == HELLO
    assert mind.steps == [Step.REBUILD]
    before, *after = requests(lab)
    assert any(isinstance(message["content"], list) for message in before["messages"])
    for body in after:
        assert body["messages"] == [
            {"role": "user", "content": 'Tuesday?\n(slots answered: {"ok": true})'}
        ]


# ── late ─────────────────────────────────────────────────────────────────────────────
SWITCH = Remedy(Step.STAND_IN, Line.FILLER)


@pytest.mark.parametrize("shape", ["black_hole", "headers_only", "slow_first_token"])
async def test_a_model_that_is_late_twice_is_left_for_the_stand_in(
    lab: Lab, client: AsyncAnthropic, notes: Notes, shape: str
) -> None:
    """The guard says when; the first time it may still answer."""
    mind = Mind(client, notes, first_s=30.0)
    lab.fault("anthropic", shape)
    async with mind.stage.open():
        await mind.stage.play(LLMContextFrame(asked("Hello?")))
        await mind.stage.until(lambda: lab.world.streams, "the request")
        await late(mind, Remedy(Step.WAIT, Line.FILLER))
        assert len(lab.world.streams) == 1
        await late(mind, SWITCH)
        await mind.stage.until(lambda: mind.stage.seen(LLMFullResponseEndFrame))
    assert [clause.written for clause in mind.stage.seen(ClauseFrame)] == [
        "Good morning.",
        "How can I help?",
    ]
    assert mind.steps == [Step.WAIT, Step.STAND_IN]
    assert requests(lab)[-1]["model"] == SECOND
    assert notes.of(PROVIDER_FAULTS, kind="slow") == 2


async def test_a_model_that_is_late_for_good_is_not_asked_again(
    lab: Lab, client: AsyncAnthropic, notes: Notes
) -> None:
    """The reply ends; the way out is the desk's."""
    mind = Mind(client, notes, first_s=30.0)
    lab.fault("anthropic", "black_hole")
    async with mind.stage.open():
        await mind.stage.play(LLMContextFrame(asked("Hello?")))
        await mind.stage.until(lambda: lab.world.streams, "the request")
        await late(mind, Remedy(Step.GIVE_UP, Line.APOLOGY))
        await mind.stage.until(lambda: mind.stage.seen(LLMFullResponseEndFrame))
    assert mind.steps == [Step.GIVE_UP]


async def test_late_when_nobody_is_asked_is_only_told(mind: Mind) -> None:
    """The answer ended in the same instant."""
    await late(mind, SWITCH)
    assert mind.steps == [Step.STAND_IN]


async def late(mind: Mind, remedy: Remedy) -> None:
    """The guard, below, finds the caller in silence."""
    before = len(mind.stage.risen(ErrorFrame))
    await mind.station.queue_frame(ModelLateFrame(remedy))
    await mind.stage.until(lambda: len(mind.stage.risen(ErrorFrame)) > before, "the fault")


async def test_once_the_call_is_given_up_nobody_is_asked(lab: Lab, mind: Mind) -> None:
    """Whatever the caller still says."""
    await mind.stage.play(WayOutFrame())
    await mind.stage.until(lambda: mind.stage.seen(WayOutFrame))
    await mind.stage.play(LLMContextFrame(asked("Hello?")), InterruptionFrame())
    await mind.stage.until(lambda: mind.stage.seen(InterruptionFrame))
    assert requests(lab) == []


# ── begun early ──────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("speculate", ["llm", "llm_and_voice"])
async def test_an_answer_begun_early_that_breaks_off_goes_on(
    lab: Lab, client: AsyncAnthropic, notes: Notes, speculate: str
) -> None:
    """Whether its words were let out before the verdict or held."""
    speculation = Speculation(Endpoint(speculate=speculate))
    speculation.look(Outlook("Hello?", due_at=0.0), 0.0)
    mind = Mind(client, notes, speculation=speculation)
    lab.replies = [Reply(LONG)] * 2
    lab.fault("anthropic", "error_after", after=14)
    async with mind.stage.open():
        await mind.stage.play(LLMContextFrame(asked("Hello?"), speculation=True))
        await mind.stage.until(lambda: mind.stage.risen(ErrorFrame), "the fault")
        speculation.fits("Hello?", 1.0)
        guess = speculation.keep(1.0)
        assert guess is not None
        guess.announce()
        await mind.stage.play(UserStoppedSpeakingFrame())
        await mind.stage.until(lambda: mind.stage.seen(LLMFullResponseEndFrame))
    assert " ".join(clause.written for clause in mind.stage.seen(ClauseFrame)) == LONG


@pytest.mark.parametrize("is_kept", [True, False])
async def test_nobody_gives_up_before_the_caller_has_spoken(
    lab: Lab, client: AsyncAnthropic, notes: Notes, is_kept: bool
) -> None:
    """An answer begun early that fails for good is given up with the verdict, or not at all."""
    speculation = Speculation()
    speculation.look(Outlook("Hello?", due_at=0.0), 0.0)
    mind = Mind(client, notes, speculation=speculation)
    lab.fault("anthropic", "http_status", status=529, for_next=3)
    async with mind.stage.open():
        await mind.stage.play(LLMContextFrame(asked("Hello?"), speculation=True))
        await mind.stage.until(lambda: notes.of(LLM_REQUESTS) == 3, "three attempts")
        await mind.stage.until(lambda: not lab.world.streams, "their end")
        await asyncio.sleep(TICK)
        assert mind.steps == [Step.AGAIN, Step.STAND_IN]
        if is_kept:
            speculation.fits("Hello?", 1.0)
            guess = speculation.keep(1.0)
            assert guess is not None
            guess.announce()
            await mind.stage.until(lambda: mind.steps[-1] is Step.GIVE_UP, "the way out")
        else:
            speculation.look(None, 1.0)
            await mind.stage.play(EagerEndOfTurnCancelFrame())
            assert await mind.ask("Hello, hello?") == HELLO
            assert mind.steps == [Step.AGAIN, Step.STAND_IN]


async def test_an_answer_that_was_interrupted_had_been_one(
    lab: Lab, client: AsyncAnthropic, notes: Notes
) -> None:
    """The model spoke until the caller took the floor: the next fault is a first one."""
    mind = Mind(client, notes, first_s=30.0)
    async with mind.stage.open():
        lab.fault("anthropic", "http_status", status=529)
        lab.fault("anthropic", "slow_tokens", token_s=0.1, for_next=2)
        await mind.stage.play(LLMContextFrame(asked("Hello?")))
        await mind.stage.until(lambda: mind.stage.seen(ClauseFrame), "a clause")
        await mind.stage.play(InterruptionFrame())
        await mind.stage.until(lambda: not lab.world.streams, "the stream closed")
        lab.world.faults.clear()
        lab.fault("anthropic", "http_status", status=529)
        assert await mind.ask() == HELLO
    assert mind.steps == [Step.AGAIN, Step.AGAIN]


async def test_an_interruption_ends_the_attempts(lab: Lab, mind: Mind) -> None:
    """Nobody is asked for an answer that nobody waits for."""
    lab.fault("anthropic", "stall", after=4)
    await mind.stage.play(LLMContextFrame(asked("Hello?")))
    await mind.stage.until(lambda: lab.world.streams, "the request")
    await mind.stage.play(InterruptionFrame())
    await mind.stage.until(lambda: not lab.world.streams, "the stream closed")
    assert mind.steps == [] and len(requests(lab)) == 1


# ── wherever it breaks off ───────────────────────────────────────────────────────────
class Script:
    """A vendor whose n-th stream breaks off behind so many tokens, and then gives all of it."""

    def __init__(self, breaks: list[int], *, obeys: bool) -> None:
        self._breaks = list(breaks)
        self._obeys = obeys
        self.messages = self  # as the client has it

    async def create(self, **params: Any) -> Any:
        last = params["messages"][-1]["content"]
        said = params["messages"][-2]["content"] if last == GO_ON else ""
        text = LONG.removeprefix(said) if self._obeys else LONG
        return Broken(re.findall(r"\s*\S{1,4}", text), self._breaks.pop(0) if self._breaks else 99)


class Broken:
    """One of its streams."""

    def __init__(self, tokens: list[str], after: int) -> None:
        self._tokens, self._after = tokens, after
        self.response = Made(headers={})

    async def __aiter__(self) -> AsyncIterator[Any]:
        for token in self._tokens[: self._after]:
            yield RawContentBlockDeltaEvent(
                type="content_block_delta",
                index=0,
                delta=TextDelta(type="text_delta", text=token),
            )
        if self._after < len(self._tokens):
            raise OSError
        yield Made(type="content_block_stop", index=0)
        yield Made(type="message_delta", delta=Made(stop_reason="end_turn"), usage=Made())

    async def close(self) -> None:
        """Nothing to close."""


class Cut:
    """The reply: its words are cut into clauses, and those are what has been said."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self._cutter = ClauseCutter(Clauses())

    def feed(self, text: str) -> None:
        self.said += self._cutter.feed(text, 0.0)

    async def report(self, fault: ProviderFault, remedy: Remedy) -> None:
        """Nobody listens."""

    async def break_off(self) -> str:
        self._cutter.reset()
        return " ".join(self.said)

    async def is_wanted(self) -> bool:
        return True

    def used(self, stream: Any) -> None:
        """It costs nothing."""

    def end(self) -> str:
        return " ".join([*self.said, *self._cutter.flush()])


@given(st.lists(st.integers(0, 24), max_size=2), st.booleans())
def test_wherever_it_breaks_off_nothing_is_lost_and_nothing_said_twice(
    breaks: list[int], obeys: bool
) -> None:
    """Once or twice, at any token, by a model that goes on and by one that begins again."""

    async def heard() -> str:
        reply, client = Cut(), cast(AsyncAnthropic, Script(breaks, obeys=obeys))
        answer = Answer(
            reply,
            Models(Model(FIRST, client), Model(SECOND, client)),
            recovery=Recovery(),
            recorder=Notes(),
            limits=Limits(9.0, 9.0),
            adapt=lambda params, model: params,
        )
        async for event in answer.events({"messages": [{"role": "user", "content": "Hours?"}]}):
            if event.type == "content_block_delta" and event.delta.type == "text_delta":
                reply.feed(event.delta.text)
        return reply.end()

    assert asyncio.run(heard()) == LONG
