"""The words a caller heard are told from the bytes that were played."""

from __future__ import annotations

import audioop

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.played import PlayedWord, account, played_words, rendered

pytestmark = pytest.mark.provider

FIRST, SECOND = "Tamoni belira sodaku.", "Vunage kiloma."


def words(*runs: tuple[float, bytes], texts: tuple[str, ...] = (FIRST, SECOND)) -> list[str]:
    return [word.word for word in played_words(runs, texts)]


def test_what_was_played_whole_is_heard_in_order() -> None:
    """Texts in the order they were played, with their times."""
    sound = rendered(SECOND).sound + rendered(FIRST).sound
    heard = played_words([(2.0, sound)], [FIRST, SECOND])
    assert [w.word for w in heard] == ["vunage", "kiloma", "tamoni", "belira", "sodaku"]
    assert 2.0 <= heard[0].at_s < 2.1 and heard[1].at_s > heard[0].at_s + 0.3


def test_a_cut_inside_a_word_counts_its_larger_part() -> None:
    """Half of the bytes decide."""
    one = rendered(FIRST)
    _, start, end = one.words[1]
    assert words((0.0, one.sound[: start + (end - start) * 3 // 4])) == ["tamoni", "belira"]
    assert words((0.0, one.sound[: start + (end - start) // 4])) == ["tamoni"]


def test_a_pause_within_a_word_is_no_repetition() -> None:
    """Held and resumed at the same sample: one word."""
    one = rendered(FIRST)
    _, start, end = one.words[1]
    cut = (start + end) // 2
    assert words((0.0, one.sound[:cut]), (3.0, one.sound[cut:])) == ["tamoni", "belira", "sodaku"]


def test_what_was_said_twice_is_heard_twice() -> None:
    """From the start again, or from the middle."""
    one = rendered(FIRST)
    half = one.words[1][2]
    assert words((0.0, one.sound[:half] + one.sound)) == [
        "tamoni", "belira", "tamoni", "belira", "sodaku",
    ]  # fmt: skip


def test_linear_samples_on_the_way_change_nothing() -> None:
    """Decoding and encoding again keeps the words; so does any gap of silence."""
    one = rendered(FIRST)
    again = audioop.lin2ulaw(audioop.ulaw2lin(one.sound, 2), 2)
    assert words((0.0, b"\xff" * 400 + again + b"\x7f" * 100)) == ["tamoni", "belira", "sodaku"]


def test_strange_sound_has_no_words() -> None:
    """Nothing is guessed."""
    assert words((0.0, bytes(range(256)) * 20)) == []
    assert words() == []


@settings(max_examples=30)
@given(st.lists(st.sampled_from([FIRST, SECOND]), max_size=5), st.integers(0, 200))
def test_any_sequence_of_texts_is_read_back(said: list[str], shift: int) -> None:
    """Whatever is said how often, at whatever byte it begins."""
    sound = b"\xff" * shift + b"".join(rendered(text).sound for text in said)
    expected = [word for text in said for word, _, _ in rendered(text).words]
    assert words((0.0, sound)) == expected


def test_the_account_tells_lost_from_repeated_from_misplaced() -> None:
    """Words that were not expected do not matter."""
    heard = [PlayedWord(word, 0.0) for word in "one moment tamo beli tamo sodaku".split()]
    found = account(["tamo", "beli", "kilo", "sodaku"], heard)
    assert (found.lost, found.repeated, found.is_in_order) == (("kilo",), ("tamo",), True)
    assert found.off_by == 2
    assert not account(["beli", "tamo"], heard).is_in_order
