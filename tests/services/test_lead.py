"""How long the caller's ear is provided for."""

from __future__ import annotations

import pytest

from call.speculation import Guess, Verdict
from frames.speech import PlayedToFrame, PlayheadFrame
from services.lead import Lead

pytestmark = pytest.mark.rule


def test_sound_plays_from_when_it_was_handed_on() -> None:
    """Without gaps, and from now on once the ear has run dry."""
    lead = Lead()
    lead.handed(1.0, 10.0)
    lead.handed(0.5, 10.2)
    assert lead.dry_at == 11.5
    lead.handed(1.0, 20.0)
    assert lead.dry_at == 21.0


def test_what_is_ready_counts_as_more() -> None:
    """As if it left now."""
    lead = Lead()
    lead.handed(1.0, 10.0)
    assert lead.dry_after(0.5, 10.0) == 11.5
    assert lead.dry_after(0.5, 15.0) == 15.5
    assert lead.dry_after(0.0, 15.0) == 11.0


def test_the_wire_knows_better() -> None:
    """A hold, or a gate, has kept the sound back: the rest plays from the place it tells."""
    lead = Lead()
    lead.handed(1.0, 10.0)
    lead.passed(PlayheadFrame("1.1", 9))
    lead.handed(2.0, 10.0)
    lead.passed(PlayheadFrame("1.2", 5))
    lead.played(PlayedToFrame(clause_id="1.1", chars=9, at=14.0), 14.1)
    assert lead.dry_at == 16.0
    lead.played(PlayedToFrame(clause_id="1.1", chars=9, at=15.0), 15.0)  # told twice
    lead.played(PlayedToFrame(clause_id="9.9", chars=9, at=15.0), 15.0)  # not ours
    assert lead.dry_at == 16.0
    lead.played(PlayedToFrame(clause_id="1.2", chars=5, at=16.5), 16.6)
    assert lead.dry_at == 16.6


def test_a_barge_in_leaves_nothing() -> None:
    """Its places are not waited for."""
    lead = Lead()
    lead.handed(1.0, 10.0)
    lead.passed(PlayheadFrame("1.1", 9))
    lead.cleared(10.5)
    assert lead.dry_at == 10.5
    lead.played(PlayedToFrame(clause_id="1.1", chars=9, at=12.0), 12.0)
    assert lead.dry_at == 10.5


def settle(guess: Guess, verdict: Verdict) -> Guess:
    """The turn is decided."""
    guess.settle(verdict, wasted=lambda kind, amount: None)
    return guess


def test_what_a_withdrawn_guess_would_have_said_is_not_played() -> None:
    """Neither is what of it is still on its way; the ear has what it had before."""
    lead, guess = Lead(), Guess("hello")
    lead.handed(1.0, 10.0)
    lead.passed(PlayheadFrame("1.1", 9))
    lead.handed(3.0, 10.0, guess)
    lead.passed(PlayheadFrame("2.1", 9), guess)
    lead.settle(10.0)
    assert lead.dry_at == 14.0
    settle(guess, Verdict.WITHDRAWN)
    lead.handed(3.0, 10.1, guess)
    lead.passed(PlayheadFrame("2.2", 9), guess)
    lead.settle(10.2)
    assert lead.dry_at == 11.0
    lead.settle(10.3)
    assert lead.dry_at == 11.0
    lead.handed(2.0, 10.4)
    assert lead.dry_at == 13.0
    lead.played(PlayedToFrame(clause_id="1.1", chars=9, at=11.5), 11.5)  # a hold
    assert lead.dry_at == 13.5


def test_what_was_handed_on_behind_a_withdrawn_guess_plays_that_much_earlier() -> None:
    """Its places move forward with it."""
    lead, guess = Lead(), Guess("hello")
    lead.handed(3.0, 10.0, guess)
    lead.passed(PlayheadFrame("2.1", 9), guess)
    lead.handed(1.0, 10.0)
    lead.passed(PlayheadFrame("3.1", 9))
    lead.handed(2.0, 10.0)
    settle(guess, Verdict.WITHDRAWN)
    lead.settle(10.0)
    assert lead.dry_at == 13.0
    lead.played(PlayedToFrame(clause_id="3.1", chars=9, at=11.2), 11.2)
    assert lead.dry_at == 13.2


def test_a_guess_that_is_kept_or_swept_away_is_not_taken_back() -> None:
    """It is played; or a barge-in has taken everything already."""
    lead, kept, swept = Lead(), Guess("hello"), Guess("hello")
    lead.handed(3.0, 10.0, kept)
    settle(kept, Verdict.KEPT)
    lead.handed(1.0, 10.0, kept)
    lead.settle(10.0)
    assert lead.dry_at == 14.0
    lead.handed(3.0, 10.0, swept)
    lead.cleared(10.5)
    settle(swept, Verdict.WITHDRAWN)
    lead.handed(1.0, 10.5)
    lead.settle(10.5)
    assert lead.dry_at == 11.5
