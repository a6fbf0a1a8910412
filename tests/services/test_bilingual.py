"""Two voices that look like one: each reply is spoken by the one of the language it begins in."""

from __future__ import annotations

from typing import Any

import pytest

from call.errors import ProviderFault
from call.tongue import is_arabic
from services.bilingual import Bilingual
from services.fault import Origin
from services.voice import Ear, Event, Failed, Finished, Flushed, Sound

pytestmark = pytest.mark.rule

ORIGIN = Origin("v", "speak")
SAID = "نفتح يوم الأحد."


class Vendor:
    """Notes what it is asked, and tells what a test wants."""

    provider, origin, context_life_s = "v", ORIGIN, 7.0

    def __init__(self, name: str, did: list[str]) -> None:
        self.name, self.did = name, did
        self.ear: Ear | None = None

    def open(self, ear: Ear) -> None:
        self.ear = ear
        self.did.append(f"{self.name} opens")

    def speak(self, context: str, text: str) -> None:
        self.did.append(f"{self.name} says {context}")

    def finish(self, context: str) -> None:
        self.did.append(f"{self.name} finishes {context}")

    def cancel(self, context: str) -> None:
        self.did.append(f"{self.name} cancels {context}")

    async def close(self) -> None:
        self.did.append(f"{self.name} closes")


class Stage:
    """Both voices, and what is heard of them."""

    def __init__(self) -> None:
        self.did: list[str] = []
        self.heard: list[Event] = []
        home: Any = Vendor("home", self.did)
        other: Any = Vendor("other", self.did)
        self.home, self.other = home, other
        self.voice = Bilingual(home, other, is_other=is_arabic)
        self.voice.open(self)

    def hear(self, event: Event) -> None:
        """What they tell."""
        self.heard.append(event)


async def test_the_first_words_of_a_reply_choose_its_voice_to_its_end() -> None:
    """The other one connects when it is first needed."""
    stage = Stage()
    voice = stage.voice
    assert (voice.provider, voice.origin, voice.context_life_s) == ("v", ORIGIN, 7.0)
    voice.speak("r1", "We open at nine.")
    voice.speak("r1", SAID)
    voice.finish("r1")
    voice.speak("r2", SAID)
    voice.speak("r2", "Harbour Dental.")
    voice.finish("r2")
    voice.cancel("r2")
    await voice.close()
    assert stage.did == [
        "home opens", "home says r1", "home says r1", "home finishes r1",
        "other opens", "other says r2", "other says r2", "other finishes r2", "other cancels r2",
        "home closes", "other closes",
    ]  # fmt: skip


def test_what_both_tell_is_heard_alike() -> None:
    """Sound, its ends, and faults of a context."""
    stage = Stage()
    stage.voice.speak("r1", "One.")
    stage.voice.speak("r2", SAID)
    fault = ORIGIN.down("lost")
    told = [Sound("r1", b"1"), Flushed("r1"), Failed(fault, "r1")]
    for event in told:
        stage.home.ear.hear(event)
    for event in (Sound("r2", b"2"), Finished("r2")):
        stage.other.ear.hear(event)
        told.append(event)
    assert stage.heard == told


def lost(stage: Stage, vendor: Any, fault: ProviderFault) -> list[Any]:
    """The contexts that a lost connection of one of them ends."""
    stage.heard.clear()
    vendor.ear.hear(Failed(fault))
    return [event.context for event in stage.heard if isinstance(event, Failed)]


def test_a_lost_connection_ends_its_own_contexts_only() -> None:
    """A voice that speaks alone is lost as ever."""
    fault = ORIGIN.down("lost")
    stage = Stage()
    for context, text in (("r1", "One."), ("r2", SAID), ("r3", SAID)):
        stage.voice.speak(context, text)
    assert lost(stage, stage.other, fault) == ["r2", "r3"]
    assert lost(stage, stage.home, fault) == [None]
    stage.voice.speak("r4", SAID)
    assert lost(stage, stage.other, fault) == [None]


async def test_nobody_listens_before_it_is_open() -> None:
    """Nor is anything lost by it."""
    home: Any = Vendor("a", [])
    voice = Bilingual(home, home, is_other=is_arabic)
    voice.heard(Sound("r1", b""), set())
    voice.cancel("r1")
