"""The switchboard: one line of settings chooses a provider."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from call.errors import SettingsError
from call.measures import NullRecorder
from services import Hear, Speak, Think, llm, stt, tts
from services.anthropic import Anthropic, Claude, claude_client
from services.cartesia import Cartesia
from services.deepgram import DeepgramSTT
from services.deepgram_address import Deepgram
from services.elevenlabs import ElevenLabs
from services.voice_station import VoiceStation

pytestmark = pytest.mark.provider

KEYS = {"deepgram": "d", "anthropic": "a", "elevenlabs": "e", "cartesia": "c"}
VOICES = {"elevenlabs": "rachel", "cartesia": "maya"}


@dataclass(frozen=True)
class Settings:
    """The sections this room reads."""

    hear: Hear = Hear()
    think: Think = Think()
    speak: Speak = Speak()
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
    assert isinstance(station, VoiceStation)
    return station._voice.provider


async def test_each_door_builds_what_the_settings_name() -> None:
    """Under the names that labels are made of."""
    settings, recorder = Settings(), NullRecorder()
    ears = stt(settings, KEYS, recorder=recorder, language="en")
    async with claude_client(settings.anthropic, "a") as client:
        mind = llm(settings, KEYS, recorder=recorder, client=client, system="", situation="")
    mouth = tts(settings, KEYS, recorder=recorder, language="en", voices=VOICES)
    assert isinstance(ears, DeepgramSTT)
    assert isinstance(mind, Claude)
    assert [ears.name, mind.name, mouth.name] == ["stt", "llm", "tts"]


async def test_one_line_swaps_the_voice() -> None:
    """And whoever asks may name another, as a stand-in needs."""
    assert voice_of(Settings()) == "elevenlabs"
    other = replace(Settings(), speak=Speak(provider="cartesia", stand_ins=()))
    assert voice_of(other) == "cartesia"
    assert voice_of(Settings(), provider="cartesia") == "cartesia"


def test_an_unknown_provider_is_refused_with_the_choices() -> None:
    """When the settings are read, not when the first caller comes."""
    with pytest.raises(ValueError, match='hear: unknown provider "x"; choose deepgram'):
        Hear(provider="x")
    with pytest.raises(ValueError, match="choose anthropic"):
        Think(provider="x")
    with pytest.raises(ValueError, match="choose elevenlabs or cartesia"):
        Speak(provider="x")
    with pytest.raises(ValueError, match="choose elevenlabs or cartesia"):
        voice_of(Settings(), provider="x")
    with pytest.raises(ValueError, match="its own stand-in"):
        Speak(provider="cartesia")


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
    with pytest.raises(ValueError, match="stall_s 0"):
        Speak(stall_s=0)
