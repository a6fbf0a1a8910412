"""Claude's station against the emulated Claude."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest
from anthropic import AsyncAnthropic
from pipecat.adapters.llm.schemas.function_schema import FunctionSchema
from pipecat.adapters.llm.schemas.tools_schema import ToolsSchema
from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    ErrorFrame,
    FunctionCallResultFrame,
    FunctionCallsStartedFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    SystemFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.services.llm_service import FunctionCallParams

from call.endpoint import Outlook
from call.measures import LLM_TOKENS, SPECULATION_WASTE, Moment
from call.speculation import Ask, Guess, Speculation
from call.waits import Endpoint
from frames.speculation import guess_of
from lab.receptionist import Reply, ToolUse
from services.anthropic import VOICE_PROMPT, Claude, Prompt
from services.claude_client import Anthropic, Model, Models, claude_client
from tests.services.stage import Lab, Notes, Stage

pytestmark = pytest.mark.provider

SYSTEM = "You answer the telephone of Harbour Dental."
SITUATION = "It is Tuesday, 9:14. The caller's number ends in 42."
SLOTS = FunctionSchema(
    name="find_slots",
    description="Free slots.",
    properties={"day": {"type": "string"}},
    required=[],
)
HOURS = FunctionSchema(name="opening_hours", description="Hours.", properties={}, required=[])


@pytest.fixture
async def client(lab: Lab) -> AsyncIterator[AsyncAnthropic]:
    """The process's one client."""
    async with claude_client(Anthropic(url=lab.url, stall_s=0.3), "k") as client:
        yield client


def claude(
    client: AsyncAnthropic,
    notes: Notes,
    *,
    model: str = "claude-haiku-4-5",
    stall_s: float = 0.3,
    speculation: Speculation | None = None,
) -> Claude:
    """A station that asks the lab."""
    return Claude(
        Anthropic(stall_s=stall_s),
        models=Models(Model(model, client)),
        recorder=notes,
        max_tokens=200,
        prompt=Prompt(SYSTEM, SITUATION),
        speculation=speculation,
    )


def asked(text: str = "What are your opening hours?") -> LLMContext:
    """A conversation with one question."""
    tools = ToolsSchema(standard_tools=[SLOTS, HOURS])
    return LLMContext([{"role": "user", "content": text}], tools=tools)


def requests(lab: Lab) -> list[dict[str, Any]]:
    """The bodies the lab was asked with."""
    return [entry["body"] for entry in lab.entries("anthropic", "request")]


async def test_an_answer_streams_between_its_brackets(
    lab: Lab, notes: Notes, client: AsyncAnthropic
) -> None:
    """Start, text, end; both moments stamped, tokens counted."""
    stage = Stage(claude(client, notes))
    async with stage.open():
        await stage.play(LLMContextFrame(asked()))
        await stage.until(lambda: stage.seen(LLMFullResponseEndFrame))
    assert "".join(f.text for f in stage.seen(LLMTextFrame)) == "Good morning. How can I help?"
    brackets = [f for f in stage.down if not isinstance(f, LLMTextFrame | SystemFrame)]
    assert [type(f) for f in brackets] == [LLMFullResponseStartFrame, LLMFullResponseEndFrame]
    assert [name for name, _ in notes.moments] == [Moment.LLM_REQUEST, Moment.LLM_FIRST_TOKEN]
    assert notes.of(LLM_TOKENS, kind="input") > 0
    assert notes.of(LLM_TOKENS, kind="output") > 1


async def test_the_prompt_prefix_is_the_same_in_every_turn(
    lab: Lab, notes: Notes, client: AsyncAnthropic
) -> None:
    """Tools and system byte for byte; the conversation only grows; the cache marks move along."""
    stage = Stage(claude(client, notes))
    context = asked()
    async with stage.open():
        for turn in range(3):
            await stage.play(LLMContextFrame(context))
            await stage.until(partial(_has_ended, stage, turn + 1))
            context.add_message({"role": "assistant", "content": "Good morning."})
            context.add_message({"role": "user", "content": f"And on day {turn}?"})
    bodies = requests(lab)
    assert len({json.dumps([b["tools"], b["system"]]) for b in bodies}) == 1
    assert bodies[0]["tools"][0]["name"] == "find_slots"
    for shorter, longer in zip(bodies, bodies[1:], strict=False):
        grown = _unmarked(longer["messages"])
        assert grown[: len(shorter["messages"])] == _unmarked(shorter["messages"])
    assert _marks(bodies[2]) == [0, 2, 4][-2:]


