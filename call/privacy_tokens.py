"""A text cut into words, figures and marks, with what each says for itself."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator

from call.cues import normal
from call.privacy_lexicon import LETTER, LEXICON, SINGLE, TEEN, TENS, TIMES, WRITTEN

Stretch = tuple[int, int, str]
"""Where it begins, where it ends, what it means."""
_TOKEN = re.compile(
    r"[^\W\d_][^\W\d_\u064b-\u065f]*(?:[\u0610-\u061a\u064b-\u065f\u0670][^\W\d_]*)*"
    r"(?:['’][^\W\d_]+)*|\d+|[^\w\s]|_"
)
SYMBOLS = frozenset({SINGLE, TEEN, TENS, TIMES, WRITTEN, LETTER})
_NOTHING = ("", "")
_MONEY = frozenset("$€£¥")


class Tokens:
    """A text cut into words, figures and marks; parallel lists, because it is read often."""

    def __init__(self, text: str) -> None:
        self.text = text
        low = text.lower() if text.isascii() else normal(text)
        if len(low) == len(text):
            found = list(_TOKEN.finditer(low))
            self.words = [each[0] for each in found]
        else:  # marks went: places are those of the text itself
            found = list(_TOKEN.finditer(text))
            self.words = [normal(each[0]) or each[0] for each in found]
        self.starts = [each.start() for each in found]
        self.ends = [each.end() for each in found]
        known = LEXICON.get
        entries = [known(word, _NOTHING) for word in self.words]
        self.classes = [entry[0] for entry in entries]
        self.values = [entry[1] for entry in entries]
        self.figures = [at for at, word in enumerate(self.words) if word.isdecimal()]
        for at in self.figures:
            self.classes[at], self.values[at] = WRITTEN, _western(self.words[at])
        self.has_symbols = not SYMBOLS.isdisjoint(self.classes)
        for at in self.figures:
            self._letters_before(at)

    def _letters_before(self, figures_at: int) -> None:
        """ "HK7892": letters that touch figures are read with them."""
        at = figures_at - 1
        if at < 0 or self.ends[at] != self.starts[figures_at]:
            return
        start, end = self.starts[at], self.ends[at]
        if 2 <= end - start <= 4 and self.text[start:end].isupper():
            self.classes[at], self.values[at] = LETTER, self.words[at]

    def __len__(self) -> int:
        return len(self.words)

    def is_word(self, index: int) -> bool:
        """Not a mark."""
        return self.words[index][0].isalnum()

    def touches(self, index: int) -> bool:
        """Nothing stands between this token and the next."""
        return index + 1 < len(self.words) and self.ends[index] == self.starts[index + 1]

    def at_figures(self, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        """Matches that begin with figures (or a sign in front of them), none over another."""
        behind = 0
        for at in self.figures:
            sign = at - 1 if at and self.words[at - 1] in _MONEY else at
            for first in (sign, at) if sign < at else (at,):
                start = self.starts[first]
                found = pattern.match(self.text, start) if start >= behind else None
                if found:
                    behind = found.end()
                    yield found

    def block(self, start: int, end: int) -> None:
        """Take the tokens of a stretch of text out of the reading."""
        for index in range(bisect_left(self.starts, start), bisect_left(self.starts, end)):
            self.classes[index] = ""


def _western(figures: str) -> str:
    return figures if figures.isascii() else "".join(str(int(figure)) for figure in figures)
