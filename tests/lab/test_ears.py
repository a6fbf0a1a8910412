"""Ears as the emulated recogniser uses them: fed on the loop, worked on a thread."""

from __future__ import annotations

import asyncio

import pytest

from lab import flite, hearing, speaking
from tests.conftest import eventually
from tests.lab.audio import clip, said, silence

pytestmark = pytest.mark.provider


def _feed(ear: hearing.Ear, pcm: bytes) -> None:
    for at in range(0, len(pcm), 320):
        ear.feed(pcm[at : at + 320])


@pytest.mark.parametrize("engine", ["real", "clips", "bursts"])
async def test_a_known_clip_is_heard_exactly(engine: str) -> None:
    """Fed frame by frame, finished once; the next finish is empty."""
    ear = hearing.ear(engine)
    _feed(ear, silence(0.5) + clip("hours") + silence(0.3))
    words = await ear.finish()
    assert " ".join(word.text for word in words) == said("hours")
    assert words[0].written == "Hello," and words[0].confidence > 0.9
    assert await ear.finish() == [] and ear.partial() == []
    await ear.close()


async def test_partial_words_appear_without_waiting() -> None:
    """partial() grows by itself while the thread works."""
    ear = hearing.ear("real")
    _feed(ear, silence(0.5) + clip("hours")[: round(1.4 * 16_000)])
    await eventually(lambda: [w.text for w in ear.partial()][:2] == ["hello", "what"])
    await ear.close()


async def test_speech_and_silence_are_known_at_once() -> None:
    """The clock, whether somebody speaks, and for how long nobody did."""
    ear = hearing.ear("bursts")
    _feed(ear, silence(0.5))
    assert ear.heard_s == pytest.approx(0.5) and not ear.is_speech
    assert ear.silent_s == pytest.approx(0.5)
    _feed(ear, clip("hours")[:16_000])
    assert ear.is_speech and ear.silent_s < 0.1
    _feed(ear, silence(0.4))
    assert not ear.is_speech and ear.silent_s == pytest.approx(0.4, abs=0.1)
    await ear.close()


async def test_reset_forgets_words_and_time() -> None:
    """After a reset the ear is as new."""
    ear = hearing.ear("bursts")
    _feed(ear, silence(0.5) + clip("hours"))
    ear.reset()
    assert ear.heard_s == 0 and ear.partial() == []
    assert await ear.finish() == []
    _feed(ear, silence(0.5) + clip("yes") + silence(0.3))
    assert [word.text for word in await ear.finish()] == ["yes"]


async def test_many_ears_do_not_mix_their_callers() -> None:
    """Ten streams at once, each hears its own."""
    names = ["hours", "phone", "yes", "where", "cancel", "move", "name", "repeat", "stop", "bye"]
    ears = [hearing.ear("real") for _ in names]
    for ear, name in zip(ears, names, strict=True):
        _feed(ear, silence(0.5) + clip(name) + silence(0.3))
    heard = await asyncio.gather(*(ear.finish() for ear in ears))
    assert [" ".join(w.text for w in words) for words in heard] == [said(n) for n in names]


def test_an_unknown_engine_is_named() -> None:
    """The error says which there are."""
    with pytest.raises(ValueError, match="real, bursts, clips"):
        hearing.ear("neural")


async def test_to_ears_that_know_the_clips_alone_other_sound_has_no_words() -> None:
    """Speech of anybody else is noise."""
    speech = speaking.say("I would like to see a dentist", voice="kal16", engine="bursts")
    ear = hearing.ear("clips")
    _feed(ear, silence(0.5) + speech.pcm8k + silence(0.3))
    assert ear.partial() == []
    assert await ear.finish() == []


@pytest.mark.skipif(not flite.is_available(), reason="libflite1 is not installed")
async def test_what_is_no_clip_is_decoded() -> None:
    """A domain sentence in a voice and wording of its own comes out with its key words."""
    speech = speaking.say("Could I come in on Wednesday afternoon?", voice="kal16", engine="real")
    ear = hearing.ear("real")
    _feed(ear, silence(0.5) + speech.pcm8k + silence(0.3))
    words = {word.text: word for word in await ear.finish()}
    assert {"wednesday", "afternoon"} <= words.keys()
    assert 0 < words["wednesday"].confidence <= 1
    assert 0.5 < words["wednesday"].start_s < words["afternoon"].end_s < 3.5
    await ear.close()


async def test_the_loop_is_never_held_up_for_long() -> None:
    """While unknown speech is decoded the loop keeps turning."""
    speech = speaking.say("I would like to see a dentist", voice="kal16", engine="real").pcm8k
    ear = hearing.ear("real")
    turns = 0

    async def turn() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.001)

    turning = asyncio.create_task(turn())
    _feed(ear, silence(0.5) + speech * 2 + silence(0.3))
    await ear.finish()
    turning.cancel()
    assert turns > 2