async def test_the_situation_stands_behind_the_cached_prompt(
    lab: Lab, notes: Notes, client: AsyncAnthropic
) -> None:
    """Two system blocks: manners and persona, marked for the cache; then what changes per call."""
    stage = Stage(claude(client, notes))
    async with stage.open():
        await stage.play(LLMContextFrame(asked()))
        await stage.until(lambda: stage.seen(LLMFullResponseEndFrame))
    static, situation = requests(lab)[0]["system"]
    assert static["text"] == f"{VOICE_PROMPT}\n\n{SYSTEM}"
    assert static["cache_control"]["type"] == "ephemeral"
    assert situation == {"type": "text", "text": SITUATION}


def test_the_voice_prompt_is_short() -> None:
    """Under 500 tokens, at four characters a token for English."""
    assert len(VOICE_PROMPT) / 4 < 500


@pytest.mark.parametrize("model", ["claude-haiku-4-5", "claude-something-new"])
async def test_any_model_is_asked_without_what_it_may_refuse(
    lab: Lab, notes: Notes, client: AsyncAnthropic, model: str
) -> None:
    """No beta header; thinking only ever switched off, and only where that is known to be legal."""
    stage = Stage(claude(client, notes, model=model))
    async with stage.open():
        await stage.play(LLMContextFrame(asked()))
        await stage.until(lambda: stage.seen(LLMFullResponseEndFrame))
    (body,) = requests(lab)
    assert body["model"] == model
    assert lab.entries("anthropic", "request")[0]["beta"] is None
    assert body.get("thinking", {"type": "disabled"}) == {"type": "disabled"}
    assert ("thinking" in body) == (model == "claude-haiku-4-5")
    assert "temperature" not in body


async def test_all_parallel_tools_run(lab: Lab, notes: Notes, client: AsyncAnthropic) -> None:
    """Pipecat's own service runs only the last of them."""
    lab.replies = [
        Reply(
            "Let me look.",
            [
                ToolUse("toolu_1", "find_slots", {"day": "tuesday"}),
                ToolUse("toolu_2", "opening_hours", {}),
                ToolUse("toolu_3", "find_slots", {"day": "wednesday"}),
            ],
        )
    ]
    ran: list[tuple[str, str, Any]] = []

    async def handler(params: FunctionCallParams) -> None:
        ran.append((params.tool_call_id, params.function_name, dict(params.arguments)))
        await params.result_callback({"ok": True})

    station = claude(client, notes)
    station.register_function("find_slots", handler)
    station.register_function("opening_hours", handler)
    stage = Stage(station)
    async with stage.open():
        await stage.play(LLMContextFrame(asked()))
        await stage.until(lambda: len(stage.seen(FunctionCallResultFrame)) == 3)
    assert sorted(ran) == [
        ("toolu_1", "find_slots", {"day": "tuesday"}),
        ("toolu_2", "opening_hours", {}),
        ("toolu_3", "find_slots", {"day": "wednesday"}),
    ]


async def test_an_interruption_hangs_up_on_the_model(
    lab: Lab, notes: Notes, client: AsyncAnthropic
) -> None:
    """The HTTP stream is closed, and what was used so far is counted."""
    lab.fault("anthropic", "slow_tokens", token_s=0.2)
    stage = Stage(claude(client, notes, stall_s=5))
    async with stage.open():
        await stage.play(LLMContextFrame(asked()))
        await stage.until(lambda: stage.seen(LLMTextFrame))
        assert len(lab.world.streams) == 1
        await stage.play(InterruptionFrame())
        await stage.until(lambda: stage.seen(InterruptionFrame))
        await stage.until(lambda: not lab.world.streams, "the stream closed")
        assert not stage.risen(ErrorFrame)
    assert notes.of(LLM_TOKENS, kind="input") > 0


async def test_a_request_taken_back_before_its_answer_is_paid_for_all_the_same(
    lab: Lab, notes: Notes, client: AsyncAnthropic
) -> None:
    """The vendor names no figure then: the prompt is estimated, near what it would have said."""
    stage = Stage(claude(client, notes, stall_s=5))
    async with stage.open():
        await stage.play(LLMContextFrame(asked()))
        await stage.until(lambda: notes.of(LLM_TOKENS, kind="input"))
        named = notes.of(LLM_TOKENS, kind="input")
        lab.fault("anthropic", "slow_first_token", delay_s=5.0)
        await stage.play(LLMContextFrame(asked()))
        await stage.until(lambda: lab.world.streams, "the request")
        await stage.play(InterruptionFrame())
        await stage.until(lambda: notes.of(LLM_TOKENS, kind="input") > named)
    assert notes.of(LLM_TOKENS, kind="input") - named == pytest.approx(named, rel=0.25)


