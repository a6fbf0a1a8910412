"""A lab whose recogniser hears what a test says and whose model answers what a test wants."""

from __future__ import annotations

import asyncio
import os
import re
import threading
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from bot.demo import free_port, lab_environment
from lab.engines import Engines, Speak, load
from lab.hearing import Word
from lab.receptionist import Reply
from lab.server import Lab, start
from lab.speaking import Speech
from tests.calls.house import PATIENT, House, process

CLIP = "book_tuesday"
"""What the caller's mouth says each time; eight words without a pause."""
CLIP_WORDS = 8
NEXT_AFTER_S = 0.5  # sound this soon behind sound is the same utterance

Mind = Callable[[dict[str, Any]], Reply]


SURE = 0.98
_UNSURE = re.compile(r" ~(0?\.\d+)$")


class ScriptedEar:
    """Hears the next line of a script whenever the caller speaks, whatever is said; " ~0.5" behind
    a line is how sure it is of it. The script is dealt with the first words: a connection that
    waits for a call has none."""

    def __init__(self, deal: Callable[[], Sequence[str]]) -> None:
        self._ear = load("real").ear()
        self._deal = deal
        self._lines: list[str] | None = None
        self._current: list[str] | None = None
        self._sure = SURE
        self._sounded_at_s = -NEXT_AFTER_S
        self._utterance = 0
        self._told = 0  # the utterance whose line is final

    @property
    def heard_s(self) -> float:
        return self._ear.heard_s

    @property
    def is_speech(self) -> bool:
        return self._ear.is_speech

    @property
    def silent_s(self) -> float:
        return self._ear.silent_s

    def feed(self, pcm8k: bytes) -> None:
        self._ear.feed(pcm8k)
        if self._ear.is_speech:
            self._utterance += self.heard_s > self._sounded_at_s + NEXT_AFTER_S
            self._sounded_at_s = self.heard_s

    def partial(self) -> list[Word]:
        heard = self._ear.partial()
        if self._is_rest(heard):
            return []
        return self._in_place_of(heard, share=len(heard) / CLIP_WORDS)

    async def finish(self) -> list[Word]:
        heard = await self._ear.finish()
        if not heard or self._is_rest(heard):
            return []
        said = self._in_place_of(heard, share=1.0)
        self._current, self._told = None, self._utterance
        return said

    def _is_rest(self, heard: list[Word]) -> bool:
        """Whether these are more words of what is final already, and no new utterance."""
        return bool(heard) and self._told == self._utterance

    def _in_place_of(self, heard: list[Word], *, share: float) -> list[Word]:
        if not heard:
            return []
        if self._current is None:
            if self._lines is None:
                self._lines = list(self._deal())
            line = self._lines.pop(0) if self._lines else "Goodbye."
            unsure = _UNSURE.search(line)
            self._sure = float(unsure[1]) if unsure else SURE
            self._current = _UNSURE.sub("", line).split()
        said = self._current[: max(1, round(min(1.0, share) * len(self._current)))]
        first, last = heard[0].start_s, heard[-1].end_s
        step = (last - first) / len(said)
        return [
            Word(
                word.strip(".,?").lower(),
                first + i * step,
                first + (i + 1) * step,
                self._sure,
                written=word,
            )
            for i, word in enumerate(said)
        ]

    def reset(self) -> None:
        self._ear.reset()

    async def close(self) -> None:
        await self._ear.close()


@contextmanager
def lab_thread(engines: Engines) -> Iterator[Lab]:
    """A lab on a loop of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    opened = start(profile="zero", engine=engines)
    try:
        yield asyncio.run_coroutine_threadsafe(opened.__aenter__(), loop).result(30)
    finally:
        closing = opened.__aexit__(None, None, None)
        asyncio.run_coroutine_threadsafe(closing, loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def _hurried(speak: Speak, times: int) -> Speak:
    async def hurry(text: str, *, voice: str) -> Speech:
        speech = await speak(text, voice=voice)
        samples = array("h", speech.pcm8k)[::times]
        return Speech(
            samples.tobytes(),
            [(begin // times, end // times) for begin, end in speech.chars],
            [(word, begin / times, end / times) for word, begin, end in speech.words],
            speech.engine,
        )

    return speak if times == 1 else hurry


@contextmanager
def open_scripted(
    folder: Path,
    *,
    scripts: Sequence[Sequence[str]],
    mind: Mind,
    module: str = "bot",
    hurry: int = 1,
    patience: Mapping[str, str] = PATIENT,
    **overrides: str,
) -> Iterator[tuple[House, Lab]]:
    """A bot at DEBUG beside such a lab; the n-th caller to speak is heard saying the n-th script.
    The voice speaks `hurry` times as fast: digits take long to read back."""
    numbers = count()
    engines = Engines(
        ear=lambda: ScriptedEar(lambda: scripts[next(numbers) % len(scripts)]),
        speak=_hurried(load("bursts").speak, hurry),
        reply=mind,
    )
    with ExitStack() as stack:
        lab = stack.enter_context(lab_thread(engines))
        log = stack.enter_context((folder / "house.log").open("w"))
        plain = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        port = free_port()
        environ = {
            **lab_environment(plain, lab_port=lab.port, port=port),
            "OFFHOOK__LOGS__LEVEL": "DEBUG",
            "OFFHOOK__STORE__URL": f"sqlite:///{folder}/calls.db",
            # a slow ear is waited for: another connection would be dealt another script
            **patience,
            **overrides,
        }
        bot = process(
            module, "serve", "--port", str(port), environ=environ, log=log, ready="offhook answers"
        )
        running, _ = stack.enter_context(bot)
        house = House(port, lab.port, environ, folder, running)
        stack.callback(house.hang_up)
        yield house, lab


def talk(turns: int, folder: Path) -> str:
    """A caller who speaks so many times and hangs up, as a script file."""
    import json

    steps: list[dict[str, Any]] = [{"do": "wait_agent", "timeout_s": 20}]
    for _ in range(turns):
        steps.append({"do": "say", "clip": CLIP, "pause_s": 0.2})
        steps.append({"do": "wait_agent", "timeout_s": 12})
    steps.append({"do": "hang_up"})
    file = folder / f"talk{turns}.json"
    file.write_text(json.dumps({"name": "talk", "seed": 1, "steps": steps}))
    return str(file)


def turns_of(body: dict[str, Any]) -> list[str]:
    """The caller's turns in a Messages request, oldest first."""
    found = []
    for message in body.get("messages", []):
        if message.get("role") != "user":
            continue
        content = message.get("content", "")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        found += [str(block.get("text")) for block in blocks if block.get("type") == "text"]
    return found


def results_of(body: dict[str, Any]) -> list[str]:
    """What tools answered in a Messages request, oldest first, as text."""
    found = []
    for message in body.get("messages", []):
        content = message.get("content", "")
        blocks = content if isinstance(content, list) else []
        found += [str(b.get("content")) for b in blocks if b.get("type") == "tool_result"]
    return found
