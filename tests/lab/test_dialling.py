"""Webhooks as Twilio posts them, TwiML as Twilio reads it."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web
from twilio.request_validator import RequestValidator

from lab.caller import Caller, Outcome
from lab.carrier import CallIds
from lab.clock import Clock
from lab.conformance import Conformance
from lab.dialling import DialError, Phone, stream_offer, verbs
from lab.plan import Plan
from lab.script import parse
from tests.lab.scripted_bot import Bot, bot

pytestmark = pytest.mark.wire

TOKEN = "throw-away"
STREAM = (
    '<Response><Connect><Stream url="{url}"><Parameter name="token" value="t1"/></Stream>'
    "</Connect><Redirect>/twilio/after</Redirect></Response>"
)


class Webhooks:
    """The bot's HTTP side: answers by path, remembers what was posted."""

    def __init__(self, answers: dict[str, str | int]) -> None:
        self.answers = answers
        self.posts: list[tuple[str, dict[str, str], str]] = []

    async def post(self, request: web.Request) -> web.Response:
        """Answer with the TwiML for the path, or with a bare status."""
        form = {key: str(value) for key, value in (await request.post()).items()}
        self.posts.append((request.path, form, request.headers.get("X-Twilio-Signature", "")))
        answer = self.answers[request.path]
        if isinstance(answer, int):
            return web.Response(status=answer)
        text = answer.replace("{url}", f"ws://{request.host}/ws")
        return web.Response(text=text, content_type="text/xml")


async def dial(
    answers: dict[str, str | int],
    *,
    steps: list[dict[str, Any]] | None = None,
    part: Any = None,
    base: str = "",
    via: bool = False,
) -> tuple[Outcome, Webhooks, list[Bot], str]:
    """One call through the voice webhook."""

    async def listen(call: Bot) -> None:
        await call.next("start")
        await call.say(0.2)

    hooks = Webhooks(answers)
    async with bot(part or listen, [web.post("/twilio/{tail}", hooks.post)]) as (host, calls):
        phone = Phone(CallIds(), auth_token=TOKEN, via=host if via else "")
        script = parse({"steps": steps or [{"do": "wait_end", "timeout_s": 20}]})
        caller = Caller(Plan(script, {}, phone=phone), clock=Clock(10.0))
        outcome = await caller.call(f"{base or f'http://{host}'}/twilio/voice")
    return outcome, hooks, calls, host


def failed(outcome: Outcome) -> set[str]:
    """The rules that were broken."""
    return {v.rule.name for v in outcome.conformance.verdicts() if v.outcome == "fail"}


async def test_the_webhook_is_posted_and_signed_as_twilio_does() -> None:
    """The carrier's own validator accepts the form; the socket is signed over its exact URL."""
    outcome, hooks, [call], host = await dial(
        {"/twilio/voice": STREAM, "/twilio/after": "<Response><Hangup/></Response>"}
    )
    path, form, signature = hooks.posts[0]
    assert path == "/twilio/voice"
    validator = RequestValidator(TOKEN)
    assert validator.validate(f"http://{host}/twilio/voice", form, signature)
    assert set(form) >= {"CallSid", "AccountSid", "From", "To", "CallStatus", "Direction"}
    assert (form["CallStatus"], form["Direction"]) == ("ringing", "inbound")
    assert form["CallSid"] == outcome.timeline.call_sid
    assert validator.validate(f"ws://{host}/ws", {}, call.headers["X-Twilio-Signature"])
    start = next(body for body in call.received if body["event"] == "start")["start"]
    assert start["customParameters"] == {"token": "t1"}
    assert not failed(outcome)


async def test_when_the_bot_closes_the_stream_the_next_verb_runs() -> None:
    """The redirect is posted, signed, and its verbs end up in the report."""
    after = '<Response><Say>Bye</Say><Record action="/twilio/recording"/></Response>'
    outcome, hooks, _, host = await dial(
        {
            "/twilio/voice": STREAM,
            "/twilio/after": after,
            "/twilio/recording": "<Response><Hangup/></Response>",
        }
    )
    paths = [path for path, _, _ in hooks.posts]
    assert paths == ["/twilio/voice", "/twilio/after", "/twilio/recording"]
    for path, form, signature in hooks.posts:
        assert RequestValidator(TOKEN).validate(f"http://{host}{path}", form, signature)
    assert hooks.posts[2][1]["RecordingSid"].startswith("RE")
    assert [verb.name for verb in outcome.verbs] == [
        "Connect",
        "Redirect",
        "Say",
        "Record",
        "Hangup",
    ]
    assert outcome.verbs[2].text == "Bye"


