"""One stream against a scripted bot over real sockets, its clock running ten times faster."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from typing import Any

import numpy as np
import pytest

from lab.caller import Caller, Outcome
from lab.clock import Clock
from lab.dialling import Phone
from lab.impairments import Impairments
from lab.impairments import parse as parse_impairments
from lab.loudness import audible, decode
from lab.mouth import clip
from lab.plan import Plan
from lab.script import parse
from lab.stream import Event
from tests.lab.scripted_bot import TONE, Bot, Part, bot

pytestmark = pytest.mark.wire

SPEED = 10.0
CLIPS = {"hi": clip("hi", TONE[:4000], words="hello")}
LISTEN: list[dict[str, Any]] = [{"do": "wait_agent", "timeout_s": 3}]


async def place(
    part: Part, steps: list[dict[str, Any]] = LISTEN, *, speed: float = SPEED, **plan: Any
) -> tuple[Outcome, list[Bot], list[Event]]:
    """One call to a bot that plays `part`."""
    events: list[Event] = []
    async with bot(part) as (host, calls):
        caller = Caller(
            Plan(parse({"steps": steps}), CLIPS, **plan),
            clock=Clock(speed),
            on_event=events.append,
        )
        outcome = await caller.call(f"ws://{host}/ws")
    return outcome, calls, events


def failed(outcome: Outcome) -> set[str]:
    """The rules that were broken."""
    return {v.rule.name for v in outcome.conformance.verdicts() if v.outcome == "fail"}


def passed(outcome: Outcome) -> set[str]:
    """The rules that were kept."""
    return {v.rule.name for v in outcome.conformance.verdicts() if v.outcome == "pass"}


async def greet_and_listen(call: Bot) -> None:
    """Say one second, then listen until the caller leaves."""
    await call.next("start")
    await call.say(1.0)
    await call.until_stop()


async def test_the_carriers_order_is_connected_start_media_stop() -> None:
    """And every number is a string that counts as the carrier counts."""
    steps: list[dict[str, Any]] = [{"do": "silence", "s": 1.0}, {"do": "key", "digits": "5"}]
    _, [call], _ = await place(Bot.until_stop, steps)
    events = [body["event"] for body in call.received]
    assert events[:2] == ["connected", "start"]
    assert events[-1] == "stop"
    assert set(events[2:-1]) == {"media", "dtmf"}
    numbered = [body["sequenceNumber"] for body in call.received[1:]]
    assert numbered == [str(i) for i in range(1, len(numbered) + 1)]
    media = [body["media"] for body in call.received if body["event"] == "media"]
    assert [m["chunk"] for m in media] == [str(i) for i in range(1, len(media) + 1)]
    assert [m["timestamp"] for m in media] == [str(i * 20) for i in range(len(media))]
    assert {len(b64decode(m["payload"])) for m in media} == {160}
    assert 50 <= len(media) <= 62
    assert {body["streamSid"] for body in call.received[1:]} == {call.stream_sid}


async def test_late_frames_are_caught_up_and_none_is_dropped() -> None:
    """A stalled loop does not shift the clock: five seconds are 250 frames."""

    async def stall(call: Bot) -> None:
        for _ in range(4):
            await call.next("media")
            end = asyncio.get_running_loop().time() + 0.03  # 300 ms of the call's clock
            while asyncio.get_running_loop().time() < end:
                pass
        await call.until_stop()

    outcome, [call], _ = await place(stall, [{"do": "silence", "s": 5.0}])
    media = [body for body in call.received if body["event"] == "media"]
    assert 250 <= len(media) <= 252
    assert outcome.timeline.duration_s >= 5.0


async def test_a_mark_is_echoed_when_its_sound_has_been_played_and_not_before() -> None:
    """One second of sound, then the mark: it comes back a second later, and the one behind the
    empty buffer at once."""

    async def part(call: Bot) -> None:
        await call.next("start")
        await call.mark("empty")
        await call.say(1.0)
        await call.mark("a")
        await call.say(0.5)
        await call.mark("b")
        await call.until_stop()

    outcome, [call], _ = await place(part)
    echoes = {echo.name: echo for echo in outcome.timeline.marks}
    assert [e.name for e in outcome.timeline.marks] == ["empty", "a", "b"]
    assert [e.by for e in outcome.timeline.marks] == ["empty", "played", "played"]
    [(start, end)] = outcome.timeline.agent_runs
    assert end - start == pytest.approx(1.5, abs=1e-6)
    assert echoes["a"].echoed_s >= start + 1.0 - 1e-5
    assert echoes["b"].echoed_s >= end - 1e-5
    names = [b["mark"]["name"] for b in call.received if b["event"] == "mark"]
    assert names == ["empty", "a", "b"]


async def test_a_clear_stops_the_sound_and_brings_back_all_marks_in_order() -> None:
    """Ten seconds were sent; what had not been played never is."""

    async def part(call: Bot) -> None:
        await call.next("start")
        await call.say(5.0)
        await call.mark("a")
        await call.say(5.0)
        await call.mark("b")
        for _ in range(25):
            await call.next("media")
        await call.clear()
        assert (await call.next("mark"))["mark"]["name"] == "a"
        assert (await call.next("mark"))["mark"]["name"] == "b"
        await call.until_stop()

    outcome, _, events = await place(part)
    [cleared_s] = outcome.timeline.clears
    [(start, end)] = outcome.timeline.agent_runs
    assert end == pytest.approx(cleared_s, abs=0.001)
    assert 0.3 < end - start < 4.0
    assert [(m.name, m.by) for m in outcome.timeline.marks] == [("a", "clear"), ("b", "clear")]
    assert "clear-is-final" in passed(outcome)
    assert "lab.clear" in [event["type"] for event in events]


async def test_old_sound_behind_a_clear_is_a_breach() -> None:
    """The race every bot has to close."""

    async def part(call: Bot) -> None:
        await call.next("start")
        await call.say(5.0)
        await call.next("media")
        await call.clear()
        await call.say(0.2)
        await call.until_stop()

    outcome, _, _ = await place(part, speed=1.0)
    assert failed(outcome) == {"clear-is-final"}


async def test_a_conversation_follows_its_script() -> None:
    """Greeting, question, answer, end; with the truth of all of it on one clock."""

    async def part(call: Bot) -> None:
        await call.next("start")
        await call.say(1.0)
        await call.hear_utterance()
        await call.say(0.8)
        await call.until_stop()

    steps = [*LISTEN, {"do": "say", "clip": "hi"}, *LISTEN, {"do": "hang_up"}]
    outcome, [call], events = await place(part, steps)
    truth = outcome.timeline
    [said] = truth.utterances
    assert (said.words, said.kind, said.follows_on) == ("hello", "say", False)
    assert said.speech_end_s - said.speech_start_s == pytest.approx(0.5, abs=0.01)
    greeting, answer = truth.agent_runs
    assert said.speech_start_s == pytest.approx(greeting[1] + 0.9 + 0.4, abs=0.1)
    assert answer[0] > said.speech_end_s
    assert truth.ended_by == "caller"
    assert truth.gave_up == []
    assert [event["type"] for event in events] == [
        "lab.call.started",
        "lab.agent.speaking",
        "lab.agent.silent",
        "lab.caller.speaking",
        "lab.caller.silent",
        "lab.agent.speaking",
        "lab.agent.silent",
        "lab.call.ended",
    ]
    assert not failed(outcome)
    assert passed(outcome) >= {"upgrade", "text-only", "closing", "media-payload"}
    assert call.received[-1]["event"] == "stop"


async def test_the_recording_holds_both_sides_in_their_place() -> None:
    """The caller's tone left where it was said, the agent's right where it was played."""

    async def part(call: Bot) -> None:
        await call.next("start")
        await call.say(1.0)
        await call.hear_utterance()

    steps = [*LISTEN, {"do": "say", "clip": "hi"}, {"do": "wait_end", "timeout_s": 5}]
    outcome, _, _ = await place(part, steps)
    both = abs(outcome.recording.samples().astype(int))
    [said] = outcome.timeline.utterances
    [(start, end)] = outcome.timeline.agent_runs

    def loud(side: int) -> tuple[float, float]:
        where = (both[:, side] > 1000).nonzero()[0]
        return where[0] / 8000, where[-1] / 8000

    assert loud(0) == pytest.approx((said.speech_start_s, said.speech_end_s), abs=0.002)
    assert loud(1) == pytest.approx((start, end), abs=0.002)


async def test_the_bot_may_end_the_call() -> None:
    """Closing the socket is how a bot hangs up."""

    async def part(call: Bot) -> None:
        await call.next("start")
        await call.say(0.2)

    outcome, _, _ = await place(part, [{"do": "wait_end", "timeout_s": 20}])
    assert outcome.timeline.ended_by == "bot"
    assert "clean-close" in passed(outcome)
    assert not failed(outcome)


async def test_a_bot_that_drops_the_socket_breaks_a_rule() -> None:
    """No closing frame, or one that says the server failed."""

    async def drop(call: Bot) -> None:
        await call.next("start")
        transport = call.socket._req.transport  # type: ignore[union-attr]
        assert transport
        transport.abort()

    outcome, _, _ = await place(drop, [{"do": "wait_end", "timeout_s": 20}])
    assert failed(outcome) == {"clean-close"}

    async def crash(call: Bot) -> None:
        await call.next("start")
        await call.socket.close(code=1011)

    outcome, _, _ = await place(crash, [{"do": "wait_end", "timeout_s": 20}])
    assert failed(outcome) == {"clean-close"}
    assert outcome.timeline.ended_by == "bot"


async def test_a_bot_that_does_not_answer_the_closing_breaks_a_rule() -> None:
    """The carrier leaves anyway, two seconds later."""
    left = asyncio.Event()

    async def deaf(call: Bot) -> None:
        await call.next("start")
        await left.wait()

    async with bot(deaf) as (host, _):
        script = parse({"steps": [{"do": "silence", "s": 0.2}]})
        caller = Caller(Plan(script, CLIPS, closing_s=0.1), clock=Clock(SPEED))
        outcome = await caller.call(f"ws://{host}/ws")
        left.set()
    assert failed(outcome) == {"closing"}
    assert outcome.timeline.ended_by == "caller"


async def test_a_call_completed_over_rest_ends_with_stop() -> None:
    """As when the bot posts Status=completed."""
    completed = asyncio.Event()

    async def part(call: Bot) -> None:
        await call.next("media")
        completed.set()
        await call.until_stop()

    async with bot(part) as (host, calls):
        script = parse({"steps": [{"do": "wait_end", "timeout_s": 60}]})
        caller = Caller(Plan(script, CLIPS), clock=Clock(SPEED), completed=completed)
        outcome = await caller.call(f"ws://{host}/ws")
    assert outcome.timeline.ended_by == "rest"
    assert calls[0].received[-1]["event"] == "stop"


async def test_a_stream_that_vanishes_sends_no_stop() -> None:
    """The socket is torn down where it stands."""
    outcome, [call], _ = await place(
        Bot.until_stop,
        [{"do": "silence", "s": 60}],
        impairments=Impairments(vanish_s=0.5),
    )
    assert outcome.timeline.ended_by == "vanished"
    assert call.received[-1]["event"] == "media"
    assert call.socket.close_code in (None, 1006)


async def test_a_call_has_a_longest_duration() -> None:
    """A bot that never ends does not keep the caller."""
    outcome, _, _ = await place(
        greet_and_listen, [{"do": "wait_end", "timeout_s": 3600}], max_call_s=1.0
    )
    assert outcome.timeline.ended_by == "limit"
    assert outcome.timeline.duration_s < 5


async def test_a_slow_reader_takes_the_bots_sound_late() -> None:
    """What was sent during the pause arrives after it."""

    async def part(call: Bot) -> None:
        await call.next("start")
        await call.next("media")
        await call.say(0.5)
        await call.until_stop()

    outcome, _, _ = await place(
        part,
        [{"do": "silence", "s": 3.0}],
        impairments=Impairments(slow_reader=(0.0, 2.0)),
    )
    [(at, seconds)] = outcome.timeline.arrivals
    assert at >= 2.0
    assert seconds == 0.5


async def test_lost_frames_leave_a_hole_in_the_timestamps_only() -> None:
    """chunk counts messages; timestamp counts time."""
    outcome, [call], _ = await place(
        Bot.until_stop, [{"do": "silence", "s": 4.0}], impairments=Impairments(loss=0.3)
    )
    media = [body["media"] for body in call.received if body["event"] == "media"]
    assert outcome.lost_messages > 20
    assert [m["chunk"] for m in media] == [str(i) for i in range(1, len(media) + 1)]
    stamps = [int(m["timestamp"]) for m in media]
    assert stamps == sorted(stamps)
    assert any(b - a > 20 for a, b in zip(stamps, stamps[1:], strict=False))


async def test_a_bot_that_does_not_read_breaks_a_rule_and_cannot_hang_the_caller() -> None:
    """Our socket fills up; the call still ends in time."""
    left = asyncio.Event()

    async def deaf(call: Bot) -> None:
        transport = call.socket._req.transport  # type: ignore[union-attr]
        assert transport
        transport.pause_reading()
        await left.wait()
        transport.resume_reading()

    async with bot(deaf) as (host, _):
        plan = Plan(
            parse({"steps": [{"do": "silence", "s": 3600}]}),
            CLIPS,
            impairments=Impairments(chunk_bytes=8000),
            max_call_s=4000,
            closing_s=0.1,
        )
        caller = Caller(plan, clock=Clock(2000.0))
        outcome = await caller.call(f"ws://{host}/ws")
        left.set()
    assert "reads-in-time" in failed(outcome)


async def test_wrong_messages_are_booked_and_the_call_goes_on() -> None:
    """Each wrong one breaks its rule; the sound after them is still played."""

    async def rude(call: Bot) -> None:
        await call.send('{"event":"media"}')
        await call.next("start")
        await call.socket.send_bytes(b"\x00" * 160)
        await call.send("{")
        await call.send({"event": "dance"})
        await call.send({"event": "clear", "streamSid": "MZother"})
        await call.send({"event": "media", "media": {"payload": "***"}})
        await call.send({"event": "mark", "mark": {"name": 7}})
        await call.say(0.5)
        await call.until_stop()

    outcome, _, _ = await place(rude)
    assert failed(outcome) >= {
        "text-only",
        "json-object",
        "known-event",
        "stream-sid",
        "media-payload",
        "mark-name",
    }
    assert outcome.timeline.agent_spans


async def test_parameters_and_names_reach_the_bot() -> None:
    """customParameters of a stream dialled directly."""
    phone = Phone()
    outcome, [call], _ = await place(
        Bot.until_stop, [{"do": "hang_up"}], parameters={"a": "1"}, phone=phone
    )
    start = next(body for body in call.received if body["event"] == "start")["start"]
    assert start["customParameters"] == {"a": "1"}
    assert start["callSid"] == phone.ids.call_sid == outcome.timeline.call_sid
    assert "X-Twilio-Signature" not in call.headers


async def test_a_loudspeaker_is_heard_by_the_microphone() -> None:
    """What the bot says comes back, late and softer, in the caller's own sound."""

    async def part(call: Bot) -> None:
        await call.next("start")
        await call.say(1.0)
        await call.until_stop()

    outcome, [call], _ = await place(
        part,
        [{"do": "wait_agent", "timeout_s": 30}],  # a machine that is late speaks late
        noise_dbfs=None,
        impairments=parse_impairments(["echo=0.2:20"]),
    )
    media = [b64decode(b["media"]["payload"]) for b in call.received if b["event"] == "media"]
    heard = b"".join(media)
    loud = [at for at in range(0, len(heard), 80) if 1 in audible(heard[at : at + 80])]
    [(start, end)] = outcome.timeline.agent_runs
    assert loud[0] / 8000 == pytest.approx(start + 0.2, abs=0.03)
    assert loud[-1] / 8000 == pytest.approx(end + 0.2, abs=0.03)
    assert np.abs(decode(heard)).max() == pytest.approx(800, rel=0.06)
