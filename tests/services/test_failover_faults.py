"""A voice falters in a reply and another one goes on: every fault of the lab's voices, in the first
clause, in the middle and in the last one. Nothing is lost, and at most one word is said twice."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    Frame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    TTSAudioRawFrame,
)

from call.errors import ProviderBroke, ProviderRefused, ProviderSlow
from call.failover import Tolerance
from call.measures import FAILOVERS, PROVIDER_FAULTS, REPLIES_LOST
from call.speculation import Guess, Verdict
from frames.speculation import mark
from frames.speech import ClauseFrame, PlayedToFrame, PlayheadFrame, VoiceSwitchedFrame
from services.voices import Voices
from tests.services.mouth import Mouth, audio_chars, ends, faults, lost, reply, said, story
from tests.services.stage import Lab, Notes, Stage

pytestmark = pytest.mark.provider

TEXTS = ("We have three times on Tuesday.", "Nine, ten thirty, or four.", "Which one suits you?")
OTHER = {"elevenlabs": "cartesia", "cartesia": "elevenlabs"}


@pytest.fixture(params=["elevenlabs", "cartesia"])
def vendor(request: pytest.FixtureRequest) -> str:
    """Each test runs with each voice as the first one."""
    return str(request.param)


@pytest.fixture
def mouth(lab: Lab, notes: Notes) -> Mouth:
    """Builds stations."""
    return Mouth(lab, notes)


def check_words(stage: Stage, mouth: Mouth, stand_in: str) -> None:
    """Every clause was said to its end, in order; within one, at most a word was said twice."""
    assert said(stage) == ["1.1", "1.2", "1.3"]
    assert not lost(stage)
    before: list[Frame] = []
    place = 0
    for frame in stage.down:
        if isinstance(frame, PlayheadFrame):
            if frame.is_within:
                continue
            place = 0 if frame.is_end else frame.chars
            before = [] if frame.is_end else before
        elif isinstance(frame, VoiceSwitchedFrame):
            text = TEXTS[int(frame.clause_id.split(".")[1]) - 1]
            assert frame.voice == stand_in
            assert mouth.asked(stand_in)[0] == text[place:].strip()
            heard, words = audio_chars(before), text[place:].split()
            assert place <= heard + 2  # nothing is passed over that was not heard
            assert heard <= place + len(words[0]) + 2  # and no more than a word is said again
            return
        else:
            before.append(frame)


PLACES = {"elevenlabs": {"first": 1, "middle": 18, "last": 33},
          "cartesia": {"first": 2, "middle": 30, "last": 52}}  # fmt: skip
MIDDLE: list[tuple[str, dict[str, Any]]] = [
    ("quota", {}),
    ("stall", {}),
    ("close", {"code": 1011}),
    ("close", {"code": 1008}),
    ("close", {"code": 1000}),
    ("reset_peer", {}),
]


@pytest.mark.parametrize("place", ["first", "middle", "last"])
@pytest.mark.parametrize(("shape", "more"), MIDDLE, ids=[f"{m[0]}{m[1]}" for m in MIDDLE])
async def test_another_voice_goes_on_where_the_first_one_stopped(
    lab: Lab, notes: Notes, mouth: Mouth, vendor: str, place: str, shape: str, more: dict[str, Any]
) -> None:
    """The reply is told to nobody as lost; the fault is counted, and the record names it."""
    lab.fault(vendor, shape, moment="request", after=PLACES[vendor][place], **more)
    lab.world.knobs.elevenlabs.chunk_s = lab.world.knobs.cartesia.chunk_s = 0.1
    stage = Stage(mouth.build(vendor, OTHER[vendor], budget_s=0.3 if shape == "stall" else 2.0))
    async with stage.open():
        await stage.play(*reply(*TEXTS))
        await stage.until(ends(stage))
        check_words(stage, mouth, OTHER[vendor])
        assert notes.of(FAILOVERS) == 1
        assert notes.of(PROVIDER_FAULTS, provider=vendor) == len(faults(stage)) == 1
        # the call stays with the voice that took over
        await stage.play(*reply("And now?", number=2))
        await stage.until(ends(stage, 2))
    assert [f.voice for f in stage.seen(ClauseFrame)][-1] == OTHER[vendor]
    assert notes.of(FAILOVERS) == 1


SILENT: list[tuple[str, dict[str, Any]]] = [
    ("http_status", {"status": 401}),
    ("http_status", {"status": 402}),
    ("http_status", {"status": 403}),
    ("http_status", {"status": 429}),
    ("http_status", {"status": 500}),
    ("http_status", {"status": 503}),
    ("down", {}),
    ("accept_then_close", {"code": 1011}),
    ("accept_then_close", {"code": 1008}),
    ("half_open", {}),
    ("black_hole", {"moment": "connect"}),
    ("black_hole", {"moment": "request"}),
    ("wrong_context", {}),
    ("stall", {"after": 0}),
    ("expire", {}),
    ("quota", {"after": 0}),
    ("latency", {"delay_s": 30.0, "moment": "request"}),
]


@pytest.mark.parametrize(("shape", "more"), SILENT, ids=[f"{m[0]}{m[1]}" for m in SILENT])
async def test_a_voice_without_a_sound_is_replaced_before_anybody_misses_it(
    lab: Lab, notes: Notes, mouth: Mouth, vendor: str, shape: str, more: dict[str, Any]
) -> None:
    """All of the reply is in the other voice."""
    lab.fault(vendor, shape, for_next=20, **more)
    stage = Stage(mouth.build(vendor, OTHER[vendor], budget_s=0.3))
    async with stage.open():
        await stage.play(*reply(*TEXTS))
        await stage.until(ends(stage))
    check_words(stage, mouth, OTHER[vendor])
    assert {f.voice for f in stage.seen(ClauseFrame)} == {OTHER[vendor]}
    assert mouth.asked(OTHER[vendor])[:3] == list(TEXTS)
    assert notes.of(REPLIES_LOST) == 0
    assert notes.of(PROVIDER_FAULTS, provider=vendor) >= 1


@pytest.mark.parametrize(
    ("shape", "more"),
    [
        ("slicer", {"bytes": 50}),
        ("duplicate", {}),
        ("swap", {"after": 2}),
        ("unknown_type", {"after": 2}),
        ("garbage", {"after": 2}),
        ("missing_fields", {}),
        ("late", {}),
        ("slow_close", {"moment": "connect"}),
    ],
)
async def test_what_harms_no_word_is_survived_with_the_same_voice(
    lab: Lab, notes: Notes, mouth: Mouth, vendor: str, shape: str, more: dict[str, Any]
) -> None:
    """An oddity of the protocol is no reason to sound like somebody else."""
    lab.fault(vendor, shape, **{"moment": "request", **more})
    stage = Stage(mouth.build(vendor, OTHER[vendor]))
    async with stage.open():
        await stage.play(*reply(*TEXTS))
        await stage.until(ends(stage))
    assert said(stage) == ["1.1", "1.2", "1.3"]
    assert {f.voice for f in stage.seen(ClauseFrame)} == {vendor}
    assert notes.of(FAILOVERS) == 0
    assert not faults(stage)
    if shape == "duplicate":
        assert audio_chars(stage.down) < 1.2 * sum(len(text) for text in TEXTS)


async def test_a_trickle_is_left_when_the_ear_runs_dry(
    lab: Lab, notes: Notes, mouth: Mouth, vendor: str
) -> None:
    """A voice too slow to be listened to is late, though it never stops."""
    lab.fault(vendor, "bandwidth", bytes_per_s=200, moment="request")
    stage = Stage(mouth.build(vendor, OTHER[vendor], budget_s=0.3))
    async with stage.open():
        await stage.play(*reply(*TEXTS))
        await stage.until(ends(stage))
    check_words(stage, mouth, OTHER[vendor])
    assert notes.of(FAILOVERS) == 1


async def test_the_first_to_sound_goes_on_when_the_late_one_comes_after_all(
    lab: Lab, notes: Notes, mouth: Mouth, vendor: str
) -> None:
    """The stand-in was asked as well, and is stopped: the voice does not change for nothing."""
    lab.fault(vendor, "stall", after=0, for_s=0.4, moment="request")
    lab.fault(OTHER[vendor], "black_hole", moment="request")
    stage = Stage(mouth.build(vendor, OTHER[vendor], budget_s=0.2))
    async with stage.open():
        await stage.play(*reply("Yes."))
        await stage.until(ends(stage))
    assert said(stage) == ["1.1"]
    assert stage.seen(ClauseFrame)[0].voice == vendor
    assert notes.of(FAILOVERS) == 0
    assert set(faults(stage)) == {ProviderSlow}
    assert mouth.asked(OTHER[vendor]) == ["Yes."]


async def test_a_word_is_not_cut_in_two_by_silence(lab: Lab, mouth: Mouth, vendor: str) -> None:
    """A late voice is given the lead it has: nobody is asked while there is sound to play."""
    lab.fault(vendor, "stall", after=12, for_s=0.5, moment="request")
    lab.world.knobs.elevenlabs.chunk_s = lab.world.knobs.cartesia.chunk_s = 0.4
    stage = Stage(mouth.build(vendor, OTHER[vendor], budget_s=0.2))
    async with stage.open():
        await stage.play(*reply(*TEXTS))
        await stage.until(ends(stage))
    assert said(stage) == ["1.1", "1.2", "1.3"]
    assert not faults(stage)
    assert not mouth.asked(OTHER[vendor])


async def test_when_every_voice_fails_the_reply_is_cut_and_told_once(
    lab: Lab, notes: Notes, mouth: Mouth, vendor: str
) -> None:
    """What was said stays; no clause that was not said leaves the station."""
    lab.fault(vendor, "quota", after=PLACES[vendor]["middle"], moment="request")
    lab.fault(OTHER[vendor], "http_status", status=403, for_next=20)
    lab.world.knobs.elevenlabs.chunk_s = lab.world.knobs.cartesia.chunk_s = 0.1
    stage = Stage(mouth.build(vendor, OTHER[vendor]))
    async with stage.open():
        await stage.play(*reply(*TEXTS))
        await stage.until(ends(stage))
        assert set(faults(stage)) == {ProviderRefused}
        assert len(lost(stage)) == 1
    assert notes.of(REPLIES_LOST) == 1
    told = story(stage.down)
    assert told[-3:] == [f"end {said(stage)[-1]}", "stopped", "end"]
    assert [word for word in told if word.startswith("clause")] == [
        f"clause {name}" for name in said(stage)
    ]
    assert "1.3" not in said(stage)


async def test_an_interruption_while_voices_change_leaves_silence(
    lab: Lab, notes: Notes, mouth: Mouth, vendor: str
) -> None:
    """Both are stopped, and the next reply is the stand-in's or the first one's, whole."""
    lab.fault(vendor, "stall", after=2, moment="request")
    lab.fault(OTHER[vendor], "latency", delay_s=0.3, moment="request")
    stage = Stage(mouth.build(vendor, OTHER[vendor], budget_s=0.1))
    async with stage.open():
        await stage.play(*reply(*TEXTS))
        await stage.until(lambda: mouth.asked(OTHER[vendor]), "the other one is asked")
        await stage.play(InterruptionFrame())
        await stage.until(lambda: stage.seen(InterruptionFrame))
        at = stage.down.index(stage.seen(InterruptionFrame)[0])
        await stage.play(*reply("Yes?", number=2))
        await stage.until(ends(stage))
    after = story(stage.down[at:])
    assert after == ["start", "clause 2.1", "started", "audio", "end 2.1", "stopped", "end"]
    assert not lost(stage)


async def test_an_answer_begun_early_is_carried_on_and_can_still_be_withdrawn(
    lab: Lab, mouth: Mouth, vendor: str
) -> None:
    """All that the stand-in says belongs to the guess, and costs it."""
    guess = Guess("hello")
    lab.fault(vendor, "close", after=PLACES[vendor]["first"], moment="request")
    stage = Stage(mouth.build(vendor, OTHER[vendor]))
    frames = reply(*TEXTS)
    for frame in frames:
        mark(frame, guess)
    async with stage.open():
        await stage.play(*frames[:2])
        await stage.until(lambda: said(stage) == ["1.1"])
        assert all(f.metadata.get("guess") is guess for f in stage.seen(TTSAudioRawFrame))
        assert guess.spent["characters"] > len(TEXTS[0])
        guess.settle(Verdict.WITHDRAWN, wasted=lambda kind, amount: None)
        await stage.play(EagerEndOfTurnCancelFrame())
        await stage.until(lambda: stage.seen(EagerEndOfTurnCancelFrame))
        await stage.play(*frames[2:], *reply("Hello.", number=2))
        await stage.until(ends(stage))
    assert said(stage) == ["1.1", "2.1"]
    assert len(stage.seen(LLMFullResponseEndFrame)) == 1


MINUTE = "ha " * 400  # a minute of sound


async def test_a_stall_is_noticed_though_a_withdrawn_answer_had_much_to_say(
    lab: Lab, mouth: Mouth, vendor: str
) -> None:
    """What the gate dropped keeps nobody's ear full."""
    guess = Guess("hello")
    frames = reply(MINUTE)
    for frame in frames:
        mark(frame, guess)
    stage = Stage(mouth.build(vendor, OTHER[vendor], budget_s=0.3))
    async with stage.open():
        await stage.play(*frames)
        await stage.until(ends(stage))
        guess.settle(Verdict.WITHDRAWN, wasted=lambda kind, amount: None)
        await stage.play(EagerEndOfTurnCancelFrame())
        lab.fault(vendor, "stall", after=2, moment="request")
        await stage.play(*reply(TEXTS[0], number=2))
        await stage.until(ends(stage, 2))
    assert [f.voice for f in stage.seen(VoiceSwitchedFrame)] == [OTHER[vendor]]