async def test_when_the_caller_hangs_up_nothing_more_is_asked() -> None:
    """The call is over; the next verb never runs."""
    outcome, hooks, _, _ = await dial(
        {"/twilio/voice": STREAM}, steps=[{"do": "hang_up"}], part=Bot.until_stop
    )
    assert [path for path, _, _ in hooks.posts] == ["/twilio/voice"]
    assert outcome.timeline.ended_by == "caller"


async def test_a_transfer_is_recorded_and_its_end_reported() -> None:
    """Dial with an action is posted as completed."""
    outcome, hooks, _, _ = await dial(
        {
            "/twilio/voice": '<Response><Dial action="/twilio/dial">+15550100</Dial></Response>',
            "/twilio/dial": "<Response/>",
        }
    )
    assert hooks.posts[1][1]["DialCallStatus"] == "completed"
    assert [(verb.name, verb.text) for verb in outcome.verbs] == [("Dial", "+15550100")]


async def test_twiml_that_redirects_for_ever_is_cut_off() -> None:
    """Ten documents at most."""
    loop = "<Response><Redirect>/twilio/voice</Redirect></Response>"
    _, hooks, _, _ = await dial({"/twilio/voice": loop})
    assert len(hooks.posts) <= 11


async def test_a_public_name_can_be_reached_through_a_stand_in_for_the_tunnel() -> None:
    """Bytes go to this machine; signatures stay on the public URL; wss is required of it."""
    voice = STREAM.replace("{url}", "wss://bot.example/ws")
    outcome, hooks, [call], _ = await dial(
        {"/twilio/voice": voice, "/twilio/after": "<Response/>"},
        base="https://bot.example",
        via=True,
    )
    _, form, signature = hooks.posts[0]
    validator = RequestValidator(TOKEN)
    assert validator.validate("https://bot.example/twilio/voice", form, signature)
    assert validator.validate("wss://bot.example/ws", {}, call.headers["X-Twilio-Signature"])
    assert validator.validate("https://bot.example/twilio/after", *hooks.posts[1][1:])
    assert not failed(outcome)


async def test_a_refused_webhook_is_one_line_with_the_likely_reason() -> None:
    """403 means the token; anything else is named."""
    outcome, _, _, _ = await dial({"/twilio/voice": 403})
    assert outcome.problem.endswith(
        "answered 403 instead of TwiML; is --auth-token the bot's TWILIO_AUTH_TOKEN?"
    )
    assert failed(outcome) == {"webhook-answers"}
    outcome, _, _, _ = await dial({"/twilio/voice": 500})
    assert outcome.problem.endswith("answered 500 instead of TwiML")


async def test_a_next_verb_that_fails_breaks_a_rule() -> None:
    """The carrier would say "application error" to the caller."""
    outcome, _, _, _ = await dial({"/twilio/voice": STREAM, "/twilio/after": 500})
    assert failed(outcome) == {"next-verb"}


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("<Response>", "not XML"),
        ("<Reply/>", "the document is <Reply>, not <Response>"),
        ("hello", "not XML"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><Response>&a;</Response>', "document type"),
    ],
)
def test_an_answer_that_is_no_twiml_is_one_line(body: str, line: str) -> None:
    """Named with its URL."""
    with pytest.raises(DialError, match=line):
        verbs(body, url="http://x")


def test_an_empty_answer_has_no_verbs() -> None:
    """Twilio then ends the call."""
    assert verbs("  ", url="http://x") == []


@pytest.mark.parametrize(
    ("url", "is_kept"),
    [
        ("wss://bot.example/ws", True),
        ("ws://127.0.0.1:7860/ws", True),
        ("ws://bot.example/ws", False),
        ("wss://bot.example/ws?token=1", False),
        ("https://bot.example/ws", False),
    ],
)
def test_the_streams_url_is_judged(url: str, is_kept: bool) -> None:
    """wss, no query string; ws on this machine only."""
    book = Conformance()
    [verb] = verbs(f'<Response><Connect><Stream url="{url}"/></Connect></Response>', url="http://x")
    offer = stream_offer(verb, base_url="http://x/", conformance=book)
    assert offer is not None
    assert offer.url == url
    assert book.is_good is is_kept


def test_a_long_parameter_breaks_a_rule() -> None:
    """500 characters, name and value together."""
    book = Conformance()
    parameter = f'<Parameter name="k" value="{"x" * 499}"/>'
    twiml = f'<Response><Connect><Stream url="wss://b/w">{parameter}</Stream></Connect></Response>'
    [verb] = verbs(twiml, url="http://x")
    stream_offer(verb, base_url="http://x/", conformance=book)
    assert not book.is_good


def test_without_a_token_nothing_is_signed() -> None:
    """A bot that does not check can be called without one."""
    assert Phone().signed("http://x", {}) == {}
