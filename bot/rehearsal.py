"""What each agent says on its own account, as its voices are to record it ahead of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields

from bot.persona import Persona, Personas
from bot.settings import Settings
from call.spoken import spoken
from services.phrases import VoiceKey
from services.voices import Script

_READ_BY_THE_CARRIER = ("busy", "voicemail")


def scripts(personas: Personas, settings: Settings, keys: Mapping[str, str]) -> Iterator[Script]:
    """One a voice: those that speak first before those that stand in."""
    people = [personas.default, *personas.numbers.values()]
    for provider in settings.speak.voices:
        texts: dict[VoiceKey, dict[str, None]] = {}
        for persona in people:
            voice = persona.voices.get(provider)
            if voice and keys.get(provider):
                key = VoiceKey(provider, voice, persona.language)
                texts.setdefault(key, {}).update(dict.fromkeys(phrases_of(persona)))
        for key, said in texts.items():
            yield Script(key, tuple(said))


def phrases_of(persona: Persona) -> Iterator[str]:
    """The words of every phrase as they are said, the first ones of a call first."""
    if persona.disclosure.enabled:
        yield spoken(persona.disclosure.text, language=persona.language)
    yield spoken(persona.greeting, language=persona.language)
    if persona.emergency.words:
        yield spoken(persona.emergency.text, language=persona.language)
    for phrase in fields(persona.phrases):
        said = getattr(persona.phrases, phrase.name)
        if phrase.name not in _READ_BY_THE_CARRIER:
            for text in (said,) if isinstance(said, str) else said:
                yield spoken(text, language=persona.language)
    for tool in persona.tools:
        if tool.filler:
            yield spoken(tool.filler, language=persona.language)
