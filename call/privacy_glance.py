"""A glance at a text: could anything but a name be personal in it?

Most of what callers say holds no digit, no spelled letter, no date and no address. Such text need
not be read; `tests/call/test_privacy_glance.py` holds the glance to what the reading finds.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from call.cues import normal
from call.privacy_lexicon import (
    ANNOUNCING,
    ARABIC_STREET,
    EMAIL,
    GLUE,
    HOST_DOTS,
    HOSTS,
    HUNDRED,
    LEXICON,
    MONTHS,
    NAME,
    ORDINALS,
)

_WORD = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*")
_SIGN = re.compile(r"[\d@]|\.\w")
_ARTICLES = frozenset("ai")
_BETWEEN = frozenset({"for", "like", "from", "as"})
_SPELLED = re.compile(r"\b([ai])\W+(?:as\W+in|for|like|from)\W+\1\w")  # "a for apple", "i like ice"
_MAY = "may"
_AND = "و"
_TELLING = (
    frozenset(word for word, (kind, _) in LEXICON.items() if kind not in (GLUE, HUNDRED))
    | MONTHS.keys()
    | HOSTS
    | HOST_DOTS
    | ARABIC_STREET
    | frozenset(word for word, kind in ANNOUNCING.items() if kind == EMAIL)
) - _ARTICLES - {_MAY}  # fmt: skip


def is_worth_reading(text: str, asked: Collection[str] = ()) -> bool:
    """False when the words hold nothing personal but, at most, an introduced name."""
    if _SIGN.search(text) or EMAIL in asked or NAME in asked:
        return True
    low = text.lower() if text.isascii() else normal(text)
    words = set(_WORD.findall(low))
    if not _TELLING.isdisjoint(words):
        return True
    if _MAY in words and not ORDINALS.keys().isdisjoint(words):
        return True
    if not _BETWEEN.isdisjoint(words) and _SPELLED.search(low):
        return True
    return not text.isascii() and not _TELLING.isdisjoint(
        [word[1:] for word in words if word[0] == _AND]
    )
