"""How a call is let go: with a goodbye, to a person, to the voicemail; who is told what."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from bot.afterwards import Afterwards
from bot.ending import CallEnding
from bot.persona import WEEKDAYS, Hours, Persona
from bot.settings import Settings
from call.emergency import Emergency
from call.errors import CallRefused, Ending, Party
from call.heard import ClauseSpoken, Goodbye, HeardLog, ReplyBegan
from call.measures import NullRecorder
from call.phrases import phrases_in
from call.timeline import TurnRecord
from call.tongue import Tongue
from call.way_out import Reason, Step
from frames.recovery import WayOutFrame
from frames.speech import PlayedToFrame, ReplyHeardFrame
from frames.wire import WireStoppedFrame
from tests.conftest import TICK, eventually

pytestmark = pytest.mark.wire

AGENT = Persona(name="Mia", prompt="You help.", greeting="Hello.", handoff_number="+442079460000")
ALONE = replace(AGENT, handoff_number="")
PHRASES = AGENT.phrases


class Recorder(NullRecorder):
    """Of a call in which something was said."""

    def __init__(self, *texts: str) -> None:
        records = [TurnRecord(turn, caller_text=text) for turn, text in enumerate(texts, 1)]
        self.timeline = SimpleNamespace(records=records)


class Session:
    """As much of a session as its ending sees."""

    def __init__(self, persona: Persona, *, wire: str, said: tuple[str, ...]) -> None:
        self.persona = persona
        self.tongue = Tongue("en", persona.phrases, {"ar": phrases_in("ar")})
        self.settings = Settings(goodbye=Goodbye(watchdog_s=100 * TICK, apology_s=10 * TICK))
        self.caller = SimpleNamespace(wire=wire, provider_call_id="CA1", called="+15550100")
        self.recorder = Recorder(*said)
        self.heard = HeardLog()
        self.afterwards = Afterwards()
        self.exchange = SimpleNamespace(afterwards=self.afterwards, hang_up=self.hang_up)
        self.spoken: list[tuple[str, str]] = []
        self.is_stopped = False
        self.hung_up: list[str] = []

    async def hang_up(self, provider_call_id: str) -> None:
        self.hung_up.append(provider_call_id)

    async def leave_with(self, text: str, *, kind: str) -> None:
        self.spoken.append((kind, text))

    async def say(self, text: str, *, kind: str) -> None:
        self.spoken.append((kind, text))

    def stop(self) -> None:
        self.is_stopped = True


def call(
    persona: Persona = AGENT, *, wire: str = "twilio", said: tuple[str, ...] = ()
) -> tuple[CallEnding, Any]:
    session: Any = Session(persona, wire=wire, said=said)
    return CallEnding(session), session


async def heard(ending: CallEnding, session: Any, kind: str) -> None:
    """The reply of that kind has been heard to its end; the call is let go."""
    ending.saw(ReplyHeardFrame(reply=2, kind=kind, heard="words"))
    await eventually(lambda: session.is_stopped, what="the call is let go")
    await ending.aclose()


async def test_a_way_out_leads_to_the_person_after_the_apology():
    """The frame of whoever gave up names the reason and the party; more of them change nothing."""
    ending, session = call(said=("I have a toothache.", ""))
    ending.saw(WayOutFrame(reason=Reason.FAULTS, party=Party.LLM))
    ending.saw(WayOutFrame(reason=Reason.UNSURE, party=Party.STT))
    await eventually(lambda: session.spoken, what="the apology")
    assert session.spoken == [("way_out", f"{PHRASES.apology} {PHRASES.transfer}")]
    ending.saw(ReplyHeardFrame(reply=1, kind="reply", heard="It is", interrupted=True))
    assert not session.is_stopped
    await heard(ending, session, "way_out")
    following = session.afterwards.of("CA1")
    assert (following.step, following.number) == (Step.TRANSFER, AGENT.handoff_number)
    assert following.has_apologised
    assert following.summary == f"{PHRASES.last_words} I have a toothache."
    assert (ending.ending, ending.fault_party) == (Ending.HANDED_OFF, Party.LLM)
    assert session.hung_up == []


async def test_without_a_person_the_caller_may_leave_a_message():
    """The agent apologises, the carrier records."""
    ending, session = call(ALONE)
    ending.way_out(Reason.FAULTS, Party.TTS)
    await heard(ending, session, "way_out")
    assert session.spoken == [("way_out", PHRASES.apology)]
    assert session.afterwards.of("CA1").step is Step.VOICEMAIL
    assert (ending.ending, ending.fault_party) == (Ending.VOICEMAIL, Party.TTS)


async def test_an_apology_nobody_hears_is_left_to_the_carriers_voice():
    """The voice may be what failed."""
    ending, session = call(ALONE)
    ending.way_out(Reason.FAULTS, Party.TTS)
    await eventually(lambda: session.is_stopped, what="the watchdog lets go")
    await ending.aclose()
    following = session.afterwards.of("CA1")
    assert (following.step, following.has_apologised) == (Step.VOICEMAIL, False)


async def test_an_apology_that_is_being_heard_is_waited_for():
    """Every step of progress starts the watchdog again."""
    ending, session = call(ALONE)
    ending.way_out(Reason.FAULTS, Party.TTS)
    for _ in range(6):
        await asyncio.sleep(3 * TICK)
        ending.saw(PlayedToFrame(clause_id="2.1", chars=5, is_end=False))
    assert not session.is_stopped
    await heard(ending, session, "way_out")
    assert session.afterwards.of("CA1").has_apologised


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (Reason.UNSURE, PHRASES.misheard),
        (Reason.FATAL, PHRASES.apology),
        (Reason.CALLER_ASKED, PHRASES.nobody),
    ],
)
async def test_each_reason_has_its_words(reason: Reason, words: str):
    """The caller is not told of faults where there were none."""
    ending, session = call(ALONE)
    ending.way_out(reason)
    await heard(ending, session, "way_out")
    assert session.spoken == [("way_out", words)]


async def test_the_model_hands_over_with_a_word_for_the_person():
    """Its own last words are heard first."""
    ending, session = call()
    await ending.transfer("asks about the bill of [NAME_1]")
    await heard(ending, session, "reply")
    following = session.afterwards.of("CA1")
    assert (following.step, following.summary) == (Step.TRANSFER, "asks about the bill of [NAME_1]")
    assert ending.ending is Ending.HANDED_OFF


async def test_outside_the_hours_a_caller_who_wants_a_person_may_leave_a_message():
    """Nobody is rung in vain."""
    today = datetime.now(UTC).date()
    days = tuple(today + timedelta(days=n) for n in (-1, 0, 1))
    always: dict[str, Any] = dict.fromkeys(WEEKDAYS, ("00:00-24:00",))
    hours = replace(Hours(**always), closed_on=days)
    ending, session = call(replace(AGENT, hours=hours))
    await ending.transfer("wants a person")
    await heard(ending, session, "way_out")
    assert session.spoken == [("way_out", PHRASES.nobody)]
    assert ending.ending is Ending.VOICEMAIL
    assert ending.fault_party is None


async def test_from_a_browser_nobody_can_be_dialled():
    """The model is told so, and a way out ends after its words."""
    ending, session = call(wire="webrtc")
    with pytest.raises(CallRefused):
        await ending.transfer("wants a person")
    ending.way_out(Reason.FAULTS, Party.STT)
    await heard(ending, session, "way_out")
    assert (ending.ending, ending.fault_party) == (Ending.FAULT, Party.STT)


async def test_a_goodbye_that_was_asked_for_stands():
    """A fault behind it sends nobody to a voicemail."""
    ending, session = call()
    await ending.end_call()
    ending.way_out(Reason.FAULTS, Party.TTS)
    await eventually(lambda: session.is_stopped, what="the call is let go")
    await ending.aclose()
    assert session.spoken == []
    assert session.hung_up == ["CA1"]
    assert ending.ending is Ending.AGENT_SAID_GOODBYE


async def test_the_last_words_are_in_the_language_the_agent_speaks():
    """What it says when it gives a call up, like its goodbye."""
    ending, session = call(wire="webrtc")
    session.tongue.answered("نفتح يوم الأحد في العاشرة.")
    ending.way_out(Reason.FATAL)
    await eventually(lambda: session.spoken, what="the apology")
    assert session.spoken[0][1].startswith(phrases_in("ar").apology)
    await ending.aclose()


async def test_a_caller_who_leaves_before_being_led_out_has_hung_up():
    """On somebody's fault."""
    ending, session = call()
    ending.way_out(Reason.FAULTS, Party.LLM)
    ending.saw(WireStoppedFrame(reason="stop"))
    await ending.aclose()
    assert (ending.ending, ending.fault_party) == (Ending.CALLER_HUNG_UP, Party.LLM)


