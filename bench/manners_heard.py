"""What the ear got, by the sound itself: which reply was played, and up to which of its words.

The lab's voice always says a text with the same samples. So a stretch of what the carrier played is
looked for in the replies, and its place there tells what was heard, whatever was held, said again
or left out on the way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from call.spoken import spoken_with_map
from lab.loudness import RATE_HZ, decode
from lab.sound import render
from lab.speaking import Speech, say

Sound = NDArray[np.int16]

_WORD = re.compile(r"[^\W_]+(?:['-][^\W_]+)*")  # "X-rays" is one
_PROBE = 240  # 30 ms: no two places of a reply sound so alike
_FADE = 80  # samples behind a hold that rise from silence
_AUDIBLE = 200  # of 32768: a probe in silence is found anywhere
_LOOK = RATE_HZ // 2  # a silence longer than this within a run is one at its end


@dataclass(frozen=True)
class Reply:
    """One context of the voice: its clauses, as they were said."""

    context: str
    voice: str
    texts: tuple[str, ...]

    @cached_property
    def sound(self) -> Sound:
        """All its samples."""
        parts = [_samples(text, self.voice) for text in self.texts]
        return np.concatenate(parts) if parts else np.zeros(0, np.int16)

    def place(self, probe: Sound) -> int | None:
        """Where in it these samples are."""
        sound, size = self.sound, len(probe)
        starts = np.flatnonzero(sound[: max(0, len(sound) - size + 1)] == probe[0])
        return next(
            (int(at) for at in starts if np.array_equal(sound[at : at + size], probe)), None
        )

    def words_until(self, samples: int) -> list[str]:
        """The words whose middle lies within the first `samples`."""
        found: list[str] = []
        offset = 0
        for text in self.texts:
            for word, start_s, end_s in _speech(text, self.voice).words:
                if offset + (start_s + end_s) / 2 * RATE_HZ <= samples:
                    found += words(word)
            offset += len(_samples(text, self.voice))
        return found


@cache
def _speech(text: str, voice: str) -> Speech:
    return say(text, voice=voice, engine="real")


@cache
def _samples(text: str, voice: str) -> Sound:
    return decode(render(_speech(text, voice).pcm8k, encoding="pcm_mulaw", rate=RATE_HZ))


def replies(log: Sequence[Mapping[str, Any]]) -> list[Reply]:
    """Every context that was voiced, in the order of its first sound."""
    voiced: dict[str, tuple[str, set[str]]] = {}
    for entry in log:
        if entry["kind"] == "speech":
            voiced.setdefault(entry["context"], (entry["voice"], set()))[1].add(entry["text"])
    sent: dict[str, list[str]] = {context: [] for context in voiced}
    for entry in log:  # voiced in another order than they were sent, and are heard, in
        message = entry.get("message")
        if not isinstance(message, dict):
            continue
        context, text = message.get("context_id", ""), message.get("text", "")
        if context in voiced and text in voiced[context][1]:
            sent[context].append(text)
    return [Reply(context, voice, tuple(sent[context])) for context, (voice, _) in voiced.items()]


# ── where in a reply ─────────────────────────────────────────────────────────────────
def probe(played: Sound) -> tuple[int, Sound] | None:
    """The first samples of a stretch that can be told from others, and where in it they are."""
    for at in range(_FADE, min(len(played) - _PROBE, _LOOK) + 1, _PROBE // 2):
        piece = played[at : at + _PROBE]
        if np.abs(piece[:40]).max() >= _AUDIBLE:
            return at, piece
    return None


def found(played: Sound, among: Sequence[Reply]) -> tuple[Reply, int] | None:
    """Which reply a stretch belongs to (the newest that fits), and where in it the stretch ends."""
    look = probe(played)
    if look is None:
        return None
    at, piece = look
    for reply in reversed(among):
        place = reply.place(piece)
        if place is not None:
            return reply, place - at + len(played)
    return None


Runs = Sequence[tuple[float, float]]


def heard(
    sound: Sound, runs: Runs, among: Sequence[Reply], *, from_s: float, until_s: float
) -> list[tuple[Reply, int]]:
    """The replies played between two instants, in order, and how many samples of each the ear had
    got; a stretch too short or too silent to be known goes on from the one before."""
    got: list[tuple[Reply, int]] = []
    for start_s, end_s in runs:
        if not from_s <= start_s < until_s:
            continue
        stretch = sound[round(start_s * RATE_HZ) : round(min(end_s, until_s) * RATE_HZ)]
        known = found(stretch, among)
        if known is None and got:
            known = (got[-1][0], got[-1][1] + len(stretch))
        if known is not None:
            if got and got[-1][0] is known[0]:
                got.pop()
            got.append(known)
    return got


def heard_words(got: Sequence[tuple[Reply, int]]) -> list[str]:
    """The spoken words the ear has got: replies before the last were played to their end."""
    return [word for reply, samples in got for word in reply.words_until(samples)]


# ── behind a clear ───────────────────────────────────────────────────────────────────
GOES_ON_S = 0.5  # a reply that is heard this long behind a clear was resumed, and is no leak


def behind(
    sound: Sound, runs: Runs, among: Sequence[Reply], *, clear_s: float, within_s: float
) -> str:
    """What sounds within so many seconds behind a clear: "" nothing, "next" another reply, "same"
    the reply before it that goes on, "old" that reply although it was over."""
    run = next((r for r in runs if clear_s < r[0] < clear_s + within_s), None)
    if run is None:
        return ""
    before = heard(sound, runs, among, from_s=0.0, until_s=clear_s)
    known = found(sound[round(run[0] * RATE_HZ) : round(run[1] * RATE_HZ)], among)
    if known is None or not before or known[0] is not before[-1][0]:
        return "next" if known is not None else "old"  # in doubt it is ours
    after_s = sum(b - a for a, b in runs if clear_s < a < clear_s + 2 * GOES_ON_S)
    return "same" if after_s >= GOES_ON_S else "old"


# ── words ────────────────────────────────────────────────────────────────────────────
def written(text: str, *, spoken_words: int) -> list[str]:
    """The reply's own words that are out once so many spoken ones are: "120" after "one hundred
    twenty", not before."""
    said = spoken_with_map(text, language="en")
    ends = [match.end() for match in _WORD.finditer(said.text.lower())]
    if not spoken_words or not ends:
        return []
    upto = said.written_chars(ends[min(spoken_words, len(ends)) - 1])
    return [match[0] for match in _WORD.finditer(text.lower()) if match.end() <= upto]


def words(text: str) -> list[str]:
    """Without case and punctuation."""
    return _WORD.findall(text.lower())


def word_error(told: Sequence[str], true: Sequence[str]) -> int:
    """Words told too many, or too few, or other ones."""
    same = next(
        (i for i, (a, b) in enumerate(zip(told, true, strict=False)) if a != b),
        min(len(told), len(true)),
    )
    return max(len(told), len(true)) - same
