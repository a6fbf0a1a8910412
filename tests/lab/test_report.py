"""Calls judged together, for machines and for people."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from lab.caller import Outcome
from lab.conformance import Conformance
from lab.recording import Recording
from lab.report import report, show
from lab.timeline import Timeline, Utterance

pytestmark = pytest.mark.rule


def call(*, latency: float | None, rule_broken: str = "", problem: str = "") -> Outcome:
    """One question, answered or not."""
    said = Utterance("q", "any [bold]room[/]?", "say", False, 2.9, 3.0, 4.0, 4.1)
    spans = [(0.5, 2.0)] + ([] if latency is None else [(4.0 + latency, 6.0)])
    line = Timeline("CA1", 0.0, 10.0, "caller", [said], spans, agent_runs=spans)
    book = Conformance()
    book.kept("upgrade")
    if rule_broken:
        book.broken(rule_broken, "seen [red]so[/]")
    return Outcome(line, book, Recording(), problem=problem)


def test_good_calls_are_good() -> None:
    """Percentiles over all turns of all calls, with n."""
    result = report("ws://x", [call(latency=0.5), call(latency=0.7)])
    assert result.is_good
    p = result.percentiles()["latency_s"]
    assert p.n == 2
    assert p.p50 == pytest.approx(0.6)
    assert result.counts()["turns"] == 2


@pytest.mark.parametrize(
    ("outcome", "problem"),
    [
        (call(latency=None), "CA1: turn 1 was not answered (any [bold]room[/]?)"),
        (call(latency=0.5, problem="refused"), "refused"),
    ],
)
def test_an_unanswered_turn_or_a_broken_call_is_bad(outcome: Outcome, problem: str) -> None:
    """And says why in one line."""
    result = report("ws://x", [call(latency=0.5), outcome])
    assert not result.is_good
    assert result.problems == [problem]


def test_a_broken_rule_is_bad() -> None:
    """Though every turn was answered."""
    result = report("ws://x", [call(latency=0.5, rule_broken="stream-sid")])
    assert not result.is_good
    assert result.problems == []


def test_a_silent_agent_is_bad() -> None:
    """Even when nobody asked anything."""
    silent = Outcome(Timeline("CA1", duration_s=5.0), Conformance(), Recording())
    result = report("ws://x", [silent])
    assert result.problems == ["CA1: the agent was never heard"]


def test_the_document_is_json_and_the_tables_show_what_was_seen_as_it_was() -> None:
    """Text from the bot is not markup."""
    result = report("ws://x", [call(latency=None, rule_broken="stream-sid")])
    document = json.loads(json.dumps(result.as_json()))
    assert document["good"] is False
    assert document["percentiles"]["latency_s"]["n"] == 0
    assert {v["outcome"] for v in document["conformance"]} == {"pass", "fail", "not seen"}
    out = io.StringIO()
    show(result, Console(file=out, width=140))
    text = out.getvalue()
    assert "1 ×: seen [red]so[/]" in text
    assert "not answered (any [bold]room[/]?)" in text
    assert "31950" in text
    assert "end of speech → agent heard" in text
