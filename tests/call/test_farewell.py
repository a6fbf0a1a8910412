"""The end of a call waits for the ear, and never for ever."""

from __future__ import annotations

import pytest

from call.errors import Ending
from call.farewell import EMERGENCY, WAY_OUT, Farewell, HangUp, SayGoodbye

pytestmark = pytest.mark.rule

GOODBYE = Ending.AGENT_SAID_GOODBYE


def asked(now: float = 10.0) -> Farewell:
    farewell = Farewell(watchdog_s=5.0, apology_s=3.0)
    farewell.asked(GOODBYE, now)
    return farewell


def test_a_reply_heard_before_anybody_asked_ends_nothing():
    """Ordinary replies do not end calls."""
    farewell = Farewell(watchdog_s=5.0, apology_s=3.0)
    assert farewell.reply_heard(had_words=True, interrupted=False, now=1.0) == ()
    assert farewell.next_deadline() is None
    assert not farewell.is_asked


def test_the_goodbye_heard_to_its_end_lets_the_call_go():
    """The last mark is what hangs up."""
    farewell = asked()
    assert farewell.reply_heard(had_words=True, interrupted=False, now=11.0) == (HangUp(GOODBYE),)
    assert farewell.next_deadline() is None


def test_a_request_without_words_says_goodbye_first_and_once():
    """A model that only called the tool does not drop the caller in silence."""
    farewell = asked()
    assert farewell.reply_heard(had_words=False, interrupted=False, now=11.0) == (SayGoodbye(),)
    assert farewell.reply_heard(had_words=False, interrupted=False, now=13.0) == (HangUp(GOODBYE),)


def test_a_caller_who_speaks_over_the_goodbye_keeps_the_call():
    """Interrupting the goodbye takes the request back."""
    farewell = asked()
    assert farewell.reply_heard(had_words=True, interrupted=True, now=11.0) == ()
    assert not farewell.is_asked
    assert farewell.on_deadline(100.0) == ()


def test_the_request_can_be_taken_back():
    """Somebody is there after all; a way out is not taken back."""
    farewell = asked()
    farewell.taken_back()
    assert (farewell.is_asked, farewell.next_deadline()) == (False, None)
    leaving = Farewell(watchdog_s=5.0, apology_s=3.0)
    leaving.left(Ending.VOICEMAIL, 10.0)
    leaving.taken_back()
    assert leaving.is_asked


def test_the_watchdog_overrules_a_mark_that_never_returns():
    """Five seconds without progress end the call."""
    farewell = asked(now=10.0)
    assert farewell.next_deadline() == 15.0
    assert farewell.on_deadline(14.9) == ()
    assert farewell.on_deadline(15.0) == (HangUp(GOODBYE, was_heard=False),)
    assert farewell.on_deadline(20.0) == ()


def test_a_long_goodbye_that_is_being_heard_is_not_cut_off():
    """Each step of progress starts the watchdog again."""
    farewell = asked(now=10.0)
    farewell.progress(14.0)
    assert farewell.on_deadline(15.0) == ()
    assert farewell.next_deadline() == 19.0


def test_progress_before_anybody_asked_arms_nothing():
    """The watchdog belongs to the goodbye alone."""
    farewell = Farewell(watchdog_s=5.0, apology_s=3.0)
    farewell.progress(1.0)
    assert farewell.next_deadline() is None
    assert farewell.ending is None


def leaving(now: float = 10.0) -> Farewell:
    farewell = Farewell(watchdog_s=5.0, apology_s=3.0)
    assert farewell.left(Ending.VOICEMAIL, now) == ()
    return farewell


def test_a_way_out_waits_for_its_own_words_alone():
    """A reply that was on its way, cut short for it, neither ends the call nor keeps it."""
    farewell = leaving()
    assert farewell.reply_heard(had_words=True, interrupted=True, now=10.1) == ()
    assert farewell.reply_heard(had_words=True, interrupted=False, now=10.2) == ()
    heard = farewell.reply_heard(kind=WAY_OUT, had_words=True, interrupted=False, now=11.0)
    assert heard == (HangUp(Ending.VOICEMAIL),)
    assert farewell.next_deadline() is None


def test_a_way_out_is_taken_once_and_taken_back_by_nobody():
    """A second one, or a goodbye of the model's, changes nothing."""
    farewell = leaving()
    assert farewell.left(Ending.HANDED_OFF, 10.5) == ()
    farewell.asked(GOODBYE, 10.6)
    assert farewell.ending is Ending.VOICEMAIL
    assert farewell.next_deadline() == 13.0


