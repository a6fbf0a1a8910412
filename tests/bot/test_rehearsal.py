"""What is recorded ahead of time: every phrase of every agent, by every voice that may say it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.persona import Disclosure, Persona, Personas
from bot.rehearsal import scripts
from bot.settings import Settings
from call.emergency import Emergency
from call.phrases import Phrases, phrases_of
from services.phrases import VoiceKey

pytestmark = pytest.mark.rule

MIA = Persona(
    name="Mia",
    prompt="You answer.",
    greeting="Harbour Dental, open 8-6.",
    voices={"elevenlabs": "mia", "cartesia": "her"},
)
LAYLA = replace(
    MIA,
    name="Layla",
    language="ar",
    greeting="مرحباً",
    disclosure=Disclosure(enabled=False),
    voices={"elevenlabs": "mia"},
    phrases=Phrases(**phrases_of("ar")),  # type: ignore[arg-type]
)
KEYS = {"elevenlabs": "k", "cartesia": "k"}


def test_each_voice_and_language_has_a_script_the_first_voice_first() -> None:
    """Without what the carrier reads; as it is said, disclosure and greeting in front."""
    mine = list(scripts(Personas(MIA, {"+15550100": LAYLA}), Settings(), KEYS))
    assert [script.key for script in mine] == [
        VoiceKey("elevenlabs", "mia", "en"),
        VoiceKey("elevenlabs", "mia", "ar"),
        VoiceKey("cartesia", "her", "en"),
    ]
    english, arabic, _ = (script.texts for script in mine)
    assert english[:2] == (Disclosure().text, "Harbour Dental, open eight to six.")
    assert arabic[0] == "مرحباً"
    assert set(Phrases().fillers) < set(english)
    assert Phrases().apology in english
    assert not {Phrases().busy, Phrases().voicemail} & set(english)


def test_the_emergency_line_lies_ready_though_no_voice_answers() -> None:
    """As it is said; where no words call for it, nobody records it."""
    line = Emergency(text="Hang up and dial 911.")
    [script] = scripts(Personas(replace(LAYLA, emergency=line), {}), Settings(), KEYS)
    [mine] = scripts(Personas(replace(MIA, emergency=line), {}), Settings(), {"elevenlabs": "k"})
    assert "Hang up and dial nine one one." in mine.texts
    assert line.text.split()[0] in " ".join(script.texts)
    never = replace(MIA, emergency=replace(line, words=()))
    [mine] = scripts(Personas(never, {}), Settings(), {"elevenlabs": "k"})
    assert not any("Hang up" in text for text in mine.texts)


def test_two_agents_with_one_voice_share_its_script() -> None:
    """No phrase stands there twice."""
    other = replace(MIA, greeting="Hello.")
    script, _ = scripts(Personas(MIA, {"+15550100": other}), Settings(), KEYS)
    assert len(set(script.texts)) == len(script.texts)
    assert "Hello." in script.texts


def test_a_provider_without_key_or_voice_records_nothing() -> None:
    """It cannot be asked."""
    personas = Personas(replace(MIA, voices={"elevenlabs": "mia"}), {})
    assert [s.key.provider for s in scripts(personas, Settings(), KEYS)] == ["elevenlabs"]
    assert list(scripts(personas, Settings(), {})) == []
