"""Tools: whatever the user's server does, the model gets something to say and the call goes on."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from loguru import logger
from pipecat.frames.frames import InterruptionFrame, LLMContextFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.services.llm_service import FunctionCallParams, LLMService

from bot.agent_file import read_personas
from bot.persona import Persona
from bot.settings import HOME
from bot.tool_runs import ALL_THE_SAME, UNDER_WAY, CallTools, ToolDoor, register
from bot.tools import Tool, Tools
from call.measures import TOOL_CALLS, Moment, NullRecorder
from call.privacy_vault import Vault
from call.speculation import Guess, Verdict
from lab.receptionist import Reply, ToolUse
from lab.server import start
from services.anthropic import Claude, Prompt
from services.claude_client import Anthropic, Model, Models, claude_client
from tests.conftest import TICK, eventually
from tests.services.stage import Lab, Stage, serve

pytestmark = pytest.mark.provider

DAY = {"type": "object", "properties": {"day": {"type": "string"}}, "required": ["day"]}
PERSONA = Persona(name="Mia", prompt="p", greeting="g")


class Tally(NullRecorder):
    """Remembers outcomes and instants."""

    def __init__(self) -> None:
        self.outcomes: list[str] = []
        self.moments: list[Moment] = []

    def count(self, measure, amount=1, **labels):
        assert measure is TOOL_CALLS
        self.outcomes.append(labels["outcome"])

    def moment(self, moment, at):
        self.moments.append(moment)


@dataclass
class Control:
    """Stands for the session."""

    did: list[str] = field(default_factory=list)
    fails: bool = False

    async def end_call(self) -> None:
        if self.fails:
            raise RuntimeError("the caller's secret")
        self.did.append("end")

    async def transfer(self, reason: str) -> None:
        self.did.append(f"transfer {reason}")


@dataclass
class Bench:
    """A call's tools against one tool server on loopback."""

    url: str
    tools: CallTools
    tally: Tally
    control: Control
    asked: list[dict[str, Any]]
    events: list[tuple[str, str]]

    def tool(self, **changes: Any) -> Tool:
        tool = Tool("look", "Look it up.", f"{self.url}/look", parameters=DAY, read_only=True)
        return replace(tool, **changes)

    async def call(self, **changes: Any) -> Any:
        return await self.tools.call(self.tool(**changes), {"day": "Tuesday"})


Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def bench(
    answer: Answer,
    *,
    timeout_s: float = 5.0,
    limit: int = 1024,
    asks_back: Callable[[str], bool] = lambda _: False,
    vault: Vault | None = None,
    wasted_early: int = 9,
) -> AsyncIterator[Bench]:
    """Open a server whose every path gives `answer`."""
    asked: list[dict[str, Any]] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        asked.append({"path": request.path, **await request.json()})
        return await answer(request)

    app = web.Application()
    app.router.add_post("/{tail:.*}", handle)
    async with TestServer(app, host="127.0.0.1") as server, aiohttp.ClientSession() as http:
        url = str(server.make_url("")).rstrip("/")
        tally, control, events = Tally(), Control(), []
        tools = CallTools(
            settings=Tools(
                base_url=url,
                timeout_s=timeout_s,
                max_result_bytes=limit,
                wasted_early=wasted_early,
            ),
            control=control,
            call_id="call-1",
            http=http,
            recorder=tally,
            on_called=lambda name, outcome, seconds: events.append((name, outcome)),
            privacy=ToolDoor(vault),
            asks_back=asks_back,
        )
        try:
            yield Bench(url, tools, tally, control, asked, events)
        finally:
            await tools.close()


def says(status: int = 200, body: str = '{"slots": ["10:30"]}', **headers: str) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=body, headers=headers)

    return answer


# ── a tool that works ────────────────────────────────────────────────────────────────
async def test_a_tool_is_a_post_of_call_and_arguments_and_its_answer_reaches_the_model():
    """Exactly what the server said; the instants of the tool are on the time line."""
    async with bench(says()) as b:
        assert await b.call() == {"slots": ["10:30"]}
        assert b.asked == [{"path": "/look", "call_id": "call-1", "arguments": {"day": "Tuesday"}}]
        assert b.tally.outcomes == ["ok"]
        assert b.tally.moments == [Moment.TOOL_STARTED, Moment.TOOL_ENDED]
        assert b.events == [("look", "ok")]


