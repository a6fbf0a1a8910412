"""Find personal data in what was said: which stretches, of which kind, with which value."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from stdnum import iban

from call.privacy_dates import DATE, PLAIN, spoken_dates, written_date
from call.privacy_email import WRITTEN_EMAIL, emails
from call.privacy_glance import is_worth_reading
from call.privacy_kinds import asked_kind, by_manner, by_structure, named, specific, tidy
from call.privacy_lexicon import (
    ACCOUNT,
    ADDRESS,
    ANNOUNCING,
    BANK,
    BEFORE_CODE,
    BIRTHDATE,
    CARD,
    CODE,
    EMAIL,
    GLUE,
    LEAST,
    LEAST_OF_OTHERS,
    LINKING,
    NAME,
    NUMBER,
    PHONE,
    TIMES,
    WITH_LETTERS,
)
from call.privacy_names import names
from call.privacy_places import addresses
from call.privacy_reading import Run, runs
from call.privacy_tokens import Tokens

TOKEN = re.compile(r"\[([A-Z]+_\d+)(?::[^\]\s]*)?\](?: …)?")
"""A stand-in, and the sign that more of its value is to come."""
_NEWEST_BIRTH = 2020  # an uncued date of this year or later is an appointment
_HOUR_OH = re.compile(r"(?:[1-9]|1[0-2])0[0-9]")
_WRITTEN_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{1,4}){3,8}\b", re.I)
_LEAST_IBAN = 15
_NEAR = 10  # tokens an announcement reaches, links between


@dataclass(frozen=True)
class Found:
    """One stretch of personal data; `is_open`: at the end of the text, and not whole yet;
    `is_spotted`: by a name model, in free text."""

    start: int
    end: int
    kind: str
    value: str
    is_open: bool = False
    is_spotted: bool = False


def find(text: str, *, asked: Sequence[str] = (), strict: bool = False) -> list[Found]:
    """Everything personal in `text`, in order; `asked`: kinds the agent has just asked for.

    `strict` takes only what is sure by itself or announced (for tool results and documents).
    """
    if not is_worth_reading(text, asked):
        return _only_names(text)
    return _Finding(Tokens(text), frozenset(asked), strict).all()


def _only_names(text: str) -> list[Found]:
    found: list[Found] = []
    for start, end, value in names(text, asked=False):
        if not any(start < other.end and other.start < end for other in found):
            found.append(Found(start, end, NAME, value))
    return sorted(found, key=lambda each: each.start)


class _Finding:
    """One reading of one text."""

    def __init__(self, tokens: Tokens, asked: frozenset[str], strict: bool) -> None:
        self.tokens = tokens
        self.asked = asked
        self.strict = strict
        self.found: list[Found] = []
        self.cues = _cues(tokens)

    def all(self) -> list[Found]:
        """In order, none over another."""
        text = self.tokens.text
        self._leave_plain(text)
        if "@" in text:
            for match in WRITTEN_EMAIL.finditer(text):
                self._take(
                    match.start(), len(match[0].rstrip(".,")) + match.start(), EMAIL, match[0]
                )
        for match in _WRITTEN_IBAN.finditer(text) if self.tokens.figures else ():
            written = _iban_in(match[0])
            if written:
                start = match.start()
                self._take(start, start + len(written), BANK, iban.compact(written))
        self._emails()
        self._dates()
        self._addresses()
        if self.tokens.has_symbols:
            self._runs()
        self._names(text)
        return sorted(self.found, key=lambda each: each.start)

    def _take(self, start: int, end: int, kind: str, value: str, *, is_open: bool = False) -> None:
        if any(start < other.end and other.start < end for other in self.found):
            return
        self.found.append(Found(start, end, kind, value, is_open))
        self.tokens.block(start, end)

    def _announced(self, kind: str) -> int | None:
        """The last token that announces this kind."""
        return next((at for at, cue in reversed(self.cues) if cue == kind), None)

    # ── what is never personal ───────────────────────────────────────────────────────
    def _leave_plain(self, text: str) -> None:
        if "[" in text:
            for match in TOKEN.finditer(text):
                self.tokens.block(*match.span())
        for match in self.tokens.at_figures(PLAIN):
            self.tokens.block(*match.span())

    # ── shapes ───────────────────────────────────────────────────────────────────────
    def _emails(self) -> None:
        announced, is_asked = self._announced(EMAIL), EMAIL in self.asked
        if announced is None and not is_asked and not _has_host(self.tokens.words):
            return
        for start, end, value in emails(self.tokens, announced_at=announced, asked=is_asked):
            self._take(start, end, EMAIL, value, is_open="@" not in value or "." not in value)

    def _dates(self) -> None:
        for match in self.tokens.at_figures(DATE):
            date = written_date(match)
            if date:
                self._date(*match.span(), *date)
        for first, behind, value, year in spoken_dates(self.tokens):
            self._date(self.tokens.starts[first], self.tokens.ends[behind - 1], value, year)

    def _date(self, start: int, end: int, value: str, year: int) -> None:
        cues = [kind for at, kind in self.cues if self.tokens.starts[at] < start]
        is_announced = (cues and cues[-1] == BIRTHDATE) or BIRTHDATE in self.asked
        if is_announced or (0 < year < _NEWEST_BIRTH and not self.strict):
            is_open = not year and _is_end(self.tokens, end)
            self._take(start, end, BIRTHDATE, value, is_open=is_open)
        else:
            self.tokens.block(start, end)

    def _addresses(self) -> None:
        announced = self._announced(ADDRESS)
        for start, end, value in addresses(self.tokens, announced_at=announced):
            self._take(start, end, ADDRESS, value)

    def _names(self, text: str) -> None:
        for start, end, value in names(text, asked=NAME in self.asked and not self.found):
            self._take(start, end, NAME, value)

    # ── runs ─────────────────────────────────────────────────────────────────────────
    def _runs(self) -> None:
        for run in runs(self.tokens):
            start, last = self.tokens.starts[run.first], run.last
            is_end = _is_end(self.tokens, self.tokens.ends[last])
            kind = self._kind(run, is_end=is_end)
            if kind is None:
                continue
            if run.first and self.tokens.words[run.first - 1] in ("plus", "+"):
                start = self.tokens.starts[run.first - 1]  # of a country's code
            value = tidy(run, kind)
            is_open = is_end and len(value) < LEAST.get(kind, LEAST_OF_OTHERS)
            self._take(start, self.tokens.ends[last], kind, value, is_open=is_open)

    def _kind(self, run: Run, *, is_end: bool) -> str | None:
        if not (is_end or run.letters or self.asked or self.cues) and run.digits <= 3:
            return None
        kind, is_near = self._cue_for(run)
        sure = by_structure(run)
        if sure in (CARD, BANK) and (kind in (None, NUMBER, PHONE) or not is_near):
            return sure
        if is_near and kind:
            if self._fits(run, kind, is_end=is_end):
                return specific(run, kind, sure, self.asked)
        elif self.asked and self._answers(run, is_end=is_end):
            return asked_kind(run, self.asked, sure)
        if sure:
            return named(sure, kind, self.asked)
        if self._is_typed(run):
            return named(CODE, kind, self.asked) if run.digits >= 3 else None
        if self.strict or self._is_time(run):
            return None
        return named(by_manner(run, is_end=is_end), kind, self.asked)

    def _fits(self, run: Run, kind: str, *, is_end: bool) -> bool:
        """Whether what is announced is what came."""
        digits, letters = run.digits, run.letters
        if kind == NAME:
            return letters >= 2
        if kind == EMAIL:
            return False
        if kind == ADDRESS:
            return digits >= 4
        if not digits:
            return kind in WITH_LETTERS and (letters >= 2 and is_end or run.dangles)
        if digits + letters >= 3 and not (run.is_sum and digits < 7):
            return True
        return is_end

    def _answers(self, run: Run, *, is_end: bool) -> bool:
        """Whether the run is the answer to what the agent asked."""
        leads = _only_links(self.tokens, 0, run.first)
        if self._is_typed(run) and run.digits < 2:
            return False  # the choice of a menu
        if run.digits == 0:
            return leads and run.letters >= 2
        if leads:
            return run.digits >= 3 and not (run.is_sum and run.digits < 7) or is_end
        return run.digits >= 4 and run.singles >= 3

    def _is_typed(self, run: Run) -> bool:
        """Keys, which the keypad hands in as "I typed 4455"."""
        return run.first > 0 and self.tokens.words[run.first - 1] == "typed"

    def _is_time(self, run: Run) -> bool:
        """ "nine oh five", "at ten thirty"."""
        before = self.tokens.words[run.first - 1] if run.first else ""
        if run.digits <= 4 and before in ("at", "until", "till", "by", "before", "after", "since"):
            return True
        return bool(_HOUR_OH.fullmatch(run.value)) and run.digits in (3, 4) and run.singles <= 3

    def _is_taken(self, first: int, behind: int) -> bool:
        """Whether a value was found between two tokens."""
        start, end = self.tokens.starts[first], self.tokens.starts[behind]
        return any(start <= each.start < end for each in self.found)

    def _cue_for(self, run: Run) -> tuple[str | None, bool]:
        """The announcement in front of a run, and whether it is near."""
        kind, is_near = None, False
        for at, cue in reversed(self.cues):
            if at >= run.first:
                continue
            if kind == NUMBER and self._is_taken(at, run.first):
                break  # "my code is 4455 and my number is …"
            near = run.first - at <= _NEAR and _only_links(self.tokens, at + 1, run.first)
            if kind is None or (kind == NUMBER and cue != NUMBER and run.first - at <= _NEAR):
                kind, is_near = cue, near or (is_near and kind == NUMBER)
            if kind != NUMBER:
                break
        return kind, is_near


def _iban_in(text: str) -> str:
    """The IBAN a text begins with; words may follow that look like more of it."""
    while len(iban.compact(text)) >= _LEAST_IBAN:
        if iban.is_valid(text):
            return text
        text = text[: max(text.rfind(" "), text.rfind("-"), 0)]
    return ""


def _cues(tokens: Tokens) -> list[tuple[int, str]]:
    cues: list[tuple[int, str]] = []
    words = tokens.words
    get = ANNOUNCING.get
    for at, word in enumerate(words):
        kind = get(word) or (get(word[1:]) if word[0] == "و" else None)
        if kind is None:
            if word == "me" and at and words[at - 1] == "call":
                cues.append((at, PHONE))
            continue
        before = words[at - 1] if at else ""
        if before == "-" and at > 1:
            before = words[at - 2]
        if kind == CODE:
            kind = BEFORE_CODE.get(before, kind)
        elif kind == ACCOUNT and cues and cues[-1][1] == BANK and at - cues[-1][0] <= 1:
            kind = BANK
        elif kind == ADDRESS and cues and cues[-1][1] == EMAIL and at - cues[-1][0] <= 1:
            kind = EMAIL
        elif word in ("no", "live") and not _announces_oddly(words, at):
            continue
        cues.append((at, kind))
    return cues


def _announces_oddly(words: Sequence[str], at: int) -> bool:
    """ "no" is a number in "account no 12", a refusal elsewhere; one lives somewhere "at"."""
    if words[at] == "live":
        return at + 1 < len(words) and words[at + 1] in ("at", "on", "in")
    return False


def _has_host(words: Sequence[str]) -> bool:
    return ("at" in words or "@" in words or "ات" in words) and (
        "dot" in words or "." in words or "gmail" in words or "دوت" in words or "نقطه" in words
    )


def _only_links(tokens: Tokens, begin: int, end: int) -> bool:
    """Nothing of weight stands between an announcement and its value."""
    for at in range(begin, end):
        word = tokens.words[at]
        if word in LINKING or tokens.classes[at] in (GLUE, TIMES) or word in ":?":
            continue
        if word in ANNOUNCING or word.lstrip("و") in ANNOUNCING:
            continue
        return False
    return True


def _is_end(tokens: Tokens, at: int) -> bool:
    """Only marks, fillers and a dangling "double" follow."""
    return all(
        tokens.classes[index] in (GLUE, TIMES)
        or not (tokens.is_word(index) or tokens.words[index] == "[")
        for index in range(bisect_left(tokens.starts, at), len(tokens))
    )