def test_an_apology_that_cannot_be_heard_is_said_so():
    """Whoever goes on with the call then knows that the caller was told nothing."""
    assert leaving().on_deadline(12.9) == ()
    assert leaving().on_deadline(13.0) == (HangUp(Ending.VOICEMAIL, was_heard=False),)
    unheard = leaving().reply_heard(kind=WAY_OUT, had_words=False, interrupted=True, now=11.0)
    assert unheard == (HangUp(Ending.VOICEMAIL, was_heard=False),)


def test_a_call_that_was_ending_ends_as_it_was_going_to():
    """After a goodbye nobody is sent to a voicemail."""
    farewell = asked()
    assert farewell.left(Ending.VOICEMAIL, 11.0) == (HangUp(GOODBYE, was_heard=False),)
    assert farewell.next_deadline() is None


def heard(farewell: Farewell, kind: str, *, had_words: bool = True) -> tuple[object, ...]:
    return farewell.reply_heard(kind=kind, had_words=had_words, interrupted=False, now=11.0)


def test_an_emergency_takes_the_place_of_whatever_way_the_call_was_about_to_go():
    """A goodbye or an apology: the call is let go by the emergency's own words."""
    for farewell, before in ((asked(), 0), (leaving(), 1)):
        assert farewell.left(Ending.HANDED_OFF, 10.5, is_urgent=True) == ()
        for _ in range(before):  # the apology under way is finished
            assert heard(farewell, WAY_OUT, had_words=False) == ()
        assert heard(farewell, "reply") == ()
        assert farewell.next_deadline() is not None
        assert heard(farewell, WAY_OUT) == (HangUp(Ending.HANDED_OFF),)


def test_a_way_out_waits_for_the_emergency_line_that_came_between():
    """Also one whose apology was not heard; a line from before it ends nothing."""
    farewell = leaving()
    assert heard(farewell, EMERGENCY) == ()
    farewell.line_owed()
    assert heard(farewell, WAY_OUT, had_words=False) == ()
    assert farewell.next_deadline() == 14.0
    assert heard(farewell, EMERGENCY) == (HangUp(Ending.VOICEMAIL, was_heard=False),)


def test_outside_a_way_out_the_emergency_line_owes_nothing():
    """It is a word in the call."""
    farewell = Farewell(watchdog_s=5.0, apology_s=3.0)
    farewell.line_owed()
    assert farewell.left(Ending.VOICEMAIL, 10.0) == ()
    assert heard(farewell, WAY_OUT) == (HangUp(Ending.VOICEMAIL),)


def test_the_last_words_of_a_call_that_must_end_have_their_time_and_no_more():
    """However much of them is heard meanwhile."""
    farewell = Farewell(watchdog_s=5.0, apology_s=3.0)
    assert farewell.left(Ending.DRAINED, 10.0) == ()
    farewell.end_by(14.0, Ending.DRAINED)
    assert farewell.next_deadline() == 13.0
    farewell.progress(12.0)
    assert farewell.next_deadline() == 14.0
    assert heard(farewell, WAY_OUT) == (HangUp(Ending.DRAINED),)


def test_a_goodbye_under_way_is_finished_if_there_is_time():
    """The call ends as it was going to; asked again it gets no more time."""
    farewell = asked()
    farewell.end_by(12.0, Ending.DRAINED)
    farewell.asked(GOODBYE, 11.0)
    assert farewell.next_deadline() == 12.0
    assert farewell.on_deadline(12.0) == (HangUp(GOODBYE, was_heard=False),)
    farewell.end_by(13.0, Ending.DRAINED)
    assert farewell.next_deadline() is None


def test_a_goodbye_taken_back_when_there_is_no_time_ends_the_call_all_the_same():
    """At once, and the caller is told why by somebody else."""
    farewell = asked()
    farewell.end_by(12.0, Ending.DRAINED)
    assert farewell.reply_heard(had_words=True, interrupted=True, now=11.0) == ()
    assert farewell.on_deadline(11.0) == (HangUp(Ending.DRAINED, was_heard=False),)


def test_a_call_that_says_nothing_of_its_end_ends_in_time():
    """As it was told to."""
    farewell = Farewell(watchdog_s=5.0, apology_s=3.0)
    farewell.end_by(12.0, Ending.DRAINED)
    assert farewell.on_deadline(11.9) == ()
    assert farewell.on_deadline(12.0) == (HangUp(Ending.DRAINED, was_heard=False),)
