"""What a time line says in numbers."""

from __future__ import annotations

import pytest

from lab.measures import Figures, figures, joined, longest_silence, percentiles
from lab.timeline import Timeline, Utterance

pytestmark = pytest.mark.rule


def said(start: float, end: float, *, kind: str = "say", follows_on: bool = False) -> Utterance:
    """An utterance whose clip has 0.1 s of silence on both sides."""
    return Utterance("c", "words", kind, follows_on, start - 0.1, start, end, end + 0.1)


def measured(
    utterances: list[Utterance], agent: list[tuple[float, float]], **more: object
) -> Figures:
    """The figures of a call of thirty seconds."""
    line = Timeline("CA1", duration_s=30.0, utterances=utterances, agent_spans=agent)
    line.agent_runs = list(agent)
    for name, value in more.items():
        setattr(line, name, value)
    return figures(line)


def test_latency_is_from_the_true_end_of_speech_to_the_first_sound_heard() -> None:
    """And the greeting is from the start of the stream."""
    got = measured([said(3, 5), said(10, 11)], [(0.5, 2), (5.8, 8), (11.4, 12)])
    assert got.greeting_s == 0.5
    assert [t.latency_s for t in got.turns] == [pytest.approx(0.8), pytest.approx(0.4)]
    assert all(t.is_answered and t.cut_in_s is None for t in got.turns)
    assert got.agent_speech_s == pytest.approx(1.5 + 2.2 + 0.6)


def test_a_turn_without_an_answer_before_the_next_is_unanswered() -> None:
    """What comes after the next turn belongs to that."""
    got = measured([said(3, 5), said(20, 21)], [(21.5, 22)])
    assert [t.is_answered for t in got.turns] == [False, True]
    assert got.turns[0].latency_s is None
    assert got.turns[0].dead_air_s == pytest.approx(15)
    assert got.greeting_s is None


def test_an_agent_that_starts_while_the_caller_speaks_cuts_in() -> None:
    """Its distance to the caller's end is told and no latency is."""
    got = measured([said(3, 5)], [(4.2, 8)])
    assert got.turns[0].cut_in_s == pytest.approx(0.8)
    assert got.turns[0].latency_s is None
    assert got.turns[0].is_answered


def test_a_start_within_the_precision_of_the_clip_is_no_cut_in() -> None:
    """Fifty milliseconds."""
    got = measured([said(3, 5)], [(4.97, 8)])
    assert got.turns[0].cut_in_s is None
    assert got.turns[0].latency_s == pytest.approx(-0.03)


def test_clips_said_without_waiting_are_one_turn_and_a_start_between_them_cuts_in() -> None:
    """A pause inside a sentence is not its end."""
    two = [said(3, 4), said(5, 6, follows_on=True)]
    good = measured(two, [(6.5, 8)])
    assert len(good.turns) == 1
    assert good.turns[0].latency_s == pytest.approx(0.5)
    bad = measured(two, [(4.3, 4.9), (6.5, 8)])
    assert bad.turns[0].cut_in_s == pytest.approx(1.7)


def test_an_interruption_is_timed_to_the_last_old_sound_and_to_the_clear() -> None:
    """The new reply is the answer."""
    turns = [said(3, 4), said(7, 9, kind="interrupt")]
    got = measured(turns, [(4.5, 7.25), (9.6, 11)], clears=[7.25])
    interruption = got.turns[1]
    assert interruption.is_interruption
    assert interruption.stop_s == pytest.approx(0.25)
    assert interruption.clear_s == pytest.approx(0.25)
    assert interruption.latency_s == pytest.approx(0.6)
    assert interruption.cut_in_s is None


def test_a_pause_of_an_agent_that_does_not_stop_is_not_taken_for_stopping() -> None:
    """Without a clear half a second between sentences is bridged."""
    turns = [said(3, 4), said(7, 9, kind="interrupt")]
    got = measured(turns, [(4.5, 7.1), (7.6, 10.0)])
    assert got.turns[1].stop_s == pytest.approx(3.0)
    assert got.turns[1].clear_s is None


