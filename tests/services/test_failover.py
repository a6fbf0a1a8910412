"""The station that speaks, through each voice of the lab alone: order, interruption, its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    EndFrame,
    ErrorFrame,
    Frame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
)
from pipecat.utils.errors import ErrorCategory

from call.errors import (
    ProviderBusy,
    ProviderDown,
    ProviderFault,
    ProviderRefused,
    ProviderSlow,
)
from call.measures import (
    FAILOVERS,
    PROVIDER_FAULTS,
    PROVIDER_GARBAGE,
    PROVIDER_UNKNOWN,
    REPLIES_LOST,
    TTS_CHARACTERS,
    Moment,
)
from call.recovery import Line, Remedy, Step
from call.speculation import Guess, Verdict
from frames.recovery import remedy_of
from frames.speculation import guess_of, mark
from frames.speech import ClauseFrame, PlayheadFrame
from services.failover import FailoverTTS
from tests.services.mouth import (
    GREETING,
    Mouth,
    clause_ends,
    ends,
    faults,
    lost,
    reply,
    said,
    story,
)
from tests.services.stage import CHAR_MS, Lab, Notes, Stage

pytestmark = pytest.mark.provider
Build = Callable[..., FailoverTTS]


@pytest.fixture(params=["elevenlabs", "cartesia"])
def vendor(request: pytest.FixtureRequest) -> str:
    """Each test runs with each voice."""
    return str(request.param)


@pytest.fixture
def build(lab: Lab, notes: Notes, vendor: str) -> Build:
    """A station that speaks through the lab's voice."""
    return lambda **knobs: Mouth(lab, notes).build(vendor, **knobs)


async def test_a_reply_comes_out_in_the_order_a_listener_needs(
    build: Build, notes: Notes, vendor: str
) -> None:
    """Each clause's playhead stands right behind its last sample, in a context they share."""
    stage = Stage(build())
    async with stage.open():
        await stage.play(*reply())
        await stage.until(ends(stage))
    assert [w for w in story(stage.down) if not w.startswith("clause")] == [
        "start", "started", "audio", "end 1.1", "audio", "end 1.2", "stopped", "end",
    ]  # fmt: skip
    told = story(stage.down)
    assert told.index("clause 1.1") < told.index("audio")
    assert told.index("end 1.1") < told.index("clause 1.2") < told.index("end 1.2")
    heads = clause_ends(stage)
    assert [(h.chars, h.is_end) for h in heads] == [(len(t), True) for t in GREETING]
    before = stage.down[: stage.down.index(heads[0])]
    first = sum(len(f.audio) for f in before if isinstance(f, TTSAudioRawFrame)) / 16
    assert abs(first - (len(GREETING[0]) + 1) * CHAR_MS) <= 2 * CHAR_MS
    assert notes.of(TTS_CHARACTERS, provider=vendor) == sum(map(len, GREETING))
    assert [name for name, _ in notes.moments] == [Moment.CLAUSE_SENT, Moment.TTS_FIRST_BYTE]


async def test_the_ends_of_words_are_told_where_they_are_heard(build: Build) -> None:
    """How far the ear got is known to the word, by the provider's own alignment."""
    stage = Stage(build())
    async with stage.open():
        await stage.play(*reply("Good morning, this is Harbour Dental."))
        await stage.until(ends(stage))
    heads, samples = [], 0
    for frame in stage.down:
        if isinstance(frame, TTSAudioRawFrame):
            samples += len(frame.audio) // 2
        elif isinstance(frame, PlayheadFrame) and not (frame.is_end or frame.is_within):
            heads.append((frame.chars, samples))
    assert [chars for chars, _ in heads] == [4, 13, 18, 21, 29]
    assert all(abs(at - chars * CHAR_MS * 8) <= 8 * CHAR_MS for chars, at in heads)


async def test_audio_is_pcm_at_telephone_rate(build: Build) -> None:
    """µ-law from the provider is decoded here, nothing is resampled."""
    stage = Stage(build())
    async with stage.open():
        await stage.play(*reply("Hi there."))
        await stage.until(ends(stage))
    for frame in stage.seen(TTSAudioRawFrame):
        assert (frame.sample_rate, frame.num_channels) == (8000, 1)
        assert len(frame.audio) == 2 * frame.num_frames
    loudest = max(max(f.audio) for f in stage.seen(TTSAudioRawFrame))
    assert loudest > 0


async def test_a_clause_is_spoken_without_waiting_for_the_next(build: Build) -> None:
    """Its audio and its end come while the model still writes."""
    stage = Stage(build())
    start, first, second, end = reply()
    async with stage.open():
        await stage.play(start, first)
        await stage.until(lambda: clause_ends(stage))
        await stage.play(second, end)
        await stage.until(ends(stage))
    assert story(stage.down) == [
        "start", "clause 1.1", "started", "audio", "end 1.1",
        "clause 1.2", "audio", "end 1.2", "stopped", "end",
    ]  # fmt: skip


