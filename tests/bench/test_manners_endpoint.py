"""Turn ends on the simulated clock: real detector and filter, scores and words by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bench.manners_audio import TAIL_S, Span, Talk, telephone
from bench.manners_endpoint import (
    Decision,
    Outcome,
    judge,
    ours,
    scaled,
    vad_params,
    voice_events,
    windows,
)
from bench.manners_others import plain, stock
from call.waits import Endpoint
from lab.loudness import decode
from lab.mouth import Clips
from processors.vad import Vad

pytestmark = pytest.mark.rule


@pytest.fixture(scope="module")
def talk() -> Talk:
    """A caller of the lab who thinks in the middle of a sentence."""
    clip = Clips()["pause_book"]
    spans = (
        Span(0.04, 1.94, tuple("I want to book an appointment".split())),
        Span(2.62, 4.53, tuple("for Tuesday morning please".split())),
    )
    return Talk("t", "splice", True, telephone(decode(clip.sound).astype(float)), spans)


@pytest.fixture(scope="module")
def heard(talk: Talk) -> dict[str, Any]:
    """What the detector tells of it."""
    return {talk.name: voice_events(talk.pcm, vad_params(Vad()))}


def surely(talk: Talk, first: int, upto: int) -> float:
    """Everything sounds finished."""
    return 0.99


def never(talk: Talk, first: int, upto: int) -> float:
    """Nothing does."""
    return 0.01


def test_the_detector_tells_of_the_pause_and_of_the_end(talk: Talk, heard: dict[str, Any]) -> None:
    """Starts and stops take turns; the last stop comes shortly behind the voice."""
    kinds = [event.kind for event in heard["t"] if event.kind in ("started", "stopped")]
    assert kinds[::2] == ["started"] * (len(kinds) // 2)
    assert kinds[1::2] == ["stopped"] * (len(kinds) // 2)
    stop = max(event.at for event in heard["t"] if event.kind == "stopped")
    assert 0 < stop - talk.end_s < 0.4
    assert [event.at for event in heard["t"]] == sorted(event.at for event in heard["t"])


def test_a_turn_that_sounds_unfinished_outlasts_the_pause(
    talk: Talk, heard: dict[str, Any]
) -> None:
    """And is answered once, behind its end."""
    outcome = ours([talk], heard, settings=Endpoint(), score=never)
    assert (outcome.pauses, outcome.cut, outcome.missed) == (1, [], [])
    [decided], [answered] = outcome.decided_s, outcome.answered_s
    assert 0.1 < decided <= answered < 2.5


def test_without_words_a_sound_that_seems_finished_is_cut_into(
    talk: Talk, heard: dict[str, Any]
) -> None:
    """What the table calls a false cut-in."""
    outcome = ours([talk], heard, settings=Endpoint(), score=surely, with_words=False)
    assert outcome.cut == ["t"]
    assert outcome.cut_share == 1.0
    assert len(outcome.decided_s) == 1


def test_more_patience_waits_longer(talk: Talk, heard: dict[str, Any]) -> None:
    """The curve's axis."""
    quick = ours([talk], heard, settings=scaled(Endpoint(), 0.5), score=never)
    slow = ours([talk], heard, settings=scaled(Endpoint(), 2.0), score=never)
    assert quick.decided_s[-1] < slow.decided_s[-1]


def test_no_patience_passes_the_hard_stop() -> None:
    """However large the factor."""
    assert max(scaled(Endpoint(), 9.0).no_s) == Endpoint().hard_stop_s


def test_a_guess_is_heard_before_an_answer_begun_at_the_decision(
    talk: Talk, heard: dict[str, Any]
) -> None:
    """Speculation shortens the answer, not the decision."""
    early = ours([talk], heard, settings=Endpoint(), score=never)
    late = ours([talk], heard, settings=replace(Endpoint(), speculate="off"), score=never)
    assert early.decided_s == late.decided_s
    assert early.answered_s < late.answered_s


def test_plain_silence_cuts_in_when_it_is_shorter_than_the_pause(talk: Talk) -> None:
    """And waits its silence at the end."""
    voiced = {talk.name: windows(talk.pcm, confidence=0.45)}
    short = plain([talk], voiced, silence_s=0.3)
    long = plain([talk], voiced, silence_s=1.2)
    assert (len(short.cut), len(long.cut)) == (1, 0)
    assert 1.1 < long.decided_s[0] < 1.5


def test_stock_waits_three_seconds_for_what_sounds_unfinished(
    talk: Talk, heard: dict[str, Any]
) -> None:
    """And decides at the stop otherwise."""
    assert stock([talk], heard, score=never).decided_s[0] == pytest.approx(3.0, abs=0.4)
    assert len(stock([talk], heard, score=surely).cut) == 1


def test_a_decision_is_judged_by_where_it_falls() -> None:
    """In a pause, elsewhere in the turn, behind the end, or nowhere."""
    talk = Talk("t", "human", True, b"", (Span(0, 1), Span(2, 3)))
    outcome = Outcome()
    at = [Decision(when, "", when + 0.2) for when in (0.5, 1.5, 3.4)]
    judge(outcome, talk, at)
    assert (outcome.cut, outcome.cut_elsewhere) == (["t"], 1)
    assert outcome.decided_s == [pytest.approx(0.4)]
    assert outcome.answered_s == [pytest.approx(0.6)]
    judge(outcome, talk, [])
    assert (outcome.pauses, outcome.cut_share, outcome.missed) == (2, 0.5, ["t"])
    judge(outcome, replace(talk, counts_end=False), [])
    assert outcome.missed == ["t"]


def test_the_noise_behind_a_turn_outlasts_every_policy() -> None:
    """Nothing is missed for want of silence."""
    assert Endpoint().hard_stop_s < TAIL_S - 0.5
