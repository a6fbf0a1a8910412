"""What stands behind the emulated providers: ears, a voice and a mind, each chosen by one word.

`real` hears and speaks; `clips` speaks too and knows the lab's own callers, to it noise has no
words; `bursts` is speech-shaped noise for load runs. The mind is a receptionist, or a reciter whose
every word can be told apart. Tests put in their own.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from lab.hearing import Ear
from lab.receptionist import Reply
from lab.speaking import Speech

ENGINES = ("real", "clips", "bursts")
MINDS = ("receptionist", "reciter")


class Speak(Protocol):
    """Text in, audio out, off the loop."""

    def __call__(self, text: str, *, voice: str) -> Awaitable[Speech]: ...


@dataclass(frozen=True)
class Engines:
    """One ear per recogniser stream, one voice and one mind for all."""

    ear: Callable[[], Ear]
    speak: Speak
    reply: Callable[[dict[str, Any]], Reply]


def load(engine: str, *, mind: str = "receptionist") -> Engines:
    """The engines of that name; imported here, so that nobody pays for those he does not use."""
    if engine not in ENGINES:
        raise ValueError(f"engine {engine!r} is unknown; choose one of {', '.join(ENGINES)}")
    if mind not in MINDS:
        raise ValueError(f"mind {mind!r} is unknown; choose one of {', '.join(MINDS)}")
    from lab import hearing, receptionist, reciter, speaking

    reply = reciter.Reciter().reply if mind == "reciter" else receptionist.Receptionist().reply

    mouth = "bursts" if engine == "bursts" else "real"

    def speak(text: str, *, voice: str) -> Awaitable[Speech]:
        return speaking.speak(text, voice=voice, engine=mouth)

    return Engines(ear=lambda: hearing.ear(engine), speak=speak, reply=reply)
