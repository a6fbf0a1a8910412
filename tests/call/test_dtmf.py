"""Keys become one entry."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.dtmf import KEYS_AT_MOST, Dtmf, KeyEntry, KeyPressed, StopAgent, TakeEntry

pytestmark = pytest.mark.rule


def typed(keys: str, entry: KeyEntry, *, at: float = 0.0) -> list[object]:
    """What is done while somebody types, a key every half second."""
    done: list[object] = []
    for number, key in enumerate(keys):
        done += entry.decide(KeyPressed(key), at + number / 2)
    return done


def test_the_hash_ends_an_entry_and_is_no_part_of_it() -> None:
    """At once."""
    entry = KeyEntry(Dtmf())
    assert typed("5550142#", entry) == [StopAgent(), TakeEntry("5550142")]
    assert entry.next_deadline() is None


def test_a_pause_ends_an_entry() -> None:
    """Two seconds behind the last key; asked too early it goes on gathering."""
    entry = KeyEntry(Dtmf())
    assert typed("42", entry) == [StopAgent()]
    assert entry.next_deadline() == 2.5
    assert entry.on_deadline(2.4) == ()
    assert entry.on_deadline(2.5) == (TakeEntry("42"),)
    assert entry.on_deadline(9.0) == ()


def test_a_lone_hash_is_an_entry() -> None:
    """ "Press hash to confirm"."""
    assert typed("#", KeyEntry(Dtmf())) == [StopAgent(), TakeEntry("#")]


@given(entries=st.lists(st.text("0123456789*", min_size=1, max_size=20), max_size=5))
def test_no_key_is_lost_or_moved_to_another_entry(entries: list[str]) -> None:
    """Each entry stops the agent once and comes out as it was typed."""
    entry = KeyEntry(Dtmf())
    done = typed("".join(f"{keys}#" for keys in entries), entry)
    assert done == [each for keys in entries for each in (StopAgent(), TakeEntry(keys))]


def test_a_stuck_key_ends() -> None:
    """The entry keeps the first keys."""
    entry = KeyEntry(Dtmf())
    assert typed("1" * 99 + "#", entry)[-1] == TakeEntry("1" * KEYS_AT_MOST)


@pytest.mark.parametrize("broken", [{"gap_s": 0}, {"end_key": "A"}])
def test_settings_out_of_range_are_refused(broken: dict[str, float]) -> None:
    """By name."""
    with pytest.raises(ValueError, match=next(iter(broken))):
        Dtmf(**broken)  # type: ignore[arg-type]
