"""The caller's silence is broken in time, and only when something is owed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.first_token import (
    AllHeard,
    AnswerEnded,
    Asked,
    BreakSilence,
    CallerInterrupted,
    CallerSilent,
    CallerSpeaks,
    ClauseArrived,
    Fact,
    FirstClauseTimes,
    FirstTokenPatience,
    Patience,
    ToolEnded,
    ToolStarted,
    TurnConfirmed,
    filler,
)
from call.phrases import Phrases

pytestmark = pytest.mark.rule


def after(*told: tuple[float, Fact], times: FirstClauseTimes | None = None) -> FirstTokenPatience:
    """A patience that has been told these."""
    patience = FirstTokenPatience(Patience(), times)
    for at, fact in told:
        patience.decide(fact, at)
    return patience


ASKED = ((10.0, TurnConfirmed()), (10.01, Asked()))


# ── settings ─────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("name", ["again_s", "stall_s", "hearing_s", "hearing_again_s"])
def test_no_patience_is_no_time(name: str) -> None:
    """Every span is above 0."""
    with pytest.raises(ValueError, match=f"{name} is 0"):
        Patience(**{name: 0.0})


@pytest.mark.parametrize("least_s", [0.0, 1.8])
def test_the_earliest_phrase_comes_before_the_latest(least_s: float) -> None:
    """And not at once."""
    with pytest.raises(ValueError, match="first_clause_least_s"):
        Patience(first_clause_least_s=least_s)


# ── the first phrase ─────────────────────────────────────────────────────────────────
def test_silence_counts_from_the_instant_the_turn_is_the_agents() -> None:
    """Not from the request; a late timer asks again, and the phrase is said once."""
    patience = after(*ASKED)
    assert patience.next_deadline() == 11.7
    assert patience.on_deadline(11.69) is None
    assert patience.on_deadline(11.7) == BreakSilence()
    assert patience.on_deadline(11.7) is None


def test_nothing_is_owed_before_the_model_is_asked() -> None:
    """A cough that was no turn gets no phrase; nor does an answer that has ended."""
    assert after((10.0, TurnConfirmed())).next_deadline() is None
    ended = after(*ASKED, (10.5, ClauseArrived()), (10.6, AnswerEnded()), (12.0, AllHeard()))
    assert ended.next_deadline() is None
    assert ended.on_deadline(99.0) is None


def test_a_clause_that_can_be_spoken_ends_the_wait() -> None:
    """While it sounds, and while it may sound, nobody waits."""
    assert after(*ASKED, (11.0, ClauseArrived())).next_deadline() is None


def test_a_reply_that_stops_in_the_middle_is_waited_for_anew() -> None:
    """From the last sound that was heard; the usual time of a first clause says nothing here."""
    times = FirstClauseTimes()
    for _ in range(20):
        times.add(0.1)
    heard = (13.0, AllHeard())
    patience = after(*ASKED, (11.0, ClauseArrived()), heard, (13.5, AllHeard()), times=times)
    assert patience.next_deadline() == 14.7


def test_a_model_asked_out_of_the_blue_is_given_its_time() -> None:
    """No turn went before, as when the caller has been quiet for long."""
    patience = after((50.0, Asked()))
    assert patience.next_deadline() == 51.7


# ── an answer begun early ────────────────────────────────────────────────────────────
def test_an_answer_begun_early_is_owed_once_the_turn_is_confirmed() -> None:
    """From then on."""
    patience = after((9.5, Asked(is_guess=True)))
    assert patience.next_deadline() is None
    patience.decide(TurnConfirmed(), 10.0)
    assert patience.next_deadline() == 11.7


def test_an_answer_begun_early_that_is_ready_leaves_nothing_to_wait_for() -> None:
    """Its first clause waits behind the gate; and it does not count among the usual times."""
    times = FirstClauseTimes()
    early = (9.5, Asked(is_guess=True)), (9.8, ClauseArrived()), (10.0, TurnConfirmed())
    assert after(*early, times=times).next_deadline() is None
    for _ in range(19):
        times.add(0.1)
    assert times.patience_s(Patience()) == 1.7  # nineteen still


def test_an_answer_that_was_withdrawn_is_not_on_its_way() -> None:
    """The next one is waited for as if there had been none."""
    patience = after(
        (9.5, Asked(is_guess=True)),
        (9.8, ClauseArrived()),
        (9.9, AnswerEnded(is_withdrawn=True)),
        *ASKED,
    )
    assert patience.next_deadline() == 11.7


# ── later phrases ────────────────────────────────────────────────────────────────────
def test_a_second_phrase_follows_when_the_first_did_not_help() -> None:
    """After 4 s, or earlier when it left another silence; if it cannot be heard, after 4 s."""
    patience = after(*ASKED)
    assert patience.on_deadline(11.7) == BreakSilence(nth=0)
    assert patience.next_deadline() == 15.7
    patience.decide(ClauseArrived(is_phrase=True), 11.7)
    assert patience.next_deadline() == 15.7
    patience.decide(AllHeard(), 13.2)
    assert patience.next_deadline() == pytest.approx(14.9)
    assert patience.on_deadline(14.9) == BreakSilence(nth=1)


def test_a_clause_behind_a_phrase_ends_the_count() -> None:
    """The next silence begins with the first phrase again."""
    patience = after(*ASKED)
    patience.on_deadline(11.7)
    patience.decide(ClauseArrived(), 12.0)
    patience.decide(AllHeard(), 14.0)
    assert patience.on_deadline(15.7) == BreakSilence(nth=0)


# ── tools ────────────────────────────────────────────────────────────────────────────
def test_a_slow_tool_is_waited_for_in_its_name() -> None:
    """From the last words heard; not by the usual time of clauses."""
    patience = after(
        *ASKED,
        (10.5, ClauseArrived()),
        (10.6, ToolStarted("t1", "find_slots")),
        (10.7, AnswerEnded()),
        (12.0, AllHeard()),
    )
    assert patience.next_deadline() == 13.7
    assert patience.on_deadline(13.7) == BreakSilence("find_slots")


def test_the_silence_goes_on_behind_a_tool() -> None:
    """A tool of 1.5 s and a model of 1 s are a silence of 2.5; one that tells the model nothing
    leaves nothing owed; one that nobody knows changes nothing."""
    silence = (*ASKED, (10.1, ToolStarted("t1")), (10.2, AnswerEnded()))
    patience = after(*silence, (11.6, ToolEnded("t1")), (11.61, Asked()))
    assert patience.next_deadline() == 11.7
    told_nothing = after(*silence, (11.6, ToolEnded("t1", is_told=False)), (11.6, ToolEnded("t9")))
    assert told_nothing.next_deadline() is None


# ── who waits ────────────────────────────────────────────────────────────────────────
def test_the_silence_in_which_the_models_words_are_waited_for_is_known() -> None:
    """From the instant the turn is the agent's, or from the last sound heard; nobody waits while
    something sounds, while the caller speaks, before the turn is decided, or for nothing."""
    assert after((10.0, TurnConfirmed())).silent_since is None
    assert after((9.0, Asked(is_guess=True))).silent_since is None
    assert after(*ASKED).silent_since == 10.0
    assert after(*ASKED, (10.5, CallerSpeaks())).silent_since is None
    sounding = (*ASKED, (11.0, ClauseArrived()))
    assert after(*sounding).silent_since is None
    assert after(*sounding, (13.0, AllHeard())).silent_since == 13.0


# ── the caller ───────────────────────────────────────────────────────────────────────
def test_a_caller_who_speaks_is_not_waiting() -> None:
    """Their silence begins when they cease."""
    patience = after(*ASKED, (11.0, CallerSpeaks()))
    assert patience.next_deadline() is None
    patience.decide(CallerSilent(), 11.5)
    assert patience.next_deadline() == 13.2


def test_an_interruption_clears_all_debts() -> None:
    """The reply, the tool, the phrases said."""
    patience = after(*ASKED, (10.1, ToolStarted("t1")))
    patience.on_deadline(11.7)
    patience.decide(CallerInterrupted(), 11.8)
    assert patience.next_deadline() is None
    patience.decide(TurnConfirmed(), 20.0)
    patience.decide(Asked(), 20.0)
    assert patience.on_deadline(21.7) == BreakSilence(nth=0)


# ── what is usual ────────────────────────────────────────────────────────────────────
def test_the_silence_is_broken_early_when_answers_come_fast_here() -> None:
    """A quarter later than the slowest that came in time, once twenty are known, within bounds;
    those that came too late say nothing of the ones in time."""
    times = FirstClauseTimes()
    for _ in range(18):
        times.add(0.6)
    times.add(5.0)
    assert times.patience_s(Patience()) == 1.7
    times.add(1.2)
    assert times.patience_s(Patience()) == pytest.approx(1.5)
    assert after(*ASKED, times=times).next_deadline() == pytest.approx(11.5)


def test_where_no_answer_comes_in_time_patience_is_not_shortened() -> None:
    """Nothing is known of when a timely one would come."""
    times = FirstClauseTimes()
    for _ in range(20):
        times.add(2.5)
    assert times.patience_s(Patience()) == 1.7


@given(st.lists(st.floats(0, 60), max_size=150))
def test_what_is_usual_moves_the_phrase_within_bounds(took: list[float]) -> None:
    """Whatever the model did, the phrase comes between 1.0 and 1.7 s."""
    times = FirstClauseTimes()
    for seconds in took:
        times.add(seconds)
    assert 1.0 <= times.patience_s(Patience()) <= 1.7


def test_each_first_clause_is_remembered_once() -> None:
    """A second clause, a phrase and a clause of a guess say nothing of it."""
    times = FirstClauseTimes()
    told = (*ASKED, (10.3, ClauseArrived(is_phrase=True)), (10.5, ClauseArrived()))
    after(*told, (12.0, ClauseArrived()), times=times)
    for _ in range(19):
        times.add(0.1)
    assert times.patience_s(Patience()) == 1.0


# ── phrases ──────────────────────────────────────────────────────────────────────────
def test_no_phrase_is_said_twice_running() -> None:
    """A tool says its own first, then the ones of all tools."""
    phrases = Phrases(fillers=("a", "b"), tool_fillers=("c", "d"))
    own = {"look": "Looking."}
    assert [filler(BreakSilence(nth=n), phrases, own) for n in range(3)] == ["a", "b", "a"]
    said = [filler(BreakSilence("look", n), phrases, own) for n in range(4)]
    assert said == ["Looking.", "c", "d", "Looking."]
    assert [filler(BreakSilence("book", n), phrases, own) for n in range(3)] == ["c", "d", "c"]


def test_nor_across_two_silences() -> None:
    """Whoever was answered late in the turn before hears another phrase in this one."""
    phrases = Phrases(fillers=("a", "b"), tool_fillers=("c", "d"))
    own = {"look": "Looking."}
    assert filler(BreakSilence(), phrases, own, last="a") == "b"
    assert filler(BreakSilence(nth=1), phrases, own, last="b") == "a"
    assert filler(BreakSilence("look"), phrases, own, last="Looking.") == "c"
    assert filler(BreakSilence("look"), phrases, own, last="c") == "Looking."
