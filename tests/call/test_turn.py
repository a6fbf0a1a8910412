"""Where the conversation stands follows a table, and nothing but the table."""

from __future__ import annotations

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.errors import MisuseError
from call.measures import UNLISTED_TRANSITIONS, Measure, Moment, NullRecorder
from call.turn import TRANSITIONS, Standing, TurnState

pytestmark = pytest.mark.rule

M = Moment
S = TurnState


class Counts(NullRecorder):
    """Remembers what was counted."""

    def __init__(self) -> None:
        self.counted: list[tuple[str, ...]] = []

    def count(self, measure: Measure, amount: float = 1, **labels: str) -> None:
        """Keep the name and the labels."""
        self.counted.append((measure.name, *labels.values()))


def states(*moments: Moment) -> list[TurnState]:
    """The state behind each moment; an unlisted one raises."""
    standing, seen = Standing(strict=True), []
    for moment in moments:
        standing.moment(moment)
        seen.append(standing.state)
    return seen


def test_a_turn_goes_round() -> None:
    """The caller speaks and is done, the agent thinks, speaks, and is heard."""
    moments = (M.SPEECH_STARTED, M.SPEECH_STOPPED, M.TURN_DECIDED, M.FIRST_AUDIO, M.REPLY_HEARD)
    assert states(*moments) == [S.LISTENING, S.DECIDING, S.THINKING, S.SPEAKING, S.LISTENING]


def test_speech_that_goes_on_takes_the_decision_back() -> None:
    """A pause is no end."""
    assert states(M.SPEECH_STOPPED, M.SPEECH_STARTED) == [S.DECIDING, S.LISTENING]


@pytest.mark.parametrize(
    ("verdict", "after"),
    [(M.RESUMED, S.SPEAKING), (M.INTERRUPTED, S.LISTENING), (M.REPLY_HEARD, S.LISTENING)],
)
def test_a_voice_over_the_agent_holds_it_until_the_verdict(
    verdict: Moment, after: TurnState
) -> None:
    """The voice detector's signals and the sound that was on its way change nothing meanwhile."""
    meanwhile = (M.SPEECH_STARTED, M.SPEECH_STOPPED)
    held = states(M.FIRST_AUDIO, M.HELD, *meanwhile, verdict)
    assert held == [S.SPEAKING, S.HELD, S.HELD, S.HELD, after]


def test_the_sound_of_the_next_reply_may_be_on_its_way_when_the_hold_comes() -> None:
    """It is held like the rest."""
    assert states(M.FIRST_AUDIO, M.HELD, M.FIRST_AUDIO)[-1] is S.HELD


def test_nothing_is_resumed_that_was_heard_to_its_end() -> None:
    """The hold came behind its last word."""
    assert states(M.FIRST_AUDIO, M.HELD, M.REPLY_HEARD, M.RESUMED)[-1] is S.LISTENING


@pytest.mark.parametrize("before", [(), (M.SPEECH_STOPPED,)])
def test_a_hold_of_what_was_heard_meanwhile_holds_nothing(before: tuple[Moment, ...]) -> None:
    """Nor does its end make anybody speak."""
    assert len(set(states(*before, M.REPLY_HEARD, M.HELD, M.RESUMED)[len(before) :])) == 1


def test_the_end_of_a_hold_makes_nobody_speak_who_does_not() -> None:
    """Its reply was heard to its end, the caller stopped, the agent thinks, its answer sounds."""
    held = (M.FIRST_AUDIO, M.HELD, M.REPLY_HEARD)
    assert states(*held, M.SPEECH_STOPPED, M.RESUMED)[-1] is S.DECIDING
    thinking = (*held, M.SPEECH_STOPPED, M.TURN_DECIDED)
    assert states(*thinking, M.RESUMED)[-1] is S.THINKING
    assert states(*thinking, M.FIRST_AUDIO, M.RESUMED)[-1] is S.SPEAKING


def test_what_is_no_change_of_state_changes_none() -> None:
    """Requests, tokens, clauses, tools."""
    still = [moment for moment in Moment if moment not in {m for _, m in TRANSITIONS}]
    assert Moment.LLM_REQUEST in still
    assert set(states(*still)) == {S.LISTENING}


def test_an_unlisted_transition_is_counted_and_raises_in_tests() -> None:
    """The state stays what it was."""
    counts = Counts()
    standing = Standing(counts)
    standing.moment(M.SPEECH_STOPPED)
    standing.moment(M.SPEECH_STOPPED)
    assert counts.counted == [(UNLISTED_TRANSITIONS.name, "deciding", "speech_stopped")]
    assert standing.state is S.DECIDING
    with pytest.raises(MisuseError, match="speech_stopped while deciding"):
        states(M.SPEECH_STOPPED, M.SPEECH_STOPPED)


def test_a_reply_may_begin_before_the_last_was_heard_out() -> None:
    """The agent speaks until the last of them was heard; an interruption silences them all."""
    both = (M.FIRST_AUDIO, M.FIRST_AUDIO)
    assert states(*both, M.REPLY_HEARD, M.REPLY_HEARD)[-2:] == [S.SPEAKING, S.LISTENING]
    assert states(*both, M.INTERRUPTED, M.FIRST_AUDIO, M.REPLY_HEARD)[-1] is S.LISTENING


def test_every_state_can_be_left_and_reached() -> None:
    """The table has no dead end."""
    for state in TurnState:
        assert {s for (s, _), after in TRANSITIONS.items() if after is not s} >= {state}
        assert state in {after for (s, _), after in TRANSITIONS.items() if s is not state}


@given(st.lists(st.sampled_from([*Moment])))
def test_any_order_of_moments_moves_by_the_table_alone(moments: list[Moment]) -> None:
    """Listed, or left where it was."""
    standing = Standing()
    for moment in moments:
        before = standing.state
        standing.moment(moment)
        assert standing.state in {before, TRANSITIONS.get((before, moment))}


def test_nothing_can_be_awaited_inside_a_change_of_state() -> None:
    """It is a plain call."""
    assert not inspect.iscoroutinefunction(Standing.moment)


def test_behind_a_holding_phrase_the_answer_is_still_awaited() -> None:
    """The caller has heard it, and the agent goes on thinking."""
    thinking = (M.SPEECH_STARTED, M.SPEECH_STOPPED, M.TURN_DECIDED)
    assert states(*thinking, M.FIRST_AUDIO, M.FILLER_HEARD)[-2:] == [S.SPEAKING, S.THINKING]
    assert states(*thinking, M.FIRST_AUDIO, M.FIRST_AUDIO, M.FILLER_HEARD)[-1] is S.SPEAKING
