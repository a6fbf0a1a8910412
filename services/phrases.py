"""Phrases the agent says on its own account, kept as sound: each voice's own, and a shipped set.

What a voice has recorded is kept for the life of the process. The shipped set (flite in English,
espeak-ng in Arabic; see `bench/phrase_audio.py`) takes the place of what is not recorded yet, and
speaks when no voice can. A clause is found inside a phrase by its words, however it was cut.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources

from call.phrases import LANGUAGES

SHIPPED = "shipped"
_FOLDER = "phrase_audio"
AT_ONCE = ("filler", "apology", "way_out")
"""Kinds that break a silence: they do not wait for a voice."""


@dataclass(frozen=True)
class Recording:
    """One phrase as sound: µ-law, and how many samples there are up to each word's end."""

    text: str
    mulaw: bytes = field(repr=False)
    ends: tuple[int, ...]
    kinds: tuple[str, ...] = ()
    """of phrases whose place it can take; none, and it is found by its words only"""

    def excerpt(self, words: Sequence[str], *, source: str) -> Excerpt | None:
        """The part of it that says these words, if they stand in it in one piece."""
        mine, count = words_of(self.text), max(1, len(words))
        for first in range(len(mine) - count + 1):
            if mine[first : first + count] == list(words):
                start = self.ends[first - 1] if first else 0
                ends = [end - start for end in self.ends[first : first + count]]
                return Excerpt(self.mulaw[start : start + ends[-1]], tuple(ends), source)
        return None


@dataclass(frozen=True)
class Excerpt:
    """The sound of one clause, and whose it is."""

    mulaw: bytes = field(repr=False)
    ends: tuple[int, ...]
    source: str


@dataclass(frozen=True)
class VoiceKey:
    """One voice of a provider, speaking one language."""

    provider: str
    voice: str
    language: str


class PhraseStore:
    """What has been recorded, for all calls of the process."""

    def __init__(self) -> None:
        self._recorded: dict[VoiceKey, dict[str, Recording]] = {}

    def keep(self, key: VoiceKey, recording: Recording) -> None:
        """A voice has said a phrase."""
        self._recorded.setdefault(key, {})[recording.text] = recording

    def has(self, key: VoiceKey, text: str) -> bool:
        """The voice has recorded this phrase."""
        return text in self._recorded.get(key, {})

    def recorded(self, key: VoiceKey) -> Sequence[Recording]:
        """All that the voice has recorded."""
        return list(self._recorded.get(key, {}).values())


class Repertoire:
    """The phrases of one call: one voice at each provider, which speaks the agent's language; the
    shipped set of every language, for the agent may change to another."""

    def __init__(
        self,
        store: PhraseStore,
        *,
        language: str,
        voices: Mapping[str, str],
        besides: Sequence[VoiceKey] = (),
    ) -> None:
        """`besides`: the voices of other languages."""
        self._store = store
        self._own = shipped(language)
        self._shipped = [recording for other in LANGUAGES for recording in shipped(other)]
        own = (VoiceKey(provider, voice, language) for provider, voice in voices.items())
        self._keys = [*own, *besides]

    def find(self, text: str, *, kind: str, first: str) -> Excerpt | None:
        """The sound of a clause of a phrase: of the voice that speaks just now if there is one,
        else of another; of what cannot wait for a voice, else the shipped one."""
        words = words_of(text)
        for key in sorted(self._keys, key=lambda key: key.provider != first):
            for recording in self._store.recorded(key):
                excerpt = recording.excerpt(words, source=key.provider)
                if excerpt is not None:
                    return excerpt
        return self.spare(text) if kind in AT_ONCE else None

    def spare(self, text: str) -> Excerpt | None:
        """The sound of a clause as it comes with the program."""
        words = words_of(text)
        found = (recording.excerpt(words, source=SHIPPED) for recording in self._shipped)
        return next(filter(None, found), None)

    def generic(self, kind: str) -> tuple[str, Excerpt] | None:
        """A phrase of the same kind that can always be said."""
        for recording in self._own:
            if kind in recording.kinds:
                return recording.text, Excerpt(recording.mulaw, recording.ends, SHIPPED)
        return None


@cache
def shipped(language: str) -> tuple[Recording, ...]:
    """The set that comes with the program, of the language without its country; or nothing."""
    name = language.partition("-")[0].lower()
    folder = resources.files("services") / _FOLDER
    try:
        table = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        audio = (folder / f"{name}.ulaw").read_bytes()
    except FileNotFoundError:
        return ()
    recordings, at = [], 0
    for entry in table["phrases"]:
        ends = tuple(entry["ends"])
        recordings.append(
            Recording(entry["text"], audio[at : at + ends[-1]], ends, tuple(entry["kinds"]))
        )
        at += ends[-1]
    return tuple(recordings)


def words_of(text: str) -> list[str]:
    """Words as they are compared: without case, and without marks around them."""
    words = ("".join(c for c in word if c.isalnum() or c in "'’") for word in text.split())
    return [word.casefold() for word in words if word]


def word_places(text: str) -> list[int]:
    """Characters up to the end of each word, as `words_of` counts them; marks that stand alone
    belong to the word before."""
    places: list[int] = []
    at = 0
    for token in text.split():
        at = text.index(token, at) + len(token)
        if words_of(token):
            places.append(at)
    return places
