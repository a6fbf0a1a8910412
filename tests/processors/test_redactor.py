"""Behind the redactor nobody sees what is personal: not in the text, not in the result."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from types import SimpleNamespace

import pytest
from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    TextFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.tests.utils import run_test

from call.measures import NAMES_MISSED, Measure, NullRecorder
from call.mixdown import NoRecording
from call.privacy import FREE_TEXT, Masked, Masking, Privacy
from call.privacy_free_names import Spot
from call.privacy_vault import Vault
from frames.speech import ReplyHeardFrame
from frames.turns import STTFinalizedFrame
from processors.name_model import NameModel
from processors.redactor import Redactor

pytestmark = pytest.mark.frame


def result(text: str) -> SimpleNamespace:
    """What a recogniser sends with its words."""
    words = [
        SimpleNamespace(word=word.lower(), punctuated_word=word, start=0.0, end=0.1, confidence=0.9)
        for word in text.split()
    ]
    best = SimpleNamespace(transcript=text, confidence=0.97, words=words)
    other = SimpleNamespace(transcript=text, confidence=0.5, words=words)
    return SimpleNamespace(is_final=True, channel=SimpleNamespace(alternatives=[best, other]))


def final(text: str) -> TranscriptionFrame:
    """A final transcription with its result."""
    return TranscriptionFrame(text, "caller", "now", result=result(text))


def interim(text: str) -> InterimTranscriptionFrame:
    """An interim transcription with its result."""
    return InterimTranscriptionFrame(text, "caller", "now", result=result(text))


async def through(*frames: Frame, vault: Vault | None = None) -> list[Frame]:
    """What leaves downstream."""
    station = Redactor(Privacy(), Vault() if vault is None else vault)
    return list((await run_test(station, frames_to_send=list(frames)))[0])


async def test_text_and_result_are_rewritten() -> None:
    """The words that stay keep their confidence; hidden ones keep nothing but that."""
    (out,) = await through(final("Call 5550142 please"))
    assert isinstance(out, TranscriptionFrame)
    assert out.text == "Call [PHONE_1] please"
    assert out.result is not None
    (best,) = out.result.channel.alternatives
    assert (best.transcript, best.confidence) == ("Call [PHONE_1] please", 0.97)
    assert [word.punctuated_word for word in best.words] == ["Call", "…", "please"]
    assert "5550142" not in repr(out.result)


async def test_interims_are_rewritten_too() -> None:
    """From the first digit on."""
    (out,) = await through(interim("my number is five"))
    assert isinstance(out, InterimTranscriptionFrame)
    assert out.text == "my number is [PHONE_1] …"
    assert "five" not in repr(out)


async def test_words_without_personal_data_pass_untouched() -> None:
    """The very same result object, nothing copied."""
    frame = final("Ten thirty is fine.")
    kept = frame.result
    (out,) = await through(frame)
    assert out is frame
    assert frame.result is kept


async def test_a_result_of_unknown_shape_is_dropped() -> None:
    """What cannot be read cannot be cleaned."""
    frame = TranscriptionFrame("Call 5550142", "caller", "now", result={"raw": "5550142"})
    await through(frame)
    assert frame.result is None


async def test_what_the_agent_asked_is_learnt() -> None:
    """The reply that was heard comes back upstream."""
    vault = Vault()
    station = Redactor(Privacy(), vault)
    heard = ReplyHeardFrame(reply=1, heard="What is your card number?")
    await run_test(
        station, frames_to_send=[heard], frames_to_send_direction=FrameDirection.UPSTREAM
    )
    out = station._masking.hear("four two four two", final=True)
    assert out.text == "[CARD_1] …"


async def test_words_that_cannot_be_judged_do_not_pass() -> None:
    """A bug of ours may cost words, never a leak."""

    class Broken(Masking):
        def hear(self, text: str, *, final: bool, spots: Iterable[Spot] = ()) -> Masked:
            raise KeyError(text)

    station = Redactor(Privacy(), Vault(), masking=Broken(Privacy(), Vault()))
    frame = final("Call 5550142")
    await run_test(station, frames_to_send=[frame])
    assert (frame.text, frame.result) == ("[unreadable]", None)


async def test_other_frames_pass() -> None:
    """Text that is no transcription is not the redactor's."""
    frame = TextFrame("5550142")
    assert frame in await through(frame)


