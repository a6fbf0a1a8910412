"""The switchboard: one line of settings chooses a provider."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from call.errors import SettingsError
from call.first_token import Patience
from call.measures import NullRecorder
from services import Hear, Speak, Think, llm, models, stt, tts
from services.anthropic import Claude, Prompt
from services.bilingual import Bilingual
from services.cartesia import Cartesia
from services.claude_client import Anthropic
from services.deepgram import DeepgramSTT
from services.deepgram_address import Deepgram
from services.elevenlabs import ElevenLabs
from services.failover import FailoverTTS

pytestmark = pytest.mark.provider

KEYS = {"deepgram": "d", "anthropic": "a", "elevenlabs": "e", "cartesia": "c"}
VOICES = {"elevenlabs": "rachel", "cartesia": "maya"}


@dataclass(frozen=True)
class Settings:
    """The sections this room reads."""

    hear: Hear = Hear()
    think: Think = Think()
    speak: Speak = Speak()
    patience: Patience = Patience()
    deepgram: Deepgram = Deepgram()
    anthropic: Anthropic = Anthropic()
    elevenlabs: ElevenLabs = ElevenLabs()
    cartesia: Cartesia = Cartesia()


def voice_of(settings: Settings, **more: object) -> str:
    """The provider of the voice that the settings choose."""
    station = tts(
        settings,
        KEYS,
        recorder=NullRecorder(),
        language="en",
        voices=VOICES,
        **more,  # type: ignore[arg-type]
    )
    assert isinstance(station, FailoverTTS)
    return station.cast.lead.provider


async def test_each_door_builds_what_the_settings_name() -> None:
    """Under the names that labels are made of."""
    settings, recorder = Settings(), NullRecorder()
    ears = stt(settings, KEYS, recorder=recorder, language="en")
    minds = models(settings, KEYS)
    mind = llm(settings, recorder=recorder, models=minds, prompt=Prompt())
    await minds.close()
    mouth = tts(settings, KEYS, recorder=recorder, language="en", voices=VOICES)
    assert isinstance(ears, DeepgramSTT)
    assert isinstance(mind, Claude)
    assert [ears.name, mind.name, mouth.name] == ["stt", "llm", "tts"]


async def test_one_line_swaps_the_voice() -> None:
    """The first of those that may speak."""
    assert voice_of(Settings()) == "elevenlabs"
    other = replace(Settings(), speak=Speak(provider="cartesia", stand_ins=()))
    assert voice_of(other) == "cartesia"


@pytest.mark.parametrize(("language", "is_both"), [("en-GB", True), ("ar-EG", False)])
async def test_a_voice_speaks_arabic_too_where_that_is_not_its_language(
    language: str, is_both: bool
) -> None:
    """With the voices named for it, else with its own."""
    station = tts(
        Settings(),
        KEYS,
        recorder=NullRecorder(),
        language=language,
        voices=VOICES,
        arabic={"elevenlabs": "layla"},
    )
    both = [member.voice for member in station.cast.members]
    assert [isinstance(voice, Bilingual) for voice in both] == [is_both] * len(both)
    if is_both:
        others: Any = [voice._other for voice in both]  # type: ignore[union-attr]
        assert "/layla/" in others[0].address().url
        assert "language_code=ar" in others[0].address().url


def test_an_unknown_provider_is_refused_with_the_choices() -> None:
    """When the settings are read, not when the first caller comes."""
    with pytest.raises(ValueError, match='hear: unknown provider "x"; choose deepgram'):
        Hear(provider="x")
    with pytest.raises(ValueError, match="choose anthropic"):
        Think(provider="x")
    with pytest.raises(ValueError, match="choose elevenlabs or cartesia"):
        Speak(provider="x")
    with pytest.raises(ValueError, match="its own stand-in"):
        Speak(provider="cartesia")


async def test_the_stand_in_is_another_model_anywhere() -> None:
    """Behind the first one's client, or at a place of its own with a key of its own; or nobody."""
    here = models(Settings(), KEYS)
    assert here.stand_in is not None and here.stand_in.client is here.first.client
    assert here.stand_in.name == "claude-sonnet-4-6"
    away = replace(Settings(), think=Think(stand_in_url="https://elsewhere.example"))
    with pytest.raises(SettingsError, match="STAND_IN_API_KEY"):
        models(away, KEYS)
    there = models(away, {**KEYS, "stand_in": "s"})
    assert there.stand_in is not None and there.stand_in.client.api_key == "s"
    assert str(there.stand_in.client.base_url) == "https://elsewhere.example"
    nobody = models(replace(Settings(), think=Think(stand_in_model="")), KEYS)
    assert nobody.stand_in is None
    for each in (here, there, nobody):
        await each.close()


def test_a_missing_key_or_voice_is_one_clear_line() -> None:
    """It names what to set."""
    settings, recorder = Settings(), NullRecorder()
    with pytest.raises(SettingsError, match="ELEVENLABS_API_KEY .* is missing; set it"):
        tts(settings, {}, recorder=recorder, language="en", voices=VOICES)
    with pytest.raises(SettingsError, match="voice.elevenlabs"):
        tts(settings, KEYS, recorder=recorder, language="en", voices={})
    with pytest.raises(SettingsError, match="DEEPGRAM_API_KEY"):
        stt(settings, {"deepgram": ""}, recorder=recorder, language="en")


def test_limits_are_checked() -> None:
    """A sentence names the value."""
    with pytest.raises(ValueError, match="max_tokens 0"):
        Think(max_tokens=0)
    with pytest.raises(ValueError, match="model is empty"):
        Think(model="")
    with pytest.raises(ValueError, match='"m" cannot be its own stand-in'):
        Think(model="m", stand_in_model="m")
    with pytest.raises(ValueError, match="stand_in_s -1"):
        Think(stand_in_s=-1)
    with pytest.raises(ValueError, match="stall_s 0"):
        Speak(stall_s=0)
