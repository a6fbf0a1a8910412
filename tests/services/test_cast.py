"""Who of a call's voices speaks, who goes on, and who is told what."""

from __future__ import annotations

from collections import Counter
from types import SimpleNamespace

import pytest

from call.failover import Tolerance
from call.measures import CIRCUITS, FAILOVERS, PROVIDER_FAULTS
from services.cast import Cast, Member
from services.fault import Origin
from services.health import VoiceHealth
from services.phrases import PhraseStore, Repertoire
from tests.services.stage import Notes

pytestmark = pytest.mark.rule

TOLERANCE = Tolerance(first_byte_budget_s=0.4, faults_to_open=2, probe_s=5.0)


def cast(notes: Notes, *names: str) -> Cast:
    """Voices without a socket."""
    members = [
        Member(
            SimpleNamespace(provider=name, origin=Origin(name, "speak")),  # type: ignore[arg-type]
            VoiceHealth(name, tolerance=TOLERANCE, recorder=notes, clock=lambda: 0.0),
        )
        for name in names
    ]
    repertoire = Repertoire(PhraseStore(), language="en", voices=dict.fromkeys(names, "v"))
    return Cast(members, recorder=notes, repertoire=repertoire)


def down(member: Member) -> None:
    """It is gone round from now on."""
    for _ in range(2):
        member.health.failed(member.voice.origin.down("lost"))


def test_the_first_voice_leads_until_another_took_over(notes: Notes) -> None:
    """Then the call stays with that one."""
    voices = cast(notes, "a", "b")
    assert voices.lead.provider == "a"
    voices.took_over(voices.members[1])
    assert voices.lead.provider == "b"
    assert notes.of(FAILOVERS) == 1


def test_a_voice_that_is_gone_round_does_not_lead(notes: Notes) -> None:
    """Unless all are."""
    voices = cast(notes, "a", "b")
    down(voices.members[0])
    assert voices.lead.provider == "b"
    assert not voices.is_silent
    down(voices.members[1])
    assert voices.lead.provider == "a"
    assert voices.is_silent


def test_a_fault_is_counted_told_and_moves_the_lead(notes: Notes) -> None:
    """A voice that is only late keeps it: it may still be the first to sound."""
    voices = cast(notes, "a", "b")
    late = voices.lead.voice.origin.slow("no sound")
    voices.blame(voices.lead, late)
    assert voices.lead.provider == "a"
    gone = voices.lead.voice.origin.down("lost")
    voices.blame(voices.lead, gone)
    assert voices.lead.provider == "b"
    assert list(voices.faults) == [late, gone]
    assert notes.of(PROVIDER_FAULTS, provider="a") == 2
    assert notes.of(CIRCUITS, provider="a", state="open") == 1


def test_the_next_one_is_who_failed_least_and_is_well(notes: Notes) -> None:
    """In the order of the settings; nobody who is at it already, or has failed too often."""
    voices = cast(notes, "a", "b", "c")
    a, b, c = voices.members
    assert voices.next(Counter({a: 1}), busy=()) is b
    assert voices.next(Counter({a: 1, b: 1}), busy=()) is c
    assert voices.next(Counter({a: 1, b: 1, c: 1}), busy=[a]) is b
    down(b)
    assert voices.next(Counter({a: 1}), busy=()) is c
    assert voices.next(Counter({a: 2, b: 2, c: 2}), busy=()) is None
    assert voices.next(Counter(), busy=[a, b, c]) is None


def test_a_single_voice_is_asked_again_once(notes: Notes) -> None:
    """And leads, whatever happened."""
    voices = cast(notes, "a")
    (a,) = voices.members
    assert voices.next(Counter({a: 1}), busy=()) is a
    assert voices.next(Counter({a: 2}), busy=()) is None
    voices.blame(a, a.voice.origin.down("lost"))
    assert voices.lead is a


def test_no_context_has_a_name_twice(notes: Notes) -> None:
    """Whichever voice it is for."""
    voices = cast(notes, "a", "b")
    assert len({voices.open_context() for _ in range(50)}) == 50
