"""The audit's sample cannot be chosen, and its flags find what somebody should look at."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from telemetry.audit import SAMPLE_CALLS, flags, sample

pytestmark = pytest.mark.rule


def call(*turns: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"call_id": "c", "started_at": "2026-03-04", "turns": list(turns), **fields}


def kinds(record: dict[str, Any]) -> list[str]:
    return [flag.kind for flag in flags(record)]


@settings(deadline=None)
@given(st.permutations([call({"turn": 1}) | {"call_id": str(n)} for n in range(40)]))
def test_the_sample_is_the_same_however_the_calls_come(calls: list[dict[str, Any]]) -> None:
    """Drawn by the ids alone."""
    in_order = sorted(calls, key=lambda record: record["call_id"])
    drawn = {record["call_id"] for record in sample(calls)}
    assert drawn == {record["call_id"] for record in sample(in_order)}
    assert len(drawn) == SAMPLE_CALLS


def test_a_call_without_a_turn_is_not_drawn() -> None:
    """There is nothing to listen to."""
    assert sample([call()]) == []


def test_words_the_recogniser_was_unsure_of_are_flagged() -> None:
    """Below 0.7, not at it."""
    turns: list[dict[str, Any]] = [
        {"turn": 1, "confidence": 0.69},
        {"turn": 2, "confidence": 0.7},
        {"turn": 3},
    ]
    (flag,) = flags(call(*turns))
    assert str(flag) == "turn 1: unsure words, confidence 0.69"


def test_the_same_filler_twice_is_flagged_once_is_not() -> None:
    """Over the whole call."""
    filler = {"turn": 1, "agent_text": "One moment, please."}
    assert kinds(call(filler)) == []
    assert kinds(call(filler, {"turn": 2, "agent_text": "ONE MOMENT while I look."})) == [
        "repeated filler"
    ]


def test_a_speech_instead_of_a_reply_is_flagged() -> None:
    """More than sixty words."""
    assert kinds(call({"turn": 1, "agent_text": "word " * 61})) == ["long reply"]
    assert kinds(call({"turn": 1, "agent_text": "word " * 60})) == []


def test_a_question_nobody_answered_is_flagged() -> None:
    """In any script; one that was answered is not."""
    asked = {"turn": 1, "caller_text": "Do you have parking?", "heard_text": ""}
    assert kinds(call(asked)) == ["unanswered question"]
    assert kinds(call({**asked, "caller_text": "هل لديكم موقف؟"})) == ["unanswered question"]
    assert kinds(call({**asked, "heard_text": "Yes."})) == []
    assert kinds(call({**asked, "caller_text": "Thank you."})) == []


def test_faults_and_whatever_stood_in_are_flagged() -> None:
    """A guard's phrase or another voice helped the caller, but somebody should know."""
    record = call(fault_party="tts", counters={"fillers.think": 1, "interruptions": 3})
    assert kinds(record) == ["ended badly", "stood in"]


def test_what_the_record_itself_calls_worth_a_look_is_flagged() -> None:
    """In its words."""
    assert flags(call(flags=["the recogniser was connected again 3 times"]))[0].detail == (
        "the recogniser was connected again 3 times"
    )
