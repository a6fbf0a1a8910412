"""Unsure words are asked back in the model's place: one answer to a turn, whatever was begun
early."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    Frame,
    InterimTranscriptionFrame,
    LLMContextFrame,
    TextFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection
from pipecat.tests.utils import SleepFrame, run_test

from call.confidence import Doubt, Doubts
from call.floor import Floor
from call.measures import UNSURE, Measure, NullRecorder
from call.speculation import Speculation
from call.waits import Endpoint
from call.way_out import Reason
from frames.recovery import WayOutFrame
from frames.speech import SpeakNowFrame
from frames.turns import TurnProbabilityFrame
from processors.confidence_gate import ASKED_BACK, ConfidenceGate
from tests.conftest import TICK
from tests.processors.aggregator import pair
from tests.processors.test_turn_stop import PATIENT

pytestmark = pytest.mark.frame

EAGER = replace(PATIENT, speculate="llm", ask_within_s=100.0)
LOW, HIGH = 0.5, 0.95
KINDS = (LLMContextFrame, SpeakNowFrame, WayOutFrame, EagerEndOfTurnCancelFrame)


class Counts(NullRecorder):
    """What was done about unsure turns."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def count(self, measure: Measure, amount: float = 1, **labels: str) -> None:
        if measure is UNSURE:
            self.seen.append(labels["outcome"])


def result(confidence: float) -> Any:
    best = SimpleNamespace(confidence=confidence, words=[])
    return SimpleNamespace(channel=SimpleNamespace(alternatives=[best]))


def final(text: str, confidence: float) -> Frame:
    return TranscriptionFrame(text, "", "", result=result(confidence), finalized=True)


def interim(text: str, confidence: float) -> Frame:
    return InterimTranscriptionFrame(text, "", "", result=result(confidence))


def spoken(*words: Frame) -> list[Frame]:
    """A turn of these words, in the order of a call."""
    pause = SleepFrame(sleep=2 * TICK)
    said: list[Frame] = [VADUserStartedSpeakingFrame(), VADUserStoppedSpeakingFrame(), pause]
    for each in words:
        said += [each, pause]
    sounds = TurnProbabilityFrame(probability=0.99, spoken_at=float("inf"))
    return [*said, sounds, pause, pause]


class Call:
    """The listener and the gate of one call."""

    def __init__(self, settings: Endpoint) -> None:
        self.counts = Counts()
        self.doubt = Doubt(Doubts(below=0.75, short_words=4))
        speculation = Speculation(settings)
        user = pair(
            floor=Floor(), settings=settings, speculation=speculation, doubt=self.doubt
        ).user()
        self.list = Pipeline([user, ConfidenceGate(self.doubt, self.counts)])

    async def hear(self, *turns: Sequence[Frame]) -> list[Frame]:
        """What leaves for the model and the voice."""
        sent = [frame for turn in turns for frame in turn]
        down, _ = await run_test(self.list, frames_to_send=sent)
        return [frame for frame in down if isinstance(frame, KINDS)]


def told(frames: Sequence[Frame]) -> list[str]:
    """Requests (early ones marked), phrases, withdrawals, ways out; in order."""
    found = []
    for frame in frames:
        match frame:
            case LLMContextFrame():
                found.append("guess" if frame.speculation else "request")
            case SpeakNowFrame():
                found.append(f"{frame.kind}: {frame.text}")
            case WayOutFrame():
                found.append(f"way out: {frame.reason.value}")
            case _:
                found.append("withdrawn")
    return found


async def test_an_unsure_turn_is_asked_back_and_no_model_is_asked() -> None:
    """The caller's words stand in the conversation all the same."""
    call = Call(EAGER)
    frames = await call.hear(spoken(final("Cancel it.", LOW)))
    assert told(frames) == [f"{ASKED_BACK}: Did I hear that right: Cancel it?"]
    assert call.counts.seen == ["asked"]


async def test_an_answer_begun_early_on_interim_words_is_withdrawn() -> None:
    """The final says how sure the recogniser is."""
    turn = spoken(interim("Cancel it", HIGH), final("Cancel it.", LOW))
    frames = await Call(EAGER).hear(turn)
    assert told(frames) == [
        "guess",
        "withdrawn",
        f"{ASKED_BACK}: Did I hear that right: Cancel it?",
    ]


async def test_a_sure_turn_is_answered_once_early_or_not() -> None:
    """The guess is the answer; without one there is a request."""
    turn = spoken(final("Cancel it.", HIGH))
    assert told(await Call(EAGER).hear(turn)) == ["guess"]
    assert told(await Call(PATIENT).hear(turn)) == ["request"]


async def test_a_yes_sends_the_conversation_to_the_model() -> None:
    """With the words, and the yes behind them."""
    frames = await Call(PATIENT).hear(spoken(final("Cancel it.", LOW)), spoken(final("Yes.", LOW)))
    question, request = frames
    assert isinstance(question, SpeakNowFrame) and isinstance(request, LLMContextFrame)
    said = [m["content"] for m in request.context.messages if isinstance(m, dict)]
    assert said == ["Cancel it.", "Yes."]


async def test_the_third_time_is_a_way_out() -> None:
    """And nobody is asked any more."""
    call = Call(PATIENT)
    turns = [spoken(final(text, LOW)) for text in ("At fifteen.", "At fifty.", "At fourteen.")]
    frames = await call.hear(*turns)
    assert told(frames)[-1] == f"way out: {Reason.UNSURE.value}"
    assert call.counts.seen == ["asked", "choice", "given_up"]
    assert "request" not in told(frames)


async def test_everything_but_a_turns_request_passes() -> None:
    """Requests made early, of a retry, of a tool; frames upstream."""
    doubt = Doubt(Doubts(below=0.75, short_words=4))
    doubt.heard("Cancel it.", LOW)
    doubt.turn_closed()
    early = LLMContextFrame(context=LLMContext(), speculation=True)
    plain, other = LLMContextFrame(context=LLMContext()), TextFrame("x")
    down, _ = await run_test(ConfidenceGate(doubt), frames_to_send=[early, other, plain, plain])
    assert [type(frame) for frame in down] == [
        LLMContextFrame, TextFrame, SpeakNowFrame, LLMContextFrame,
    ]  # fmt: skip
    doubt.heard("Cancel it.", LOW)
    doubt.turn_closed()
    _, up = await run_test(
        ConfidenceGate(doubt),
        frames_to_send=[LLMContextFrame(context=LLMContext())],
        frames_to_send_direction=FrameDirection.UPSTREAM,
    )
    assert [type(frame) for frame in up] == [LLMContextFrame]