@pytest.mark.parametrize(
    ("name", "arguments", "outcome"),
    [
        ("find_slots", {"day": "Tuesday", "part": "morning"}, "ok"),
        ("book_appointment", {"day": "Tuesday", "time": "10:30", "phone": "5550142"}, "ok"),
        ("move_appointment", {"phone": "5550123", "day": "Friday", "time": "10:00"}, "ok"),
        ("cancel_appointment", {"phone": "5550123"}, "ok"),
        ("cancel_appointment", {"phone": "5559999"}, "refused"),
    ],
)
async def test_the_sample_agents_tools_fit_the_emulated_appointment_book(name, arguments, outcome):
    """agent.toml and the book agree on paths and arguments."""
    async with start(profile="zero") as lab, aiohttp.ClientSession() as http:
        settings = Tools(base_url=lab.http_url)
        persona = read_personas(HOME / "agent.toml", tools=settings).default
        tools = CallTools(
            settings=settings,
            control=Control(),
            call_id="c",
            http=http,
            recorder=(tally := Tally()),
        )
        (tool,) = [tool for tool in persona.tools if tool.name == name]
        # whether the caller has said yes is another test's question
        result: Any = await tools.call(replace(tool, confirm=False), arguments)
        assert tally.outcomes == [outcome], result
        assert result["ok"] is (outcome == "ok")


# ── a tool that does not ─────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("answer", "outcome", "words"),
    [
        (says(500, "boom"), "down", "out of order"),
        (says(503, '{"error": "stack trace"}'), "down", "out of order"),
        (says(404, "nothing"), "refused", "refused"),
        (says(409, '{"error": "That time is taken."}'), "refused", "That time is taken."),
        (says(302, "", Location="http://127.0.0.1:1/"), "refused", "refused"),
        (says(200, "<html>"), "broke", "cannot be read"),
        (says(200, ""), "broke", "cannot be read"),
        (says(200, "3"), "broke", "cannot be read"),
        (says(200, "[" * 5000, **{"X": "deep"}), "broke", ""),
        (says(200, json.dumps({"x": "y" * 2000})), "broke", "more than can be read out"),
        (says(200, '{"half": '), "broke", "cannot be read"),
    ],
)
async def test_a_bad_answer_becomes_a_sentence_for_the_model(answer, outcome, words):
    """Counted by outcome, never raised."""
    async with bench(answer) as b:
        result = await b.call()
        assert result["ok"] is False
        assert words in result["error"]
        assert b.tally.outcomes == [outcome]
        assert b.tally.moments[-1] is Moment.TOOL_ENDED


async def test_a_tool_that_hangs_is_given_up_after_its_timeout():
    """The caller does not wait for a server."""
    released = asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.Response()

    async with bench(hang, timeout_s=3 * TICK) as b:
        result = await b.call()
        released.set()
        assert result == {"ok": False, "error": "look did not answer in time."}
        assert b.tally.outcomes == ["timeout"]


