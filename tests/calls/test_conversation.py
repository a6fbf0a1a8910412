"""A whole call between processes: what is said, heard, booked, interrupted and recorded."""

from __future__ import annotations

import json
import re
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.calls.house import House, Rung, open_house

pytestmark = [pytest.mark.call, pytest.mark.timeout(390)]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest.fixture(scope="module")
def calls(house: House) -> list[Rung]:
    """The demo's talk twice, at the same time: calls do not disturb each other."""
    callers = [house.dial("demo"), house.dial("demo")]
    return [house.hang_on(caller) for caller in callers]


@pytest.fixture(params=[0, 1], ids=["first", "second"])
def call(request: pytest.FixtureRequest, calls: list[Rung]) -> Rung:
    rung: Rung = calls[request.param]
    return rung


def test_the_carrier_has_nothing_to_object_to(call: Rung):
    """Every protocol rule is kept and the caller's side ends well."""
    assert call.exit_code == 0, call.stderr
    assert [rule for rule in call.report["conformance"] if rule["outcome"] == "fail"] == []


def test_the_call_begins_with_the_disclosure_and_the_greeting(call: Rung):
    """Who is speaking comes first."""
    assert call.record["opening_text"].startswith("You are speaking with an AI assistant.")
    assert "Harbour Dental" in call.record["opening_text"]


def test_questions_are_answered_and_an_appointment_is_booked(call: Rung):
    """Opening hours, a free time, a booking through the tools."""
    words = call.agent_words.lower()
    for part in ("8", "10:30", "tuesday"):
        assert part in words
    assert {"find_slots", "book_appointment"} <= {tool["name"] for tool in call.record["tools"]}
    assert all(tool["outcome"] == "ok" for tool in call.record["tools"])


def test_the_number_is_read_back_digit_by_digit_and_kept_from_the_model(house: House, call: Rung):
    """555 0142 reaches the caller's ear and the appointment book, never the model or the record."""
    assert "[PHONE_1]" in call.agent_words
    spoken = json.dumps(house.lab("/control/log?provider=elevenlabs&limit=5000"))
    assert re.search(r"five,? five,? five,?\W+zero,? one,? four,? two", spoken)
    asked = json.dumps(house.lab("/control/log?provider=anthropic&limit=5000")).lower()
    for secret in ("555-0142", "5550142", "555 0142", "zero one four two", "oh one four two"):
        assert secret not in asked
        assert secret not in json.dumps(call.record).lower()


def test_the_interruption_stops_the_agent_and_is_answered(call: Rung):
    """One reply is cut short; its unheard words are not in the record of what was heard."""
    cut = [turn for turn in call.record["turns"] if "cleaning cost" in turn["caller_text"]]
    assert len(cut) == 1 and cut[0]["interrupted"]
    assert len(cut[0]["heard_text"]) < len(cut[0]["agent_text"])
    assert "car park" in call.agent_words.lower()
    assert call.report["counts"]["after_clear_s"] == 0


def test_the_goodbye_is_heard_before_the_line_goes_dead(call: Rung):
    """The agent ends the call, and only after its last mark came back."""
    assert call.record["ending"] == "agent_said_goodbye"
    assert "bye" in call.record["turns"][-1]["heard_text"].lower()
    assert call.truth["ended_by"] == "bot"
    last = call.truth["marks"][-1]
    assert last["by"] == "played"


def test_each_turn_adds_up(call: Rung):
    """The critical path tiles the end-to-end figure and names its largest part."""
    for turn in call.record["turns"]:
        if turn["end_to_end_s"] is None:
            continue
        parts = dict(turn["critical_path"])
        assert sum(parts.values()) == pytest.approx(turn["end_to_end_s"], abs=1e-9)
        assert parts[turn["slowest"]] == max(parts.values())


def test_two_callers_hear_the_same_words(calls: list[Rung]):
    """The talk is the same from run to run but for timing."""
    first, second = (
        [
            "(cut short)" if turn["interrupted"] else turn["agent_text"]
            for turn in rung.record["turns"]
        ]
        for rung in calls
    )
    assert first == second


def test_numbers_are_masked_in_the_record(call: Rung):
    """The record names nobody."""
    assert "*" in call.record["from"]
    assert call.record["from"].count("*") >= 5


def test_the_recording_has_both_voices_and_no_clipping(house: House, calls: list[Rung]):
    """Caller left, agent right, each audible for a good part of the call."""
    with wave.open(str(Path(house.folder) / "call1" / "recording.wav")) as wav:
        assert (wav.getnchannels(), wav.getframerate()) == (2, 8000)
        samples = np.frombuffer(wav.readframes(wav.getnframes()), "<i2").reshape(-1, 2)
    frames = samples[: len(samples) // 160 * 160].reshape(-1, 160, 2).astype(float)
    loud = np.sqrt((frames**2).mean(axis=1)) > 300
    assert loud[:, 0].mean() > 0.05
    assert loud[:, 1].mean() > 0.2
    assert np.abs(samples.astype(int)).max() < 32000
