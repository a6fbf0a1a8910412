"""Which words a caller heard, from the very bytes the carrier played: no recogniser, no guess.

The lab's cheap voice (`bursts`) makes the same sound of the same text every time, so the sound that
was played can be laid beside the sound of everything the voices were asked to say. A word counts as
heard when at least half of it was played.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from lab.sound import render
from lab.speaking import RATE_HZ, say

_KEY = 24  # bytes that find a place in a text's sound: 3 ms
_STRIDE = 64  # one key every 8 ms
_BACK = 80  # a step back within a text by less than 10 ms is no repetition
_QUIET = bytes.maketrans(b"\x7f", b"\xff")  # the two zeros of µ-law are one


@dataclass(frozen=True)
class Rendered:
    """One text as the voice says it: its sound, and its words with the bytes they cover."""

    text: str
    sound: bytes
    words: tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class PlayedWord:
    """A word that was heard, and when its first part was played."""

    word: str
    at_s: float


@dataclass(frozen=True)
class Account:
    """What of some words was heard."""

    lost: tuple[str, ...]
    repeated: tuple[str, ...]
    is_in_order: bool

    @property
    def off_by(self) -> int:
        """Words lost or said twice."""
        return len(self.lost) + len(self.repeated)


def account(expected: Sequence[str], heard: Iterable[PlayedWord]) -> Account:
    """Compare what was heard with what was written; every expected word is another one, and words
    that were not expected do not count."""
    wanted = set(expected)
    said = [word.word for word in heard if word.word in wanted]
    firsts = list(dict.fromkeys(said))
    return Account(
        lost=tuple(word for word in expected if word not in firsts),
        repeated=tuple(word for word in firsts if said.count(word) > 1),
        is_in_order=firsts == [word for word in expected if word in firsts],
    )


@dataclass
class _Take:
    """A text being said once, from one place on, whatever pauses lie within."""

    rendered: Rendered
    heard: list[tuple[int, int, float]]  # bytes from, to, and when the first was played


@lru_cache(maxsize=4096)
def rendered(text: str) -> Rendered:
    """The sound of a text in the cheap voice."""
    speech = say(text, voice="", engine="bursts")
    sound = render(speech.pcm8k, encoding="pcm_mulaw", rate=RATE_HZ).translate(_QUIET)
    words = tuple(
        (bare(word), round(start * RATE_HZ), round(end * RATE_HZ))
        for word, start, end in speech.words
    )
    return Rendered(text, sound, words)


def bare(word: str) -> str:
    """Lower case, without punctuation."""
    return word.strip(".,;:?!\"'()").lower()


def played_words(runs: Sequence[tuple[float, bytes]], texts: Iterable[str]) -> list[PlayedWord]:
    """The words of `texts` in `runs` of (when, µ-law sound), in the order they were played."""
    known = {" ".join(text.split()): rendered(" ".join(text.split())) for text in texts}
    places = _places(known.values())
    takes: list[_Take] = []
    for at_s, sound in runs:
        _listen(sound.translate(_QUIET), at_s, places, takes)
    words = [word for take in takes for word in _heard(take)]
    return sorted(words, key=lambda word: word.at_s)


def _places(known: Iterable[Rendered]) -> dict[bytes, list[tuple[Rendered, int]]]:
    """Where in which sound each key stands; silence is no key."""
    places: dict[bytes, list[tuple[Rendered, int]]] = {}
    for one in known:
        for at in range(0, len(one.sound) - _KEY, _STRIDE):
            key = one.sound[at : at + _KEY]
            if len(set(key)) > _KEY // 3:
                places.setdefault(key, []).append((one, at))
    return places


def _listen(
    sound: bytes,
    at_s: float,
    places: dict[bytes, list[tuple[Rendered, int]]],
    takes: list[_Take],
) -> None:
    """Lay one unbroken run beside what is known."""
    at, free = 0, 0
    while at <= len(sound) - _KEY:
        found = places.get(sound[at : at + _KEY])
        if found is None:
            at += 1
            continue
        one, place = max(found, key=lambda each: _alike(sound, at, each[0].sound, each[1]))
        length = _alike(sound, at, one.sound, place)
        back = 0
        while back < min(at - free, place) and sound[at - back - 1] == one.sound[place - back - 1]:
            back += 1
        start_s = at_s + (at - back) / RATE_HZ
        _note(takes, one, (place - back, place + length, start_s))
        at = free = at + length


def _alike(sound: bytes, at: int, other: bytes, place: int) -> int:
    """How many bytes are the same from here on."""
    longest = min(len(sound) - at, len(other) - place)
    same = 0
    step = 256
    while same < longest:
        size = min(step, longest - same)
        if sound[at + same : at + same + size] == other[place + same : place + same + size]:
            same += size
        elif size == 1:
            break
        else:
            step = size // 2
    return same


def _note(takes: list[_Take], one: Rendered, span: tuple[int, int, float]) -> None:
    """Book a stretch on the take it continues, or as a new one."""
    for take in reversed(takes):
        if take.rendered is one:
            if span[0] >= take.heard[-1][1] - _BACK:
                take.heard.append(span)
                return
            break
    takes.append(_Take(one, [span]))


def _heard(take: _Take) -> list[PlayedWord]:
    """The words of a take of which at least half was played."""
    found = []
    for word, start, end in take.rendered.words:
        parts = [
            (min(end, to) - max(start, since), at_s + max(0, start - since) / RATE_HZ)
            for since, to, at_s in take.heard
            if min(end, to) > max(start, since)
        ]
        if sum(size for size, _ in parts) * 2 >= max(1, end - start):
            found.append(PlayedWord(word, parts[0][1]))
    return found
