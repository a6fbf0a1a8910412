"""A voice recorded and probed without a caller, through each voice of the lab."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from call.errors import ProviderBroke, ProviderFault, ProviderRefused
from services import Speak, voice
from services.booth import Booth
from services.phrases import VoiceKey, word_places
from services.voice import Finished, Flushed, Voice
from tests.conftest import eventually
from tests.services.mouth import Mouth
from tests.services.stage import CHAR_MS, Lab, Notes

pytestmark = pytest.mark.provider
TEXT = "Good morning, this is Harbour Dental."


@pytest.fixture(params=["elevenlabs", "cartesia"])
def vendor(request: pytest.FixtureRequest) -> str:
    """Each test runs with each voice."""
    return str(request.param)


@pytest.fixture
def one(lab: Lab, notes: Notes, vendor: str) -> Voice:
    """A voice that nobody has spoken through."""
    settings = Mouth(lab, notes).settings(Speak(provider=vendor, stand_ins=()))
    return voice(settings, {vendor: "k"}, key=VoiceKey(vendor, "v", "en"), recorder=notes)


async def take(one: Voice, what: str, text: str, *, timeout_s: float) -> Any:
    """One take in a booth of its own."""
    async with Booth(one) as booth:
        return await getattr(booth, what)(text, timeout_s=timeout_s)


async def test_a_phrase_is_recorded_with_the_ends_of_its_words(one: Voice) -> None:
    """To within a message of the voice, in the telephone's own format."""
    recording = await take(one, "record", TEXT, timeout_s=5)
    assert recording.text == TEXT
    assert len(recording.mulaw) == pytest.approx(len(TEXT) * CHAR_MS * 8, abs=2 * CHAR_MS * 8)
    for end, place in zip(recording.ends, word_places(TEXT), strict=True):
        assert end == pytest.approx(place * CHAR_MS * 8, abs=2 * CHAR_MS * 8)
    assert recording.ends[-1] == len(recording.mulaw)
    assert not one.is_connected


async def test_without_times_the_words_are_reckoned_by_their_letters(
    lab: Lab, one: Voice, vendor: str
) -> None:
    """The phrase can still be cut."""
    lab.fault(vendor, "missing_fields", moment="request")
    recording = await take(one, "record", TEXT, timeout_s=5)
    assert len(recording.ends) == len(TEXT.split())
    assert list(recording.ends) == sorted(set(recording.ends))


async def test_a_probe_tells_how_long_the_first_sound_took(lab: Lab, one: Voice) -> None:
    """Not how long the connection did."""
    assert 0 < await take(one, "probe", "Yes.", timeout_s=5) < 2.0


async def test_a_refusal_is_told_as_the_fault_it_is(lab: Lab, one: Voice, vendor: str) -> None:
    """By both; the connection is not left behind."""
    lab.fault(vendor, "http_status", status=403, for_next=2)
    with pytest.raises(ProviderRefused):
        await take(one, "record", TEXT, timeout_s=5)
    assert not one.is_connected


async def test_silence_is_waited_for_no_longer_than_asked(
    lab: Lab, one: Voice, vendor: str
) -> None:
    """The booth is free again."""
    lab.fault(vendor, "black_hole", moment="request")
    with pytest.raises(TimeoutError):
        await take(one, "probe", "Yes.", timeout_s=0.2)
    assert not one.is_connected


async def test_a_break_in_the_middle_keeps_nothing(lab: Lab, one: Voice, vendor: str) -> None:
    """Half a phrase is not a phrase."""
    lab.fault(vendor, "close", after=2, code=1011, moment="request")
    with pytest.raises(ProviderFault):
        await take(one, "record", TEXT, timeout_s=5)


async def test_a_voice_that_is_done_without_a_sound_has_recorded_nothing(
    lab: Lab, one: Voice, vendor: str
) -> None:
    """Whatever it says."""
    lab.fault(vendor, "stall", after=0, moment="request")
    async with Booth(one) as booth:
        recording = asyncio.create_task(booth.record(TEXT, timeout_s=5))
        await eventually(lambda: booth._take.asked_at, what="asked")
        for event in (Flushed, Finished):
            booth.hear(event("somebody else's"))
            booth.hear(event(booth._take.context))
        with pytest.raises(ProviderBroke):
            await recording


async def test_a_booth_is_used_for_many_takes(lab: Lab, one: Voice, vendor: str) -> None:
    """Over one connection; a take that failed does not spoil the next."""
    async with Booth(one) as booth:
        first = await booth.record(TEXT, timeout_s=5)
        lab.fault(vendor, "quota", after=1, moment="request")
        with pytest.raises(ProviderFault):
            await booth.record(TEXT, timeout_s=5)
        second = await booth.record(TEXT, timeout_s=5)
    assert first == second
    assert len(lab.entries(vendor, "open")) <= 2
