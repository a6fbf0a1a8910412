"""A sound that goes on without a word is nobody's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.noise import (
    CallItNoise,
    Fact,
    HearingBack,
    HearingLost,
    Noise,
    SoundBegan,
    SoundCeased,
    WordlessSound,
    WordsHeard,
)

pytestmark = pytest.mark.rule

KNOBS = Noise(wordless_s=4.0, gap_s=1.0)


def told(*facts: tuple[float, Fact]) -> WordlessSound:
    """The rule behind these (time, fact)."""
    rule = WordlessSound(KNOBS)
    for now, fact in facts:
        assert rule.decide(fact, now) == ()
    return rule


def test_it_is_called_noise_once_it_has_lasted() -> None:
    """Once, and not before."""
    rule = told((10.0, SoundBegan()))
    assert rule.next_deadline() == 14.0
    assert rule.on_deadline(13.9) == ()
    assert not rule.is_noise
    assert rule.on_deadline(14.0) == (CallItNoise(),)
    assert rule.is_noise
    assert rule.next_deadline() is None
    assert rule.on_deadline(30.0) == ()


def test_short_pauses_are_part_of_a_sound() -> None:
    """A radio breathes; a second of quiet ends it, and what comes then is judged anew."""
    radio = told((10.0, SoundBegan()), (12.0, SoundCeased()), (12.9, SoundBegan()))
    assert radio.next_deadline() == 14.0
    assert radio.on_deadline(14.0) == (CallItNoise(),)
    for now, fact in ((15.0, SoundCeased()), (15.9, SoundBegan()), (17.0, WordsHeard())):
        radio.decide(fact, now)
        assert radio.is_noise
    radio.decide(SoundCeased(), 20.0)
    radio.decide(SoundBegan(), 21.0)
    assert not radio.is_noise
    assert radio.next_deadline() == 25.0


def test_words_are_no_noise() -> None:
    """Each gives it another while."""
    assert told((10.0, SoundBegan()), (13.0, WordsHeard())).next_deadline() == 17.0


def test_quiet_and_words_alone_are_nothing() -> None:
    """There is no sound to judge."""
    assert told((10.0, SoundBegan()), (11.0, SoundCeased())).next_deadline() is None
    assert told((10.0, WordsHeard())).next_deadline() is None


def test_without_a_recogniser_nothing_is_judged() -> None:
    """There can be no words; when it is back it has to catch up first."""
    rule = told((10.0, SoundBegan()), (11.0, HearingLost()))
    assert rule.next_deadline() is None
    assert rule.on_deadline(60.0) == ()
    rule.decide(HearingBack(behind_s=3.0), 20.0)
    assert rule.next_deadline() == 27.0
    assert told((1.0, HearingLost()), (2.0, HearingBack())).next_deadline() is None


@pytest.mark.parametrize("knob", [{"wordless_s": 0.5}, {"wordless_s": 61}, {"gap_s": 0}])
def test_patience_has_bounds(knob: dict[str, float]) -> None:
    """Less cuts into slow speech, more is no rule at all."""
    with pytest.raises(ValueError, match=next(iter(knob))):
        Noise(**knob)


FACTS = st.sampled_from(
    [SoundBegan(), SoundCeased(), WordsHeard(), HearingLost(), HearingBack(1.0), None]
)


@given(st.lists(st.tuples(st.floats(0, 3), FACTS), max_size=60))
def test_speech_with_a_word_in_time_is_never_noise(story: list[tuple[float, Fact | None]]) -> None:
    """Whatever the order: at least `wordless_s` lie behind the last word and the sound's begin."""
    rule, now, quiet_at, since = WordlessSound(KNOBS), 0.0, float("-inf"), 0.0
    for passes_s, fact in story:
        now += passes_s
        if fact is None:
            if rule.on_deadline(now):
                assert now - since >= KNOBS.wordless_s
            continue
        rule.decide(fact, now)
        is_new = isinstance(fact, SoundBegan) and now - quiet_at >= KNOBS.gap_s
        if is_new or isinstance(fact, WordsHeard):
            since = now
        if isinstance(fact, SoundBegan | SoundCeased):
            quiet_at = now
