"""A whole call with signs of listening and real interruptions over long answers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.calls.house import House, Rung, open_house

pytestmark = [pytest.mark.call, pytest.mark.timeout(390)]

LISTENING = ("uh_huh", "mm_hmm")
INTERRUPTING = ("wait_parking", "hold_on")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with open_house(tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest.fixture(scope="module")
def call(house: House) -> Rung:
    """The lab's talk about manners."""
    return house.hang_on(house.dial("bench_manners"), timeout_s=300)


def over_the_agent(call: Rung, *clips: str) -> list[dict[str, Any]]:
    """What the caller said over the agent."""
    return [said for said in call.truth["utterances"] if said["clip"] in clips]


def test_the_agent_is_held_for_every_voice_over_it(call: Rung):
    """Each is answered by a `clear` before anything else is said, whatever it turns out to be, and
    no sound follows one."""
    assert call.exit_code == 0, call.stderr
    begins = [said["speech_start_s"] for said in call.truth["utterances"]]
    for said in over_the_agent(call, *LISTENING, *INTERRUPTING):
        began = said["speech_start_s"]
        until = min((at for at in begins if at > began), default=call.truth["duration_s"])
        assert any(began < at < until for at in call.truth["clears"]), said
    assert call.report["counts"]["after_clear_s"] == 0


def test_signs_of_listening_do_not_stop_the_agent(call: Rung):
    """They are no turn and no part of one; the answer is heard to its end."""
    counters = call.record["counters"]
    assert counters["holds.resumed"] >= len(LISTENING)
    assert counters["interruptions"] == len(INTERRUPTING)
    words = " ".join(turn["caller_text"].lower() for turn in call.record["turns"])
    assert "uh huh" not in words and "mm hmm" not in words
    whole = [turn for turn in call.record["turns"] if not turn["interrupted"]]
    assert all(turn["heard_text"] == turn["agent_text"] for turn in whole)


def test_interruptions_stop_it_at_the_last_word_heard(call: Rung):
    """The record holds a beginning of what was to be said, in whole words; of clauses that had
    begun, so that a cut between two leaves none unheard."""
    cut = [turn for turn in call.record["turns"] if turn["interrupted"]]
    assert len(cut) == len(INTERRUPTING)
    for turn in cut:
        heard, meant = turn["heard_text"].split(), turn["agent_text"].split()
        assert 0 < len(heard) <= len(meant)
        assert heard == meant[: len(heard)]
