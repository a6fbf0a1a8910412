"""Names in free text ("ask Peter about it"): what a name model spotted joins what the finder found.

A model is anything that reads a text and tells stretches of it; `processors/name_model.py` hosts
one. The finder wins where both found something: it knows kinds and values. A stretch counts as far
as it holds a word that can be a name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from call.privacy_finding import TOKEN, Found
from call.privacy_lexicon import NAME, NOT_A_NAME

Spot = tuple[int, int]
"""Where a name begins in a text, and where it is over."""
Reader = Callable[[str], Sequence[Spot]]
"""A name model: it reads a text on the spot, and takes its time."""

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_TITLES = frozenset("mr mrs ms miss dr doctor prof professor sir madam mister nurse".split())
_POSSESSIVE = ("'s", "’s")


def join(text: str, found: Sequence[Found], spots: Iterable[Spot]) -> list[Found]:
    """Both together, in order, none over another."""
    joined = list(found)
    taken = [(each.start, each.end) for each in found]
    taken += [match.span() for match in TOKEN.finditer(text)]
    for spot in sorted(spots):
        stretch = _name_in(text, *spot)
        if stretch and not any(stretch[0] < end and start < stretch[1] for start, end in taken):
            start, end = stretch
            joined.append(Found(start, end, NAME, text[start:end], is_spotted=True))
            taken.append(stretch)
    return sorted(joined, key=lambda each: each.start)


def _name_in(text: str, start: int, end: int) -> Spot | None:
    """From the first word that can be a name to the last: no title, no possessive, no marks."""
    words = [
        match for match in _WORD.finditer(text, max(0, start), max(0, end)) if _can_be(match[0])
    ]
    if not words:
        return None
    behind = words[-1].end()
    if words[-1][0].endswith(_POSSESSIVE):
        behind -= 2
    return words[0].start(), behind


def _can_be(word: str) -> bool:
    low = word.lower()
    plain = low[:-2] if low.endswith(_POSSESSIVE) else low
    return len(plain) > 1 and not {low, plain} & (NOT_A_NAME | _TITLES)
