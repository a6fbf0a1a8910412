"""The decoder and the model it is given."""

from __future__ import annotations

import pytest

from lab import sphinx
from lab.sphinx import Sphinx
from tests.lab.audio import CLIPS, clip, said, silence

pytestmark = pytest.mark.provider


def _decode(pcm: bytes) -> list[sphinx.Found]:
    decoder = Sphinx()
    decoder.begin()
    for at in range(0, len(pcm), 640):
        decoder.take(pcm[at : at + 640])
    return decoder.end()


def test_most_words_of_the_clips_are_recognised() -> None:
    """By the decoder alone, without knowing the clips: at least nine of ten words."""
    names = ["hours", "book_tuesday", "ten_thirty", "phone", "price", "where", "cancel", "name"]
    right = total = 0
    for name in names:
        found = [word.text for word in _decode(silence(0.3) + clip(name) + silence(0.2))]
        wanted = said(name).split()
        right += sum(word in found for word in wanted)
        total += len(wanted)
    assert right / total >= 0.9


def test_times_and_confidence_come_with_each_word() -> None:
    """Times follow the audio; sure words have a high posterior."""
    found = _decode(silence(0.3) + clip("ten_thirty") + silence(0.2))
    assert [word.text for word in found] == said("ten_thirty").split()
    for word, truth in zip(found, CLIPS["ten_thirty"]["words"], strict=True):
        assert word.start_s == pytest.approx(0.3 + truth["start_s"], abs=0.12)
        assert 0 < word.confidence <= 1
    assert sum(word.confidence for word in found) / len(found) > 0.5


def test_words_are_known_before_the_end() -> None:
    """An open utterance has words already."""
    decoder = Sphinx()
    decoder.begin()
    pcm = silence(0.3) + clip("hours")
    for at in range(0, len(pcm), 640):
        decoder.take(pcm[at : at + 640])
    assert "opening" in [word.text for word in decoder.words()]
    assert decoder.end() and decoder.end() == [] and decoder.words() == []


def test_nothing_is_heard_in_nothing() -> None:
    """No audio, and silence, have no words; an utterance begun twice is begun once."""
    decoder = Sphinx()
    decoder.begin()
    decoder.begin()
    assert decoder.end() == []
    assert _decode(silence(1.0)) == []