async def test_a_reply_without_a_clause_passes(build: Build) -> None:
    """The model only called a tool."""
    stage = Stage(build())
    async with stage.open():
        await stage.play(LLMFullResponseStartFrame(), LLMFullResponseEndFrame())
        await stage.until(ends(stage))
    assert story(stage.down) == ["start", "end"]


async def test_what_comes_behind_a_reply_waits_for_it(build: Build) -> None:
    """Replies, and the end of the call, keep their order."""
    stage = Stage(build())
    async with stage.open():
        await stage.play(*reply("One."), TTSSpeakFrame("aside"), *reply("Two.", number=2))
        await stage.end()
        await stage.until(lambda: stage.seen(EndFrame))
    assert story(stage.down) == [
        "start", "clause 1.1", "started", "audio", "end 1.1", "stopped", "end",
        "start", "clause 2.1", "started", "audio", "end 2.1", "stopped", "end",
    ]  # fmt: skip
    aside = stage.down.index(stage.seen(TTSSpeakFrame)[0])
    assert isinstance(stage.down[aside - 1], LLMFullResponseEndFrame)


async def test_an_empty_clause_ends_without_a_sound(build: Build) -> None:
    """Nothing is sent for it, and nobody waits for it."""
    stage = Stage(build())
    async with stage.open():
        await stage.play(*reply("", "Hello."))
        await stage.until(ends(stage))
    assert said(stage) == ["1.1", "1.2"]


async def test_an_interruption_stops_the_voice_here_and_there(
    lab: Lab, build: Build, vendor: str
) -> None:
    """Nothing of the reply comes out behind it, and the provider is told."""
    getattr(lab.world.knobs, vendor).pace = 1.0
    stage = Stage(build())
    async with stage.open():
        await stage.play(*reply("A long sentence that takes a while to say, as some do."))
        await stage.until(lambda: stage.seen(TTSAudioRawFrame))
        await stage.play(InterruptionFrame())
        await stage.until(lambda: stage.seen(InterruptionFrame))
        at = stage.down.index(stage.seen(InterruptionFrame)[0])
        word = "close_context" if vendor == "elevenlabs" else "cancel"
        await stage.until(
            lambda: any(e["message"].get(word) for e in lab.entries(vendor, "message"))
        )
        getattr(lab.world.knobs, vendor).pace = 0.0
        await stage.play(*reply("Yes?", number=2))
        await stage.until(ends(stage))
    assert story(stage.down[at:]) == [
        "start", "clause 2.1", "started", "audio", "end 2.1", "stopped", "end",
    ]  # fmt: skip
    assert not stage.risen(ErrorFrame)


async def test_late_audio_of_a_cancelled_reply_is_dropped(
    lab: Lab, build: Build, vendor: str
) -> None:
    """It carries the old context."""
    getattr(lab.world.knobs, vendor).pace = 1.0
    lab.fault(vendor, "late", messages=2, delay_s=0.02, moment="request")
    stage = Stage(build())
    async with stage.open():
        await stage.play(*reply("A long sentence that takes a while to say."))
        await stage.until(lambda: stage.seen(TTSAudioRawFrame))
        await stage.play(InterruptionFrame())
        await stage.until(lambda: stage.seen(InterruptionFrame))
        at = len(stage.down)
        await asyncio.sleep(0.05)
        assert not [f for f in stage.down[at:] if isinstance(f, TTSAudioRawFrame)]


async def test_a_disclosure_survives_an_interruption(lab: Lab, build: Build, vendor: str) -> None:
    """Clauses that may not be interrupted are spoken to their end, with audio that says so."""
    getattr(lab.world.knobs, vendor).pace = 4.0
    stage = Stage(build())
    async with stage.open():
        await stage.play(*reply("This call is with a machine.", interruptible=False))
        await stage.play(*reply("How can I help?", number=2))
        await stage.until(lambda: stage.seen(TTSAudioRawFrame))
        await stage.play(InterruptionFrame())
        await stage.until(ends(stage))
        await asyncio.sleep(0.02)
    assert story(stage.down) == [
        "start", "clause 1.1", "started", "audio", "end 1.1", "stopped", "end",
    ]  # fmt: skip
    speech = (TTSStartedFrame, TTSAudioRawFrame, PlayheadFrame, TTSStoppedFrame)
    assert not any(f.interruptible for f in stage.down if isinstance(f, speech))


DOOR = [
    (401, ProviderRefused, ErrorCategory.AUTHENTICATION),
    (403, ProviderRefused, ErrorCategory.INVALID_REQUEST),
    (429, ProviderBusy, ErrorCategory.RATE_LIMIT),
    (500, ProviderDown, ErrorCategory.SERVER),
    (503, ProviderDown, ErrorCategory.SERVER),
]


