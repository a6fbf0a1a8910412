"""Read digits and letters the way people say them: runs of symbols with pauses and corrections.

"four one double five, uh, oh nine, no, sorry, eight" is one run with the value 415508. A run knows
where it stands, so that all of it can be replaced.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from call.privacy_lexicon import (
    CORRECTING,
    GLUE,
    GLUE_IN_LONG_RUNS,
    HUNDRED,
    IN_A_CORRECTION,
    LETTER,
    LEXICON,
    RESTARTING,
    SINGLE,
    SOUNDS_LIKE,
    TEEN,
    TENS,
    TIMES,
    UNITS,
    WRITTEN,
)
from call.privacy_tokens import SYMBOLS, Tokens

_SHORT = frozenset({SINGLE, TEEN, TENS, LETTER})
_NUMERALS = frozenset({SINGLE, TEEN, TENS, TIMES, WRITTEN})
_MOST_GLUE = 6  # words and marks between two symbols of one run
_MOST_CORRECTION = 9
_NO_SUM = 5  # digits one by one behind a "hundred" that make it a number to call
_WHOLE = 7  # digits behind a correction that are a new value, not the end of the old one
_ARABIC_AND = "و"
_EXAMPLES = frozenset({"as", "for", "like", "from"})


@dataclass
class Run:
    """Symbols that belong together."""

    first: int
    last: int = -1
    chunks: list[str] = field(default_factory=list)
    styles: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)  # token each chunk begins at
    corrections: list[tuple[int, bool]] = field(default_factory=list)  # (chunk, starts over)
    pauses: list[int] = field(default_factory=list)  # chunks with a pause in front of them
    dangles: bool = False  # "double" came, its digit did not
    digits: int = 0
    letters: int = 0
    singles: int = 0

    @property
    def value(self) -> str:
        """Digits and letters, corrections carried out."""
        chunks = self.chunks
        if not self.corrections:
            return "".join(chunks)
        marks = [at for at, _ in self.corrections] + [len(chunks)]
        value = "".join(chunks[: marks[0]])
        for (at, is_anew), end in zip(self.corrections, marks[1:], strict=True):
            pause = next((p for p in self.pauses if at < p < end), end)
            group, rest = "".join(chunks[at:pause]), "".join(chunks[pause:end])
            if is_anew or len(group) >= min(len(value), _WHOLE):
                value = group + rest
            else:
                value = value[: len(value) - len(group)] + group + rest
        return value

    def count(self) -> None:
        """Once the run is read: how many digits, letters, and digits said one by one."""
        self.digits = self.letters = self.singles = 0
        for chunk, style in zip(self.chunks, self.styles, strict=True):
            if style == LETTER:
                self.letters += len(chunk)
            else:
                self.digits += len(chunk)
                self.singles += len(chunk) if style == SINGLE else 0

    @property
    def is_written(self) -> bool:
        """Figures only."""
        return all(style == WRITTEN for style in self.styles)

    @property
    def is_sum(self) -> bool:
        """A cardinal ("two thousand five hundred"), said for amounts; "eight hundred five five five
        one two one two" is none."""
        return HUNDRED in self.styles and self.styles.count(SINGLE) < _NO_SUM


def runs(tokens: Tokens) -> list[Run]:
    """All runs, in order."""
    found: list[Run] = []
    index, count, classes = 0, len(tokens), tokens.classes
    while index < count:
        if classes[index] not in SYMBOLS or _is_alone(tokens, index):
            index += 1
        elif _may_begin(tokens, index):
            run = _read_run(tokens, index)
            index = run.last + 1
            if run.chunks or run.dangles:
                found.append(run)
        else:
            index += 1
    return found


def _is_alone(tokens: Tokens, index: int) -> bool:
    """One short number or letter in front of a word of another kind: never personal."""
    after = index + 1
    if after >= len(tokens.words) or tokens.classes[after] or tokens.classes[index] not in _SHORT:
        return False
    word = tokens.words[after]
    return word[0].isalpha() and word[0] != _ARABIC_AND and word not in _EXAMPLES


