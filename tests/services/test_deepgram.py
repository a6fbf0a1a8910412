"""The recogniser's station against the emulated Deepgram."""

from __future__ import annotations

import asyncio
import struct
from functools import partial
from typing import Any

import pytest
from pipecat.frames.frames import (
    ErrorFrame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    STTMetadataFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.utils.errors import ErrorCategory

from call.audio import FRAME_S
from call.errors import (
    ProviderBroke,
    ProviderBusy,
    ProviderDown,
    ProviderFault,
    ProviderRefused,
    ProviderSlow,
)
from call.measures import (
    PROVIDER_FAULTS,
    PROVIDER_GARBAGE,
    PROVIDER_UNKNOWN,
    STT_CONFIDENCE,
    STT_GONE,
    STT_RECONNECTS,
    STT_SHED,
    Moment,
)
from frames.floor import VoiceEbbFrame, VoiceOnsetFrame
from frames.recovery import HearingBackFrame, HearingLostFrame
from frames.turns import STTFinalizedFrame
from services.deepgram import DeepgramSTT
from services.deepgram_address import Deepgram
from tests.services.stage import Lab, Notes, Stage, serve

pytestmark = pytest.mark.provider

SPEECH = struct.pack("<h", 4000) * 160
SILENCE = bytes(320)


def recogniser(lab: Lab, notes: Notes, *, key: str = "k", **knobs: object) -> DeepgramSTT:
    """A station that listens to the lab."""
    # audio comes faster than real time here, so more of it may wait
    settings = Deepgram(**{"url": lab.ws, "backlog_s": 5.0, **knobs})  # type: ignore[arg-type]
    return DeepgramSTT(settings, key, recorder=notes, language="en", keyterms=["Harbour Dental"])


def audio(pcm: bytes, seconds: float) -> list[InputAudioRawFrame]:
    """20 ms frames."""
    return [InputAudioRawFrame(pcm, 8000, 1) for _ in range(round(seconds / 0.02))]


async def drop(lab: Lab, *, code: int = 0) -> None:
    """The vendor drops every connection, rudely or with a code."""
    spec = {"provider": "deepgram", "shape": "restart", "code": code}
    await lab.world.restart(lab.world.faults.add(spec))


def texts(stage: Stage) -> str:
    """All final words, in order."""
    return " ".join(f.text for f in stage.seen(TranscriptionFrame)).lower().replace(".", "")


def _has_settled(stage: Stage, count: int) -> bool:
    return len(stage.seen(STTFinalizedFrame)) >= count


def _finalizes(lab: Lab) -> int:
    return sum("Finalize" in entry["text"] for entry in lab.entries("deepgram", "message"))


async def speak(stage: Stage, seconds: float = 1.2) -> None:
    """The caller says something and stops, as the VAD sees it."""
    await stage.play(VADUserStartedSpeakingFrame())
    await stage.play(*audio(SPEECH, seconds), *audio(SILENCE, 0.2))
    await stage.play(VADUserStoppedSpeakingFrame(stop_secs=0.2))


async def test_words_come_while_spoken_and_the_answer_to_finalize_ends_them(
    lab: Lab, notes: Notes
) -> None:
    """Interims, then a final marked as such, then the frame that says that all is transcribed."""
    stage = Stage(recogniser(lab, notes))
    async with stage.open():
        await speak(stage)
        await stage.until(lambda: stage.seen(STTFinalizedFrame))
    assert stage.seen(InterimTranscriptionFrame)[0].text.lower().startswith("hello")
    (final,) = stage.seen(TranscriptionFrame)
    assert final.text.lower().rstrip(".") == "hello there"
    assert final.finalized
    assert not final.interruptible
    names = [type(f).__name__ for f in stage.down]
    assert names.index("TranscriptionFrame") < names.index("STTFinalizedFrame")


async def test_confidence_is_kept_on_the_frame_and_observed(lab: Lab, notes: Notes) -> None:
    """`result` has the vendor's own shape."""
    stage = Stage(recogniser(lab, notes))
    async with stage.open():
        await speak(stage)
        await stage.until(lambda: stage.seen(TranscriptionFrame))
    result = stage.seen(TranscriptionFrame)[0].result
    assert result is not None
    best = result.channel.alternatives[0]
    assert 0.5 < best.confidence <= 1
    assert best.words[0].word == "hello"
    assert (STT_CONFIDENCE.name, best.confidence) in notes.observed
    assert notes.stamped(Moment.STT_FINAL) >= 1


async def test_an_empty_answer_to_finalize_also_settles(lab: Lab, notes: Notes) -> None:
    """The recogniser ended the segment by itself: no words are left for Finalize to bring."""
    stage = Stage(recogniser(lab, notes, endpointing_ms=100, finalize_timeout_s=60.0))
    async with stage.open():
        await stage.play(VADUserStartedSpeakingFrame())
        await stage.play(*audio(SPEECH, 1.2), *audio(SILENCE, 0.6))
        await stage.until(lambda: stage.seen(TranscriptionFrame))
        assert not stage.seen(TranscriptionFrame)[0].finalized
        await stage.play(VADUserStoppedSpeakingFrame(stop_secs=0.2))
        await stage.until(lambda: stage.seen(STTFinalizedFrame))
    assert len(stage.seen(TranscriptionFrame)) == 1


async def test_words_asked_for_at_an_ebb_are_there_before_the_stop(lab: Lab, notes: Notes) -> None:
    """Finalize goes with the ebb and again with the stop; the stop waits for no answer, unless a
    voice came between."""
    stage = Stage(recogniser(lab, notes, finalize_timeout_s=60.0))
    async with stage.open():
        await stage.play(VADUserStartedSpeakingFrame())
        await stage.play(*audio(SPEECH, 1.2), *audio(SILENCE, 0.1), VoiceEbbFrame())
        await stage.until(lambda: stage.seen(TranscriptionFrame))
        assert not stage.seen(STTFinalizedFrame)
        lab.world.knobs.deepgram.finalize_when_empty = False
        await stage.play(VADUserStoppedSpeakingFrame(stop_secs=0.2))
        await stage.until(lambda: stage.seen(STTFinalizedFrame))
        await stage.until(lambda: _finalizes(lab) == 2)
        await stage.play(VADUserStartedSpeakingFrame(), VoiceEbbFrame(), VoiceOnsetFrame())
        await stage.play(VADUserStoppedSpeakingFrame(stop_secs=0.2))
        await stage.until(lambda: _finalizes(lab) == 4)
        assert len(stage.seen(STTFinalizedFrame)) == 1
    assert texts(stage) == "hello there"


async def test_an_unanswered_finalize_is_settled_by_a_bound(lab: Lab, notes: Notes) -> None:
    """The vendor does not promise an answer when nothing is buffered."""
    lab.world.knobs.deepgram.finalize_when_empty = False
    stage = Stage(recogniser(lab, notes, finalize_timeout_s=0.05))
    async with stage.open():
        await stage.play(VADUserStoppedSpeakingFrame(stop_secs=0.2))
        await stage.until(lambda: stage.seen(STTFinalizedFrame))
    assert len(stage.seen(STTFinalizedFrame)) == 1


async def test_each_finalize_settles_once(lab: Lab, notes: Notes) -> None:
    """An answered Finalize leaves no bound behind."""
    stage = Stage(recogniser(lab, notes, finalize_timeout_s=0.2))
    async with stage.open():
        for count in range(1, 4):
            await stage.play(VADUserStoppedSpeakingFrame(stop_secs=0.2))
            await stage.until(partial(_has_settled, stage, count))
        await asyncio.sleep(0.05)
    assert len(stage.seen(STTFinalizedFrame)) == 3


async def test_an_answer_that_comes_while_the_caller_speaks_again_settles_nothing(
    lab: Lab, notes: Notes
) -> None:
    """It belongs to a stop that is no longer the last."""
    lab.fault("deepgram", "latency", delay_s=0.04, moment="connect")
    stage = Stage(recogniser(lab, notes))
    async with stage.open():
        await stage.play(VADUserStartedSpeakingFrame(), *audio(SPEECH, 1.2))
        await stage.play(VADUserStoppedSpeakingFrame(stop_secs=0.2), VADUserStartedSpeakingFrame())
        await stage.until(lambda: stage.seen(TranscriptionFrame))
        assert not stage.seen(TranscriptionFrame)[0].finalized
        assert not stage.seen(STTFinalizedFrame)
        await stage.play(VADUserStoppedSpeakingFrame(stop_secs=0.2))
        await stage.until(lambda: stage.seen(STTFinalizedFrame))
    assert len(stage.seen(STTFinalizedFrame)) == 1


async def test_audio_goes_up_as_mulaw_and_ends_here(lab: Lab, notes: Notes) -> None:
    """One byte a sample on the wire, no audio frame below."""
    stage = Stage(recogniser(lab, notes))
    async with stage.open():
        await stage.play(*audio(SPEECH, 0.4))
        await stage.play(VADUserStoppedSpeakingFrame(stop_secs=0.2))
        await stage.until(lambda: stage.seen(STTFinalizedFrame))
        assert not stage.seen(InputAudioRawFrame)
    await stage.until(lambda: lab.entries("deepgram", "audio"))
    assert lab.entries("deepgram", "audio")[0]["bytes"] == 20 * 160


async def test_every_choice_is_explicit_in_the_query(lab: Lab, notes: Notes) -> None:
    """Endpointing above all: the vendor's default ends segments after 10 ms."""
    stage = Stage(recogniser(lab, notes, keyterms=("root canal",)))
    async with stage.open():
        await stage.until(lambda: lab.entries("deepgram", "open"))
    query = lab.entries("deepgram", "open")[0]["query"]
    assert query["encoding"] == "mulaw"
    assert query["sample_rate"] == "8000"
    assert query["endpointing"] == "300"
    assert query["interim_results"] == "true"
    assert query["keyterm"] == ["root canal", "Harbour Dental"]


async def test_the_turn_strategies_learn_its_latency(lab: Lab, notes: Notes) -> None:
    """Pipecat's strategies wait as long as this says."""
    stage = Stage(recogniser(lab, notes))
    async with stage.open():
        await stage.until(lambda: stage.seen(STTMetadataFrame))
    assert stage.seen(STTMetadataFrame)[0].ttfs_p99_latency == 0.35


@pytest.mark.parametrize(
    ("status", "kind", "category"),
    [
        (401, ProviderRefused, ErrorCategory.AUTHENTICATION),
        (400, ProviderRefused, ErrorCategory.INVALID_REQUEST),
        (429, ProviderBusy, ErrorCategory.RATE_LIMIT),
        (503, ProviderDown, ErrorCategory.SERVER),
    ],
)
async def test_a_refused_upgrade_is_a_typed_fault(
    lab: Lab, notes: Notes, status: int, kind: type[ProviderFault], category: ErrorCategory
) -> None:
    """The status decides who is at fault and whether asking again makes sense."""
    lab.fault("deepgram", "http_status", status=status, retry_after_s=2.0)
    stage = Stage(recogniser(lab, notes))
    async with stage.open():
        await stage.until(lambda: stage.risen(ErrorFrame))
        error = stage.risen(ErrorFrame)[0]
        assert isinstance(error.exception, kind)
        assert error.category is category
        assert error.exception.retry_after_s == 2.0
        assert error.exception.request_id
        if kind is ProviderRefused:
            await asyncio.sleep(0.05)
            assert not lab.entries("deepgram", "open")  # it is not asked again
        else:
            await stage.until(lambda: lab.entries("deepgram", "open"))
    assert notes.of(PROVIDER_FAULTS, provider="deepgram") == 1


async def test_a_dropped_connection_is_replaced_at_once_and_counted(lab: Lab, notes: Notes) -> None:
    """The next words are heard on the new one."""
    stage = Stage(recogniser(lab, notes))
    async with stage.open():
        await speak(stage)
        await stage.until(lambda: stage.seen(STTFinalizedFrame))
        await drop(lab)
        await stage.until(lambda: len(lab.entries("deepgram", "open")) == 2)
        await speak(stage)
        await stage.until(lambda: len(stage.seen(TranscriptionFrame)) == 2)
    assert isinstance(stage.risen(ErrorFrame)[0].exception, ProviderDown)
    assert notes.of(STT_RECONNECTS) == 1


@pytest.mark.parametrize(
    ("code", "kind"),
    [(1000, ProviderDown), (1008, ProviderBroke), (1011, ProviderDown), (1013, ProviderBusy)],
)
async def test_every_close_of_the_vendor_is_a_drop(
    lab: Lab, notes: Notes, code: int, kind: type[ProviderFault]
) -> None:
    """Also a clean one: Pipecat's own service says nothing of it and stays deaf for four seconds.
    What was said before it comes once, and who waits is told."""
    stage = Stage(recogniser(lab, notes))
    async with stage.open():
        await stage.play(VADUserStartedSpeakingFrame(), *audio(SPEECH, 1.0))
        await stage.until(lambda: stage.seen(InterimTranscriptionFrame))
        await drop(lab, code=code)
        await stage.until(lambda: stage.seen(HearingLostFrame))
        await stage.play(*audio(SILENCE, 0.2), VADUserStoppedSpeakingFrame(stop_secs=0.2))
        await stage.until(lambda: stage.seen(STTFinalizedFrame))
        await stage.until(lambda: stage.seen(HearingBackFrame))
    assert isinstance(stage.risen(ErrorFrame)[0].exception, kind)
    assert texts(stage) == "hello there"
    assert len(stage.seen(STTFinalizedFrame)) == 1
    assert notes.of(STT_RECONNECTS) == 1
    assert notes.of(PROVIDER_FAULTS, provider="deepgram") == 1
    # once each, and in both directions
    for kind_ in (HearingLostFrame, HearingBackFrame):
        assert len(stage.seen(kind_)) == len(stage.risen(kind_)) == 1
    assert STT_GONE.name in [name for name, _ in notes.observed]


async def test_a_drop_between_finalize_and_its_answer_loses_neither_words_nor_answer(
    lab: Lab, notes: Notes
) -> None:
    """Both are asked for again; times go on from where the call was."""
    lab.words += ["my", "name", "is", "smith"]
    stage = Stage(recogniser(lab, notes))
    async with stage.open():
        await speak(stage)
        await stage.until(lambda: stage.seen(STTFinalizedFrame))
        lab.fault("deepgram", "latency", delay_s=0.1, moment="connect")
        lab.words[:] = ["my", "name"]
        await drop(lab)  # the next connection answers late
        await stage.until(lambda: len(lab.entries("deepgram", "open")) == 2)
        await stage.play(VADUserStartedSpeakingFrame(), *audio(SPEECH, 1.0))
        await stage.play(VADUserStoppedSpeakingFrame(stop_secs=0.2))
        await stage.until(lambda: _finalizes(lab) == 2)
        await drop(lab)
        await stage.until(partial(_has_settled, stage, 2))
    assert texts(stage) == "hello there my name"
    assert len(stage.seen(STTFinalizedFrame)) == 2
    first, last = (f.result for f in stage.seen(TranscriptionFrame))
    assert first is not None
    assert last is not None
    ended_s = first.start + first.duration
    assert ended_s == pytest.approx(1.4)
    # half a second before the speech is told again with it
    assert ended_s - 0.5 <= last.start <= ended_s
    assert last.start + last.duration == pytest.approx(2.4)
    word = last.channel.alternatives[0].words[-1]
    assert last.start < word.end <= last.start + last.duration


async def test_kept_audio_is_told_again_no_faster_than_the_vendor_takes_it(
    lab: Lab, notes: Notes
) -> None:
    """The lab says how far ahead of its limit a stream was."""
    lab.words[:] = ["one", "two", "three", "four", "five", "six"]
    stage = Stage(recogniser(lab, notes, replay_rate=1.25))
    async with stage.open():
        lab.fault("deepgram", "http_status", status=503, for_next=2)
        await stage.play(VADUserStartedSpeakingFrame(), *audio(SPEECH, 2.0))
        await stage.play(VADUserStoppedSpeakingFrame(stop_secs=0.2))
        await stage.until(lambda: stage.seen(STTFinalizedFrame))
    assert texts(stage) == "one two three four"
    await stage.until(lambda: lab.entries("deepgram", "audio"))
    (stream,) = lab.entries("deepgram", "audio")
    assert stream["seconds"] == pytest.approx(2.0)
    assert stream["ahead_s"] <= 0.5  # a burst of the caller's wire


@pytest.mark.parametrize("shape", ["half_open", "black_hole"])
async def test_a_socket_that_takes_all_and_says_nothing_is_found_by_its_silence(
    lab: Lab, notes: Notes, shape: str
) -> None:
    """A short sentence is enough: its words come from the next connection."""
    lab.fault("deepgram", shape, moment="connect")
    stage = Stage(recogniser(lab, notes, finalize_timeout_s=0.1))
    async with stage.open():
        await stage.play(VADUserStartedSpeakingFrame(), *audio(SPEECH, 1.0))
        await stage.play(VADUserStoppedSpeakingFrame(stop_secs=0.2))
        await stage.until(lambda: stage.seen(STTFinalizedFrame))
    assert texts(stage) == "hello there"
    assert isinstance(stage.risen(ErrorFrame)[0].exception, ProviderSlow)
    assert len(stage.seen(STTFinalizedFrame)) == 1


async def test_a_cut_at_any_byte_of_what_it_says_loses_nothing(notes: Notes) -> None:
    """In the middle of an interim, of the final, of the answer: the words come once, and the turn
    ends once."""

    async def cut(at: int) -> tuple[str, int]:
        async with serve() as lab:
            lab.fault("deepgram", "limit_data", bytes=at, moment="connect")
            stage = Stage(recogniser(lab, notes))
            async with stage.open():
                await speak(stage)
                await stage.until(lambda: stage.seen(STTFinalizedFrame), what=f"cut at {at}")
            return texts(stage), len(stage.seen(STTFinalizedFrame))

    assert set(await asyncio.gather(*(cut(at) for at in range(150, 2300, 180)))) == {
        ("hello there", 1)
    }


async def test_a_recogniser_that_stalls_between_interim_and_final_is_replaced(
    lab: Lab, notes: Notes
) -> None:
    """Words came, their end does not."""
    lab.fault("deepgram", "stall", after=1, moment="connect")
    stage = Stage(recogniser(lab, notes, finalize_timeout_s=0.1))
    async with stage.open():
        await speak(stage)
        await stage.until(lambda: stage.seen(STTFinalizedFrame))
    assert texts(stage) == "hello there"
    assert isinstance(stage.risen(ErrorFrame)[0].exception, ProviderSlow)


async def test_nothing_but_garbage_is_no_recogniser(lab: Lab, notes: Notes) -> None:
    """Three unreadable messages in a row, each counted, and it is replaced."""
    stage = Stage(recogniser(lab, notes))
    async with stage.open():
        await stage.until(lambda: lab.world.lines)
        for _ in range(3):
            (line,) = lab.world.lines
            await line.outlet.text("<html>busy</html>")
        await stage.until(lambda: len(lab.entries("deepgram", "open")) == 2)
        await speak(stage)
        await stage.until(lambda: stage.seen(TranscriptionFrame))
    assert notes.of(PROVIDER_GARBAGE, provider="deepgram") == 3
    assert isinstance(stage.risen(ErrorFrame)[0].exception, ProviderBroke)


async def test_words_told_twice_are_passed_once(lab: Lab, notes: Notes) -> None:
    """A vendor may stutter."""
    lab.fault("deepgram", "duplicate", moment="connect")
    stage = Stage(recogniser(lab, notes))
    async with stage.open():
        await speak(stage)
        await stage.until(lambda: stage.seen(STTFinalizedFrame))
        await asyncio.sleep(0.02)
    assert texts(stage) == "hello there"
    assert len(stage.seen(STTFinalizedFrame)) == 1


async def test_a_vendor_that_refuses_is_lost_for_good(lab: Lab, notes: Notes) -> None:
    """Whoever looks after the caller learns that waiting is no use; the turn ends."""
    lab.fault("deepgram", "http_status", status=401)
    stage = Stage(recogniser(lab, notes, gone_s=0.1, backlog_s=0.5))
    async with stage.open():
        await stage.until(lambda: stage.seen(HearingLostFrame))
        await stage.play(VADUserStartedSpeakingFrame(), *audio(SPEECH, 0.4))
        await stage.play(VADUserStoppedSpeakingFrame(stop_secs=0.2))
        await stage.until(lambda: stage.seen(STTFinalizedFrame))
    assert [frame.is_final for frame in stage.seen(HearingLostFrame)] == [True]
    assert not stage.seen(HearingBackFrame)


async def test_a_refusal_behind_a_connection_that_stood_is_not_the_last_word(
    lab: Lab, notes: Notes
) -> None:
    """The key was good a moment ago: it is dialled again, and nothing is lost, of what was said
    and of what is said later."""
    stage = Stage(recogniser(lab, notes))
    async with stage.open():
        await stage.play(VADUserStartedSpeakingFrame(), *audio(SPEECH, 0.6))
        await stage.until(lambda: stage.seen(InterimTranscriptionFrame))
        lab.fault("deepgram", "http_status", status=401, for_next=2)
        await drop(lab)
        await stage.play(*audio(SPEECH, 0.4), VADUserStoppedSpeakingFrame(stop_secs=0.2))
        await stage.until(lambda: stage.seen(STTFinalizedFrame))
        await stage.until(lambda: stage.seen(HearingBackFrame))
        lab.words += ["my", "name"]
        await speak(stage)
        await stage.until(partial(_has_settled, stage, 2))
    assert texts(stage) == "hello there my name"
    assert [frame.is_final for frame in stage.seen(HearingLostFrame)] == [False]
    assert stage.seen(HearingBackFrame)


async def test_a_vendor_that_goes_away_leaves_the_words_it_was_unsure_of(
    lab: Lab, notes: Notes
) -> None:
    """Nobody waits for it longer than the caller does; they are not told again later."""
    stage = Stage(recogniser(lab, notes, gone_s=0.1))
    async with stage.open():
        await stage.play(VADUserStartedSpeakingFrame(), *audio(SPEECH, 0.6))
        await stage.until(lambda: stage.seen(InterimTranscriptionFrame))
        lab.fault("deepgram", "http_status", status=503, for_next=4)
        await drop(lab)
        await stage.play(*audio(SPEECH, 0.4), VADUserStoppedSpeakingFrame(stop_secs=0.2))
        await stage.until(lambda: stage.seen(STTFinalizedFrame))
        assert texts(stage) == "hello"
        assert stage.seen(TranscriptionFrame)[0].finalized
        lab.words[:] = ["there"]
        await stage.until(lambda: stage.seen(HearingBackFrame))
        await stage.until(lambda: len(stage.seen(TranscriptionFrame)) == 2)
    assert texts(stage) == "hello there"


async def test_words_spoken_while_connecting_are_not_lost(lab: Lab, notes: Notes) -> None:
    """Audio waits in the queue for the connection, up to its bound."""
    lab.fault("deepgram", "http_status", status=503)
    stage = Stage(recogniser(lab, notes, backlog_s=5.0))
    async with stage.open():
        await speak(stage)
        await stage.until(lambda: stage.seen(TranscriptionFrame))
    assert stage.seen(TranscriptionFrame)[0].text.lower().startswith("hello there")


async def test_a_silent_recogniser_is_replaced_while_the_caller_speaks(
    lab: Lab, notes: Notes
) -> None:
    """Nothing came back for too long."""
    lab.fault("deepgram", "black_hole", moment="connect")
    stage = Stage(recogniser(lab, notes, stall_s=0.05))
    async with stage.open():
        await stage.until(lambda: lab.entries("deepgram", "open"))
        await stage.play(VADUserStartedSpeakingFrame(), *audio(SPEECH, 0.1))
        for _ in range(100):  # the caller speaks on until the silence is noticed
            if stage.risen(ErrorFrame):
                break
            await asyncio.sleep(0.05)
            await stage.play(*audio(SPEECH, 0.1))
        await stage.until(lambda: stage.risen(ErrorFrame))
        await stage.until(lambda: len(lab.entries("deepgram", "open")) == 2)
    assert isinstance(stage.risen(ErrorFrame)[0].exception, ProviderSlow)


async def test_a_recogniser_that_stays_away_loses_the_oldest_audio_and_delays_no_frame(
    lab: Lab, notes: Notes
) -> None:
    """The VAD's frames pass at once, whatever the socket does."""
    lab.fault("deepgram", "http_status", status=503, for_next=100)  # never connects
    stage = Stage(recogniser(lab, notes, backlog_s=0.2))
    async with stage.open():
        await stage.play(VADUserStartedSpeakingFrame(), *audio(SPEECH, 1.0))
        await stage.until(lambda: stage.seen(VADUserStartedSpeakingFrame))
        await stage.until(lambda: notes.of(STT_SHED) == 40)


@pytest.mark.parametrize(
    ("shape", "measure"), [("garbage", PROVIDER_GARBAGE), ("unknown_type", PROVIDER_UNKNOWN)]
)
async def test_what_cannot_be_read_is_counted_and_survived(
    lab: Lab, notes: Notes, shape: str, measure: object
) -> None:
    """The words behind it arrive."""
    lab.fault("deepgram", shape, moment="connect")
    stage = Stage(recogniser(lab, notes))
    async with stage.open():
        await speak(stage)
        await stage.until(lambda: stage.seen(TranscriptionFrame))
    assert notes.of(measure, provider="deepgram") == 1  # type: ignore[arg-type]
    assert not stage.risen(ErrorFrame)


async def test_answers_without_their_optional_fields_are_understood(lab: Lab, notes: Notes) -> None:
    """`from_finalize` is one of them: then the bound settles."""
    lab.fault("deepgram", "missing_fields", moment="connect")
    stage = Stage(recogniser(lab, notes, finalize_timeout_s=0.05))
    async with stage.open():
        await speak(stage)
        await stage.until(lambda: stage.seen(TranscriptionFrame))
        await stage.until(lambda: stage.seen(STTFinalizedFrame))
    assert not stage.risen(ErrorFrame)


def test_settings_refuse_what_cannot_work() -> None:
    """A sentence names the value."""
    for wrong in ({"endpointing_ms": -1}, {"backlog_s": 0}, {"keepalive_s": 10.0}):
        with pytest.raises(ValueError, match=str(next(iter(wrong.values())))):
            Deepgram(**wrong)


async def test_audio_goes_together_while_nobody_speaks_and_at_once_when_somebody_does(
    lab: Lab, notes: Notes
) -> None:
    """A message costs a system call; a word waits for none. Not a sample is lost on the way."""
    station: Any = recogniser(lab, notes)
    stage, sent = Stage(station), list[int]()
    send = station._channel.send

    def counted(data: str | bytes) -> None:
        sent.append(len(data))
        send(data)

    station._channel.send = counted

    async def live(sound: bytes) -> list[int]:
        sent.clear()
        for frame in audio(sound, 0.6):
            await stage.play(frame)
            await asyncio.sleep(FRAME_S)  # as a caller speaks: faster would be held back
        await stage.until(lambda: sum(sent) >= 4800 - 640)
        return list(sent)

    async with stage.open():
        await stage.until(lambda: station._hearing._is_connected)
        quiet = await live(SILENCE)
        await stage.play(VADUserStartedSpeakingFrame())
        spoken = await live(SPEECH)
    assert len(quiet) <= 10
    assert len(spoken) >= 25
    assert sum(spoken) >= 4800  # and what waited before it
