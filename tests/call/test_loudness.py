"""A raised voice is told from a usual one, whatever the line makes of both."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.loudness import Loudness

pytestmark = pytest.mark.rule


def voice(it: Loudness, energy: float, packets: int = 50) -> float:
    """One voice, to its end."""
    for _ in range(packets):
        it.hear(energy)
    return it.paused()


def test_nothing_is_loud_while_nobody_has_been_heard() -> None:
    """The first second of voice has nothing to be compared with."""
    it = Loudness()
    assert [voice(it, 100.0, 20), voice(it, 9000.0, 20)] == [0.0, 0.0]


@given(st.floats(1e-3, 1e3), st.floats(0.1, 10))
def test_a_voice_is_compared_with_those_before_it(line: float, times: float) -> None:
    """Twice the energy is three decibels, on a quiet line as on a loud one."""
    it = Loudness()
    voice(it, 100.0 * line)
    assert voice(it, 100.0 * line * 2) == pytest.approx(3.01, abs=0.01)
    other = Loudness()
    voice(other, 100.0)
    same = voice(other, 100.0 * times)
    scaled = Loudness()
    voice(scaled, 100.0 * line)
    assert voice(scaled, 100.0 * line * times) == pytest.approx(same, abs=1e-6)


def test_who_goes_on_speaking_up_is_usual_in_the_end() -> None:
    """Older voices count less and less."""
    it = Loudness()
    voice(it, 100.0, 500)
    told = [voice(it, 400.0, 250) for _ in range(8)]
    assert told[0] > 5 and told[-1] < 1.5


def test_silence_and_no_voice_at_all_say_nothing() -> None:
    """A digital silence has no decibels."""
    it = Loudness()
    assert it.paused() == 0.0
    voice(it, 100.0)
    assert [voice(it, 0.0), it.paused()] == [0.0, 0.0]
