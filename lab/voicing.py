"""What the two emulated voices share: a piece of text becomes timed pieces of audio, first byte at
(text complete) + (drawn delay, keyed by the text), the rest at the vendor's pace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from lab.delays import Draw
from lab.sound import LAB_RATE, render
from lab.speaking import Speech
from lab.world import Line, World

BYTES_PER_S = 2 * LAB_RATE


@dataclass(frozen=True)
class Format:
    """What a client asked its audio to be."""

    encoding: str
    rate: int


@dataclass(frozen=True)
class Piece:
    """One message's worth of audio; times are seconds since the utterance began."""

    audio: bytes
    start_s: float
    end_s: float
    is_last: bool


@dataclass(frozen=True)
class Utterance:
    """One text to be said and how its messages are paced."""

    text: str
    complete_at: float
    chunk_s: float
    pace: float
    format: Format


async def synthesise(
    world: World, utterance: Utterance, *, line: Line, context: str, voice: str
) -> tuple[Speech, Draw]:
    """Speech from the engine and the delay of its first byte, both noted; `late_s` is what the
    engine took beyond that delay."""
    text = utterance.text
    draw = world.delays.take(line.provider, "first_byte", key=text)
    speech = await world.engines.speak(text, voice=voice)
    took_s = asyncio.get_running_loop().time() - utterance.complete_at
    world.log.add(
        line.provider,
        "speech",
        line=line.id,
        context=context,
        text=text,
        voice=voice,
        audio_s=round(speech.duration_s, 3),
        late_s=round(max(0.0, took_s - draw.delay_s), 6),
        **draw.as_dict(),
    )
    return speech, draw


def note_first(world: World, utterance: Utterance, *, line: Line) -> None:
    """The first audio of a text leaves now."""
    world.log.add(line.provider, "first_audio", line=line.id, text=utterance.text)


async def pieces(utterance: Utterance, speech: Speech, draw: Draw) -> AsyncIterator[Piece]:
    """The audio in pieces, each when it is due."""
    clock = asyncio.get_running_loop().time
    due_at = utterance.complete_at + draw.delay_s
    total_s = speech.duration_s
    step_s = utterance.chunk_s
    # one rendering per utterance: a resampler's edges must not sit inside it
    audio = render(speech.pcm8k, encoding=utterance.format.encoding, rate=utterance.format.rate)
    width = len(audio) * LAB_RATE * 2 // max(1, len(speech.pcm8k)) // utterance.format.rate or 1
    start_s, first_at = 0.0, max(due_at, clock())
    while start_s < total_s or start_s == 0.0:
        wait_s = (first_at + start_s / utterance.pace if utterance.pace else first_at) - clock()
        await asyncio.sleep(max(0.0, wait_s))
        end_s = min(total_s, start_s + step_s)
        is_last = end_s >= total_s - 1e-9
        end = len(audio) if is_last else int(end_s * utterance.format.rate) * width
        begin = int(start_s * utterance.format.rate) * width
        yield Piece(audio[begin:end], start_s, end_s, is_last)
        start_s = end_s
        if is_last:
            return
