"""A voice without frames: contexts, late sound, idle connections."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from call.errors import ProviderDown
from services.cartesia import Cartesia, CartesiaDialect
from services.elevenlabs import ElevenLabs, ElevenLabsDialect
from services.voice import Event, Failed, Finished, Sound, Voice
from tests.conftest import eventually
from tests.services.stage import Lab, Notes

pytestmark = pytest.mark.provider


class Ear:
    """Remembers what it heard."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def hear(self, event: Event) -> None:
        self.events.append(event)

    def has(self, kind: type[Any], context: str | None = None) -> bool:
        return any(isinstance(e, kind) and context in (None, e.context) for e in self.events)


def cartesia(lab: Lab, notes: Notes, *, renew_s: float = 240.0) -> Voice:
    settings = Cartesia(url=f"{lab.ws}/tts/websocket", renew_s=renew_s)
    dialect = CartesiaDialect(settings, "k", voice="v", language="en")
    return Voice(dialect, connect_timeout_s=1.0, recorder=notes)


def elevenlabs(lab: Lab, notes: Notes, *, keepalive_s: float = 10.0) -> Voice:
    settings = ElevenLabs(url=lab.ws, keepalive_s=keepalive_s)
    dialect = ElevenLabsDialect(settings, "k", voice="v", language="en")
    return Voice(dialect, connect_timeout_s=1.0, recorder=notes)


async def test_two_contexts_share_a_connection(lab: Lab, notes: Notes) -> None:
    """Each finishes on its own."""
    voice, ear = elevenlabs(lab, notes), Ear()
    voice.open(ear)
    for context in ("a", "b"):
        voice.speak(context, f"This is {context}.")
        voice.finish(context)
    await eventually(lambda: ear.has(Finished, "a") and ear.has(Finished, "b"), what="both")
    assert ear.has(Sound, "a")
    assert ear.has(Sound, "b")
    assert len(lab.entries("elevenlabs", "open")) == 1
    await voice.close()


async def test_an_idle_connection_is_replaced_before_the_vendor_closes_it(
    lab: Lab, notes: Notes
) -> None:
    """A vendor without a keep-alive message; nobody hears of it."""
    voice, ear = cartesia(lab, notes, renew_s=0.05), Ear()
    voice.open(ear)
    await eventually(lambda: lab.entries("cartesia", "closed"), what="renewed")
    voice.speak("a", "Hello.")
    await eventually(lambda: ear.has(Sound), what="sound")
    assert not ear.has(Failed)
    await voice.close()


async def test_idle_contexts_live_through_a_pause(lab: Lab, notes: Notes) -> None:
    """ElevenLabs forgets one after 20 s without text."""
    lab.world.knobs.elevenlabs.inactivity_s = 0.2
    voice, ear = elevenlabs(lab, notes, keepalive_s=0.04), Ear()
    voice.open(ear)
    voice.speak("a", "Hello.")
    for _ in range(8):
        await asyncio.sleep(0.05)
    voice.speak("a", "There.")
    voice.finish("a")
    await eventually(lambda: ear.has(Finished, "a"), what="finished")
    assert not ear.has(Failed)
    assert len(lab.entries("elevenlabs", "open")) == 1
    await voice.close()


async def test_an_error_that_names_no_context_fails_all_of_them(lab: Lab, notes: Notes) -> None:
    """The socket stays; what still comes for them is dropped."""
    lab.world.knobs.cartesia.error_context = False
    lab.fault("cartesia", "quota", after=0, moment="request")
    voice, ear = cartesia(lab, notes), Ear()
    voice.open(ear)
    voice.speak("a", "Hello.")
    await eventually(lambda: ear.has(Failed), what="a failure")
    (failed,) = ear.events
    assert isinstance(failed, Failed)
    voice.speak("b", "Hello again.")
    await eventually(lambda: ear.has(Sound, "b"), what="sound")
    await voice.close()


async def test_a_lost_connection_fails_once(lab: Lab, notes: Notes) -> None:
    """Whatever was open on it."""
    lab.world.knobs.cartesia.pace = 1.0
    voice, ear = cartesia(lab, notes), Ear()
    voice.open(ear)
    voice.speak("a", "A longer sentence, so that it takes a while.")
    await eventually(lambda: ear.has(Sound), what="sound")
    await lab.world.restart(lab.world.faults.add({"provider": "cartesia", "shape": "restart"}))
    await eventually(lambda: ear.has(Failed), what="a failure")
    await asyncio.sleep(0.02)
    failed = [e for e in ear.events if isinstance(e, Failed)]
    assert len(failed) == 1
    assert isinstance(failed[0].fault, ProviderDown)
    await voice.close()


async def test_late_sound_of_a_cancelled_context_is_not_passed_on(lab: Lab, notes: Notes) -> None:
    """What is in flight may still arrive."""
    lab.fault("elevenlabs", "late", messages=2, delay_s=0.01, moment="request")
    voice, ear = elevenlabs(lab, notes), Ear()
    voice.open(ear)
    voice.speak("a", "Hello.")
    await eventually(lambda: ear.has(Sound, "a"), what="sound")
    voice.cancel("a")
    ear.events.clear()
    await asyncio.sleep(0.05)
    assert ear.events == []
    await voice.close()


async def test_what_was_meant_for_a_lost_connection_is_not_said_on_the_next(
    lab: Lab, notes: Notes
) -> None:
    """Its context is over; whoever speaks decides what to say again."""
    lab.fault("elevenlabs", "http_status", status=503)
    voice, ear = elevenlabs(lab, notes), Ear()
    voice.open(ear)
    voice.speak("a", "Lost.")
    await eventually(lambda: ear.has(Failed), what="a failure")
    voice.speak("b", "Said.")
    await eventually(lambda: ear.has(Sound, "b"), what="sound")
    assert [entry["text"].strip() for entry in lab.entries("elevenlabs", "speech")] == ["Said."]
    await voice.close()
