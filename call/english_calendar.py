"""English words for dates and times."""

from __future__ import annotations

import re
from collections.abc import Callable

from call.english_numbers import cardinal, ordinal, spelled, year

_MONTH_NAMES = (
    "January February March April May June July August September October November December".split()
)
_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|"
    r"sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_POINT = r"(?:\.(?=[\s-]*\d))?"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_TH = r"(?:st|nd|rd|th)?"
_YEAR = r"(?:1\d|20|21)\d\d"
_NOT_MORE = r"(?!\d|[:/%]\d|\s?[ap]\.?m\b|[.,]\d)"
_DAY_NAMES = {
    "mon": "Monday",
    "tue": "Tuesday",
    "tues": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "thur": "Thursday",
    "thurs": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}
_SHORT_DAY = r"(?:Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)"

ISO_DATE = re.compile(
    rf"(?<![\w.-])(?P<y>{_YEAR})([-/])(?P<m>0?[1-9]|1[0-2])\2(?P<d>{_DAY})(?![\w-])"
)
SLASHED_DATE = re.compile(
    r"(?<![\w./-])(?P<a>\d{1,2})(?P<sign>[./-])(?P<b>\d{1,2})(?P=sign)(?P<y>\d{4}|\d{2})"
    r"(?![\w/-]|\.\d)"
)
SHORT_DATE = re.compile(
    r"\b(?:on|by|until|till|from|before|after|since|due|dated|day,?)\s+"
    r"(?P<n>(?P<a>\d{1,2})/(?P<b>\d{1,2}))(?![\w/])",
    re.I,
)
MONTH_DAY = re.compile(
    rf"\b(?P<m>{_MONTH}){_POINT}[ -](?P<d>{_DAY}){_TH}(?:\s?(?:[-–—]|to)\s?(?P<d2>{_DAY}){_TH})?"
    rf"(?:,?[ -](?P<y>{_YEAR}))?{_NOT_MORE}(?!\w)",
    re.I,
)
DAY_MONTH = re.compile(
    rf"(?<![\w:.,$-])(?P<d>{_DAY}){_TH}(?:\s?(?:[-–—]|to)\s?(?P<d2>{_DAY}){_TH})?(?: of)?[ -]"
    rf"(?P<m>{_MONTH})\b{_POINT}(?:,?[ -](?P<y>{_YEAR}))?{_NOT_MORE}(?!\w)",
    re.I,
)
MONTH_YEAR = re.compile(rf"\b(?P<m>{_MONTH})\b{_POINT},? (?P<y>{_YEAR}){_NOT_MORE}(?!\w)", re.I)
DECADE = re.compile(r"(?<!\w)(?P<y>(?:1[5-9]|20)\d0)(?:['’]| )?s\b|(?<!\w)['’](?P<short>[2-9]0)s\b")
YEARS = re.compile(
    r"(?<![\w$€£.,-])(?P<a>(?:19|20)\d\d)\s?[-–—]\s?(?P<b>(?:19|20)?\d\d)(?![\w-]|[.,]\d)"
)
YEAR = re.compile(
    r"(?<![\w$€£.,/-])(?:19\d\d|20\d\d)(?![\w%/]|[.,:]\d|-\d| (?!is\b|was\b|has\b|does\b)[a-z]+s\b)"
)
YEAR_BY_CUE = re.compile(
    r"\b(?:in|since|year|circa|anno|AD)\s+(?P<n>1[0-8]\d\d)(?![\w%]|[.,:]\d|-\d)"
)
SHORT_DAYS = re.compile(rf"\b(?P<a>{_SHORT_DAY})\.?\s?[-–—]\s?(?P<b>{_SHORT_DAY})\b")
SHORT_DAY = re.compile(rf"\b(?P<a>{_SHORT_DAY})\b(?:\.(?=\s+[a-z\d])|(?=,? \d|, [A-Z]|:))")

_HALF = r"(?:\s?(?P<{0}>[ap])(?:\.\s?m\b\.?|m\b))"
_CLOCK = r"(?P<h{0}>[01]?\d|2[0-4]):(?P<m{0}>[0-5]\d)(?::(?P<s{0}>[0-5]\d))?" + r"{1}?"
_HOUR = r"(?P<H{0}>1[0-2]|0?[1-9])(?:\.(?P<M{0}>[0-5]\d))?" + r"{1}"


def _time(mark: str) -> str:
    clock = _CLOCK.format(mark, _HALF.format("k" + mark))
    return f"(?:{clock}|{_HOUR.format(mark, _HALF.format('K' + mark))})"


TIME_RANGE = re.compile(
    rf"(?<![\w:.$-])(?:{_time('a')}|(?P<bare>1[0-2]|0?[1-9]|2[0-4]))\s?[-–—]\s?{_time('b')}(?![\w:])",
    re.I,
)
TIME_TO_BARE = re.compile(
    rf"(?<![\w:.$-])(?:{_time('a')})\s?[-–—]\s?(?P<bare>1[0-2]|0?[1-9])(?![\w:%]|[.,]\d)", re.I
)
TIME = re.compile(rf"(?<![\w:.$-]){_time('a')}(?![\w:])", re.I)


def day_month_first(language: str) -> bool:
    """Whether 3/5 is the third of May: everywhere but in the United States."""
    return language.lower() not in ("en", "en-us", "en-ca", "en-ph")


def say_iso(found: re.Match[str]) -> str:
    """2026-03-05."""
    return _date(int(found["m"]), int(found["d"]), year(int(found["y"])))


