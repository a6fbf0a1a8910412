"""Who has the floor, and may it be taken?"""

from __future__ import annotations

import pytest

from call.floor import PROTECTED_AT_MOST_S, Floor

pytestmark = pytest.mark.rule


def test_an_idle_agent_needs_no_interruption() -> None:
    """Nothing to stop: the caller simply speaks."""
    assert not Floor().take(0.0)


def test_an_agent_that_was_heard_out_is_idle() -> None:
    """Until everything was heard."""
    floor = Floor()
    floor.agent_began()
    assert floor.is_agents
    floor.agent_ended()
    assert not floor.take(0.0)


def test_the_floor_is_taken_once() -> None:
    """Who has it need not interrupt again, until the agent begins anew."""
    floor = Floor()
    floor.agent_began()
    assert [floor.take(0.0), floor.take(0.0), floor.is_agents] == [True, False, False]
    floor.agent_began()
    assert floor.take(0.0)


def test_a_protected_phrase_is_finished_first() -> None:
    """From its first clause to the end of its reply the floor is not taken; another reply's end
    changes nothing."""
    floor = Floor()
    floor.clause_began(1, "This call is recorded.", is_protected=True, now=0.0)
    floor.clause_began(1, "How can I help?", is_protected=False, now=1.0)
    assert floor.last_said == "How can I help?"
    floor.reply_ended(2)
    assert not floor.take(1.0)
    floor.reply_ended(1)
    assert floor.take(1.0)


def test_protection_ends_by_itself_when_its_end_never_shows() -> None:
    """A broken voice cannot silence barge-in for good."""
    floor = Floor()
    floor.clause_began(1, "This call is recorded.", is_protected=True, now=0.0)
    assert not floor.take(PROTECTED_AT_MOST_S - 1)
    assert floor.take(PROTECTED_AT_MOST_S)
