"""Who has the floor, and may it be taken?"""

from __future__ import annotations

import pytest

from call.floor import PROTECTED_AT_MOST_S, Floor

pytestmark = pytest.mark.rule


def test_an_idle_agent_needs_no_interruption() -> None:
    """Nothing to stop: the caller simply speaks."""
    assert not Floor().may_be_taken(0.0)


def test_a_busy_agent_yields() -> None:
    """Thinking or speaking, the floor may be taken, until everything was heard."""
    floor = Floor()
    floor.agent_began()
    assert floor.is_agents
    assert floor.may_be_taken(0.0)
    floor.agent_ended()
    assert not floor.may_be_taken(0.0)


def test_a_protected_phrase_is_finished_first() -> None:
    """From its first clause to the end of its reply the floor is not taken; another reply's end
    changes nothing."""
    floor = Floor()
    floor.clause_began(1, "This call is recorded.", is_protected=True, now=0.0)
    floor.clause_began(1, "How can I help?", is_protected=False, now=1.0)
    assert floor.last_said == "How can I help?"
    floor.reply_ended(2)
    assert not floor.may_be_taken(1.0)
    floor.reply_ended(1)
    assert floor.may_be_taken(1.0)


def test_protection_ends_by_itself_when_its_end_never_shows() -> None:
    """A broken voice cannot silence barge-in for good."""
    floor = Floor()
    floor.clause_began(1, "This call is recorded.", is_protected=True, now=0.0)
    assert not floor.may_be_taken(PROTECTED_AT_MOST_S - 1)
    assert floor.may_be_taken(PROTECTED_AT_MOST_S)