async def test_a_recording_is_told_what_to_silence() -> None:
    """From where the caller began to where the card's number came; a name is heard."""

    class Secrets(NoRecording):
        def __init__(self) -> None:
            self.seen: list[tuple[float, float]] = []

        def secret(self, begin: float, end: float) -> None:
            self.seen.append((begin, end))

    tape, times = Secrets(), iter((10.0, 11.0, 12.0, 20.0, 21.0))
    station = Redactor(
        Privacy(), Vault(), recording=tape, silence=("card",), clock=lambda: next(times)
    )
    frames = [
        VADUserStartedSpeakingFrame(),
        interim("my card is four five"),
        final("My card is 4539 1488 0343 6467."),
        VADUserStartedSpeakingFrame(),
        final("My name is Ann Bell."),
    ]
    await run_test(station, frames_to_send=list(frames))
    assert tape.seen == [(9.0, 11.0), (9.0, 12.0)]


@pytest.mark.parametrize("said", ["word " * 100_000, "x" * 500_000, "5550142 " * 50_000])
async def test_no_transcription_is_longer_than_a_breath(said: str) -> None:
    """A recogniser gone mad costs neither the loop nor the model."""
    (out,) = await through(TranscriptionFrame(said, "", ""))
    assert isinstance(out, TranscriptionFrame)
    assert len(out.text) <= 4000
    assert "555" not in out.text


# ── names in free text ───────────────────────────────────────────────────────────────
def peter(text: str) -> list[Spot]:
    """A model that knows one name."""
    at = text.find("Peter")
    return [(at, at + 5)] if at >= 0 else []


async def reading(model: NameModel, *frames: Frame) -> list[Frame]:
    """What leaves a redactor whose finals a name model reads."""
    await asyncio.to_thread(model.preload)
    station = Redactor(Privacy(names=FREE_TEXT), Vault(), names=model)
    try:
        return list((await run_test(station, frames_to_send=list(frames)))[0])
    finally:
        model.close()


async def test_finals_are_read_for_names_and_interims_are_not() -> None:
    """The result too is without them; what the finder found stays."""
    told = final("Ask Peter, on 5550142.")
    out = await reading(
        NameModel(lambda: peter, budget_s=10), interim("Ask Peter"), told, final("Peter again.")
    )
    assert [frame.text for frame in out if isinstance(frame, TranscriptionFrame)] == [
        "Ask [NAME_1], on [PHONE_1].",
        "[NAME_1] again.",
    ]
    assert "Peter" not in repr(told.result)
    assert isinstance(out[0], InterimTranscriptionFrame)
    assert out[0].text == "Ask Peter"


async def test_words_go_on_without_a_model_that_is_late_and_nothing_overtakes_them() -> None:
    """The first ones are late, the second ones wait behind the same reading; both are counted."""
    go, missed = threading.Event(), Counts()

    def slow(text: str) -> list[Spot]:
        if "Ask" in text and "Miller" not in text:
            assert go.wait(10)
        return peter(text)

    model = NameModel(lambda: slow, budget_s=0.005, recorder=missed)
    out = await reading(model, final("Ask Peter."), STTFinalizedFrame(), final("Ask Peter!"))
    go.set()
    assert [type(frame) for frame in out] == [
        TranscriptionFrame, STTFinalizedFrame, TranscriptionFrame
    ]  # fmt: skip
    assert [frame.text for frame in out if isinstance(frame, TranscriptionFrame)] == [
        "Ask Peter.", "Ask Peter!"
    ]  # fmt: skip
    assert missed.by_reason == {"late": 2}


class Counts(NullRecorder):
    """Remembers why names were missed."""

    def __init__(self) -> None:
        self.by_reason: dict[str, float] = {}

    def count(self, measure: Measure, amount: float = 1, **labels: str) -> None:
        """Keep it."""
        assert measure is NAMES_MISSED
        self.by_reason[labels["reason"]] = self.by_reason.get(labels["reason"], 0) + amount