def slashed(language: str) -> Callable[[re.Match[str]], str | None]:
    """3/5/2026 in the order of the language's country."""

    def say(found: re.Match[str]) -> str | None:
        if found["sign"] == "." and len(found["y"]) == 2:
            return None  # a version, not a date
        order = _month_and_day(int(found["a"]), int(found["b"]), language)
        return _date(*order, _short_year(found["y"])) if order else None

    return say


def short(language: str) -> Callable[[re.Match[str]], str | None]:
    """3/5 where a date is expected."""

    def say(found: re.Match[str]) -> str | None:
        order = _month_and_day(int(found["a"]), int(found["b"]), language)
        return _date(*order, "") if order else None

    return say


def say_month_day(found: re.Match[str]) -> str:
    """March 3rd, 2026; March 3-5."""
    words = f"{_month_name(found['m'])} {ordinal(int(found['d']))}"
    if found["d2"]:
        words += f" to {ordinal(int(found['d2']))}"
    return words + (f", {year(int(found['y']))}" if found["y"] else "")


def say_day_month(found: re.Match[str]) -> str:
    """3 March 2026."""
    days = ordinal(int(found["d"]))
    if found["d2"]:
        days += f" to the {ordinal(int(found['d2']))}"
    has_article = found.string[: found.start()].rstrip().lower().endswith("the")
    words = f"{'' if has_article else 'the '}{days} of {_month_name(found['m'])}"
    return words + (f", {year(int(found['y']))}" if found["y"] else "")


def say_month_year(found: re.Match[str]) -> str:
    """March 2026."""
    return f"{_month_name(found['m'])} {year(int(found['y']))}"


def say_decade(found: re.Match[str]) -> str:
    """1990s, '90s."""
    words = year(int(found["y"])) if found["y"] else cardinal(int(found["short"]))
    return f"{words[:-1]}ies" if words.endswith("y") else f"{words}s"


def say_years(found: re.Match[str]) -> str:
    """2024-2026, 2024-26."""
    last = found["b"]
    return f"{year(int(found['a']))} to {year(int(last)) if len(last) == 4 else _short_year(last)}"


def say_year(found: re.Match[str]) -> str:
    """A year."""
    return year(int(found["n"] if "n" in found.re.groupindex else found[0]))


def say_days(found: re.Match[str]) -> str:
    """Mon-Fri."""
    return f"{_DAY_NAMES[found['a'].lower()]} to {_DAY_NAMES[found['b'].lower()]}"


def say_day(found: re.Match[str]) -> str:
    """Mon."""
    return _DAY_NAMES[found["a"].lower()]


def say_time(found: re.Match[str]) -> str:
    """3:30 PM is "three thirty P M"."""
    return _clock(found, "a") + _full_stop(found)


def say_time_range(found: re.Match[str]) -> str:
    """9 AM - 5:30 PM; 9-5 pm."""
    bare = cardinal(int(found["bare"])) if found["bare"] else ""
    if "hb" not in found.re.groupindex:
        first, last = _clock(found, "a"), bare
    else:
        first, last = bare or _clock(found, "a"), _clock(found, "b")
        first = first.removesuffix(" o'clock")
    return f"{first} to {last}{_full_stop(found)}"


def _clock(found: re.Match[str], mark: str) -> str:
    groups = found.groupdict()
    hour = groups[f"h{mark}"] or groups[f"H{mark}"]
    minute = groups[f"m{mark}"] or groups[f"M{mark}"] or "00"
    half = groups[f"k{mark}"] or groups[f"K{mark}"]
    second = groups[f"s{mark}"]
    if second:
        words = _duration(int(hour), int(minute), int(second))
    else:
        words = _hour_minute(int(hour), minute, has_half=bool(half))
    return f"{words} {half.upper()} M" if half else words


def _hour_minute(hour: int, minute: str, *, has_half: bool) -> str:
    if minute == "00":
        if has_half:
            return cardinal(hour)
        return "midnight" if hour in (0, 24) else f"{cardinal(hour)} o'clock"
    words = f"oh {cardinal(int(minute))}" if minute[0] == "0" else cardinal(int(minute))
    return f"{cardinal(hour)} {words}"


def _duration(hours: int, minutes: int, seconds: int) -> str:
    units = ((hours, "hour"), (minutes, "minute"), (seconds, "second"))
    parts = [f"{cardinal(count)} {unit}{'' if count == 1 else 's'}" for count, unit in units]
    return f"{parts[0]} {parts[1]} and {parts[2]}"


def _full_stop(found: re.Match[str]) -> str:
    """The point of "p.m." also ends the sentence if a new one follows, or nothing does."""
    behind = found.string[found.end() :].lstrip("\"'”’)")
    ends = not behind.strip() or re.match(r"\s+(?:[A-Z][a-z'’]|[IA]\b)", behind)
    return "." if found[0].endswith(".") and ends else ""


def _date(month: int, day: int, year_words: str) -> str:
    words = f"{_MONTH_NAMES[month - 1]} {ordinal(day)}"
    return f"{words}, {year_words}" if year_words else words


def _month_and_day(first: int, second: int, language: str) -> tuple[int, int] | None:
    month, day = (second, first) if day_month_first(language) else (first, second)
    if month > 12:
        month, day = day, month
    return (month, day) if 1 <= month <= 12 and 1 <= day <= 31 else None


def _short_year(digits: str) -> str:
    if len(digits) == 4:
        return year(int(digits))
    return spelled(digits) if digits[0] == "0" else cardinal(int(digits))


def _month_name(written: str) -> str:
    full = next(name for name in _MONTH_NAMES if name.lower().startswith(written.lower()[:3]))
    return full if written[0].isupper() else full.lower()
