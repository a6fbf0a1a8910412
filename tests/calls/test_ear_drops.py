"""A whole call whose recogniser drops in each of the caller's sentences."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.calls.house import House, Rung, open_house

pytestmark = [pytest.mark.call, pytest.mark.timeout(250)]

FAULTS = [
    # in the middle of the sentence, and again while it is told to the next connection
    {"shape": "close", "when_words": "opening", "after": 1, "code": 1011, "for_next": 2},
    {"shape": "stall", "when_words": "thank", "after": 1, "for_next": 1},
]
DROPS = 3
SENTENCES = ("hours", "goodbye")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(tmp_path_factory.mktemp("house"), patience={}) as house:
        yield house


@pytest.fixture(scope="module")
def call(house: House) -> Rung:
    """A question and a goodbye."""
    steps: list[dict[str, object]] = []
    for clip in SENTENCES:
        steps.append({"do": "wait_agent", "timeout_s": 20})
        steps.append({"do": "say", "clip": clip, "pause_s": 0.4})
    steps.append({"do": "wait_end", "timeout_s": 20})
    script = Path(house.folder) / "drops.json"
    script.write_text(json.dumps({"name": "drops", "seed": 1, "steps": steps}))
    for fault in FAULTS:
        house.lab("/control", {"provider": "deepgram", **fault})
    return house.ring(str(script))


def test_every_sentence_is_heard_once_and_answered(call: Rung):
    """In the caller's words, though they were told to several connections."""
    assert call.exit_code == 0, call.stderr
    said = " ".join(turn["caller_text"].lower() for turn in call.record["turns"])
    for words in ("what are your opening hours", "thank you very much"):
        assert said.count(words) == 1, said
    assert all(turn["heard_text"] for turn in call.record["turns"])
    assert call.record["ending"] == "agent_said_goodbye"


def test_nothing_is_lost_and_the_call_is_flagged(house: House, call: Rung):
    """Three reconnects are worth a look."""
    counters = call.record["counters"]
    assert counters["stt_reconnects"] == DROPS
    assert "stt_shed_frames" not in counters
    assert call.record["flags"] == ["the recogniser was connected again 3 times"]
    struck = {e["shape"] for e in house.lab("/control/log?provider=deepgram&kind=fault")["entries"]}
    assert struck == {fault["shape"] for fault in FAULTS}


def test_what_was_missed_is_told_again_no_faster_than_the_vendor_takes_it(house: House, call: Rung):
    """By the lab's own clock, in a call as it is."""
    streams = house.lab("/control/log?provider=deepgram&kind=audio")["entries"]
    assert len(streams) == DROPS + 1
    assert max(stream["ahead_s"] for stream in streams) < 0.6
