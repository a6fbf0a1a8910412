"""What a run of digits and letters is: a card, a telephone number, a spelled name, nothing."""

from __future__ import annotations

import re

from stdnum import iban, luhn

from call.privacy_lexicon import (
    ACCOUNT,
    ADDRESS,
    BANK,
    BIRTHDATE,
    CARD,
    CODE,
    EMAIL,
    LETTER,
    NAME,
    NUMBER,
    PHONE,
    SSN,
    WITH_LETTERS,
    WRITTEN,
)
from call.privacy_reading import Run

_YEAR = re.compile(r"(?:19|20)\d\d")
_FEWEST_PAIRS = 4


def by_structure(run: Run) -> str | None:
    """What a run is by itself, whoever says what."""
    value, digits, letters = run.value, run.digits, run.letters
    if run.is_sum:
        return None
    if letters:
        return BANK if letters >= 2 and len(value) >= 15 and iban.is_valid(value) else None
    if digits < 7 or (run.is_written and max(len(chunk) for chunk in run.chunks) < 3):
        return None
    if not run.is_written and not (run.singles >= 3 or _has_long_group(run) or _is_paired(run)):
        return None
    if all(_YEAR.fullmatch(chunk) for chunk in run.chunks):
        return None
    if 13 <= len(value) <= 19:
        is_card = luhn.is_valid(value) or (len(value) in (15, 16) and value[0] in "23456")
        return CARD if is_card else NUMBER
    if len(value) == 9:
        is_grouped = run.is_written and [len(chunk) for chunk in run.chunks] == [3, 3, 3]
        return PHONE if is_grouped or value[0] == "0" else SSN
    if len(value) == 8:
        return NUMBER
    return PHONE if len(value) <= 12 else NUMBER


def _is_paired(run: Run) -> bool:
    """ "forty one, eleven, oh five, ninety two": read two by two, and more than a span of years."""
    is_years = len(run.chunks) == _FEWEST_PAIRS and run.value[:2] in ("19", "20")
    return len(run.chunks) >= _FEWEST_PAIRS and not is_years


def _has_long_group(run: Run) -> bool:
    return any(
        style == WRITTEN and len(chunk) >= 3
        for chunk, style in zip(run.chunks, run.styles, strict=True)
    )


def by_manner(run: Run, *, is_end: bool) -> str | None:
    """Short runs nobody announced: digits one by one are read off something."""
    digits, singles = run.digits, run.singles
    if run.is_sum:
        return None
    if run.letters:
        if not digits:
            is_spelled = run.letters >= 4 and all(style == LETTER for style in run.styles)
            return NAME if is_spelled and not run.value.startswith(("www", "http")) else None
        return ACCOUNT if digits >= 4 and digits + run.letters >= 6 else None
    if digits >= 4 and singles >= 3:
        return CODE if digits <= 6 else NUMBER
    if digits == 6 and run.is_written and len(run.chunks) == 1:
        return CODE
    if is_end and singles >= 2 and digits >= 2:
        return NUMBER
    if is_end and run.is_written and digits >= 4:
        is_year = len(run.chunks) == 1 and _YEAR.fullmatch(run.value)
        return None if is_year else NUMBER
    return None


def specific(run: Run, kind: str, sure: str | None, asked: frozenset[str]) -> str:
    """The kind of a run that was announced near by."""
    if kind == NUMBER:
        if asked - {NAME, EMAIL, ADDRESS, NUMBER}:
            return asked_kind(run, asked, sure)
        if run.letters and run.digits:
            return ACCOUNT
        return sure or (PHONE if run.digits < 7 and not sure else NUMBER)
    return kind


def asked_kind(run: Run, asked: frozenset[str], sure: str | None) -> str:
    """The kind of a run that answers the agent's question."""
    fitting = sorted(kind for kind in asked if kind not in (EMAIL, ADDRESS, NUMBER))
    if not run.digits:
        return NAME if NAME in asked else next((k for k in fitting if k in WITH_LETTERS), NAME)
    fitting = [kind for kind in fitting if kind != NAME]
    if sure in (CARD, BANK) or not fitting:
        return sure or NUMBER
    return sure if sure in fitting else fitting[0]


def named(kind: str | None, loose: str | None, asked: frozenset[str]) -> str | None:
    """A run known to be personal takes the kind that was spoken of."""
    if kind is None or kind in (CARD, BANK, NAME):
        return kind
    if loose and loose not in (NUMBER, NAME, EMAIL, ADDRESS, CODE, BIRTHDATE):
        return loose
    return kind


def tidy(run: Run, kind: str) -> str:
    """The value of a run, as it is written."""
    value = run.value.upper() if kind != NAME else run.value
    if kind == NAME:
        return value.replace("0", "o").title()
    return value