def _may_begin(tokens: Tokens, index: int) -> bool:
    """Letters begin a run only in the company of other symbols; `I` and `a` are words."""
    if tokens.classes[index] != LETTER:
        return True
    after = index + 1
    if tokens.touches(index) and tokens.classes[after] == WRITTEN:
        return True
    is_short = len(tokens.words[index]) == 1
    if is_short and as_in(tokens, index) > index + 1:
        return True
    is_article = tokens.words[index] in ("a", "i")
    while after < len(tokens) and (
        not tokens.is_word(after) or (tokens.classes[after] == GLUE and not is_article)
    ):
        after += 1
    if after >= len(tokens):
        return False
    follows = tokens.classes[after]
    if is_article:
        return follows == LETTER and tokens.words[after] not in ("a", "i")
    return follows == LETTER or follows in _NUMERALS


def _read_run(tokens: Tokens, first: int) -> Run:
    run = Run(first)
    index = first
    while True:
        index = symbol(tokens, index, run)
        run.last = index - 1
        following = _next_symbol(tokens, index, run)
        if following is None:
            break
        if following > index:
            run.pauses.append(len(run.chunks))
        index = following
    _leave_counted(tokens, run)
    run.count()
    return run


def symbol(tokens: Tokens, index: int, run: Run) -> int:
    """Take the symbol at `index`; the index behind it."""
    kind, value = tokens.classes[index], tokens.values[index]
    run.places.append(index)
    after = index + 1
    if tokens.words[index] in SOUNDS_LIKE and kind not in SYMBOLS:
        kind, value = SINGLE, SOUNDS_LIKE[tokens.words[index]]
    elif kind == TIMES:
        return _repeated(tokens, index, run)
    elif kind == LETTER or (value == "0" and as_in(tokens, index) > after):
        kind, value = LETTER, value if kind == LETTER else "o"  # "o as in oscar"
        after = as_in(tokens, index)
    elif kind == TENS:
        after, value = _tens(tokens, index)
    elif kind == SINGLE and tokens.words[index] == "o" and _is_spelling(tokens, index, run):
        kind, value = LETTER, "o"
    elif kind == SINGLE:
        after, value, kind = _single(tokens, index)
    if after < len(tokens) and tokens.classes[after] == HUNDRED and kind != LETTER:
        value, kind, after = value + tokens.values[after], HUNDRED, after + 1
    run.chunks.append(value)
    run.styles.append(kind)
    return after


def _is_spelling(tokens: Tokens, index: int, run: Run) -> bool:
    """Letters on both sides, as far as there are sides: o is a letter, not a zero."""
    is_before = not run.styles or run.styles[-1] == LETTER
    after = index + 1
    while after < len(tokens) and tokens.classes[after] == GLUE:
        after += 1
    is_after = after >= len(tokens) or tokens.classes[after] not in _NUMERALS
    return is_before and is_after and (bool(run.styles) or tokens.classes[after:] != [])


def _repeated(tokens: Tokens, index: int, run: Run) -> int:
    """ "double five", "triple w"."""
    after = index + 1
    while after < len(tokens) and tokens.classes[after] == GLUE:
        after += 1
    if after >= len(tokens):
        run.places.pop()
        run.dangles = True
        return index + 1
    kind, value = tokens.classes[after], tokens.values[after]
    if kind not in (SINGLE, LETTER, WRITTEN) or (kind == WRITTEN and len(value) > 1):
        run.places.pop()
        return index + 1
    run.chunks.append(value * int(tokens.values[index]))
    run.styles.append(LETTER if kind == LETTER else SINGLE)
    return after + 1


def _tens(tokens: Tokens, index: int) -> tuple[int, str]:
    """ "forty two", "forty-two"."""
    value, after = tokens.values[index], index + 1
    if after < len(tokens) and tokens.words[after] == "-":
        after += 1
    if (
        after < len(tokens)
        and tokens.classes[after] == SINGLE
        and tokens.values[after] != "0"
        and tokens.words[index].isascii()
    ):
        return after + 1, value[0] + tokens.values[after]
    return index + 1, value


