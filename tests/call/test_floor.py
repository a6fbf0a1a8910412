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


def test_there_is_something_to_hold_while_a_clause_is_on_its_way() -> None:
    """From its first sound until its reply was heard, dropped or interrupted."""
    floor = Floor()
    floor.agent_began()
    assert not floor.is_speaking  # it thinks
    for end in (lambda: floor.reply_ended(1), floor.agent_ended, lambda: floor.take(0.0)):
        floor.clause_began(1, "One.", is_protected=False, now=0.0)
        assert floor.is_speaking
        end()
        assert not floor.is_speaking


@pytest.mark.parametrize(
    ("text", "is_value"),
    [
        ("Your number is 555 0142.", True),
        ("I have [PHONE_1].", True),
        ("That is 4111-1111.", True),
        ("At 10:30 on the 3rd, for 90 dollars.", False),
        ("Good morning.", False),
    ],
)
def test_a_value_is_known_when_it_is_read_back(text: str, is_value: bool) -> None:
    """Numbers of five digits and more, and stand-ins of personal data; not times and prices."""
    floor = Floor()
    floor.clause_began(1, text, is_protected=False, now=0.0)
    assert floor.is_reading_back is is_value


def test_a_question_is_asked_when_its_end_is_near_or_heard() -> None:
    """Counted in characters of how it sounds."""
    floor = Floor()
    floor.clause_began(1, "At 9?", is_protected=False, now=0.0, spoken="At nine?", clause_id="1.1")
    assert not floor.is_asking(within_chars=3)
    floor.heard_to("1.0", 8)  # another clause's
    assert not floor.is_asking(within_chars=3)
    floor.heard_to("1.1", 5)
    assert floor.is_asking(within_chars=3)
    floor.agent_ended()
    assert floor.is_asking(within_chars=0)
    floor.clause_began(2, "At nine.", is_protected=False, now=0.0)
    assert not floor.is_asking(within_chars=99)


def test_what_sounds_now_is_remembered_with_what_was_said_before() -> None:
    """An echo comes back a moment later: of the clause before, and if that is short of one more."""
    floor = Floor()
    long = "There is a free car park behind the building."
    for text in ("One.", "Two.", "Three.", long, "Four."):
        floor.clause_began(1, text, is_protected=False, now=0.0)
        if text == "Three.":
            assert floor.saying == "One.\nTwo.\nThree."
    assert floor.saying == f"{long}\nFour."


def test_a_question_in_two_clauses_is_remembered_whole() -> None:
    """What was asked is told by its sentence, not by its last words; a new sentence, or another
    reply, begins anew."""
    floor = Floor()
    for reply, text, so_far in (
        (1, "Of course.", "Of course."),
        (1, "Which of the two days", "Which of the two days"),
        (1, "would suit you?", "Which of the two days would suit you?"),
        (1, "A cleaning is", "A cleaning is"),
        (2, "Yes,", "Yes,"),
    ):
        floor.clause_began(reply, text, is_protected=False, now=0.0)
        assert floor.last_said == so_far


def test_a_value_is_being_read_back_in_its_own_clause_only() -> None:
    """The rest of the sentence may be held again."""
    floor = Floor()
    floor.clause_began(1, "I have 555 0142,", is_protected=False, now=0.0)
    assert floor.is_reading_back
    floor.clause_began(1, "is that right?", is_protected=False, now=1.0)
    assert not floor.is_reading_back