@pytest.mark.parametrize(("status", "kind", "category"), DOOR)
async def test_a_voice_that_is_refused_and_has_no_stand_in_ends_the_reply(
    lab: Lab,
    notes: Notes,
    build: Build,
    vendor: str,
    status: int,
    kind: type[ProviderFault],
    category: ErrorCategory,
) -> None:
    """It is tried again where that can help, then the reply is told to be lost; nothing of it is
    taken for said. The next one tries again, and is spoken."""
    again = 1 if kind is ProviderRefused else 2
    lab.fault(vendor, "http_status", status=status, retry_after_s=2.0, for_next=1 + again)
    stage = Stage(build())
    async with stage.open():
        await stage.until(lambda: faults(stage))  # at once, before anybody speaks
        assert not lost(stage)
        await stage.play(*reply())
        await stage.until(ends(stage))
        error = lost(stage)[0]
        assert remedy_of(error) == Remedy(Step.GIVE_UP, Line.APOLOGY)
        assert type(error.exception) is kind
        assert error.category is category
        assert isinstance(error.exception, ProviderFault)
        assert error.exception.retry_after_s == 2.0
        assert story(stage.down) == ["start", "end"]
        await stage.play(*reply(number=2))
        await stage.until(ends(stage, 2))
    assert said(stage) == ["2.1", "2.2"]
    assert notes.of(PROVIDER_FAULTS, provider=vendor) == 1 + again
    assert notes.of(REPLIES_LOST) == len(lost(stage)) == 1
    assert len(faults(stage)) == 1 + again


@pytest.mark.parametrize("code", [1011, 1008, 1013])
async def test_a_voice_without_a_stand_in_goes_on_over_a_new_connection(
    lab: Lab, notes: Notes, build: Build, vendor: str, code: int
) -> None:
    """Nothing is lost and nothing said twice; there was no other voice, so no failover."""
    lab.fault(vendor, "close", after=1, code=code, moment="request")
    stage = Stage(build())
    async with stage.open():
        await stage.play(*reply())
        await stage.until(ends(stage))
    assert said(stage) == ["1.1", "1.2"]
    assert not lost(stage)
    assert notes.of(PROVIDER_FAULTS, provider=vendor) == len(faults(stage)) == 1
    assert notes.of(FAILOVERS) == 0


async def test_a_reply_that_no_voice_can_end_is_cut_where_it_stopped(
    lab: Lab, notes: Notes, build: Build, vendor: str
) -> None:
    """The clause is cut with the characters that were spoken; the rest never leaves."""
    lab.fault(vendor, "quota", after=3, moment="request")
    stage = Stage(build())
    start, first, second, end = reply("One two three four five six seven eight nine ten.", "More.")
    async with stage.open():
        await stage.play(start, first)
        await stage.until(lambda: lost(stage))
        await stage.play(second, end)
        await stage.until(ends(stage))
    assert story(stage.down) == [
        "start", "clause 1.1", "started", "audio", "cut 1.1", "end 1.1", "stopped", "end",
    ]  # fmt: skip
    head = clause_ends(stage)[0]
    spoken_ms = sum(len(f.audio) for f in stage.seen(TTSAudioRawFrame)) / 16
    assert 0 < head.chars * CHAR_MS <= spoken_ms + CHAR_MS
    assert faults(stage) == [ProviderRefused]
    assert notes.of(REPLIES_LOST) == 1


@pytest.mark.parametrize("shape", ["stall", "black_hole", "wrong_context"])
async def test_a_voice_that_stays_silent_is_not_waited_for_for_ever(
    lab: Lab, build: Build, vendor: str, shape: str
) -> None:
    """The reply ends, with what came of it."""
    more = {"after": 1} if shape == "stall" else {}
    lab.fault(vendor, shape, moment="request", **more)
    stage = Stage(build(budget_s=0.1, stall_s=0.2))
    async with stage.open():
        await stage.play(*reply())
        await stage.until(ends(stage))
        assert isinstance(lost(stage)[0].exception, ProviderSlow)
        assert "1.2" not in said(stage)
        await stage.play(*reply(number=2))
        await stage.until(ends(stage, 2))
    assert said(stage)[-2:] == ["2.1", "2.2"]


async def test_an_idle_connection_that_closes_is_nobodys_trouble(
    lab: Lab, build: Build, vendor: str
) -> None:
    """No error; the next reply is spoken over a new one."""
    stage = Stage(build())
    async with stage.open():
        await stage.play(*reply("One."))
        await stage.until(ends(stage))
        await lab.world.restart(lab.world.faults.add({"provider": vendor, "shape": "restart"}))
        await stage.until(lambda: lab.entries(vendor, "closed"))
        await stage.play(*reply("Two.", number=2))
        await stage.until(ends(stage, 2))
    assert [h.clause_id for h in clause_ends(stage)] == ["1.1", "2.1"]
    assert not stage.risen(ErrorFrame)