async def test_a_tools_own_timeout_beats_the_general_one():
    """timeout_s of the [[tools]] entry."""
    released = asyncio.Event()

    async def hang(request: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.Response()

    async with bench(hang, timeout_s=60.0) as b:
        assert (await b.call(timeout_s=3 * TICK))["ok"] is False
        released.set()


async def test_a_server_that_is_not_there_is_one_sentence():
    """Nothing listens: connection refused."""
    async with bench(says()) as b:
        result = await b.call(url="http://127.0.0.1:1/look")
        assert "cannot be reached" in result["error"]
        assert b.tally.outcomes == ["down"]


async def test_a_server_that_drops_the_line_is_one_sentence():
    """The socket closes in the middle of the answer."""

    async def drop(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with bench(drop) as b:
        assert "cannot be reached" in (await b.call())["error"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [({}, "day"), ({"day": 3}, "day: 3 is not of type 'string'")],
)
async def test_wrong_arguments_never_leave_and_the_model_is_told_which(arguments, words):
    """The model can mend its own call."""
    async with bench(says()) as b:
        result: Any = await b.tools.call(b.tool(), arguments)
        assert result["error"].startswith("Wrong arguments: ") and words in result["error"]
        assert b.asked == []
        assert b.tally.outcomes == ["wrong_arguments"]


async def test_no_argument_and_no_answer_is_logged():
    """Both hold what callers say."""
    lines: list[str] = []
    sink = logger.add(lines.append, level="TRACE")
    try:
        async with bench(says(body='{"name": "Ada Lovelace"}')) as b:
            await b.tools.call(b.tool(), {"day": "Doomsday"})
            await b.tools.call(b.tool(), {"day": 3})
            await b.call(url="http://127.0.0.1:1/look")
    finally:
        logger.remove(sink)
    text = "".join(lines)
    assert "tool look ok" in text
    assert "Ada" not in text and "Doomsday" not in text and "Tuesday" not in text


# ── an interruption ──────────────────────────────────────────────────────────────────
@asynccontextmanager
async def slow_booking() -> AsyncIterator[tuple[Bench, asyncio.Event]]:
    """A server that books when told to."""
    released = asyncio.Event()

    async def book(request: web.Request) -> web.StreamResponse:
        await released.wait()
        return web.json_response({"booked": True})

    async with bench(book) as b:
        try:
            yield b, released
        finally:
            released.set()


async def interrupt(task: asyncio.Task[Any]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_booking_survives_the_callers_interruption_and_is_not_made_twice():
    """The request runs on; asked again, the model gets that answer."""
    async with slow_booking() as (b, released):
        first = asyncio.create_task(b.call(read_only=False))
        await eventually(lambda: b.asked)
        await interrupt(first)
        second = asyncio.create_task(b.call(read_only=False))
        released.set()
        assert await second == {"booked": True}
        assert len(b.asked) == 1
        assert b.tally.outcomes == ["interrupted", "ok"]


async def test_the_same_booking_wished_again_later_is_made_again():
    """Only an interrupted request is taken up; a delivered one is over."""
    async with slow_booking() as (b, released):
        released.set()
        await b.call(read_only=False)
        await b.call(read_only=False)
        assert len(b.asked) == 2


async def test_a_read_only_tool_is_dropped_when_the_caller_interrupts():
    """Its answer is about a question that is no longer asked."""
    async with slow_booking() as (b, _):
        task = asyncio.create_task(b.call(read_only=True))
        await eventually(lambda: b.asked)
        await interrupt(task)
        assert b.tools._running == {}


async def test_the_end_of_the_call_ends_what_still_runs():
    """No request outlives its call."""
    async with slow_booking() as (b, _):
        task = asyncio.create_task(b.call(read_only=False))
        await eventually(lambda: b.asked)
        await interrupt(task)
        (running,) = b.tools._running.values()
        await b.tools.close()
        assert running.cancelled()


# ── at the model's service ───────────────────────────────────────────────────────────
@pytest.fixture
def llm() -> LLMService[Any]:
    """A model service as the framework makes it, without a model."""
    return LLMService()


async def params(llm: Any, arguments: dict[str, Any]) -> tuple[FunctionCallParams, list[Any]]:
    results: list[Any] = []

    async def keep(result: Any, *, properties: Any = None) -> None:
        results.append((result, properties.run_llm if properties else None))

    worker: Any = SimpleNamespace(app_resources=None)
    context: Any = None
    made = FunctionCallParams("f", "t", arguments, llm, worker, context, keep)
    return made, results


async def test_handlers_are_registered_with_the_model_service(llm):
    """Through the framework's own door, one per tool offered."""
    tool = Tool("look", "Look it up.", "http://127.0.0.1/look", parameters=DAY)
    persona = replace(PERSONA, tools=(tool,), handoff_number="+442079460000")
    async with aiohttp.ClientSession() as http:
        register(llm, persona, settings=Tools(), control=Control(), call_id="c", http=http)
    assert all(llm.has_function(name) for name in ("look", "end_call", "transfer_call"))


async def test_ending_and_handing_over_go_to_the_session_and_the_model_says_no_more():
    """Its goodbye stood in the same reply."""
    async with bench(says()) as b:
        made, results = await params(None, {"reason": "wants a person"})
        await b.tools.end_call(made)
        await b.tools.transfer_call(made)
        assert b.control.did == ["end", "transfer wants a person"]
        assert results == [({"ok": True}, False), ({"ok": True}, False)]
        assert b.events == [("end_call", "ok"), ("transfer_call", "ok")]


async def test_a_call_that_cannot_be_ended_is_told_to_the_model():
    """Without what the failure said."""
    async with bench(says()) as b:
        b.control.fails = True
        made, results = await params(None, {})
        await b.tools.end_call(made)
        assert results == [({"ok": False, "error": "end_call is not possible right now."}, None)]


# ── a tool that asks the caller first ───────────────────────────────────────────────
def talk(*turns: str) -> LLMContext:
    """A conversation as it was heard; the agent begins."""
    roles = ("assistant", "user")
    messages: list[Any] = [{"role": roles[i % 2], "content": turn} for i, turn in enumerate(turns)]
    return LLMContext(messages)


async def ask(house: Bench, tool: Tool, context: LLMContext) -> Any:
    """What the model is told when it calls a tool in this conversation."""
    told: list[Any] = []

    async def keep(result, **_):
        told.append(result)

    nothing: Any = SimpleNamespace()
    await house.tools.handler(tool)(
        FunctionCallParams(
            function_name=tool.name,
            tool_call_id="1",
            arguments={"day": "Tuesday"},
            llm=nothing,
            pipeline_worker=nothing,
            context=context,
            result_callback=keep,
        )
    )
    return told[0]


async def test_a_tool_that_needs_a_yes_runs_after_one_and_once():
    """The caller answers the agent's question with yes; the second call has to ask again."""
    async with bench(says()) as house:
        tool = house.tool(read_only=False, confirm=True)
        context = talk("Tuesday, ten thirty. Is that right?", "Yes, that's right.")
        assert await ask(house, tool, context) == {"slots": ["10:30"]}
        refused = await ask(house, tool, context)
        assert refused["ok"] is False and "yes" in refused["error"]
        assert len(house.asked) == 1
        assert house.tally.outcomes == ["ok", "unconfirmed"]


@pytest.mark.parametrize(
    "turns",
    [
        (),
        ("It is open until six.", "Yes."),
        ("Shall I book it?", "No, wait."),
        ("Shall I book it?", "Yes.", "And what is your name?", "Ignore that and book everything."),
    ],
)
async def test_without_the_callers_yes_nothing_leaves(turns: tuple[str, ...]):
    """Whatever the model claims."""
    async with bench(says()) as house:
        tool = house.tool(read_only=False, confirm=True)
        assert (await ask(house, tool, talk(*turns)))["ok"] is False
        assert house.asked == []


async def test_a_yes_to_who_knows_what_changes_nothing():
    """The agent has to say what it is about to do; the data it is given counts by its stand-in."""
    async with bench(says()) as house:
        tool = house.tool(read_only=False, confirm=True)
        loose = ("Would you like to book?", "Yes.")
        refused = await ask(house, tool, talk(*loose))
        assert refused["ok"] is False and "details" in refused["error"]
        assert (await ask(house, tool, talk(*loose)))["ok"] is False
        told = talk(*loose, "On Tuesday at ten thirty. Is that right?", "Yes.")
        assert await ask(house, tool, told) == {"slots": ["10:30"]}
        assert len(house.asked) == 1


async def test_a_yes_to_what_was_heard_is_no_consent():
    """Ours asks about the words, the tool's about the deed."""
    async with bench(says(), asks_back=lambda text: text.startswith("Did I hear")) as house:
        tool = house.tool(read_only=False, confirm=True)
        heard = ("How can I help?", "Tuesday.", "Did I hear that right: Tuesday?", "Yes.")
        assert (await ask(house, tool, talk(*heard)))["ok"] is False
        assert await ask(house, tool, talk(*heard, "Tuesday?", "Yes.")) == {"slots": ["10:30"]}


async def test_wrong_arguments_do_not_use_up_the_yes():
    """The model may mend them in the same turn."""
    async with bench(says()) as house:
        strict = {**DAY, "required": ["day", "time"]}
        context = talk("Tuesday. Is that right?", "Yes.")
        wrong = house.tool(read_only=False, confirm=True, parameters=strict)
        assert "Wrong arguments" in (await ask(house, wrong, context))["error"]
        assert await ask(house, house.tool(read_only=False, confirm=True), context) == {
            "slots": ["10:30"]
        }


# ── before the turn is decided ───────────────────────────────────────────────────────
TUESDAY = {"day": "Tuesday"}


def begin(
    house: Bench, tool: Tool, arguments: dict[str, Any] = TUESDAY, *, name: str = ""
) -> Guess:
    """An answer begun early wants `tool`, which is one of the agent's."""
    house.tools.handler(tool)
    guess = Guess("what is free")
    house.tools.begin_early(guess, name or tool.name, arguments, call_id="1")
    return guess


def settled(guess: Guess, verdict: Verdict) -> dict[str, float]:
    """What the verdict finds wasted."""
    wasted: dict[str, float] = {}
    guess.settle(verdict, wasted=wasted.__setitem__)
    guess.announce()
    return wasted


async def test_a_read_only_tool_runs_before_the_verdict_and_once():
    """Its answer is there when it is wanted; only then is it a tool call of the record."""
    async with bench(says()) as house:
        tool = house.tool()
        guess = begin(house, tool)
        await eventually(lambda: house.asked, what="the tool was asked")
        assert house.tally.outcomes == [] and house.events == []
        assert settled(guess, Verdict.KEPT) == {}
        assert await ask(house, tool, LLMContext()) == {"slots": ["10:30"]}
        assert len(house.asked) == 1
        assert house.events == [("look", "ok")]


async def test_for_a_turn_that_went_on_it_leaves_nothing_but_its_cost():
    """Nobody is told; the same call made later is made anew."""
    async with bench(says()) as house:
        tool = house.tool()
        guess = begin(house, tool)
        await eventually(lambda: house.asked, what="the tool was asked")
        assert settled(guess, Verdict.WITHDRAWN) == {"tool_calls": 1}
        assert house.tally.outcomes == [] and house.events == []
        assert await ask(house, tool, LLMContext()) == {"slots": ["10:30"]}
        assert len(house.asked) == 2


@pytest.mark.parametrize(
    ("changes", "arguments", "name"),
    [
        ({"read_only": False}, TUESDAY, ""),
        ({"read_only": False, "confirm": True}, TUESDAY, ""),
        ({}, {"weekday": "Tuesday"}, ""),
        ({"personal_data": ("phone",)}, {"day": "[PHONE_1]"}, ""),
        ({}, TUESDAY, "end_call"),
        ({}, TUESDAY, "made_up"),
    ],
)
async def test_everything_else_waits_for_the_verdict(
    changes: dict[str, Any], arguments: dict[str, Any], name: str
):
    """What changes something, what is wrong, what would be given the caller's data."""
    vault = Vault()
    vault.keep("phone", "5550142")
    async with bench(says(), vault=vault) as house:
        guess = begin(house, house.tool(**changes), arguments, name=name)
        assert settled(guess, Verdict.WITHDRAWN) == {}
        assert house.asked == []


async def test_only_so_many_runs_of_a_call_may_be_in_vain():
    """After that they wait like all others."""
    async with bench(says(), wasted_early=1) as house:
        assert settled(begin(house, house.tool()), Verdict.WITHDRAWN) == {"tool_calls": 1}
        assert settled(begin(house, house.tool()), Verdict.WITHDRAWN) == {}


# ── what the conversation says of it ─────────────────────────────────────────────────
@dataclass
class Talk:
    """Claude in front of the agent's half of a conversation, with a booking under way."""

    stage: Stage
    lab: Lab
    context: LLMContext

    @property
    def told(self) -> str:
        """What the conversation says of the tool call."""
        tools = [m for m in self.context.messages if isinstance(m, dict) and m["role"] == "tool"]
        return str(tools[-1]["content"]) if tools else ""


@asynccontextmanager
async def talking(b: Bench, tool: Tool) -> AsyncIterator[Talk]:
    """The model has called the tool, and its request is out."""
    async with serve() as lab, claude_client(Anthropic(url=lab.url), "k") as client:
        lab.replies = [Reply("", [ToolUse("toolu_1", "look", {"day": "Tuesday"})])]
        station = Claude(
            Anthropic(),
            models=Models(Model("claude-haiku-4-5", client)),
            recorder=NullRecorder(),
            max_tokens=200,
            prompt=Prompt(),
        )
        station.register_function("look", b.tools.handler(tool))
        station.add_event_handler("on_function_calls_cancelled", b.tools.interrupted)
        context = LLMContext([{"role": "user", "content": "Book it."}])
        stage = Stage(Pipeline([station, LLMContextAggregatorPair(context).assistant()]))
        async with stage.open():
            await stage.play(LLMContextFrame(context))
            await eventually(lambda: b.asked)
            yield Talk(stage, lab, context)


async def test_a_barge_in_does_not_undo_what_was_sent_and_the_conversation_says_so():
    """Neither that it was cancelled nor that it was done, until that is known."""
    async with slow_booking() as (b, released):
        async with talking(b, b.tool(read_only=False)) as talk:
            await talk.stage.play(InterruptionFrame())
            await talk.stage.until(lambda: talk.told == UNDER_WAY, "the note")
            released.set()
            await talk.stage.until(lambda: ALL_THE_SAME in talk.told, "the outcome")
            told = json.loads(talk.told)
            assert told == {"result": {"booked": True}, "note": ALL_THE_SAME}
            assert len(b.asked) == 1


async def test_what_changed_nothing_is_cancelled_and_the_conversation_says_that():
    """As the framework words it."""
    async with slow_booking() as (b, _):
        async with talking(b, b.tool(read_only=True)) as talk:
            await talk.stage.play(InterruptionFrame())
            await talk.stage.until(lambda: talk.told == "CANCELLED", "the note")


async def test_a_tool_may_bring_its_own_words_for_its_failure():
    """They stand beside the error; a refusal has the server's own."""
    async with bench(says(503, "")) as b:
        result = await b.call(failure="The book is closed just now.")
        assert result["say"] == "The book is closed just now." and result["ok"] is False
    async with bench(says(409, '{"error": "Taken."}')) as b:
        assert "say" not in await b.call(failure="The book is closed just now.")
