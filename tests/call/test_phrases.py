"""What the agent says on its own account is never empty, and never twice running."""

from __future__ import annotations

from dataclasses import fields

import pytest

from call.phrases import _PLACES, Phrases, phrases_of

pytestmark = pytest.mark.rule


def test_every_phrase_is_needed() -> None:
    """An empty one would be a silence."""
    for knob in fields(Phrases):
        empty = " " if isinstance(knob.default, str) else ("One moment.", " ")
        for value in (empty, () if isinstance(empty, tuple) else ""):
            with pytest.raises(ValueError, match=f"{knob.name} is empty"):
                Phrases(**{knob.name: value})  # type: ignore[arg-type]


def test_a_single_filler_is_refused() -> None:
    """It would be said twice running."""
    for name in ("fillers", "tool_fillers"):
        with pytest.raises(ValueError, match=f"{name} has one sentence"):
            Phrases(**{name: ("One moment.",)})  # type: ignore[arg-type]


def test_a_question_that_repeats_what_was_heard_has_a_place_for_it() -> None:
    """Else the caller could not tell what was heard."""
    for name, places in _PLACES.items():
        with pytest.raises(ValueError, match=f"{name} lacks {places[0]}"):
            Phrases(**{name: "Is that right?"})  # type: ignore[arg-type]


def test_a_language_we_speak_has_all_phrases() -> None:
    """Arabic in any country; others keep English until their operator writes them."""
    arabic = phrases_of("ar-EG")
    assert set(arabic) == {knob.name for knob in fields(Phrases)}
    assert Phrases(**arabic) != Phrases()  # type: ignore[arg-type]
    assert phrases_of("en") == phrases_of("fr") == {}
