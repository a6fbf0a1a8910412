"""E-mail addresses in what was said: "jane dot doe at example dot com"."""

from __future__ import annotations

import re

from call.privacy_lexicon import (
    ANNOUNCING,
    EMAIL,
    GLUE,
    HOST_DOTS,
    HOSTS,
    LETTER,
    LINKING,
    NOT_A_NAME,
    SINGLE,
    TEEN,
    TENS,
    TIMES,
    WRITTEN,
)
from call.privacy_reading import Run, as_in, symbol
from call.privacy_tokens import Stretch, Tokens

WRITTEN_EMAIL = re.compile(r"[^\s@,;:<>()\[\]]+@[^\W_](?:[\w-]*\.)+[^\W\d_]{2,}")
_SEPARATORS = {
    "dot": ".", "point": ".", "period": ".", ".": ".", "underscore": "_", "_": "_", "dash": "-",
    "hyphen": "-", "-": "-", "minus": "-", "plus": "+", "+": "+", "نقطه": ".", "دوت": ".",
    "شرطه": "-", "اندرسكور": "_",
}  # fmt: skip
_AT = frozenset({"at", "@", "ات", "آت"})
_DOTS = HOST_DOTS | {"."}
_MOST_LOCAL = 40
_NO_LOCAL = LINKING | NOT_A_NAME
_NUMERALS = frozenset({SINGLE, TEEN, TENS, TIMES, WRITTEN})


def emails(tokens: Tokens, *, announced_at: int | None, asked: bool) -> list[Stretch]:
    """Spoken e-mail addresses; the one at the end may be only begun."""
    found: list[Stretch] = []
    words = tokens.words
    for at, word in enumerate(words):
        if word not in _AT or at == 0:
            continue
        end = _host_end(tokens, at + 1)
        if end is None:
            continue
        local = _local_begin(tokens, at, after=_value_begin(tokens, announced_at, asked))
        if local < at:
            found.append(_stretch(tokens, local, end, _address(tokens, local, end)))
    if not found:
        begin = _value_begin(tokens, announced_at, asked)
        if begin is not None and _looks_begun(tokens, begin):
            end = len(tokens)
            while end > begin and not tokens.is_word(end - 1):
                end -= 1
            found.append(_stretch(tokens, begin, end, _address(tokens, begin, end)))
    return found


def _stretch(tokens: Tokens, first: int, end: int, value: str) -> Stretch:
    return (tokens.starts[first], tokens.ends[end - 1], value)


def _value_begin(tokens: Tokens, announced_at: int | None, asked: bool) -> int | None:
    """The first token behind "my e-mail address is"."""
    if announced_at is None and not asked:
        return None
    at = 0 if announced_at is None else announced_at + 1
    while at < len(tokens) and (
        tokens.words[at] in LINKING
        and tokens.words[at] not in ("a", "i")
        or tokens.classes[at] == GLUE
        or not tokens.is_word(at)
        or ANNOUNCING.get(tokens.words[at]) == EMAIL
        or tokens.words[at] == "address"
    ):
        at += 1
    return at if at < len(tokens) else None


def _looks_begun(tokens: Tokens, begin: int) -> bool:
    """An announced address whose "at" has not come yet."""
    rest = tokens.words[begin:]
    if len(rest) > 16 or not rest:
        return False
    has_sign = any(w in _SEPARATORS and w not in (".", "-") or w in _AT for w in rest[1:])
    spelled = sum(kind in (LETTER, SINGLE) for kind in tokens.classes[begin:])
    is_short = sum(w[0].isalnum() for w in rest) <= 3
    is_name = not any(w in NOT_A_NAME and w not in _AT for w in rest)
    return is_name and (has_sign or spelled >= 2 or is_short)


def _host_end(tokens: Tokens, at: int) -> int | None:
    """The index behind "gmail dot com", "example dot co dot uk"; None if no host is there."""
    words, count = tokens.words, len(tokens)
    steps = 0
    while at < count and steps < 8 and words[at] not in _DOTS:
        if words[at] in HOSTS and not (at + 1 < count and words[at + 1] in _DOTS):
            return at + 1
        if not tokens.is_word(at) and words[at] not in _SEPARATORS and words[at] != ",":
            return None
        if words[at] in NOT_A_NAME and len(words[at]) > 1:
            return None
        at, steps = at + 1, steps + 1
    end = None
    while at + 1 < count and words[at] in _DOTS and words[at + 1].isalpha():
        if words[at] == "." and (not tokens.touches(at) or len(words[at + 1]) < 2):
            break
        at += 2
        end = at
        while at - 1 < count and at < count and len(words[at - 1]) == 1 and len(words[at]) == 1:
            if not words[at].isalpha():
                break
            at += 1  # "dot c o m"
            end = at
    return end


def _local_begin(tokens: Tokens, at: int, *, after: int | None) -> int:
    """Where the part before "at" begins."""
    if after is not None and after < at and at - after <= _MOST_LOCAL:
        return after
    index = at - 1
    if tokens.words[index] == "," and index:
        index -= 1  # a recogniser's
    if not tokens.is_word(index):
        return at
    while index > 0:
        before = _before(tokens, index)
        if before is None:
            break
        index = before
    return index


def _before(tokens: Tokens, index: int) -> int | None:
    """The token of the name in front of one; None where it begins."""
    words, before = tokens.words, index - 1
    if words[before] in _SEPARATORS:
        is_end = words[before] == "." and not tokens.touches(before)
        return None if is_end or before == 0 else before - 1
    if _is_symbol(tokens, index) and _is_symbol(tokens, before):
        return before
    if tokens.classes[index] in _NUMERALS and words[before] not in _NO_LOCAL:
        return before if tokens.is_word(before) else None
    return None


def _is_symbol(tokens: Tokens, index: int) -> bool:
    return tokens.classes[index] in _NUMERALS or (
        tokens.classes[index] == LETTER and len(tokens.words[index]) == 1
    )


def _address(tokens: Tokens, begin: int, end: int) -> str:
    """The address as it is written."""
    out: list[str] = []
    at = begin
    while at < end:
        word, kind = tokens.words[at], tokens.classes[at]
        if word in _AT and "@" not in out and out:
            out.append("@")
        elif word in _SEPARATORS:
            out.append(_SEPARATORS[word])
        elif word == "o" and "@" in out:
            out.append(word)  # "dot c o m"
        elif kind in _NUMERALS or (kind == LETTER and len(word) == 1):
            run = Run(at)
            step = as_in(tokens, at) if kind == LETTER else symbol(tokens, at, run)
            out.append(word if kind == LETTER else run.value)
            at = max(step, at + 1)
            continue
        elif tokens.is_word(at) and kind != GLUE:
            out.append(word)
        at += 1
    return "".join(out)