def test_an_agent_that_spoke_on_before_a_sign_of_listening_was_over_owes_no_answer() -> None:
    """It went on where it had been held."""
    turns = [said(3, 4), said(7, 7.6, kind="interrupt")]
    got = measured(turns, [(4.5, 7.1), (7.55, 10.0)], clears=[7.1])
    assert got.turns[1].is_answered
    stopped = measured(turns, [(4.5, 7.1)], clears=[7.1])
    assert not stopped.turns[1].is_answered


def test_an_interruption_of_silence_has_no_stop() -> None:
    """The agent had already finished."""
    got = measured([said(3, 4), said(9, 10, kind="interrupt")], [(4.5, 6), (10.5, 11)])
    assert got.turns[1].stop_s is None


def test_an_underrun_is_a_gap_inside_a_reply() -> None:
    """Not a gap too short to matter, not a pause, not the caller's turn, not a clear."""
    runs = [(1.0, 2.0), (2.1, 3.0), (3.004, 4.0), (5.5, 6.0), (6.2, 7.0)]
    got = measured([], runs, clears=[6.1])
    [underrun] = got.underruns
    assert underrun == pytest.approx((2.0, 0.1))
    between = measured([said(2.0, 2.05)], runs, clears=[6.1])
    assert between.underruns == ()


def test_a_gap_in_padding_is_not_heard_and_not_counted() -> None:
    """Bots send silence behind a reply."""
    got = measured([], [(1.0, 2.0)], agent_runs=[(1.0, 3.0), (3.1, 4.0)])
    assert got.underruns == ()


def test_dead_air_is_the_longest_silence_of_the_agents_turn() -> None:
    """Before or inside the reply, but not after it."""
    got = measured([said(3, 5)], [(5.5, 7), (9.0, 10)])
    assert got.turns[0].dead_air_s == pytest.approx(2.0)
    ended = measured([said(3, 5)], [(5.5, 7), (20.0, 21)], agent_done=[7.9])
    assert ended.turns[0].dead_air_s == pytest.approx(0.5)


def test_sound_behind_a_clear_is_summed() -> None:
    """What arrives within 100 ms."""
    got = measured([], [], clears=[2.0], arrivals=[(1.99, 0.02), (2.01, 0.02), (2.05, 0.5), (3, 1)])
    assert got.after_clear_s == pytest.approx(0.52)


def test_percentiles_always_say_of_how_many() -> None:
    """None is not a value."""
    assert percentiles([None]).n == 0
    p = percentiles([None, *(i / 100 for i in range(101))])
    assert (p.n, p.p50, p.p95, p.longest) == (101, 0.5, 0.95, 1.0)
    assert p.p99 == pytest.approx(0.99)


def test_spans_are_joined_over_short_pauses() -> None:
    """And only over those."""
    spans = [(0, 1), (1.3, 2), (2.5, 3)]
    assert joined(spans, join_s=0.35) == [(0, 2), (2.5, 3)]


def test_an_empty_call_has_figures_too() -> None:
    """Nobody spoke."""
    assert isinstance(figures(Timeline("CA1")), Figures)


@pytest.mark.parametrize(
    ("agent", "is_complete", "expected"),
    [
        ([(1.0, 2.0), (2.5, 4.0)], True, 1.0),
        ([(0.2, 2.0), (3.5, 4.0)], True, 1.5),
        ([(0.2, 2.0), (3.5, 4.0)], False, 6.0),
        ([], True, 10.0),
        ([(-1.0, 0.5), (12.0, 13.0)], True, 0.0),
        ([(-2.0, -1.0), (10.5, 13.0)], True, 10.0),
    ],
)
def test_the_longest_silence_counts_its_end_unless_all_was_said(
    agent: list[tuple[float, float]], is_complete: bool, expected: float
) -> None:
    """Between 0 and 10 s; sound outside does not matter."""
    line = Timeline("CA1", duration_s=30.0, agent_spans=agent)
    assert longest_silence(line, 0.0, 10.0, is_complete=is_complete) == pytest.approx(expected)
