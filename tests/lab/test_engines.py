"""Engines by name."""

from __future__ import annotations

import pytest

from lab.engines import load

pytestmark = pytest.mark.provider


def test_an_unknown_engine_names_the_choices() -> None:
    """A wrong name is told with the right ones."""
    with pytest.raises(ValueError, match="real, clips, bursts"):
        load("siri")


async def test_bursts_hear_speak_and_answer() -> None:
    """The cheap engines fill all three roles."""
    engines = load("bursts")
    speech = await engines.speak("Hello there.", voice="v")
    assert len(speech.chars) == len("Hello there.") and speech.duration_s > 0.3
    ear = engines.ear()
    ear.feed(speech.pcm8k + bytes(8000))
    words = await ear.finish()
    await ear.close()
    assert words
    answer = engines.reply(
        {"messages": [{"role": "user", "content": "What are your opening hours?"}]}
    )
    assert answer.text