@pytest.mark.parametrize(
    ("kind", "party"), [("", Party.LLM), ("filler", Party.LLM), ("reply", None)]
)
async def test_who_hangs_up_while_held_does_so_on_somebodys_fault(kind: str, party: Party | None):
    """Until what they held on for is heard."""
    ending, session = call()
    ending.held_up(Party.LLM)
    if kind:
        session.heard.decide(ReplyBegan(), 0.0)
        session.heard.decide(ClauseSpoken(2, 1, "Some words.", kind=kind), 0.0)
        ending.saw(PlayedToFrame(clause_id="2.1", chars=4, is_end=False))
    ending.saw(WireStoppedFrame(reason="stop"))
    await ending.aclose()
    assert (ending.ending, ending.fault_party) == (Ending.CALLER_HUNG_UP, party)


async def test_a_process_that_goes_down_says_so_and_leaves_the_caller_a_voicemail():
    """In the agent's voice, not as if something had gone wrong; in the language it speaks."""
    ending, session = call()
    session.tongue.answered("نفتح يوم الأحد في العاشرة.")
    ending.drain()
    assert not session.is_stopped
    await heard(ending, session, "way_out")
    assert session.spoken == [("way_out", phrases_in("ar").cut_short)]
    assert (ending.ending, ending.fault_party) == (Ending.DRAINED, None)
    after = session.afterwards.of("CA1")
    assert (after.step, after.has_apologised) == (Step.VOICEMAIL, True)
    over, session = call()
    over.close(Ending.AGENT_SAID_GOODBYE)
    over.drain()
    assert over.ending is Ending.AGENT_SAID_GOODBYE
    assert session.spoken == []


