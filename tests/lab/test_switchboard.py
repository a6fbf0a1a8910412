"""What the carrier does behind the stream: says, records, dials, whispers, falls back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from twilio.request_validator import RequestValidator

from lab import bins
from lab.caller import Caller, Outcome
from lab.carrier import CallIds
from lab.clock import Clock
from lab.dialling import Phone
from lab.plan import Plan
from lab.script import parse
from tests.lab.clients import TWILIO, providers, session
from tests.lab.scripted_bot import Bot, bot

pytestmark = pytest.mark.wire

TOKEN = "throw-away"
STREAM = (
    '<Response><Connect><Stream url="{url}"/></Connect><Redirect>/twilio/after</Redirect>'
    "</Response>"
)
VOICEMAIL = (
    '<Response><Say>After the tone.</Say><Record maxLength="120" action="/twilio/recording" '
    'recordingStatusCallback="/twilio/recording"/><Hangup/></Response>'
)
TRANSFER = (
    '<Response><Dial action="/twilio/dial" timeout="25">'
    '<Number url="/twilio/whisper?call=CA1">+12125550142</Number></Dial></Response>'
)
BYE = "<Response><Hangup/></Response>"

Posts = list[tuple[str, dict[str, str]]]


async def ring(answers: dict[str, Any], **plan: Any) -> tuple[Outcome, Posts]:
    """One call whose stream the bot ends; what the carrier did and posted."""
    posts: Posts = []

    async def listen(call: Bot) -> None:
        await call.next("start")
        await call.say(0.1)

    async def post(request: web.Request) -> web.Response:
        form = {key: str(value) for key, value in (await request.post()).items()}
        url = f"http://{request.host}{request.path_qs}"
        signature = request.headers.get("X-Twilio-Signature", "")
        assert RequestValidator(TOKEN).validate(url, form, signature)
        posts.append((request.path_qs, form))
        answer = answers[request.path]
        if isinstance(answer, int):
            return web.Response(status=answer)
        text = answer.replace("{url}", f"ws://{request.host}/ws")
        return web.Response(text=text, content_type="text/xml")

    async with bot(listen, [web.post("/twilio/{tail}", post)]) as (host, _):
        phone = Phone(CallIds(), auth_token=TOKEN)
        script = parse({"steps": [{"do": "wait_end", "timeout_s": 20}]})
        caller = Caller(Plan(script, {}, phone=phone, **plan), clock=Clock(20.0))
        return await caller.call(f"http://{host}/twilio/voice"), posts


def deeds(outcome: Outcome) -> list[str]:
    return [deed.did for deed in outcome.deeds]


def broken(outcome: Outcome) -> set[str]:
    return {v.rule.name for v in outcome.conformance.verdicts() if v.outcome == "fail"}


async def test_a_message_is_recorded_and_the_bot_is_told_where_it_is() -> None:
    """The action and the callback name the same recording; the caller is led to the voicemail."""
    answers = {"/twilio/voice": STREAM, "/twilio/after": VOICEMAIL, "/twilio/recording": BYE}
    outcome, posts = await ring(answers, message_s=7.0)
    told = [form for path, form in posts if path == "/twilio/recording"]
    assert len(told) == 2
    assert {form.get("RecordingStatus") for form in told} == {None, "completed"}
    assert {(form["RecordingSid"], form["RecordingDuration"]) for form in told} == {
        (told[0]["RecordingSid"], "7")
    }
    assert told[0]["RecordingUrl"].endswith(told[0]["RecordingSid"])
    assert deeds(outcome) == ["say", "record", "hang_up"]
    assert outcome.led_to == "voicemail"
    assert not broken(outcome)


async def test_of_silence_nothing_is_recorded_and_the_next_verb_runs() -> None:
    """The bot hears of no recording."""
    outcome, posts = await ring({"/twilio/voice": VOICEMAIL}, message_s=0.0)
    assert [path for path, _ in posts] == ["/twilio/voice"]
    assert deeds(outcome) == ["say", "record", "hang_up"]
    assert outcome.led_to == ""


async def test_a_message_is_no_longer_than_the_bot_allows() -> None:
    """maxLength ends it."""
    short = VOICEMAIL.replace("120", "2")
    _, posts = await ring({"/twilio/voice": short, "/twilio/recording": BYE}, message_s=30.0)
    assert posts[1][1]["RecordingDuration"] == "2"


async def test_a_person_hears_the_whisper_before_the_caller() -> None:
    """The whisper is asked for the person's own leg, with the caller's as its parent."""
    answers = {
        "/twilio/voice": STREAM,
        "/twilio/after": TRANSFER,
        "/twilio/whisper": "<Response><Say>A caller for you.</Say></Response>",
        "/twilio/dial": BYE,
    }
    outcome, posts = await ring(answers)
    [(_, form)] = [post for post in posts if post[0] == "/twilio/whisper?call=CA1"]
    assert form["ParentCallSid"] == outcome.timeline.call_sid != form["CallSid"]
    assert form["To"] == "+12125550142"
    assert posts[-1][1]["DialCallStatus"] == "completed"
    assert [deed.as_json() for deed in outcome.deeds] == [
        {"did": "dial", "number": "+12125550142", "status": "completed"},
        {"did": "whisper", "text": "A caller for you."},
        {"did": "hang_up"},
    ]
    assert outcome.led_to == "person"


@pytest.mark.parametrize("person", ["busy", "no-answer", "failed"])
async def test_a_person_who_does_not_answer_hears_nothing_and_the_bot_is_told(person: str) -> None:
    """What the bot says next is followed: here, the voicemail."""
    answers = {"/twilio/voice": TRANSFER, "/twilio/dial": VOICEMAIL, "/twilio/recording": BYE}
    outcome, posts = await ring(answers, person=person)
    assert posts[1][1]["DialCallStatus"] == person
    assert deeds(outcome) == ["dial", "say", "record", "hang_up"]
    assert outcome.led_to == "voicemail"


async def test_a_dead_host_is_replaced_by_the_numbers_fallback() -> None:
    """The carrier's own bin takes the message; the bot's rules count as broken all the same."""
    async with providers() as lab:
        script = parse({"steps": [{"do": "hang_up"}]})
        plan = Plan(script, {}, fallback=f"{lab.http_url}/bins/voicemail")
        outcome = await Caller(plan, clock=Clock(20.0)).call("http://127.0.0.1:1/twilio/voice")
    assert deeds(outcome) == ["fallback", "say", "record", "say", "hang_up"]
    assert outcome.led_to == "voicemail"
    assert outcome.problem == ""
    assert broken(outcome) == {"webhook-answers"}


async def test_a_host_that_dies_during_the_call_is_replaced_too(tmp_path: Path) -> None:
    """A file will do for the fallback."""
    file = tmp_path / "bin.xml"
    file.write_text("<Response><Say>Sorry.</Say><Record/></Response>")
    answers = {"/twilio/voice": STREAM, "/twilio/after": 500}
    outcome, _ = await ring(answers, fallback=str(file), message_s=0.0)
    assert deeds(outcome) == ["fallback", "say", "record", "hang_up"]
    assert broken(outcome) == {"next-verb"}


@pytest.mark.parametrize("fallback", ["", "http://127.0.0.1:1/bins/voicemail"])
async def test_without_a_fallback_that_answers_the_call_is_dropped(fallback: str) -> None:
    """The caller hears that there was an application error."""
    outcome, _ = await ring({"/twilio/voice": STREAM, "/twilio/after": 500}, fallback=fallback)
    assert deeds(outcome)[-1] == "dropped"
    assert outcome.led_to == ""


async def test_a_callback_that_fails_breaks_a_rule() -> None:
    """The carrier reports it in its debugger."""
    outcome, _ = await ring({"/twilio/voice": VOICEMAIL, "/twilio/recording": 500})
    assert broken(outcome) == {"callbacks", "next-verb"}


async def test_the_lab_keeps_recordings_until_they_are_deleted() -> None:
    """Once; the second time there is none."""
    answers = {"/twilio/voice": VOICEMAIL, "/twilio/recording": BYE}
    async with providers() as lab, session() as client:
        _, posts = await ring(answers, rest_url=lab.http_url)
        url = posts[1][1]["RecordingUrl"] + ".json"
        assert url.startswith(lab.http_url)
        statuses = []
        for method in ("GET", "DELETE", "DELETE", "GET"):
            async with client.request(method, url, headers=TWILIO) as answer:
                statuses.append(answer.status)
        async with client.delete(url) as answer:
            statuses.append(answer.status)
        async with client.get(f"{lab.http_url}/control/recordings") as answer:
            assert await answer.json() == {"recordings": []}
    assert statuses == [200, 204, 404, 404, 401]


def test_a_plan_that_no_person_or_caller_could_follow_is_refused() -> None:
    """One line."""
    script = parse({"steps": [{"do": "hang_up"}]})
    with pytest.raises(ValueError, match="person 'asleep'"):
        Plan(script, {}, person="asleep")
    with pytest.raises(ValueError, match="message -1"):
        Plan(script, {}, message_s=-1.0)


def test_the_bins_are_the_ones_the_documents_tell_to_make() -> None:
    """Word for word."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "first-call.md").read_text("utf-8")
    assert bins.GOODBYE in text
    assert bins.VOICEMAIL in text
