"""Names that were introduced ("my name is …", "this is … speaking"), or asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from call.privacy_lexicon import ANNOUNCING, NOT_A_NAME
from call.privacy_tokens import Stretch

_INTRODUCED = re.compile(
    r"(?:(?<=\bsur)|\b)name(?:['’]s|\s+is|:)\s+(?:uh,?\s+|um,?\s+|er,?\s+)?(?:is\s+|it['’]s\s+)?"
)
_INTRODUCED_IN_ARABIC = re.compile(r"\b(?:اسمي|اسمى|إسمي|الاسم|أدعى|اسمه|اسمها)\s+(?:هو\s+|هي\s+)?")
_PRESENTED = re.compile(
    r"\b(?:this is|i['’]m|i am|it['’]s under|under the name(?: of)?|call me)\s+(?=[^\W\d_])"
)
_PRESENTING = (
    "this is",
    "i'm",
    "i’m",
    "i am",
    "it's under",
    "it’s under",
    "under the name",
    "call me",
)
_SPEAKING = re.compile(
    r"\b(?:this is|it['’]s)\s+(?=(?:[^\W\d_][\w'’-]*[ ]){1,3}(?:speaking|calling|here)\b)"
)
_NAME_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*\.?")
_POLITE = re.compile(
    r"^(?:\s|[,.]|\b(?:it['’]s|its|that['’]s|yes|yeah|sure|okay|ok|uh|um|er|under|is|so|well|name|my"
    r"|i['’]m|this is|اه|نعم|طيب|انا|أنا)\b)*",
    re.I,
)


def names(text: str, *, asked: bool) -> list[Stretch]:
    """Names that were introduced, or asked for."""
    found = []
    low = _lowered(text)
    for pattern, beginnings in _introductions(text, low):
        is_capitalised = pattern is _PRESENTED
        for introduction in _beginning(pattern, low, beginnings):
            stretch = _name_at(text, introduction.end(), capitalised=is_capitalised)
            if stretch:
                found.append(stretch)
    if asked and not found:
        begin = _POLITE.match(text)
        stretch = _name_at(text, begin.end() if begin else 0, capitalised=False, most=3)
        if stretch and (text[stretch[0]].isupper() or not text[stretch[1] :].strip(" .,!?")):
            found.append(stretch)
    return found


def _introductions(text: str, low: str) -> Iterator[tuple[re.Pattern[str], Sequence[str]]]:
    """The patterns that may be in a text, and how each begins."""
    yield _INTRODUCED, ("name",)
    if not text.isascii():
        yield _INTRODUCED_IN_ARABIC, ("اسم", "إسم", "الاسم", "أدعى")
    if "speaking" in low or "calling" in low or " here" in low:
        yield _SPEAKING, ("this is", "it's", "it’s")
    yield _PRESENTED, _PRESENTING


def _beginning(
    pattern: re.Pattern[str], text: str, beginnings: Sequence[str]
) -> Iterator[re.Match[str]]:
    """Where the pattern is, looked for only where it can begin: it reads every word otherwise."""
    for beginning in beginnings:
        at = text.find(beginning)
        while at >= 0:
            found = pattern.match(text, at)
            if found:
                yield found
            at = text.find(beginning, at + 1)


def _lowered(text: str) -> str:
    """In lower case, every character in its place."""
    low = text.lower()
    if len(low) == len(text):
        return low
    return "".join(lower if len(lower := each.lower()) == 1 else each for each in text)


def _name_at(text: str, at: int, *, capitalised: bool, most: int = 4) -> Stretch | None:
    start = end = at
    count = 0
    while count < most and (found := _NAME_WORD.match(text, end + (1 if count else 0))):
        if count and text[end] not in " -":
            break
        word = found[0].rstrip(".").replace("’", "'")
        low = word.lower()
        announces = ANNOUNCING.get(low) or ANNOUNCING.get(low.lstrip("و"))
        is_initial = len(word) == 1 and word.isupper()
        if (low in NOT_A_NAME or announces) and not is_initial:
            break
        if len(word) == 1 and not is_initial:
            break  # spelled: a run's
        if capitalised and not word[0].isupper():
            break
        if is_initial and not count:
            break
        count += 1
        end = found.end() - (found[0].endswith(".") and not is_initial)
        if text[found.end() - 1] == ".":
            break
    value = text[start:end].strip()
    return (start, start + len(value), value) if count and len(value) > 1 else None
