"""The recogniser's station against the emulated Deepgram."""

from __future__ import annotations

import asyncio
import struct
from functools import partial

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

from call.errors import (
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
    STT_RECONNECTS,
    STT_SHED,
    Moment,
)
from frames.turns import STTFinalizedFrame
from services.deepgram import DeepgramSTT
from services.deepgram_address import Deepgram
from tests.services.stage import Lab, Notes, Stage

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


def _has_settled(stage: Stage, count: int) -> bool:
    return len(stage.seen(STTFinalizedFrame)) >= count


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
    assert [f.text for f in stage.seen(InterimTranscriptionFrame)][0].lower() == "hello"
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
        await lab.world.restart(lab.world.faults.add({"provider": "deepgram", "shape": "restart"}))
        await stage.until(lambda: len(lab.entries("deepgram", "open")) == 2)
        await speak(stage)
        await stage.until(lambda: len(stage.seen(TranscriptionFrame)) == 2)
    assert isinstance(stage.risen(ErrorFrame)[0].exception, ProviderDown)
    assert notes.of(STT_RECONNECTS) == 1


async def test_a_clean_close_of_the_vendor_is_a_drop_too(lab: Lab, notes: Notes) -> None:
    """Pipecat's own service says nothing of one and stays deaf for four seconds."""
    lab.fault("deepgram", "accept_then_close", code=1000)
    stage = Stage(recogniser(lab, notes))
    async with stage.open():
        await stage.until(lambda: len(lab.entries("deepgram", "open")) == 2)
    assert isinstance(stage.risen(ErrorFrame)[0].exception, ProviderDown)


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
