"""The story of a call names what was slow, what failed and what the caller missed, in ten lines."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest

from call.budgets import Budgets
from telemetry.rollups import of_calls
from telemetry.why import MOST_LINES, why
from tests.telemetry.test_rollups import usual

pytestmark = pytest.mark.rule


def call(call_id: str, turns: list[dict[str, Any]], **fields: Any) -> dict[str, Any]:
    return {
        "call_id": call_id,
        "wire": "twilio",
        "duration_s": 90.0,
        "ending": "caller_hung_up",
        "fault_party": None,
        "turns": turns,
        "cost_usd": 0.06,
        "cost_by_provider_usd": {"twilio": 0.025, "anthropic": 0.035},
        "counters": {"interruptions": 1, "llm_tokens.input": 9},
        **fields,
    }


def test_the_slowed_provider_is_named_with_what_it_usually_takes() -> None:
    """One turn of ten waited half a second for the model."""
    draw = random.Random(5)
    others = [call(str(n), [usual(draw, t) for t in range(10)]) for n in range(20)]
    bad = call("bad", [usual(draw, t, llm=0.5 * (t == 6)) for t in range(10)])
    story = why(bad, Budgets(), usual=of_calls(others))
    (line,) = [line for line in story.lines if line.startswith("Turn ")]
    assert line.startswith("Turn 6 took ")
    assert "because of llm" in line
    assert re.search(r"usually [78]\d ms", line)
    assert "1 over 500 ms (llm 1x)" in story.lines[1]
    assert [turn["turn"] for turn in story.document["slow_turns"]] == [6]
    assert json.loads(json.dumps(story.document)) == story.document


def test_everything_that_happened_fits_on_ten_lines() -> None:
    """Ending, faults, words not heard, tools, counters, cost."""
    draw = random.Random(1)
    turns = [usual(draw, t, tts=1.0) for t in range(12)]
    turns[3] |= {"interrupted": True, "agent_text": "We open at eight. And close at six.",
                 "heard_text": "We open at eight."}  # fmt: skip
    record = call(
        "c1",
        turns,
        ending="fault",
        fault_party="tts",
        faults=[{"at_s": 12.3, "provider": "elevenlabs", "kind": "ProviderBusy"}] * 5,
        tools=[{"name": "find_slots", "outcome": "ok", "seconds": 0.12}],
        unpriced=["voice somebody"],
    )
    story = why(record, Budgets())
    text = "\n".join(story.lines)
    assert len(story.lines) == MOST_LINES
    assert "broke, the fault of the voice" in story.lines[0]
    assert "elevenlabs ProviderBusy at 12.3 s" in text
    assert "and 2 more" in text
    assert "did not hear turn 3 “And close at six.”" in text
    assert "find_slots ok in 120 ms" in text
    assert "interruptions 1" in text
    assert "Cost $0.0600, 0.040 a minute" in text
    assert "without a price: voice somebody" in text


def test_a_call_without_an_answer_or_an_end_is_told_too() -> None:
    """Nothing is made up."""
    story = why(call("c", [], ending=None, cost_usd=0, duration_s=0), Budgets())
    assert "is still going on" in story.lines[0]
    assert story.lines[1] == "No turn of this call was answered with sound."


def test_a_recogniser_that_kept_dropping_is_told_with_what_went_wrong() -> None:
    """Also when nothing else did."""
    record = {"call_id": "c", "flags": ["the recogniser was connected again 3 times"]}
    story = why(record, Budgets())
    assert "Went wrong: the recogniser was connected again 3 times." in story.lines