async def test_what_the_agent_cannot_say_in_time_is_the_carriers_to_say(
    monkeypatch: pytest.MonkeyPatch,
):
    """A process that goes down waits for no voice, however far it has come."""
    monkeypatch.setattr("bot.ending.DRAINED_WITHIN_S", 5 * TICK)
    ending, session = call()
    ending.drain()
    while not session.is_stopped:
        ending.saw(PlayedToFrame(clause_id="2.1", chars=5, is_end=False))
        await asyncio.sleep(TICK)
    await ending.aclose()
    after = session.afterwards.of("CA1")
    assert (after.step, after.has_apologised) == (Step.VOICEMAIL, False)
    assert after.reason is Reason.DRAINED


@pytest.mark.parametrize("wire", ["twilio", "webrtc"])
async def test_a_goodbye_under_way_is_finished_before_the_process_goes_down(wire: str):
    """In the browser too, where the agent says its goodbye for want of a carrier."""
    ending, session = call(wire=wire)
    ending.drain()
    await heard(ending, session, "way_out")
    word = PHRASES.cut_short if wire == "twilio" else PHRASES.goodbye
    assert session.spoken == [("way_out", word)]
    assert ending.ending is Ending.DRAINED
    leaving, session = call(wire=wire)
    await leaving.end_call()
    leaving.drain()
    await asyncio.sleep(TICK)
    assert not session.is_stopped
    await heard(leaving, session, "reply")
    assert leaving.ending is Ending.AGENT_SAID_GOODBYE
    assert session.spoken == []


