"""Deepgram's messages, read: words with their times, troubles, and the rest."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from pipecat.transcriptions.language import Language

from call.hearing_facts import Told

_QUIET = ("Metadata", "SpeechStarted", "UtteranceEnd")


@dataclass(frozen=True)
class Words:
    """What was made of a stretch of audio; `result` has the vendor's own shape."""

    told: Told
    text: str
    language: Language | None
    result: dict[str, Any]

    def placed(self, place_s: Callable[[float], float]) -> Any:
        """`result` as attributes, as the vendor's client shows it
        (`result.channel.alternatives[0].confidence`), with times in the call."""
        result = _attributes(self.result)
        result.start = place_s(self.told.start_s)
        result.duration = place_s(self.told.end_s) - result.start
        for word in getattr(result.channel.alternatives[0], "words", ()):
            for name in ("start", "end"):
                if isinstance(at := getattr(word, name, None), int | float):
                    setattr(word, name, place_s(at))
        return result


@dataclass(frozen=True)
class Trouble:
    """The vendor complains."""

    name: str


@dataclass(frozen=True)
class Other:
    """A message of another kind."""

    is_known: bool


def read(text: str) -> Words | Trouble | Other:
    """Read a message; raises ValueError, TypeError, LookupError or AttributeError on garbage."""
    message = json.loads(text)
    kind = message["type"]
    if kind == "Results":
        return _words(message)
    if kind == "Error":
        return Trouble(str(message.get("variant") or message.get("code") or ""))
    return Other(is_known=kind in _QUIET)


def language_of(code: object) -> Language | None:
    """The language of a code; None for "multi", or one that Pipecat does not know."""
    try:
        return Language(str(code)) if code else None
    except ValueError:
        return None


def _words(message: dict[str, Any]) -> Words:
    best = message["channel"]["alternatives"][0]
    text = str(best["transcript"])
    start_s = float(message.get("start", 0.0))
    is_final = bool(message.get("is_final"))
    end_s = start_s + float(message.get("duration", 0.0))
    if not is_final and best.get("words"):
        end_s = float(best["words"][-1].get("end", end_s))  # what follows it may be a word yet
    told = Told(
        start_s,
        end_s,
        has_words=bool(text),
        is_final=is_final,
        answers=is_final and bool(message.get("from_finalize")),
    )
    return Words(told, text, language_of(next(iter(best.get("languages") or ()), None)), message)


def _attributes(value: Any) -> Any:
    if isinstance(value, dict):
        return SimpleNamespace(**{str(name): _attributes(item) for name, item in value.items()})
    if isinstance(value, list):
        return [_attributes(item) for item in value]
    return value