def _single(tokens: Tokens, index: int) -> tuple[int, str, str]:
    """A digit; in Arabic it may be the units of the tens behind it: "خمسة وعشرين"."""
    value, after = tokens.values[index], index + 1
    if after < len(tokens) and not tokens.words[index].isascii():
        word = tokens.words[after]
        if word in ("عشر", "عشره"):
            return after + 1, "1" + value, TEEN
        tens = LEXICON.get(word[1:], ("", "")) if word.startswith(_ARABIC_AND) else ("", "")
        if tens[0] == TENS:
            return after + 1, tens[1][0] + value, TENS
    return after, value, SINGLE


def as_in(tokens: Tokens, index: int) -> int:
    """The index behind a letter and its example: "b as in bravo", "b for bravo"."""
    words, count = tokens.words, len(tokens.words)
    at = index + 1
    while at < count and not tokens.is_word(at):
        at += 1
    if at >= count or words[at] not in _EXAMPLES:
        return index + 1
    at += 2 if words[at] == "as" and words[at + 1 : at + 2] == ["in"] else 1
    if words[at - 1] == "as" or at >= count:
        return index + 1
    is_example = len(words[at]) > 1 and words[at][0] == words[index][0]
    return at + 1 if is_example else index + 1


def _next_symbol(tokens: Tokens, index: int, run: Run) -> int | None:
    """Where the run goes on, over fillers, pauses and corrections; None where it ends."""
    words, classes = tokens.words, tokens.classes
    at, count = index, len(tokens)
    is_long = len(run.chunks) >= 3
    while at < count and at - index <= _MOST_GLUE:
        kind, word = classes[at], words[at]
        if kind in SYMBOLS:
            if _belongs(tokens, at, index, run):
                return at
            break
        if kind != GLUE and not (is_long and word in GLUE_IN_LONG_RUNS):
            break
        at += 1
    if at < count and is_long and words[at] in SOUNDS_LIKE and run.styles[-1] == SINGLE:
        if at + 1 < count and classes[at + 1] == SINGLE and at == index:
            return at
    if not run.chunks or (len(run.chunks) < 2 and len(run.chunks[0]) <= 3):
        return None
    return _behind_correction(tokens, at if at < count else index, run)


def _belongs(tokens: Tokens, at: int, index: int, run: Run) -> bool:
    if tokens.classes[at] != LETTER:
        return True
    word = tokens.words[at]
    if word in ("a", "p") and tokens.words[at + 1 : at + 2] == ["m"]:
        return False  # "eleven o six p m"
    if word in ("a", "i") or (len(word) > 1):
        is_spelling = run.styles and run.styles[-1] == LETTER
        return bool(is_spelling) or _may_begin(tokens, at)
    return True


def _behind_correction(tokens: Tokens, at: int, run: Run) -> int | None:
    """ "no, sorry, six": where the corrected digits begin; None if this is no correction."""
    words, classes = tokens.words, tokens.classes
    is_correcting = is_anew = False
    start = at
    while at < len(tokens) and at - start <= _MOST_CORRECTION:
        if classes[at] in _NUMERALS:
            if is_correcting:
                run.corrections.append((len(run.chunks), is_anew))
                return at
            return None
        word = words[at]
        if word not in IN_A_CORRECTION and classes[at] != GLUE:
            return None
        is_anew = is_anew or word in RESTARTING
        is_correcting = is_correcting or is_anew or word in CORRECTING
        at += 1
    return None


def _leave_counted(tokens: Tokens, run: Run) -> None:
    """The last symbol counts something ("… four two two people"): it is not of the run."""
    after = run.last + 1
    if after < len(tokens) and tokens.words[after] in UNITS and run.places:
        counted = run.places.pop()
        run.chunks.pop()
        run.styles.pop()
        run.corrections = [mark for mark in run.corrections if mark[0] <= len(run.chunks)]
        if len(run.chunks) == 1 and run.styles[0] in (SINGLE, TEEN, TENS):
            run.chunks.clear()  # "ten thirty am", "nine oh five pm"
            run.styles.clear()
            run.places.clear()
        last = counted - 1
        while last > run.first and tokens.classes[last] == GLUE:
            last -= 1
        run.last = max(last, run.first) if run.chunks else after - 1
