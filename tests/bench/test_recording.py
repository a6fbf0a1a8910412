"""The measured listener counts speech, words and errors as a person would by hand."""

from __future__ import annotations

import numpy as np
import pytest

from bench.recording import loud_frames, plain, utterances, word_errors

pytestmark = pytest.mark.rule


def test_two_bursts_with_a_second_between_are_two_utterances():
    """Half a second of silence parts them."""
    burst, silence = np.full(3200, 5000, "<i2"), np.zeros(8000, "<i2")
    side = np.concatenate([silence, burst, silence, burst, silence])
    assert len(utterances(side)) == 2
    assert loud_frames(side).sum() == 40


def test_silence_holds_no_utterance():
    """Nothing is made out of nothing."""
    assert utterances(np.zeros(8000, "<i2")) == []


def test_digits_are_compared_as_they_are_said():
    """555 is three words."""
    assert plain("It's 555!") == ["it's", "five", "five", "five"]


@pytest.mark.parametrize(
    ("heard", "errors"),
    [("a b c", 0), ("a c", 1), ("a x c", 1), ("a b c d", 1), ("", 3), ("c b a", 2)],
)
def test_word_errors_are_the_fewest_changes(heard: str, errors: int):
    """Substitutions, omissions and insertions count one each."""
    assert word_errors("a b c".split(), heard.split()) == errors
