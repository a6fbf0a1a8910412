"""Turn written text into words a voice says right: digits, sums, dates, addresses, marks.

`spoken` is for the voice; `spoken_with_map` also says which written characters each spoken piece
came from, so that what was heard can be found in what was written. Text that needs nothing is
returned as it is.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain

from call import spoken_arabic, spoken_english
from call.markup import Family, Rule

Span = tuple[int, int, int, int]

_NEEDS_WORDS = re.compile(
    r"[0-9/\u0660-\u0669\u06f0-\u06f9@$€£¥₹₩%°#*_`~^|<>\\=&+½¼¾•▪·\n\t\u2190-\u27bf\u2b00-\u2bff"
    r"\ufe0f\u200d\U0001f000-\U0001faff]|[^\W_]\.[^\W_]|\s[-–—]\s*$|^\s*[-–—]\s|\s{2}|\[|\]"
    r"|\b(?:vs|Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun|approx|appts?)\b"
)
_PUNCTUATION = frozenset(",.;:!?…،؛؟")
_STAND_IN = re.compile(r"\[[A-Z_]+\d[^\]]*\]")


@dataclass(frozen=True)
class Spoken:
    """What is said, and where it comes from.

    `spans` are (written start, written end, spoken start, spoken end): they rise on both sides and
    together cover both texts.
    """

    text: str
    spans: tuple[Span, ...]

    def written_chars(self, spoken_chars: int) -> int:
        """How many written characters have been said when `spoken_chars` have: inside a reworded
        piece, in proportion."""
        if not self.spans or spoken_chars <= 0:
            return 0
        at = bisect_right([span[2] for span in self.spans], spoken_chars) - 1
        written, written_end, start, end = self.spans[max(0, at)]
        if spoken_chars >= end:
            return written_end
        return written + (written_end - written) * (spoken_chars - start) // max(1, end - start)


def language_of(text: str, *, otherwise: str) -> str:
    """The language to say `text` in: Arabic if its first letter is, whatever the call's language;
    `otherwise` that one."""
    first = next((char for char in _STAND_IN.sub("", text) if char.isalpha()), "")
    is_arabic = "\u0600" <= first <= "\u06ff"
    return "ar" if is_arabic and not _is_arabic(otherwise) else otherwise


def spoken(text: str, *, language: str) -> str:
    """`text` as it is to be said in `language` ("en", "en-GB", "ar" …)."""
    if not _NEEDS_WORDS.search(text):
        return text
    return spoken_with_map(text, language=language).text


def spoken_with_map(text: str, *, language: str) -> Spoken:
    """`text` as it is to be said, with the written place of each piece."""
    if not _NEEDS_WORDS.search(text):
        return Spoken(text, ((0, len(text), 0, len(text)),) if text else ())
    needed = (rules for sign, rules in _families(language) if sign.search(text))
    return _joined(text, _replacements(text, chain.from_iterable(needed)))


@cache
def _families(language: str) -> tuple[Family, ...]:
    return spoken_arabic.families() if _is_arabic(language) else spoken_english.families(language)


def _is_arabic(language: str) -> bool:
    return language.split("-")[0].lower() == "ar"


def _replacements(text: str, rules: Iterable[Rule]) -> list[tuple[int, int, str]]:
    """Replaced pieces of `text`, in order; an earlier rule keeps what it took."""
    taken: list[tuple[int, int, str]] = []
    for pattern, say in rules:
        at = 0
        while found := pattern.search(text, at):
            start, end = found.span("n" if "n" in pattern.groupindex else 0)
            clash = next((old for old in taken if old[0] < end and start < old[1]), None)
            words = None if clash or start == end else say(found)
            if words is not None:
                taken.append((start, end, words))
            at = clash[1] if clash and clash[1] > found.start() else max(end, found.start() + 1)
    return sorted(taken)


def _joined(text: str, taken: Sequence[tuple[int, int, str]]) -> Spoken:
    """Put words and the text between them together."""
    raw, spans, at = "", [], 0
    for start, end, said in (*taken, (len(text), len(text), "")):
        for written, written_end, piece in ((at, start, text[at:start]), (start, end, said)):
            if written == written_end:
                continue
            if raw[-1:].isalnum() and piece[:1].isalnum():
                piece = " " + piece  # "5km": words never stick together
            spans.append((written, written_end, len(raw), len(raw) + len(piece)))
            raw += piece
        at = end
    tidy, places = _tidied(raw)
    return Spoken(tidy, tuple((a, b, places[first], places[last]) for a, b, first, last in spans))


def _tidied(raw: str) -> tuple[str, list[int]]:
    """Single spaces, none before punctuation, no second comma; and where each character went."""
    out: list[str] = []
    places: list[int] = []
    for char in raw:
        is_space = char.isspace()
        if not is_space and char in _PUNCTUATION and out and out[-1] == " ":
            out.pop()
        places.append(len(out))
        is_again = char in ",،" and bool(out) and out[-1] in _PUNCTUATION
        if is_again or (is_space and (not out or out[-1] == " ")) or (not out and char == ","):
            continue
        out.append(" " if is_space else char)
    if out and out[-1] == " ":
        out.pop()
    return "".join(out), [min(place, len(out)) for place in (*places, len(out))]
