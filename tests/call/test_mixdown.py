"""Both sides of a call on one clock, late enough that secrets are silenced before they leave."""

from __future__ import annotations

import audioop

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.audio import RATE_HZ, mulaw_from_pcm
from call.mixdown import Breath, Mixdown, NoRecording, interleaved

pytestmark = pytest.mark.rule

LOUD = (1000).to_bytes(2, "little", signed=True)


def sound(seconds: float) -> bytes:
    """Loud all through."""
    return LOUD * round(seconds * RATE_HZ)


def tape(hold_back_s: float = 1.0) -> Mixdown:
    """A tape that began at 100."""
    return Mixdown(began_at=100.0, hold_back_s=hold_back_s)


def heard(mixed: bytes) -> tuple[str, str]:
    """Both sides in tenths of a second: # for sound, . for silence."""
    sides = []
    for side in (mixed[0::2], mixed[1::2]):
        pcm = audioop.ulaw2lin(side, 2)
        tenth = RATE_HZ // 10 * 2
        sides.append(
            "".join("#" if any(pcm[at : at + tenth]) else "." for at in range(0, len(pcm), tenth))
        )
    return sides[0], sides[1]


def test_caller_left_agent_right_on_one_clock():
    """The agent answers half a second into it."""
    mix = tape()
    for at in range(10):
        mix.caller(sound(0.1), 100.0 + (at + 1) / 10)
    mix.agent(sound(0.3), 100.5)
    assert heard(mix.rest()) == ("##########", ".....###..")


def test_nothing_leaves_before_it_is_old_enough():
    """And then exactly once."""
    mix = tape(hold_back_s=0.5)
    mix.caller(sound(1.0), 101.0)
    assert mix.due(100.4) == b""
    assert heard(mix.due(101.0)) == ("#####", ".....")
    assert mix.due(101.0) == b""
    assert heard(mix.rest()) == ("#####", ".....")
    assert mix.rest() == b""


def test_a_stall_is_joined_and_a_hole_stays_a_hole():
    """What comes late follows at once; what is gone for long is missing; and it may begin late."""
    mix = tape()
    mix.caller(sound(0.1), 100.2)
    mix.caller(sound(0.1), 101.0)
    mix.caller(sound(0.1), 101.0)
    mix.caller(sound(0.1), 103.0)
    assert heard(mix.rest())[0] == ".###" + 25 * "." + "#"


def test_a_secret_reaches_back_as_far_as_sound_is_late():
    """The words were noticed late by as much; and all that is in is silenced with them."""
    mix = tape()
    mix.caller(sound(0.5), 100.5)
    mix.caller(sound(0.1), 101.0)
    mix.secret(100.9, 101.0)
    mix.caller(sound(0.1), 101.1)
    assert heard(mix.rest())[0] == "#####.."
    mix = tape()
    mix.caller(sound(0.8), 100.8)
    mix.secret(100.2, 100.3)
    assert heard(mix.rest())[0] == "##......"


def test_what_a_barge_in_took_back_was_not_heard():
    """The agent is cut; what it says again is there again."""
    mix = tape()
    mix.agent(sound(0.5), 100.0)
    mix.cut(100.2)
    mix.agent(sound(0.2), 100.6)
    assert heard(mix.rest())[1] == "##....##"


def test_a_cut_behind_what_has_left_changes_nothing():
    """What is written is written."""
    mix = tape(hold_back_s=0.0)
    mix.agent(sound(0.5), 100.0)
    assert heard(mix.due(100.5))[1] == "#####"
    mix.cut(100.1)
    assert mix.rest() == b""


def test_a_secret_is_silenced_also_where_it_comes_later():
    """On the caller's side only, as long as it lasts."""
    mix = tape(hold_back_s=0.0)
    mix.caller(sound(0.5), 100.5)
    mix.agent(sound(1.0), 100.0)
    mix.secret(100.2, 100.7)
    assert heard(mix.due(100.5)) == ("##...", "#####")
    mix.caller(sound(0.5), 101.0)
    assert heard(mix.rest()) == ("..###", "#####")


