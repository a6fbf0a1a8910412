"""Street addresses in what was said."""

from __future__ import annotations

from call.privacy_lexicon import (
    ADDRESS,
    ANNOUNCING,
    ARABIC_STREET,
    LINKING,
    NOT_A_NAME,
    ORDINALS,
    ROOMS,
    SINGLE,
    STREETS,
    TEEN,
    TENS,
    TIMES,
    UNITS,
    WRITTEN,
)
from call.privacy_tokens import Stretch, Tokens

_NUMERALS = frozenset({SINGLE, TEEN, TENS, TIMES, WRITTEN})
_MOST_OF_ADDRESS = 14  # tokens
_SIDES = frozenset("north south east west northeast northwest southeast southwest n s e w".split())
_STOPS_ADDRESS = NOT_A_NAME - frozenset("a an in i of to one on me was".split())


def addresses(tokens: Tokens, *, announced_at: int | None) -> list[Stretch]:
    """Street addresses: a number, one to four words, a kind of street, and what belongs to it."""
    found = []
    for at, word in enumerate(tokens.words):
        if word in STREETS and at >= 2:
            begin = _house_number(tokens, at)
            if begin is not None:
                end = _rest_of_address(tokens, at + 1)
                found.append(_stretch_as_said(tokens, begin, end))
        elif word in ARABIC_STREET and announced_at is not None and announced_at < at:
            end = at
            while end < len(tokens) and tokens.words[end] not in (".", "؟", "!"):
                end += 1
            found.append(_stretch_as_said(tokens, at, end))
            break
    if not found and announced_at is not None:
        found += _announced_address(tokens, announced_at + 1)
    return found


def _announced_address(tokens: Tokens, at: int) -> list[Stretch]:
    """What follows "my address is", if it begins as one: a number or a flat, then a name."""
    while at < len(tokens) and (tokens.words[at] in LINKING or tokens.words[at] in ":,"):
        at += 1
    begin, named = at, 0
    if at >= len(tokens) or not (tokens.classes[at] in _NUMERALS or tokens.words[at] in ROOMS):
        return []
    while at < len(tokens) and at - begin < _MOST_OF_ADDRESS:
        word, kind = tokens.words[at], tokens.classes[at]
        if word in "?!؟" or ANNOUNCING.get(word, ADDRESS) != ADDRESS:
            break
        if named and (_ends_sentence(tokens, at) or word in _STOPS_ADDRESS - ORDINALS.keys()):
            break
        named += tokens.is_word(at) and not kind and word not in ROOMS and word not in UNITS
        at += 1
    while at > begin and not tokens.is_word(at - 1):
        at -= 1
    return [_stretch_as_said(tokens, begin, at)] if named else []


def _ends_sentence(tokens: Tokens, at: int) -> bool:
    """A full stop, and not that of "St." or "Apt."."""
    before = tokens.words[at - 1]
    return tokens.words[at] == "." and before not in ROOMS and len(before) > 2


def _stretch_as_said(tokens: Tokens, begin: int, end: int) -> Stretch:
    start, stop = tokens.starts[begin], tokens.ends[end - 1]
    return start, stop, tokens.text[start:stop]


def _house_number(tokens: Tokens, street_at: int) -> int | None:
    """Where the house number in front of a street begins."""
    at, named = street_at - 1, 0
    while at >= 0 and named < 5:
        if tokens.classes[at] in _NUMERALS and named:
            begin = at
            while begin > 0 and (
                tokens.classes[begin - 1] in _NUMERALS or tokens.words[begin - 1] == "-"
            ):
                begin -= 1
            if tokens.classes[begin] not in _NUMERALS:
                begin += 1
            return begin
        word = tokens.words[at]
        if not tokens.is_word(at) and word not in ("-", ".", "'"):
            return None
        if word in _STOPS_ADDRESS and word not in ORDINALS:
            return None
        named += tokens.is_word(at)
        at -= 1
    return None


def _rest_of_address(tokens: Tokens, at: int) -> int:
    """Flat, town and postal code behind the street, when they follow at once."""
    words, count = tokens.words, len(tokens)
    at = end = _behind_room(tokens, at)
    named = 0
    while at < count and named < 5 and words[at] not in (".", "?", "!"):
        kind = tokens.classes[at]
        if kind in _NUMERALS and (kind != WRITTEN or len(tokens.values[at]) >= 4) and named:
            while at < count and tokens.classes[at] in _NUMERALS:
                at += 1
            return at
        if words[at] in _STOPS_ADDRESS:
            break
        named += tokens.is_word(at)
        at += 1
    return end


def _behind_room(tokens: Tokens, at: int) -> int:
    """The index behind "West, Apt. 12"; `at` if there is no such thing."""
    words, count = tokens.words, len(tokens)
    look = at
    while look < count and words[look] != "?":
        if tokens.is_word(look) and words[look] not in _SIDES:
            break
        look += 1
    if look >= count or words[look] not in ROOMS:
        return at
    look += 2 if words[look + 1 : look + 2] == ["."] else 1
    while look < count and (tokens.classes[look] in _NUMERALS or len(words[look]) == 1):
        if words[look] in (".", "?"):
            break
        look += 1
    return look