async def test_a_stall_is_noticed_when_the_wire_says_that_the_ear_runs_dry(
    lab: Lab, mouth: Mouth, vendor: str
) -> None:
    """It has played sooner, or dropped, what the voice's own reckoning counts on."""
    lab.fault(vendor, "stall", moment="request", after=1, when_words="Yes")
    station = mouth.build(vendor, OTHER[vendor], budget_s=0.3)
    stage, now = Stage(station), asyncio.get_running_loop().time
    async with stage.open():
        await stage.play(*reply(MINUTE.strip()))
        await stage.until(ends(stage))
        await stage.play(*reply("Yes, that will do nicely.", number=2))
        await stage.until(lambda: (timer := station._timer) and timer.when() > now() + 10.0)
        end = next(head for head in stage.seen(PlayheadFrame) if head.is_end)
        played = PlayedToFrame(clause_id="1.1", chars=end.chars, is_end=True, at=time.monotonic())
        await stage.play(played)
        await stage.until(ends(stage, 2))
    assert [f.voice for f in stage.seen(VoiceSwitchedFrame)] == [OTHER[vendor]]


@pytest.mark.parametrize("verdict", [Verdict.KEPT, Verdict.WITHDRAWN])
async def test_an_answer_begun_early_is_lost_only_if_it_was_to_be_said(
    lab: Lab, mouth: Mouth, vendor: str, verdict: Verdict
) -> None:
    """The caller may still be speaking: nobody gives the call up for a guess."""
    guess = Guess("hello")
    for name in (vendor, OTHER[vendor]):
        lab.fault(name, "http_status", status=403, for_next=None)
    stage = Stage(mouth.build(vendor, OTHER[vendor]))
    frames = reply("One.")
    for frame in frames:
        mark(frame, guess)
    async with stage.open():
        await stage.play(*frames)
        await stage.until(ends(stage))
        assert not lost(stage)
        guess.settle(verdict, wasted=lambda kind, amount: None)
        guess.announce()
        await stage.play(*reply(number=2))
        await stage.until(ends(stage, 2))
    assert len(lost(stage)) == (2 if verdict is Verdict.KEPT else 1)


