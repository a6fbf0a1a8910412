"""One stream's words: known clips exactly, everything else by the decoder."""

from __future__ import annotations

import numpy as np
import pytest

from lab import known_clips
from lab.hearing import Word
from lab.listening import STEP_BYTES, Listening, Syllables
from lab.sphinx import Found
from tests.lab.audio import CLIPS, clip, said, silence, telephone

pytestmark = pytest.mark.provider


class Muttering:
    """A decoder that hears one word per utterance and counts its utterances."""

    def __init__(self) -> None:
        self.utterances: list[int] = []

    def begin(self) -> None:
        self.utterances.append(0)

    def take(self, pcm8k: bytes) -> None:
        self.utterances[-1] += len(pcm8k)

    def words(self) -> list[Found]:
        return [Found("mutter", 0.3, 0.5, 0.4)]

    def end(self) -> list[Found]:
        return self.words()


class Hearing:
    """Feeds audio step by step and keeps what was heard when."""

    def __init__(self) -> None:
        self.decoder = Muttering()
        self.listening = Listening(clips=known_clips.load(), decoder=self.decoder)
        self.grown: list[tuple[float, int]] = []  # (seconds fed, words known)
        self.fed_s = 0.0

    def feed(self, pcm: bytes) -> Hearing:
        for at in range(0, len(pcm), STEP_BYTES):
            step = pcm[at : at + STEP_BYTES]
            self.listening.take(step)
            self.fed_s += len(step) / 16_000
            self.grown.append((self.fed_s, len(self.listening.words())))
        return self

    def finish(self) -> str:
        return _text(self.listening.finish())


def _backwards(name: str) -> bytes:
    """A clip's samples from last to first: speech of no known clip."""
    samples = np.frombuffer(clip(name), "<i2")
    return samples[::-1].tobytes()


def _text(words: list[Word]) -> str:
    return " ".join(word.text for word in words)


@pytest.mark.parametrize("name", sorted(CLIPS))
def test_a_clip_is_heard_word_for_word(name: str) -> None:
    """However the frames fall, every clip becomes exactly its words, without the decoder."""
    hearing = Hearing().feed(silence(0.4371) + clip(name) + silence(0.3))
    assert hearing.finish() == said(name)
    assert hearing.decoder.utterances == []


@pytest.mark.parametrize("name", ["hours", "phone", "price", "goodbye", "pause_book", "mm_hmm"])
@pytest.mark.parametrize(
    "line", [{"noise_db": -45.0}, {"gone": 0.03}, {"silent": 0.05}, {"noise_db": -50, "gone": 0.02}]
)
def test_a_bad_line_does_not_change_the_words(name: str, line: dict[str, float]) -> None:
    """Noise and short losses leave a known clip known."""
    heard = telephone(silence(0.5) + clip(name) + silence(0.4), **line)
    assert Hearing().feed(heard).finish() == said(name)


def test_a_stall_within_a_clip_loses_no_word_that_was_sent() -> None:
    """A third of a second missing in the middle: the clip is found again further on."""
    pcm = clip("book_tuesday")
    cut = round(1.2 * 16_000)
    stalled = pcm[:cut] + pcm[cut + 5120 :]
    heard = Hearing().feed(silence(0.5) + stalled + silence(0.4)).finish().split()
    assert heard[:3] == said("book_tuesday").split()[:3]
    assert heard[-2:] == said("book_tuesday").split()[-2:]


def test_words_appear_while_they_are_spoken() -> None:
    """Each word is known within 0.4 s of its end, and none before it began."""
    lead_s = 0.5
    hearing = Hearing().feed(silence(lead_s) + clip("phone") + silence(0.3))
    for count, word in enumerate(CLIPS["phone"]["words"], start=1):
        known_s = next(at for at, known in hearing.grown if known >= count) - lead_s
        assert word["start_s"] < known_s < word["end_s"] + 0.4