@pytest.mark.parametrize(
    ("shape", "measure"), [("garbage", PROVIDER_GARBAGE), ("unknown_type", PROVIDER_UNKNOWN)]
)
async def test_what_cannot_be_read_is_counted_and_survived(
    lab: Lab, notes: Notes, build: Build, vendor: str, shape: str, measure: Any
) -> None:
    """The reply is spoken to its end."""
    lab.fault(vendor, shape, moment="request")
    stage = Stage(build())
    async with stage.open():
        await stage.play(*reply())
        await stage.until(ends(stage))
    assert notes.of(measure, provider=vendor) == 1
    assert said(stage) == ["1.1", "1.2"]


async def test_without_timing_the_reply_still_ends(lab: Lab, build: Build, vendor: str) -> None:
    """Optional fields are left out, alignment among them: the ends come late, not never."""
    lab.fault(vendor, "missing_fields", moment="request")
    stage = Stage(build())
    async with stage.open():
        await stage.play(*reply())
        await stage.until(ends(stage))
    assert said(stage) == ["1.1", "1.2"]


async def test_a_model_that_pauses_longer_than_a_context_lives_is_spoken_on(
    lab: Lab, build: Build, vendor: str
) -> None:
    """The rest goes into a new context, without a fault."""
    if vendor == "elevenlabs":
        lab.world.knobs.elevenlabs.inactivity_s = 0.1
    else:
        lab.world.knobs.cartesia.expire_s = 0.05
    station = build()
    station.cast.lead.voice.context_life_s = 0.04 if vendor == "cartesia" else 0.0
    stage = Stage(station)
    start, first, second, end = reply()
    async with stage.open():
        await stage.play(start, first)
        await stage.until(lambda: clause_ends(stage))
        if vendor == "elevenlabs":
            await stage.until(lambda: not station.is_asking, "the vendor closed the context")
        else:
            await asyncio.sleep(0.05)
        await stage.play(second, end)
        await stage.until(ends(stage))
    assert said(stage) == ["1.1", "1.2"]
    assert not stage.risen(ErrorFrame)


async def test_cancelling_the_call_is_fast_while_the_voice_is_deaf(
    lab: Lab, build: Build, vendor: str
) -> None:
    """Nothing waits for a half-open socket."""
    lab.fault(vendor, "half_open", moment="connect")
    stage = Stage(build())
    async with stage.open():
        await stage.play(*reply())
        began = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - began < 2.0


def begun_early(guess: Guess, *texts: str, number: int = 1) -> list[Frame]:
    """A reply whose turn is not decided yet."""
    frames = reply(*texts, number=number)
    for frame in frames:
        mark(frame, guess)
    return frames


async def test_all_that_an_answer_begun_early_sounds_like_says_so(build: Build) -> None:
    """So that the gate behind the voice can hold it; the next reply is nobody's guess."""
    guess, stage = Guess("hello"), Stage(build())
    async with stage.open():
        await stage.play(*begun_early(guess), *reply(number=2))
        await stage.until(ends(stage, 2))
    speech = (TTSStartedFrame, TTSAudioRawFrame, PlayheadFrame, TTSStoppedFrame, ClauseFrame)
    cut = stage.down.index(stage.seen(LLMFullResponseEndFrame)[0])
    assert {guess_of(f) for f in stage.down[:cut] if isinstance(f, speech)} == {guess}
    assert {guess_of(f) for f in stage.down[cut + 1 :] if isinstance(f, speech)} == {None}
    assert guess.spent["characters"] == sum(map(len, GREETING))


async def test_a_withdrawn_answer_is_cancelled_at_the_voice(
    build: Build, lab: Lab, vendor: str
) -> None:
    """Its rest is swallowed, whatever is still on its way, and the phrase behind it is spoken."""
    guess, stage = Guess("hello"), Stage(build())
    frames = begun_early(guess)
    async with stage.open():
        await stage.play(*frames[:2])
        await stage.until(lambda: stage.seen(TTSAudioRawFrame))
        guess.settle(Verdict.WITHDRAWN, wasted=lambda kind, amount: None)
        await stage.play(EagerEndOfTurnCancelFrame())
        await stage.until(lambda: stage.seen(EagerEndOfTurnCancelFrame))
        await stage.play(*frames[2:], *reply("Are you there?", number=2, interruptible=False))
        await stage.until(ends(stage))
    told = story(stage.down)
    assert told[-1] == "end"
    assert "clause 1.2" not in told
    assert "end 2.1" in told
    assert not stage.risen(ErrorFrame)
