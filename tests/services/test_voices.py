"""What the calls of a process share of its voices: recorded phrases, and who is well."""

from __future__ import annotations

from functools import partial

import pytest

from call.failover import Tolerance
from call.measures import CIRCUITS, TTS_CHARACTERS
from services import Speak, voice
from services import voices as room
from services.phrases import VoiceKey
from services.voice import Voice
from services.voices import Script, Voices
from tests.conftest import eventually
from tests.services.mouth import Mouth, ends, reply, said
from tests.services.stage import Lab, Notes, Stage

pytestmark = pytest.mark.provider

KEY = VoiceKey("elevenlabs", "v", "en")
TEXTS = ("Hello there.", "One moment please.")


@pytest.fixture
def build(lab: Lab, notes: Notes) -> partial[Voice]:
    """Makes voices of the lab."""
    settings = Mouth(lab, notes).settings(Speak())
    return partial(voice, settings, {"elevenlabs": "k", "cartesia": "k"}, recorder=notes)


def shared(notes: Notes, *, probe_s: float = 0.05) -> Voices:
    """A room of voices that is impatient to have them back."""
    tolerance = Tolerance(first_byte_budget_s=10.0, faults_to_open=2, probe_s=probe_s)
    return Voices(tolerance=tolerance, recorder=notes)


def has_all(voices: Voices) -> bool:
    """Every phrase is recorded."""
    return all(voices.store.has(KEY, text) for text in TEXTS)


async def test_phrases_are_recorded_in_the_background_and_then_need_no_voice(
    lab: Lab, notes: Notes, build: partial[Voice]
) -> None:
    """A call hears them at once, in that voice, and asks nobody."""
    voices, mouth = shared(notes), Mouth(lab, notes)
    async with voices.at_work([Script(KEY, TEXTS)], voice=lambda key: build(key=key)):
        await eventually(lambda: has_all(voices), ticks=4000, what="recorded")
    assert notes.of(TTS_CHARACTERS) == sum(map(len, TEXTS))
    asked = len(mouth.asked("elevenlabs"))
    stage = Stage(mouth.build("elevenlabs", "cartesia", shared=voices))
    async with stage.open():
        await stage.play(*reply(*TEXTS, kind="greeting"))
        await stage.until(ends(stage))
    assert said(stage) == ["1.1", "1.2"]
    assert len(mouth.asked("elevenlabs")) == asked
    assert mouth.asked("cartesia") == []


async def test_a_voice_that_fails_to_record_is_asked_again(
    lab: Lab, notes: Notes, build: partial[Voice], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is recorded already is not said again."""
    monkeypatch.setattr(room, "_AGAIN_S", (0.01, 0.01))
    lab.fault("elevenlabs", "http_status", status=503, for_next=1)
    lab.fault("elevenlabs", "close", after=1, when_words="moment", for_next=1)
    voices = shared(notes)
    async with voices.at_work([Script(KEY, TEXTS)], voice=lambda key: build(key=key)):
        await eventually(lambda: has_all(voices), ticks=4000, what="recorded")
    assert Mouth(lab, notes).asked("elevenlabs").count(TEXTS[0]) == 1


async def test_a_phrase_that_fails_does_not_keep_the_others_from_being_recorded(
    lab: Lab, notes: Notes, build: partial[Voice]
) -> None:
    """One the voice cannot say, for whatever reason."""
    lab.fault("elevenlabs", "close", after=0, when_words="hello", for_next=None)
    voices = shared(notes)
    async with voices.at_work([Script(KEY, TEXTS)], voice=lambda key: build(key=key)):
        await eventually(lambda: voices.store.has(KEY, TEXTS[1]), ticks=4000, what="recorded")
    assert not voices.store.has(KEY, TEXTS[0])


async def test_a_voice_that_is_refused_leaves_the_rest_at_work(
    lab: Lab, notes: Notes, build: partial[Voice], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is given up after a while; other voices are recorded."""
    monkeypatch.setattr(room, "_AGAIN_S", (0.01,))
    lab.fault("cartesia", "http_status", status=401, for_next=20)
    voices = shared(notes)
    scripts = [Script(VoiceKey("cartesia", "v", "en"), TEXTS), Script(KEY, TEXTS)]
    async with voices.at_work(scripts, voice=lambda key: build(key=key)):
        await eventually(lambda: has_all(voices), ticks=4000, what="recorded")


async def test_a_voice_that_is_gone_round_is_probed_and_comes_back(
    lab: Lab, notes: Notes, build: partial[Voice], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A probe that fails is repeated; the change is counted both ways."""
    monkeypatch.setattr(room, "_PROBE_TIMEOUT_S", 10.0)  # a machine under load is slow, not wrong
    voices = shared(notes)
    lab.fault("elevenlabs", "http_status", status=401, for_next=2)
    mouth = Mouth(lab, notes)
    stage = Stage(mouth.build("elevenlabs", "cartesia", shared=voices))
    async with stage.open():
        await stage.until(lambda: voices.gone_round == 1)
        async with voices.at_work([Script(KEY, ())], voice=lambda key: build(key=key)):
            await eventually(lambda: voices.gone_round == 0, ticks=4000, what="probed")
    assert notes.of(CIRCUITS, provider="elevenlabs", state="open") == 1
    assert notes.of(CIRCUITS, provider="elevenlabs", state="closed") == 1
    assert set(mouth.asked("elevenlabs")) == {"Yes."}
