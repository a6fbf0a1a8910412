"""When a voice begins and when it fades."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.voice_edge import VoiceEdge

pytestmark = pytest.mark.rule

LOUD, SOFT, GONE = 1_000_000.0, 100_000.0, 1_000.0


def changes(*packets: tuple[bool, float], fade_db: float = 20.0) -> list[tuple[int, bool]]:
    """Where the edge tells a change, by packet, with one window of the detector in each."""
    edge = VoiceEdge(windows=2, fade_db=fade_db, fade_packets=2)
    found: list[tuple[int, bool]] = []
    last, alike = False, 0
    for at, (is_voice, energy) in enumerate(packets):
        alike = alike + 1 if is_voice == last else 1
        last = is_voice
        change = edge.hear(is_voice=is_voice, alike=alike, energy=energy)
        if change is not None:
            found.append((at, change))
    return found


def test_two_windows_make_a_voice_and_two_end_it() -> None:
    """One is a click, or a gap."""
    voice, none = (True, LOUD), (False, 0.0)
    assert changes(voice, none, voice, voice, none, voice, none, none) == [(3, True), (7, False)]


def test_a_voice_that_falls_far_below_itself_has_faded() -> None:
    """Though the detector goes on hearing it; a soft vowel is no fading."""
    loud, soft, gone = (True, LOUD), (True, SOFT), (True, GONE)
    assert changes(loud, loud, soft, soft, soft, gone, gone, gone, (False, 0.0), (False, 0.0)) == [
        (1, True),
        (6, False),
    ]


def test_a_faded_voice_that_grows_loud_again_begins_anew() -> None:
    """At once, for the detector never let go of it; a little louder than nothing is not enough."""
    loud, gone = (True, LOUD), (True, GONE)
    assert changes(loud, loud, gone, gone, (True, 5 * GONE), loud) == [
        (1, True),
        (3, False),
        (5, True),
    ]


def test_loudness_can_be_left_out() -> None:
    """The detector alone decides."""
    loud, gone = (True, LOUD), (True, 0.0)
    assert changes(loud, loud, gone, gone, gone, fade_db=0.0) == [(1, True)]


def test_a_line_noise_as_loud_as_the_voice_hides_nothing_from_the_detector() -> None:
    """Loudness then never falls."""
    loud = (True, LOUD)
    assert changes(loud, loud, loud, (False, LOUD), (False, LOUD)) == [(1, True), (4, False)]


def ebbs(*packets: tuple[float, float], below: float = 0.85) -> list[int]:
    """In which packets of a voice of these scores and energies it ebbs."""
    edge = VoiceEdge(windows=2, fade_db=20.0, fade_packets=2, ebbs_below=below)
    found: list[int] = []
    for at, (score, energy) in enumerate(packets):
        edge.hear(is_voice=score > 0.4, alike=2, energy=energy)
        found += [at] if edge.ebbs(score) else []
    return found


def test_a_faded_voice_ebbs_when_the_detector_begins_to_doubt_it() -> None:
    """Once in each pause; a doubt about a loud voice is none, and a sure silence is no end."""
    loud, closure, doubt = (1.0, LOUD), (0.99, GONE), (0.7, GONE)
    assert ebbs(loud, (0.7, LOUD), closure, closure, closure, loud) == []
    assert ebbs(loud, closure, closure, doubt, doubt, loud, doubt, doubt) == [3, 7]
    assert ebbs(loud, closure, closure, doubt, below=0.0) == []


def test_where_noise_hides_the_fading_the_detectors_end_is_an_ebb() -> None:
    """It cannot come sooner there."""
    assert ebbs((1.0, LOUD), (0.7, LOUD), (0.2, LOUD)) == [2]


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 1e9)), max_size=60))
def test_changes_alternate(packets: list[tuple[bool, float]]) -> None:
    """A beginning, a fading, a beginning, whatever comes."""
    found = [change for _, change in changes(*packets)]
    assert found == [at % 2 == 0 for at in range(len(found))]
