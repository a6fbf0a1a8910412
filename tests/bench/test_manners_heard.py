"""What the ear got, told by the sound that was played."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bench.manners_heard import (
    Reply,
    Sound,
    behind,
    found,
    heard,
    heard_words,
    replies,
    word_error,
    words,
    written,
)
from lab.loudness import RATE_HZ
from lab.speaking import say

pytestmark = pytest.mark.rule

FIRST = Reply("r1", "v", ("It costs ninety dollars", "and a check-up more."))
SECOND = Reply("r2", "v", ("Yes,", "there is a free car park behind the building."))


def line(*parts: tuple[float, Sound]) -> tuple[Sound, list[tuple[float, float]]]:
    """Sounds put at their seconds, and the runs they make."""
    whole = np.zeros(20 * RATE_HZ, np.int16)
    for at_s, part in parts:
        at = round(at_s * RATE_HZ)
        whole[at : at + len(part)] = part
    return whole, [(at_s, at_s + len(part) / RATE_HZ) for at_s, part in parts]


def test_replies_are_read_from_the_labs_log() -> None:
    """One for each context that was voiced, its clauses in the order they were sent; what was
    never voiced, or withdrawn before it was, is not among them."""

    def sent(context: str, text: str) -> dict[str, Any]:
        return {"kind": "message", "message": {"context_id": context, "text": text}}

    def voiced(context: str, text: str) -> dict[str, Any]:
        return {"kind": "speech", "context": context, "text": text, "voice": "v"}

    log = [
        sent("r1", "It costs"), sent("r1", "a lot."), sent("r1", "Never voiced."),
        voiced("r1", "a lot."), sent("r2", "Yes,"), voiced("r1", "It costs"), voiced("r2", "Yes,"),
        sent("r3", "Withdrawn."), {"kind": "message", "type": "KeepAlive"},
    ]  # fmt: skip
    assert replies(log) == [
        Reply("r1", "v", ("It costs", "a lot.")), Reply("r2", "v", ("Yes,",)),
    ]  # fmt: skip


def test_a_stretch_is_known_by_its_samples() -> None:
    """Whichever reply it is from, and where in it it ends."""
    at = round(1.2 * RATE_HZ)
    assert found(SECOND.sound[at : at + 4000], [FIRST, SECOND]) == (SECOND, at + 4000)
    assert found(np.zeros(4000, np.int16), [FIRST, SECOND]) is None
    assert found(FIRST.sound[:100], [FIRST]) is None  # too short
    assert found(-FIRST.sound[:4000], [FIRST, SECOND]) is None


def test_words_count_when_their_middle_was_played() -> None:
    """Over clauses, by the lab voice's own times."""
    speech = say(FIRST.texts[0], voice="v", engine="real")
    assert FIRST.words_until(0) == []
    assert FIRST.words_until(round(speech.words[1][2] * RATE_HZ)) == ["it", "costs"]
    assert FIRST.words_until(len(FIRST.sound)) == words(" ".join(FIRST.texts))


def test_what_was_said_again_or_left_out_is_counted_once() -> None:
    """A hold in the middle of a word: the word comes again, and the place is what counts."""
    cut, again = round(0.8 * RATE_HZ), round(0.6 * RATE_HZ)
    sound, runs = line((1.0, FIRST.sound[:cut]), (2.3, FIRST.sound[again:]))
    until_s = 2.3 + 0.5
    assert heard(sound, runs, [FIRST, SECOND], from_s=0.5, until_s=until_s) == [
        (FIRST, again + 4000)
    ]


def test_a_stretch_too_short_to_be_known_goes_on_from_the_one_before() -> None:
    """And one before anything is known tells nothing."""
    cut = round(0.8 * RATE_HZ)
    short = FIRST.sound[cut : cut + 100]
    sound, runs = line((0.2, short), (1.0, FIRST.sound[:cut]), (2.0, short))
    got = heard(sound, runs, [FIRST], from_s=0.0, until_s=9.0)
    assert got == [(FIRST, cut + 100)]
    assert heard(sound, runs, [FIRST], from_s=5.0, until_s=9.0) == []


def test_all_replies_of_a_turn_count() -> None:
    """What was said before a tool was called, and after it."""
    sound, runs = line((1.0, SECOND.sound), (6.0, FIRST.sound[: RATE_HZ // 2]))
    got = heard(sound, runs, [SECOND, FIRST], from_s=0.0, until_s=9.0)
    assert heard_words(got)[: len(words(" ".join(SECOND.texts)))] == words(" ".join(SECOND.texts))
    assert heard_words(got)[-1] in ("it", "costs")


@pytest.mark.parametrize(
    ("after", "whose"),
    [
        ([], ""),
        ([(2.05, SECOND.sound)], "next"),
        ([(2.05, FIRST.sound[8000:])], "same"),
        ([(2.05, FIRST.sound[8000:9600])], "old"),
        ([(2.05, -FIRST.sound[8000:9600])], "old"),
        ([(2.5, FIRST.sound[8000:])], ""),
    ],
)
def test_whose_sound_comes_behind_a_clear(after: list[tuple[float, Sound]], whose: str) -> None:
    """The next reply's, the same one's that goes on, or the old one's although it was over."""
    sound, runs = line((1.0, FIRST.sound[:8000]), *after)
    assert behind(sound, runs, [FIRST, SECOND], clear_s=2.0, within_s=0.1) == whose


def test_a_number_is_heard_once_all_its_words_are() -> None:
    """Not when its first word was."""
    text = "It is 120 dollars."
    assert written(text, spoken_words=4) == ["it", "is"]
    assert written(text, spoken_words=5) == ["it", "is", "120"]
    assert written(text, spoken_words=0) == []
    assert written(text, spoken_words=99) == words(text)


def test_errors_count_words_told_too_many_or_too_few() -> None:
    """And everything behind the first wrong one."""
    assert word_error(["a", "b"], ["a", "b"]) == 0
    assert word_error(["a"], ["a", "b", "c"]) == 2
    assert word_error(["a", "x", "c"], ["a", "b"]) == 2
    assert words("Check-up, it's 90!") == ["check-up", "it's", "90"]
