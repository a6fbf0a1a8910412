"""The lab's voices: level, length and the time of every character."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab import espeak, flite, speaking

pytestmark = pytest.mark.provider

TEXT = "Hello, we're open from 8:30 to 6 pm. Your number is 555-0142, is that right?"


def _level_db(pcm8k: bytes) -> float:
    samples = np.frombuffer(pcm8k, np.int16) / 32768
    return float(10 * np.log10(np.mean(samples**2)))


@pytest.mark.parametrize("engine", speaking.ENGINES)
def test_the_voice_is_at_telephone_level_and_never_clips(engine: str) -> None:
    """Speech sits near -20 dBFS and its peaks stay below full scale."""
    speech = speaking.say(TEXT, voice="slt", engine=engine)
    assert -24 < _level_db(speech.pcm8k) < -18
    assert np.abs(np.frombuffer(speech.pcm8k, np.int16)).max() < 32000
    assert 3 < speech.duration_s < 12


@pytest.mark.parametrize("engine", speaking.ENGINES)
@given(text=st.text(alphabet="abc XY'.,!?-—0123456789é\n", max_size=40))
@settings(max_examples=25, deadline=None)
def test_every_character_has_a_time_and_time_never_runs_backwards(engine: str, text: str) -> None:
    """One entry per character, contiguous, inside the audio."""
    speech = speaking.say(text, voice="slt", engine=engine)
    assert len(speech.chars) == len(text)
    now_ms = 0
    for start_ms, duration_ms in speech.chars:
        assert start_ms >= now_ms and duration_ms >= 0
        now_ms = start_ms + duration_ms
    assert now_ms <= round(speech.duration_s * 1000) + 1


def test_words_come_in_order_with_their_own_times() -> None:
    """Each written word keeps its spelling and sounds after the one before it."""
    words = speaking.say(TEXT, voice="slt", engine="real").words
    assert [text for text, _, _ in words] == TEXT.split()
    assert all(end_s > start_s for _, start_s, end_s in words)
    assert all(a[2] <= b[1] + 1e-6 for a, b in zip(words, words[1:], strict=False))


def test_silence_around_the_speech_is_trimmed() -> None:
    """The voice starts within 100 ms, so a latency measured on the audio is the provider's."""
    samples = np.frombuffer(speaking.say("Hello.", voice="slt", engine="real").pcm8k, np.int16)
    loud = np.flatnonzero(np.abs(samples.astype(int)) > np.abs(samples).max() / 20)
    assert loud[0] < 0.1 * speaking.RATE_HZ
    assert len(samples) - loud[-1] < 0.25 * speaking.RATE_HZ


def test_text_without_anything_to_say_is_empty_audio() -> None:
    """Punctuation and blanks make no sound and still have one time per character."""
    for text in ("", "  ", "...", "—"):
        speech = speaking.say(text, voice="slt", engine="real")
        assert speech.pcm8k == b"" and len(speech.chars) == len(text)


def test_two_providers_have_two_voices() -> None:
    """An id like Cartesia's and an id like ElevenLabs' do not sound the same."""
    cartesia = speaking.say("Hello.", voice="6ccbfb76-1fc6-48f7-b71d-91ac6298247b", engine="real")
    elevenlabs = speaking.say("Hello.", voice="21m00Tcm4TlvDq8ikWAM", engine="real")
    assert cartesia.pcm8k != elevenlabs.pcm8k


async def test_the_same_words_are_said_once_however_many_ask() -> None:
    """Concurrent requests for one text share one synthesis; later ones come from the cache."""
    said = await asyncio.gather(
        *(speaking.speak("One moment.", voice="slt", engine="real") for _ in range(5))
    )
    assert all(speech is said[0] for speech in said)
    assert await speaking.speak("One moment.", voice="slt", engine="real") is said[0]


async def test_one_impatient_listener_does_not_silence_another() -> None:
    """Cancelling one wait leaves the shared synthesis to the others."""
    text = "Please hold the line while I look for a free place in the calendar."
    first = asyncio.ensure_future(speaking.speak(text, voice="slt", engine="real"))
    second = asyncio.ensure_future(speaking.speak(text, voice="slt", engine="real"))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).duration_s > 1


async def test_an_unknown_engine_is_named() -> None:
    """The error says which engines there are."""
    with pytest.raises(ValueError, match="real, bursts"):
        await speaking.speak("Hello.", voice="slt", engine="neural")


def test_without_flite_the_wheel_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """espeak-ng takes over where libflite is not installed, with word times of its own."""
    monkeypatch.setattr(flite, "is_available", lambda: False)
    speech = speaking.say(TEXT, voice="slt", engine="real")
    assert speech.engine == "espeak-ng"
    assert -24 < _level_db(speech.pcm8k) < -18
    starts = [start_s for _, start_s, _ in speech.words]
    assert starts == sorted(starts) and starts[-1] > 2


def test_arabic_is_said_by_the_engine_that_has_the_letters() -> None:
    """Arabic text reaches espeak-ng's Arabic voice, whatever else is installed."""
    speech = speaking.say("مرحبا، كيف يمكنني مساعدتك؟", voice="slt", engine="real")
    assert speech.engine == "espeak-ng" and speech.duration_s > 0.5


def test_an_unknown_espeak_voice_is_named() -> None:
    """A wrong voice name is an error with a remedy, not silence."""
    with pytest.raises(ValueError, match="en-us"):
        espeak.synthesise("Hello.", voice="nobody")


@pytest.mark.skipif(not flite.is_available(), reason="libflite1 is not installed")
def test_flite_reports_when_each_token_sounds() -> None:
    """Marks follow the audio and a stretch above one slows it down."""
    plain = flite.synthesise("Ten thirty is fine.", voice="rms")
    slow = flite.synthesise("Ten thirty is fine.", voice="rms", stretch=1.3)
    assert [mark.text for mark in plain.marks] == ["Ten", "thirty", "is", "fine"]
    assert plain.marks[-1].end_s <= plain.duration_s < slow.duration_s


def test_a_text_always_sounds_the_same() -> None:
    """So that what was heard of it can be told by its samples."""
    first, again = (speaking.say("Of course.", voice="slt", engine="real").pcm8k for _ in range(2))
    assert first == again