async def test_an_emergency_is_led_to_the_number_for_it_at_any_hour():
    """With its own line instead of an apology; without a number it is the voicemail's."""
    persona = replace(ALONE, emergency=Emergency(text="Help is coming.", number="911"))
    ending, session = call(persona)
    ending.way_out(Reason.EMERGENCY)
    await heard(ending, session, "way_out")
    assert session.spoken == [("way_out", f"Help is coming. {PHRASES.transfer}")]
    following = session.afterwards.of("CA1")
    assert (following.step, following.number) == (Step.TRANSFER, "911")


async def test_an_emergency_line_that_no_voice_could_say_is_the_carriers_to_say():
    """It was asked for, and all voices were gone."""
    ending, session = call(ALONE)
    ending.emergency_line_said()
    ending.saw(ReplyHeardFrame(reply=1, kind="emergency", heard=""))
    ending.saw(WayOutFrame(reason=Reason.FAULTS, party=Party.TTS))
    await heard(ending, session, "way_out")
    following = session.afterwards.of("CA1")
    assert (following.reason, following.has_apologised) == (Reason.EMERGENCY, False)
    assert following.step is Step.VOICEMAIL


HELP = replace(ALONE, emergency=Emergency(text="Help is coming.", number="911"))


@pytest.mark.parametrize("before", ["goodbye", "way_out"])
async def test_an_emergency_goes_before_a_goodbye_and_before_any_other_way_out(before: str):
    """Help is dialled though the call was about to be hung up or led to the voicemail."""
    ending, session = call(HELP)
    if before == "goodbye":
        await ending.end_call()
    else:
        ending.way_out(Reason.FAULTS, Party.LLM)
    ending.saw(WayOutFrame(reason=Reason.EMERGENCY))
    ending.saw(WayOutFrame(reason=Reason.EMERGENCY))
    ending.saw(WayOutFrame(reason=Reason.FAULTS, party=Party.LLM))
    help_is_coming = ("way_out", f"Help is coming. {PHRASES.transfer}")
    await eventually(lambda: help_is_coming in session.spoken, what="the line")
    if before == "way_out":
        ending.saw(ReplyHeardFrame(reply=1, kind="way_out", heard="words"))  # the apology
    assert not session.is_stopped
    await heard(ending, session, "way_out")
    following = session.afterwards.of("CA1")
    assert (following.step, following.number) == (Step.TRANSFER, "911")
    assert ending.ending is Ending.HANDED_OFF


async def test_the_emergency_line_is_heard_before_a_call_is_led_to_the_voicemail():
    """Where no number is dialled for it."""
    ending, session = call(ALONE)
    ending.way_out(Reason.FAULTS, Party.LLM)
    ending.emergency_line_said()
    ending.saw(ReplyHeardFrame(reply=1, kind="way_out", heard="words"))
    await asyncio.sleep(0)
    assert not session.is_stopped
    await heard(ending, session, "emergency")
    following = session.afterwards.of("CA1")
    assert (following.step, following.has_apologised) == (Step.VOICEMAIL, True)


async def test_a_call_that_has_lasted_too_long_is_said_goodbye_to():
    """Then it is hung up; one that is ending anyway is left alone."""
    ending, session = call()
    ending.time_is_up()
    ending.saw(ReplyHeardFrame(reply=1, kind="reply", heard="It is", interrupted=True))
    assert not session.is_stopped
    await heard(ending, session, "way_out")
    assert session.spoken == [("way_out", PHRASES.goodbye)]
    assert session.afterwards.of("CA1").step is Step.HANG_UP
    assert ending.ending is Ending.AGENT_SAID_GOODBYE
    leaving, session = call()
    await leaving.end_call()
    leaving.time_is_up()
    await leaving.aclose()
    assert session.spoken == []
