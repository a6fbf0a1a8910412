"""Dates in what was said, and written figures that are none: times of day, sums of money."""

from __future__ import annotations

import re

from call.privacy_lexicon import MONTHS, ORDINALS, SINGLE, TEEN, TENS, WRITTEN
from call.privacy_reading import Run, symbol
from call.privacy_tokens import Tokens

PLAIN = re.compile(
    r"(?=[\d$€£¥])(?:(?<![\d.:/-])(?:[01]?\d|2[0-3]|[٠-٩]{1,2})[:.][0-5٠-٥][\d٠-٩](?![\d:/-]|\.\d)"
    r"|[$€£¥]\s?\d[\d,.]*|(?<![\d,])\d{1,3}(?:,\d{3})+(?![\d-])|\d+(?:\.\d+)?\s?%)"
)
"""Times of day, prices, amounts, percentages: never personal."""
DATE = re.compile(
    r"(?=\d)(?<![\d./-])(?:(?P<y>(?:19|20)\d\d)([-/.])(?P<ym>0?[1-9]|1[0-2])\2(?P<yd>[0-2]?\d|3[01])"
    r"|(?P<a>[0-2]?\d|3[01])([-/.])(?P<b>[0-2]?\d|3[01])\6(?P<z>(?:19|20)\d\d|\d\d))(?![\d/-]|\.\d)"
)


def written_date(found: re.Match[str]) -> tuple[str, int] | None:
    """(ISO date, year) of a written one; None if it is none."""
    if found["y"]:
        return f"{found['y']}-{int(found['ym']):02}-{int(found['yd']):02}", int(found["y"])
    first, second, year = int(found["a"]), int(found["b"]), int(found["z"])
    if not (1 <= first <= 31 and 1 <= second <= 31 and min(first, second) <= 12):
        return None
    year += 0 if year > 99 else (1900 if year > 25 else 2000)
    month, day = (first, second) if first <= 12 else (second, first)
    return f"{year}-{month:02}-{day:02}", year


def spoken_dates(tokens: Tokens) -> list[tuple[int, int, str, int]]:
    """(first token, token behind, ISO date, year or 0) of dates that name their month."""
    found = []
    for at, word in enumerate(tokens.words):
        month = MONTHS.get(word)
        if month is None or (word == "may" and not _day_beside(tokens, at)):
            continue
        if at > 1 and tokens.words[at - 1] == "in" and tokens.words[at - 2] == "as":
            continue  # "n as in november"
        begin, day = _day_before(tokens, at)
        end = at + 1
        if not day:
            end, day = _day_behind(tokens, at + 1)
        year_end, year = _year(tokens, end)
        if begin == at and not year:  # "October nineteen oh five": no day
            year_end, year = _year(tokens, at + 1)
            day, end = (0, at + 1) if year else (day, end)
        if not year and end < len(tokens) and begin == at and tokens.classes[end] == SINGLE:
            continue  # "november four five nine": a letter and digits
        if begin and tokens.words[begin - 1] == "the":
            begin -= 1
        if day or year:
            found.append((begin, year_end if year else end, f"{year}-{month:02}-{day:02}", year))
    return found


def _day_beside(tokens: Tokens, at: int) -> bool:
    return bool(_day_before(tokens, at)[1] or _day_behind(tokens, at + 1)[1])


def _day_at(tokens: Tokens, at: int) -> tuple[int, int]:
    """(index behind, day) of a day of the month that begins at `at`."""
    if at >= len(tokens):
        return at, 0
    word, kind = tokens.words[at], tokens.classes[at]
    following = tokens.words[at + 1] if at + 1 < len(tokens) else ""
    if kind == TENS:
        step = 2 if following == "-" else 1
        unit = tokens.words[at + step] if at + step < len(tokens) else ""
        if unit in ORDINALS and ORDINALS[unit] < 10:
            return at + step + 1, int(tokens.values[at]) + ORDINALS[unit]
    if word in ORDINALS:
        return at + 1, ORDINALS[word]
    if kind == WRITTEN and len(tokens.values[at]) <= 2:
        day = int(tokens.values[at])
        step = 2 if following in ("st", "nd", "rd", "th") else 1
        return (at + step, day) if 1 <= day <= 31 else (at, 0)
    if kind in (SINGLE, TEEN, TENS):
        run = Run(at)
        behind = symbol(tokens, at, run)
        day = _number(run.value)
        return (behind, day) if 1 <= day <= 31 else (at, 0)
    return at, 0


def _number(value: str) -> int:
    """0 where a letter is among the digits: "o" beside what cannot be a number is spelled."""
    return int(value) if value.isdecimal() else 0


def _day_before(tokens: Tokens, month_at: int) -> tuple[int, int]:
    """The day in front of a month: "the fourteenth of March", "14 March"."""
    behind = month_at
    if behind and tokens.words[behind - 1] in ("of", "من"):
        behind -= 1
    for size in (3, 2, 1):
        at = behind - size
        if at >= 0:
            end, day = _day_at(tokens, at)
            if day and end == behind:
                return at, day
    return month_at, 0


def _day_behind(tokens: Tokens, at: int) -> tuple[int, int]:
    start = at
    if at < len(tokens) and tokens.words[at] == "the":
        at += 1
    end, day = _day_at(tokens, at)
    return (end, day) if day else (start, 0)


def _year(tokens: Tokens, at: int) -> tuple[int, int]:
    """The year at `at`: "1985", "nineteen eighty five", "two thousand and five"."""
    start = at
    skip = (",", "of", "in", "the", "year", "سنه", "عام")
    while at < len(tokens) and at - start < 3 and tokens.words[at] in skip:
        at += 1
    run = Run(at)
    index = at
    while index < len(tokens) and index - at < 6:
        if tokens.classes[index] in (SINGLE, TEEN, TENS, WRITTEN):
            index = symbol(tokens, index, run)
        elif tokens.words[index] == "and" and run.is_sum:
            index += 1
        else:
            break
        value = _year_value(run)
        if value:
            following, more = Run(index), index
            if run.is_sum and more < len(tokens) and tokens.words[more] in ("and", "و"):
                more += 1
            if more < len(tokens) and tokens.classes[more] in (SINGLE, TENS, TEEN):
                end = symbol(tokens, more, following)
                longer = _year_value(_joined(run, following))
                if longer:
                    return end, longer
            return index, value
    return start, 0


def _joined(first: Run, second: Run) -> Run:
    return Run(
        first.first, chunks=first.chunks + second.chunks, styles=first.styles + second.styles
    )


def _year_value(run: Run) -> int:
    chunks = run.chunks
    if run.is_sum:
        total = sum(int(chunk) for chunk in chunks)
    elif len(chunks) > 1 and run.styles[0] == WRITTEN:
        return 0
    else:
        total = _number(run.value) if len(run.value) == 4 else 0
        if len(chunks) == 2 and len(run.value) == 3:  # "nineteen oh" is not over
            total = 0
    return total if 1900 <= total <= 2099 else 0
