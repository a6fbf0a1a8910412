"""How a turn's providers' share is read from the lab's log, and how the table says it."""

from __future__ import annotations

from typing import Any

import pytest

from bench.latency import QUESTIONS, Measured, Peer, Share, book, document, script, share, table
from lab.caller import Outcome
from lab.conformance import Conformance
from lab.mouth import Clips
from lab.recording import Recording
from lab.script import Say
from lab.timeline import Timeline, Utterance

pytestmark = pytest.mark.rule


def entry(stage: str, mono: float, delay_s: float, **more: object) -> dict[str, Any]:
    """One line of the lab's log."""
    return {"stage": stage, "mono": mono, "delay_s": delay_s, "key": "words"} | more


TURN = [
    entry("final", 99.0, 0.5),  # another turn's
    entry("final", 100.30, 0.07),
    {"mono": 100.31, "kind": "message"},
    entry("first_token", 100.32, 0.11, tools=[]),
    entry("first_byte", 100.50, 0.10),
    entry("first_byte", 100.60, 0.19),  # the second clause
    entry("first_byte", 102.0, 0.3),  # another turn's
]


def test_a_turns_share_is_final_first_token_and_first_byte() -> None:
    """Those on the way to the first sound, and no others."""
    got = share(TURN, from_at=100.0, until_at=100.7)
    assert got == Share(0.07, 0.11, 0.10)
    assert got is not None
    assert got.total_s == pytest.approx(0.28)


def test_an_early_final_counts_and_an_empty_one_does_not() -> None:
    """Some recogniser settings give the final before the caller's true end."""
    early = [entry("final", 99.5, 0.06), entry("final", 100.3, 0.09, key=""), *TURN[2:]]
    got = share(early, from_at=100.0, until_at=100.7)
    assert got is not None
    assert got.final_s == 0.06


def test_a_tool_call_puts_two_requests_on_the_way() -> None:
    """Both first tokens are the model's."""
    tool = [
        entry("final", 100.2, 0.07),
        entry("first_token", 100.25, 0.12, tools=["find_slots"]),
        entry("first_token", 100.45, 0.11, tools=[]),
        entry("first_byte", 100.6, 0.10),
    ]
    got = share(tool, from_at=100.0, until_at=100.8)
    assert got is not None
    assert got.first_token_s == pytest.approx(0.23)


def test_a_request_thrown_away_is_not_on_the_way() -> None:
    """Only the one that was voiced."""
    twice = [
        entry("final", 100.2, 0.07),
        entry("first_token", 100.25, 0.15, tools=[]),
        entry("first_token", 100.30, 0.11, tools=[]),
        entry("first_byte", 100.6, 0.10),
    ]
    got = share(twice, from_at=100.0, until_at=100.8)
    assert got is not None
    assert got.first_token_s == 0.11


@pytest.mark.parametrize("missing", ["final", "first_token", "first_byte"])
def test_what_the_log_does_not_say_is_not_guessed(missing: str) -> None:
    """The turn then counts for end to end only."""
    rest = [e for e in TURN if e.get("stage") != missing]
    assert share(rest, from_at=100.0, until_at=100.7) is None


def test_a_call_is_booked_turn_by_turn() -> None:
    """On the machine's one clock."""
    said = Utterance("q", "words", "say", False, 2.9, 3.0, 4.0, 4.1)
    line = Timeline("CA1", 96.0, 10.0, "caller", [said], [(0.4, 2.0), (4.7, 6.0)])
    peer = Peer("ours")
    book(peer, Outcome(line, Conformance(), Recording()), TURN)
    assert (peer.asked, peer.unanswered, peer.cut_ins) == (1, 0, 0)
    [turn] = peer.turns
    assert turn.end_to_end_s == pytest.approx(0.7)
    assert turn.added_s == pytest.approx(0.42)
    assert peer.greetings == [0.4]


def test_the_table_says_n_with_every_percentile() -> None:
    """And a dash where nothing was measured."""
    ours = Peer("ours", asked=2, turns=[Measured(0.5, Share(0.1, 0.1, 0.1)), Measured(0.7, None)])
    stock = Peer("stock", asked=1, unanswered=1, problems=["refused"])
    text = table([ours, stock], profile="zero")
    assert "| ours | 2/2 | 0 | 600 / 690 / 698 (2) | 200 / 200 / 200 (1) |" in text
    assert "| stock | 0/1 | 0 | – / – / – (0) | – / – / – (0) |" in text
    assert "problem: refused" in text
    assert document([ours])["ours"][1]["share"] is None


def test_every_question_of_the_bench_has_a_clip() -> None:
    """And each call begins elsewhere in the list."""
    clips = Clips()
    assert all(clips[name].words for name in QUESTIONS)
    first = [step.clip for step in script(3, offset=4).steps if isinstance(step, Say)]
    assert first == list(QUESTIONS[4:7])