def test_a_secret_of_what_has_left_is_too_late():
    """It does not silence something else instead."""
    mix = tape(hold_back_s=0.0)
    mix.caller(sound(0.5), 100.5)
    mix.due(100.5)
    mix.secret(100.0, 100.4)
    mix.caller(sound(0.5), 101.0)
    assert heard(mix.rest())[0] == "#####"


@given(
    st.lists(
        st.tuples(
            st.sampled_from("caller agent cut secret due".split()),
            st.floats(0, 1),
            st.integers(0, 800),
        ),
        max_size=40,
    )
)
def test_whatever_comes_both_sides_leave_in_step(steps):
    """Every byte pairs one of each side; nothing leaves early, nothing is left."""
    mix, now, gone = tape(hold_back_s=0.5), 100.0, 0
    for what, later, samples in steps:
        now += later
        match what:
            case "caller":
                mix.caller(LOUD * samples, now)
            case "agent":
                mix.agent(LOUD * samples, now)
            case "cut":
                mix.cut(now)
            case "secret":
                mix.secret(now - 1, now)
            case _:
                due = mix.due(now)
                gone += len(due) // 2
                assert len(due) % 2 == 0
                assert gone <= max(0.0, now - 0.5 - 100.0) * RATE_HZ + 1
    assert len(mix.rest()) % 2 == 0
    assert mix.rest() == b""


def test_two_tracks_are_one():
    """A byte of each by turns."""
    assert interleaved(b"ac", b"bd") == b"abcd"
    assert mulaw_from_pcm(LOUD)


def test_without_a_tape_nothing_is_kept():
    """It takes everything and does nothing."""
    none = NoRecording()
    none.caller(b"", 0.0)
    none.agent(b"", 0.0)
    none.cut(0.0)
    none.secret(0.0, 1.0)


class Secrets(NoRecording):
    """Remembers what is to be silenced."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, float]] = []

    def secret(self, begin: float, end: float) -> None:
        self.seen.append((begin, end))


def test_a_secret_goes_back_to_where_the_breath_began():
    """From a little before the voice was noticed to when the words came."""
    tape = Secrets()
    breath = Breath(tape, ("card",))
    breath.began(10.0)
    breath.began(12.0)  # a pause within it
    breath.heard(("card",), 13.0, is_final=False)
    breath.heard(("card",), 14.0, is_final=True)
    assert tape.seen == [(9.0, 13.0), (9.0, 14.0)]


def test_the_rest_of_the_breath_is_silenced_with_what_was_told_within_it():
    """Words are told before the caller pauses; the next breath is another."""
    tape = Secrets()
    breath = Breath(tape, ("card",))
    breath.began(10.0)
    breath.heard(("card",), 13.0, is_final=True)
    breath.ended(14.0)
    breath.ended(14.5)
    assert tape.seen == [(9.0, 13.0), (9.0, 14.0)]
    breath.heard(("card",), 15.0, is_final=True)
    breath.began(16.0)
    breath.ended(17.0)
    assert tape.seen[2:] == [(11.0, 15.0)]


def test_a_value_in_pieces_is_silenced_from_its_first_piece():
    """Seven digits were a telephone number until nine more came."""
    tape = Secrets()
    breath = Breath(tape, ("card",))
    breath.began(10.0)
    breath.heard(("phone",), 13.0, is_final=True)
    breath.began(15.0)
    breath.heard(("card",), 16.0, is_final=True, goes_on=True)
    breath.heard(("card",), 20.0, is_final=True, goes_on=True)
    assert tape.seen == [(9.0, 16.0), (9.0, 20.0)]


def test_other_values_before_it_are_heard():
    """What came before is no part of it."""
    tape = Secrets()
    breath = Breath(tape, ("card",))
    breath.began(10.0)
    breath.heard(("name",), 12.0, is_final=True)
    breath.heard((), 14.0, is_final=True)
    breath.heard(("card",), 16.0, is_final=True)
    assert tape.seen == [(12.0, 16.0)]


def test_what_nobody_noticed_or_nobody_can_judge_is_silenced_amply():
    """In doubt more."""
    tape = Secrets()
    breath = Breath(tape, ("card",))
    breath.withheld(20.0)
    breath.heard(("card",), 20.0, is_final=True)
    assert tape.seen == [(10.0, 20.0), (10.0, 20.0)]
