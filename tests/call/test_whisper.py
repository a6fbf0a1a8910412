"""What a person is told before the caller is put through holds no personal data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.privacy_lexicon import KINDS
from call.whisper import MOST_CHARS, whisper

pytestmark = pytest.mark.rule


def test_stand_ins_are_said_as_what_they_stand_for():
    """In the language of the agent, as far as it is known; with or without a rest behind them."""
    said = "move [PHONE_1] and [EMAIL_2:count=7] … to [NUMBER_1]"
    expected = "move a telephone number and an email address to a number"
    assert whisper(said, language="en-GB") == expected
    assert whisper("[PHONE_1] غدا", language="ar") == "رقم غدا"
    assert whisper("[PHONE_1] morgen", language="de") == "… morgen"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_datum_is_replaced(kind: str):
    """None is read out as a bracket."""
    spoken = whisper(f"about [{kind.upper()}_3]", language="en")
    assert "[" not in spoken and spoken.startswith("about ")


def test_it_is_one_line_of_ten_seconds_at_most():
    """The caller waits meanwhile."""
    assert whisper("one\n\ttwo\x00 three", language="en") == "one two three"
    long = whisper("word " * 100, language="en")
    assert len(long) <= MOST_CHARS + 2
    assert long.endswith("word …")


@given(st.text(max_size=400), st.sampled_from(["en", "ar", "de"]))
def test_anything_can_be_whispered(text: str, language: str):
    """No control characters, never long."""
    spoken = whisper(text, language=language)
    assert len(spoken) <= MOST_CHARS + 2
    assert spoken.isprintable()