async def test_a_call_begins_with_the_stand_in_while_the_first_voice_is_gone_round(
    lab: Lab, notes: Notes, mouth: Mouth, vendor: str
) -> None:
    """What one call met, the next one knows."""
    shared = Voices(
        tolerance=Tolerance(first_byte_budget_s=2.0, faults_to_open=2, probe_s=60.0), recorder=notes
    )
    lab.fault(vendor, "http_status", status=401, for_next=2)
    first = Stage(mouth.build(vendor, OTHER[vendor], shared=shared))
    async with first.open():
        await first.play(*reply("One."))
        await first.until(ends(first))
    assert shared.gone_round == 1
    second = Stage(mouth.build(vendor, OTHER[vendor], shared=shared))
    async with second.open():
        await second.play(*reply("Two."))
        await second.until(ends(second))
    assert second.seen(ClauseFrame)[0].voice == OTHER[vendor]
    assert mouth.asked(vendor) == []


async def test_garbage_without_end_is_not_listened_to_for_ever(
    lab: Lab, notes: Notes, mouth: Mouth
) -> None:
    """A connection of which nothing can be read is left at once."""
    station = mouth.build("elevenlabs", "cartesia", budget_s=30.0, stall_s=60.0)
    stage = Stage(station)
    lab.fault("elevenlabs", "stall", after=0, moment="request")
    async with stage.open():
        await stage.play(*reply("One."))
        await stage.until(lambda: mouth.asked("elevenlabs"))
        voice: Any = station.cast.members[0].voice
        for number in range(3):
            await voice._home.received("{" * (number + 1))
        await stage.until(ends(stage))
        await asyncio.sleep(0)
    assert said(stage) == ["1.1"]
    assert faults(stage) == [ProviderBroke]


async def test_a_process_that_stood_still_reads_before_it_calls_a_voice_late(
    lab: Lab, notes: Notes, mouth: Mouth, vendor: str
) -> None:
    """The sound had come, and nobody was there to hear it."""
    lab.fault(vendor, "latency", delay_s=0.1, moment="request")
    stage = Stage(mouth.build(vendor, OTHER[vendor], budget_s=0.3))
    async with stage.open():
        await stage.play(*reply(TEXTS[0]))
        await stage.until(lambda: mouth.asked(vendor))
        time.sleep(0.4)  # noqa: ASYNC251 - the process itself
        await stage.until(ends(stage))
    assert said(stage) == ["1.1"]
    assert notes.of(FAILOVERS) == 0
