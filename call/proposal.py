"""Was the caller told what they have said yes to?

"Would you like to book?" proposes something, and a yes to it agrees to nothing in particular: a
careful person says the day and the time before writing them down. So a deed with details needs one
of them in the agent's own words that were heard: a number, a day, a name in the question itself, or
a word of what the tool is to be given. What cannot be told from words (a time written another way,
an identifier nobody speaks) is told by the question's own details, or by asking once more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from call.confidence import matters
from call.consent import Exchanged
from call.cues import words_of
from call.privacy_finding import TOKEN

_LEAST = 3  # letters of a word that tells something


def is_told(heard: Exchanged, arguments: Mapping[str, Any]) -> bool:
    """Whether what the agent was heard saying has a detail of the deed, if it has any; `arguments`
    as the model wrote them, the caller's data as stand-ins."""
    values = list(_values(arguments))
    if not values or matters(heard.question):
        return True
    words = frozenset(words_of(heard.told))
    return any(_is_said(value, heard.told, words) for value in values)


def _values(argument: object) -> Iterator[str]:
    if isinstance(argument, Mapping):
        argument = list(argument.values())
    if isinstance(argument, list):
        for part in argument:
            yield from _values(part)
    elif isinstance(argument, str | int | float) and not isinstance(argument, bool):
        yield str(argument)


def _is_said(value: str, told: str, words: frozenset[str]) -> bool:
    if TOKEN.fullmatch(value):
        return value in told
    return any(word in words for word in words_of(value) if len(word) >= _LEAST or word.isdigit())