async def test_an_unknown_event_is_survived(lab: Lab, notes: Notes, client: AsyncAnthropic) -> None:
    """The vendor may add kinds."""
    lab.fault("anthropic", "unknown_type", after=1)
    stage = Stage(claude(client, notes))
    async with stage.open():
        await stage.play(LLMContextFrame(asked()))
        await stage.until(lambda: stage.seen(LLMFullResponseEndFrame))
    assert not stage.risen(ErrorFrame)
    assert "".join(f.text for f in stage.seen(LLMTextFrame)).endswith("How can I help?")


QUESTION = "What are your opening hours?"


def guess_at(speculation: Speculation, text: str = QUESTION) -> Guess:
    """The turn may be over with these words."""
    (move,) = speculation.look(Outlook(text, due_at=0.0), 0.0)
    assert isinstance(move, Ask)
    return move.guess


def ahead(text: str = QUESTION) -> LLMContextFrame:
    """The request in advance, as Pipecat's aggregator makes it."""
    return LLMContextFrame(asked(text), speculation=True)


def keep(speculation: Speculation, text: str = QUESTION) -> None:
    """The turn has ended as guessed."""
    speculation.fits(text, 1.0)
    guess = speculation.keep(1.0)
    assert guess is not None
    guess.announce()


async def test_an_answer_begun_early_is_written_at_once_and_marked(
    lab: Lab, notes: Notes, client: AsyncAnthropic
) -> None:
    """The voice may begin; every frame says whose answer it is, and the next one says nothing."""
    speculation = Speculation(recorder=notes)
    guess = guess_at(speculation)
    stage = Stage(claude(client, notes, speculation=speculation))
    async with stage.open():
        await stage.play(ahead())
        await stage.until(lambda: stage.seen(LLMFullResponseEndFrame))
        assert guess.is_pending
        reply = stage.seen(LLMFullResponseStartFrame) + stage.seen(LLMFullResponseEndFrame)
        assert {guess_of(f) for f in [*reply, *stage.seen(LLMTextFrame)]} == {guess}
        keep(speculation)
        await stage.play(UserStoppedSpeakingFrame(), LLMContextFrame(asked()))
        await stage.until(partial(_has_ended, stage, 2))
    assert guess_of(stage.seen(LLMFullResponseEndFrame)[-1]) is None
    assert guess.spent["input_tokens"] > 0


async def test_the_text_is_held_where_the_voice_may_not_begin(
    lab: Lab, notes: Notes, client: AsyncAnthropic
) -> None:
    """`speculate = "llm"`: written in advance, let go when the turn ends."""
    speculation = Speculation(Endpoint(speculate="llm"))
    guess_at(speculation)
    stage = Stage(claude(client, notes, speculation=speculation))
    async with stage.open():
        await stage.play(ahead())
        await stage.until(lambda: notes.of(LLM_TOKENS, kind="output") > 1, "tokens")
        assert not stage.seen(LLMFullResponseStartFrame)
        keep(speculation)
        await stage.play(UserStoppedSpeakingFrame())
        await stage.until(lambda: stage.seen(LLMFullResponseEndFrame))


async def test_a_withdrawn_answer_is_no_longer_written_and_what_waits_is_not_lost(
    lab: Lab, notes: Notes, client: AsyncAnthropic
) -> None:
    """The stream is closed, its tokens are waste, and the next request is made at once."""
    lab.fault("anthropic", "slow_tokens", token_s=0.2)
    speculation = Speculation(recorder=notes)
    guess_at(speculation)
    stage = Stage(claude(client, notes, stall_s=5, speculation=speculation))
    async with stage.open():
        await stage.play(ahead())
        await stage.until(lambda: stage.seen(LLMTextFrame))
        await stage.play(LLMContextFrame(asked("And on Saturday?")))
        speculation.look(None, 1.0)
        await stage.play(EagerEndOfTurnCancelFrame())
        await stage.until(lambda: len(requests(lab)) == 2, "the next request")
        await stage.until(partial(_has_ended, stage, 2))
    assert not stage.risen(ErrorFrame)
    assert notes.of(SPECULATION_WASTE, kind="output_tokens") > 0
    assert guess_of(stage.seen(LLMFullResponseEndFrame)[-1]) is None


