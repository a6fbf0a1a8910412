"""Engines simple enough to reason about: every quarter second of loud audio is the next word of a
phrase, speech is a tone of 50 ms per character, and the receptionist says what it was told."""

from __future__ import annotations

import audioop
import json
import math
import struct
from collections.abc import Sequence
from typing import Any

from lab.engines import Engines
from lab.hearing import Word
from lab.receptionist import Reply, ToolUse
from lab.speaking import Speech

RATE = 8000
LOUD = 500
WORD_S = 0.25
CHAR_MS = 50
PHRASE = ("hello", "what", "are", "your", "opening", "hours")
WRITTEN = {"hello": "Hello,", "hours": "hours?"}


def tone(seconds: float, *, level: int = 6000) -> bytes:
    """PCM16 8 kHz that is loud."""
    wave = [round(level * math.sin(i * 0.35)) for i in range(round(seconds * RATE))]
    return struct.pack(f"<{len(wave)}h", *wave)


def silence(seconds: float) -> bytes:
    """PCM16 8 kHz that is not."""
    return bytes(2 * round(seconds * RATE))


def ulaw(pcm: bytes) -> bytes:
    """As a telephone carries it."""
    return audioop.lin2ulaw(pcm, 2)


def said(words: int) -> bytes:
    """Audio in which the plain ear hears that many words."""
    return tone(words * WORD_S)


class PlainEar:
    """Counts loud audio; what it hears is the phrase, word by word."""

    def __init__(self, phrase: Sequence[str] = PHRASE) -> None:
        self.phrase = phrase
        self.finishes = 0
        self.reset()

    def reset(self) -> None:
        self.heard = self.loud = self.silent = 0
        self.words: list[Word] = []

    @property
    def heard_s(self) -> float:
        return self.heard / RATE

    @property
    def is_speech(self) -> bool:
        return self.loud > 0 and self.silent < 0.04 * RATE

    @property
    def silent_s(self) -> float:
        return self.silent / RATE if self.loud or self.words else self.heard_s

    def feed(self, pcm8k: bytes) -> None:
        for start in range(0, len(pcm8k), 160):
            self._feed(pcm8k[start : start + 160])

    def _feed(self, part: bytes) -> None:
        samples = len(part) // 2
        self.heard += samples
        if audioop.rms(part, 2) < LOUD:
            self.silent += samples
            return
        self.loud += samples
        self.silent = 0
        while self.loud >= (len(self.words) + 1) * WORD_S * RATE - 1:
            text = self.phrase[len(self.words) % len(self.phrase)]
            end = self.heard_s
            self.words.append(Word(text, end - WORD_S, end, 0.9, WRITTEN.get(text, "")))

    def partial(self) -> list[Word]:
        return list(self.words)

    async def finish(self) -> list[Word]:
        self.finishes += 1
        words, self.words, self.loud = self.words, [], 0
        return words

    async def close(self) -> None:
        self.phrase = ()


async def speak(text: str, *, voice: str) -> Speech:
    """A tone, the same length for every character."""
    chars = [(i * CHAR_MS, CHAR_MS) for i in range(len(text))]
    words, place = [], 0
    for word in text.split():
        start = text.index(word, place)
        place = start + len(word)
        words.append((word, start * CHAR_MS / 1000, place * CHAR_MS / 1000))
    return Speech(tone(len(text) * CHAR_MS / 1000), chars, words, "plain")


def reply(body: dict[str, Any]) -> Reply:
    """Says what the last user text says; `call NAME {json}` calls tools, one per line."""
    content = body["messages"][-1]["content"]
    if isinstance(content, list):
        results = [block for block in content if block["type"] == "tool_result"]
        if results:
            return Reply("It is done.", [])
        content = " ".join(block["text"] for block in content if block["type"] == "text")
    tools = []
    lines = []
    for number, line in enumerate(content.splitlines()):
        if line.startswith("call "):
            _, name, raw = line.split(" ", 2)
            tools.append(ToolUse(f"toolu_{number}", name, json.loads(raw)))
        else:
            lines.append(line)
    return Reply("\n".join(lines), tools)


def engines(phrase: Sequence[str] = PHRASE) -> Engines:
    """All three."""
    return Engines(ear=lambda: PlainEar(phrase), speak=speak, reply=reply)