def test_times_are_those_of_the_stream() -> None:
    """Words carry the seconds fed before them."""
    hearing = Hearing().feed(silence(1.0) + clip("ten_thirty") + silence(0.3))
    words = hearing.listening.finish()
    for word, truth in zip(words, CLIPS["ten_thirty"]["words"], strict=True):
        assert word.start_s == pytest.approx(1.0 + truth["start_s"], abs=0.05)
        assert word.end_s == pytest.approx(1.0 + truth["end_s"], abs=0.05)
        assert word.written == truth["written"]


def test_finishing_in_a_pause_splits_the_words_and_repeats_none() -> None:
    """What was said before the pause comes first, the rest when it was said."""
    pcm = clip("pause_book")
    hearing = Hearing().feed(silence(0.5) + pcm[: round(1.9 * 16_000)])
    first = hearing.finish()
    rest = hearing.feed(pcm[round(1.9 * 16_000) :] + silence(0.3)).finish()
    assert first and rest and f"{first} {rest}" == said("pause_book")


def test_what_was_handed_out_for_good_is_never_handed_out_again() -> None:
    """Speech that is decoded across a finish() gives its words once, by their time."""
    pcm = clip("hours")
    half = round(1.0 * 16_000)
    hearing = Hearing().feed(silence(0.5) + pcm[:half])
    first = hearing.listening.finish()
    rest = hearing.feed(pcm[half:] + silence(0.6)).listening.finish()
    assert first and rest and first[-1].end_s <= rest[0].start_s + 0.05
    hearing = Hearing()
    backwards = _backwards("hours")
    hearing.feed(silence(0.5) + backwards[:half])
    hearing.listening.finish()
    fed = sum(hearing.decoder.utterances)
    hearing.feed(backwards[half:] + silence(0.6)).finish()
    assert sum(hearing.decoder.utterances) - fed <= len(backwards) - half + 9600


def test_clips_that_begin_alike_are_told_apart() -> None:
    """Same voice, same first words: what follows decides."""
    for name in ("phone", "pause_phone", "insurance", "whitening", "children", "cleaning"):
        assert Hearing().feed(silence(0.5) + clip(name) + silence(0.3)).finish() == said(name)


def test_one_clip_follows_another() -> None:
    """Two turns with half a second between them."""
    hearing = Hearing().feed(silence(0.5) + clip("hours") + silence(0.5))
    assert hearing.finish() == said("hours")
    hearing.feed(clip("yes") + silence(0.4))
    assert hearing.finish() == said("yes")
    assert hearing.finish() == ""


def test_unknown_speech_is_decoded_from_its_first_sound() -> None:
    """A clip played backwards is no clip; the decoder gets all of it and a little before."""
    backwards = _backwards("hours")
    hearing = Hearing().feed(silence(0.5) + backwards + silence(0.3))
    assert hearing.finish() == "mutter"
    (taken,) = hearing.decoder.utterances
    assert taken >= len(backwards)


def test_speech_that_only_begins_like_a_clip_is_decoded_as_a_whole() -> None:
    """Half a clip and then something else: the clip's words are taken back."""
    start = clip("book_tuesday")[: round(1.2 * 16_000)]
    other = _backwards("hours")
    hearing = Hearing().feed(silence(0.5) + start + other + silence(0.6))
    assert "tuesday" not in hearing.finish()
    assert hearing.decoder.utterances and hearing.decoder.utterances[0] > len(start)


def test_noise_alone_is_no_speech() -> None:
    """A steady line hum is neither a clip nor decoded."""
    hearing = Hearing().feed(telephone(silence(4), noise_db=-45))
    assert hearing.finish() == "" and hearing.decoder.utterances == []


def test_load_runs_hear_a_word_for_every_third_of_a_second() -> None:
    """The cheap decoder has a fixed phrase as long as the speech."""
    syllables = Syllables()
    syllables.begin()
    syllables.take(silence(1.8))
    assert [found.text for found in syllables.end()] == "what are your opening hours".split()