async def test_a_request_withdrawn_on_its_way_is_not_made(
    lab: Lab, notes: Notes, client: AsyncAnthropic
) -> None:
    """Neither is one that an interruption swept away, nor a second copy."""
    speculation = Speculation()
    guess_at(speculation)
    speculation.look(None, 1.0)
    stage = Stage(claude(client, notes, speculation=speculation))
    async with stage.open():
        await stage.play(ahead())
        swept = guess_at(speculation)
        await stage.play(InterruptionFrame())
        await stage.until(lambda: swept.is_withdrawn, "the sweep")
        await stage.play(ahead(), LLMContextFrame(asked()))
        await stage.until(lambda: stage.seen(LLMFullResponseEndFrame))
    assert len(requests(lab)) == 1


@pytest.mark.parametrize("is_kept", [True, False])
async def test_tools_of_an_answer_begun_early_wait_for_the_verdict(
    lab: Lab, notes: Notes, client: AsyncAnthropic, is_kept: bool
) -> None:
    """They run once the turn is decided, and never for a turn that went on: no call is ended and
    nothing is booked for a guess."""
    lab.replies = [Reply("Let me look.", [ToolUse("toolu_1", "find_slots", {"day": "tuesday"})])]
    ran: list[str] = []

    async def handler(params: FunctionCallParams) -> None:
        ran.append(params.tool_call_id)
        await params.result_callback({"ok": True})

    speculation = Speculation()
    guess_at(speculation)
    station = claude(client, notes, speculation=speculation)
    station.register_function("find_slots", handler)
    stage = Stage(station)
    async with stage.open():
        await stage.play(ahead())
        await stage.until(lambda: notes.stamped(Moment.LLM_FIRST_TOKEN), "the answer")
        await stage.until(lambda: "".join(f.text for f in stage.seen(LLMTextFrame)), "its words")
        assert ran == []
        if is_kept:
            keep(speculation)
            await stage.play(UserStoppedSpeakingFrame())
            await stage.until(lambda: stage.seen(FunctionCallResultFrame))
        else:
            speculation.look(None, 1.0)
            await stage.play(EagerEndOfTurnCancelFrame())
            await stage.until(lambda: stage.seen(LLMFullResponseEndFrame))
            await stage.play(LLMContextFrame(asked()))
            await stage.until(partial(_has_ended, stage, 2))
        assert not (stage.seen(EagerEndOfTurnCancelFrame) and is_kept)
    assert ran == (["toolu_1"] if is_kept else [])


@dataclass
class Early:
    """Who runs tools early; notes what was begun, and whether it was known to be wanted."""

    begun: list[tuple[str, Any, str, bool]] = field(default_factory=list)

    def begin_early(
        self, guess: Guess, name: str, arguments: Mapping[str, Any], *, call_id: str
    ) -> None:
        """Every tool the answer wants."""
        self.begun.append((name, arguments, call_id, guess.is_pending))


async def test_whoever_runs_the_tools_hears_of_them_before_the_verdict(
    lab: Lab, notes: Notes, client: AsyncAnthropic
) -> None:
    """Of each one, once; they still wait for it here."""
    uses = [ToolUse(f"toolu_{day}", "find_slots", {"day": day}) for day in ("tuesday", "friday")]
    lab.replies = [Reply("Let me look.", uses)]
    speculation, early = Speculation(), Early()
    guess_at(speculation)
    station = claude(client, notes, speculation=speculation)
    station.early_tools = early
    stage = Stage(station)
    async with stage.open():
        await stage.play(ahead())
        await stage.until(lambda: len(early.begun) == 2, "the tools")
        assert not stage.seen(FunctionCallsStartedFrame)
        speculation.look(None, 1.0)
        await stage.play(EagerEndOfTurnCancelFrame())
        await stage.until(lambda: stage.seen(LLMFullResponseEndFrame))
    assert early.begun == [
        ("find_slots", {"day": "tuesday"}, "toolu_tuesday", True),
        ("find_slots", {"day": "friday"}, "toolu_friday", True),
    ]


def _has_ended(stage: Stage, count: int) -> bool:
    return len(stage.seen(LLMFullResponseEndFrame)) >= count


def _unmarked(messages: list[dict[str, Any]]) -> list[tuple[str, str]]:
    def text(content: Any) -> str:
        return content if isinstance(content, str) else "".join(b["text"] for b in content)

    return [(m["role"], text(m["content"])) for m in messages]


def _marks(body: dict[str, Any]) -> list[int]:
    return [
        index
        for index, message in enumerate(body["messages"])
        if isinstance(message["content"], list) and "cache_control" in message["content"][-1]
    ]
