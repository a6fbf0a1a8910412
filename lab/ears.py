"""Ears whose work is done on a thread of their own, so that the lab's loop never waits for them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from lab import known_clips
from lab.hearing import Word
from lab.listening import STEP_BYTES, Decoder, Listening, Syllables, Wordless
from lab.speech_gate import SpeechGate
from lab.sphinx import Found, Sphinx


class LateSphinx:
    """A decoder that is loaded when first needed: most callers are known clips."""

    def __init__(self) -> None:
        self._sphinx: Sphinx | None = None

    def begin(self) -> None:
        """Start an utterance."""
        if self._sphinx is None:
            self._sphinx = Sphinx()
        self._sphinx.begin()

    def take(self, pcm8k: bytes) -> None:
        """More of it."""
        if self._sphinx:
            self._sphinx.take(pcm8k)

    def words(self) -> list[Found]:
        """Its words so far."""
        return self._sphinx.words() if self._sphinx else []

    def end(self) -> list[Found]:
        """Its words for good."""
        return self._sphinx.end() if self._sphinx else []


# What makes words of sound that is none of the lab's clips, by engine.
_DECODERS: dict[str, Callable[[], Decoder]] = {
    "real": LateSphinx,
    "bursts": Syllables,
    "clips": Wordless,
}
ENGINES = tuple(_DECODERS)


class _Stream:
    """One stream of audio: what waits for the thread, and what the thread made of it."""

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._listening: Listening | None = None
        self._work = threading.Lock()  # one thread at a time listens
        self._hand_over = threading.Lock()  # guards the two below, for moments only
        self._waiting = bytearray()
        self._is_scheduled = False
        self.words: list[Word] = []

    def feed(self, pcm8k: bytes) -> None:
        """Take audio; a full step wakes the thread."""
        with self._hand_over:
            self._waiting += pcm8k
            if self._is_scheduled or len(self._waiting) < STEP_BYTES:
                return
            self._is_scheduled = True
        _pool().submit(self._listen)

    def settle(self) -> list[Word]:
        """On the thread: everything fed so far, then the words for good."""
        with self._work:
            listening = self._drain(smallest=2)
            words = listening.finish()
            self.words = []
            return words

    def _listen(self) -> None:
        with self._work:
            self.words = self._drain(smallest=STEP_BYTES).words()

    def _drain(self, *, smallest: int) -> Listening:
        if self._listening is None:
            decoder = _DECODERS[self._engine]()
            self._listening = Listening(clips=known_clips.load(), decoder=decoder)
        while piece := self._next(smallest):
            self._listening.take(piece)
        return self._listening

    def _next(self, smallest: int) -> bytes:
        with self._hand_over:
            if len(self._waiting) < smallest:
                self._is_scheduled = False
                return b""
            piece = bytes(self._waiting[:STEP_BYTES])
            del self._waiting[:STEP_BYTES]
            return piece


@cache
def _pool() -> ThreadPoolExecutor:
    # decoders hold the GIL, so more threads gain nothing; the second keeps a caller's known clip
    # from waiting for another caller's long sentence
    return ThreadPoolExecutor(max_workers=2, thread_name_prefix="lab-hearing")


class ThreadedEar:
    """See `lab.hearing.Ear`."""

    def __init__(self, engine: str) -> None:
        if engine not in ENGINES:
            raise ValueError(f"no engine named {engine!r}; choose one of {', '.join(ENGINES)}")
        self._engine = engine
        self.reset()

    @property
    def heard_s(self) -> float:
        """Seconds fed."""
        return self._fed_bytes / (known_clips.RATE_HZ * 2)

    @property
    def is_speech(self) -> bool:
        """Speech at the end of what was fed."""
        return self._gate.is_speech

    @property
    def silent_s(self) -> float:
        """Seconds since speech."""
        return self._gate.silent_s

    def feed(self, pcm8k: bytes) -> None:
        """Keep it, and have it looked at when a step is full."""
        self._fed_bytes += len(pcm8k)
        self._gate.take(known_clips.as_floats(pcm8k))
        self._stream.feed(pcm8k)

    def partial(self) -> list[Word]:
        """What the thread last made of it."""
        return list(self._stream.words)

    async def finish(self) -> list[Word]:
        """Work off what waits, then settle; on the thread."""
        return await asyncio.wrap_future(_pool().submit(self._stream.settle))

    def reset(self) -> None:
        """A new stream; work under way ends with the old one."""
        self._stream = _Stream(self._engine)
        self._gate = SpeechGate()
        self._fed_bytes = 0

    async def close(self) -> None:
        """Let the decoder go."""
        self._stream = _Stream(self._engine)
