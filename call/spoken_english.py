"""What English says for what is written, in the order in which the kinds are tried."""

from __future__ import annotations

import re

from call import english_addresses as addresses
from call import english_calendar as calendar
from call import english_money as money
from call import english_quantities as quantities
from call.markup import MARKUP, Family, Rule

_SHORT_FORMS = {
    "e.g.": "for example",
    "i.e.": "that is",
    "approx.": "approximately",
    "vs.": "versus",
    "vs": "versus",
    "appt.": "appointment",
    "appts.": "appointments",
    "w/": "with",
    "w/o": "without",
    "b/c": "because",
}
_SIGN_WORDS = {"&": " and ", "@": " at ", "+": " plus ", "=": " equals ", "<": " less than "}

_SHORT_FORM = re.compile(
    r"(?<![\w.])(?:e\.g\.|i\.e\.|approx\.|vs\.?|appts?\.|w/o?|b/c)(?!\w)", re.I
)
_ZONE = re.compile(r"(?<!\w)(?:[ecmpa]\.\s?[sd]\.\s?t|g\.\s?m\.\s?t)\b\.?", re.I)
_TIMES = re.compile(r"(?<=\d)\s?[*×]\s?(?=\d)")
_UNDERSCORE = re.compile(r"(?<=[^\W_])_+(?=[^\W_])")
_SLASH = re.compile(r"(?<=[^\W\d_])\s?/\s?(?=[^\W\d_])")
_ABOUT = re.compile(r"~(?=\s?[\d$€£])")
_SIGN = re.compile(r"\s?(?:(?<=\s)[&@+=](?=\s)|(?<=\w)&(?=\w))\s?")
_PLUS_BEHIND = re.compile(r"(?<=\d)(?P<n>\+)(?!\w)")
_STRAY = re.compile(r"(?<![\w])[*_#^`~\\|<>]+(?!\w)|[*`^\\|<>]+|(?<=\s)#(?=\w)|^#(?=\w)")

# Which signs call for which rules; most texts need few of them.
_ANY = re.compile("")
_DIGIT = re.compile(r"\d")
_DIGITS = re.compile(r"\d\d")
_NUMBER_SIGN = re.compile(r"[\d½⅓⅔¼¾⅛]")
_NET_SIGN = re.compile(r"[^\W_][@.][^\W_]|@|://")
_DATE_SIGN = re.compile(r"\d[./-]\d")
_TIME_SIGN = re.compile(r":\d|\d\s?[ap]\.?\s?m", re.I)
_MONTH_SIGN = re.compile(r"\d.*[A-Za-z]{3}|[A-Za-z]{3}.*\d", re.S)
_DAY_SIGN = re.compile(r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)")
_MONEY_SIGN = re.compile(r"[$€£¥₹₩¢]|\d\s?[A-Z]{3}|[A-Z]{3}\s?\d|dollars|euros|pounds", re.I)


def families(language: str) -> tuple[Family, ...]:
    """The rules for a kind of English ("en", "en-GB": the day comes first in dates)."""
    return (
        (_DIGIT, ((addresses.MASKED_CARD, addresses.say_masked),)),  # its stars are no marks
        MARKUP,
        (_DATE_SIGN, ((calendar.SLASHED_DATE, calendar.slashed(language)),)),  # before versions
        (_NET_SIGN, _NET),
        (_DIGITS, _DIGITS_ONE_BY_ONE),
        (_TIME_SIGN, _HOURS),
        (_DATE_SIGN, _dates(language)),
        (_MONTH_SIGN, _MONTHS),
        (_DAY_SIGN, _DAYS),
        (_MONEY_SIGN, _MONEY),
        (_NUMBER_SIGN, _QUANTITIES),
        (_ANY, _SIGNS),
    )


def _short_form(found: re.Match[str]) -> str:
    return _SHORT_FORMS[found[0].lower()]


def _sign(found: re.Match[str]) -> str:
    return _SIGN_WORDS[found[0].strip()]


def _zone(found: re.Match[str]) -> str:
    return " ".join(letter for letter in found[0].upper() if letter.isalpha())


def _slash(found: re.Match[str]) -> str:
    is_and_or = found.string[: found.start()].lower().endswith("and")
    return " " if is_and_or else " slash "


_NET: tuple[Rule, ...] = (
    (addresses.EMAIL, addresses.say_address),
    (addresses.URL, addresses.say_address),
    (addresses.IP_OR_VERSION, addresses.say_points),
)
_DIGITS_ONE_BY_ONE: tuple[Rule, ...] = (
    (addresses.EXTENSION, addresses.say_extension),
    (addresses.INTERNATIONAL, addresses.say_international),
    (addresses.VANITY, addresses.say_vanity),
    (addresses.NATIONAL, addresses.say_groups),
    (addresses.HYPHENED, addresses.say_groups),
    (addresses.LOCAL, addresses.say_groups),
    (addresses.ZIP_PLUS_FOUR, addresses.say_groups),
    (addresses.SPACED, addresses.say_groups),
    (addresses.TWO_SPACED, addresses.say_groups),
    (addresses.LONG, addresses.say_long),
    (addresses.CODE, addresses.say_code),
    (addresses.NUMBERED, addresses.say_code),
    (addresses.STATE_ZIP, addresses.say_code),
)
_HOURS: tuple[Rule, ...] = (
    (calendar.TIME_RANGE, calendar.say_time_range),
    (calendar.TIME_TO_BARE, calendar.say_time_range),
    (calendar.TIME, calendar.say_time),
)
_MONTHS: tuple[Rule, ...] = (
    (calendar.MONTH_DAY, calendar.say_month_day),
    (calendar.DAY_MONTH, calendar.say_day_month),
    (calendar.MONTH_YEAR, calendar.say_month_year),
)
_DAYS: tuple[Rule, ...] = (
    (calendar.SHORT_DAYS, calendar.say_days),
    (calendar.SHORT_DAY, calendar.say_day),
)
_MONEY: tuple[Rule, ...] = (
    (money.MONEY, money.say_money),
    (money.MONEY_BEHIND, money.say_money),
    (money.MONEY_IN_WORDS, money.say_money),
    (money.CENTS, money.say_cents),
)
_QUANTITIES: tuple[Rule, ...] = (
    (quantities.PERCENT, quantities.say_percent),
    (quantities.FEET_INCHES, quantities.say_feet_inches),
    (quantities.MEASURE, quantities.say_measure),
    (quantities.FRACTION_SIGN, quantities.say_fraction_sign),
    (quantities.FRACTION, quantities.say_fraction),
    (quantities.ORDINAL, quantities.say_ordinal),
    (quantities.DIMENSIONS, quantities.say_dimensions),
    (quantities.TIMES, quantities.say_times),
    (quantities.SCALED, quantities.say_scaled),
    (addresses.SERIAL, addresses.say_serial),
    (calendar.DECADE, calendar.say_decade),
    (calendar.YEARS, calendar.say_years),
    (quantities.RANGE, quantities.say_range),
    (calendar.YEAR_BY_CUE, calendar.say_year),
    (calendar.YEAR, calendar.say_year),
    (quantities.NUMBER_SIGN, quantities.say_number_sign),
    (quantities.NEGATIVE, quantities.say_negative),
    (quantities.NUMBER, quantities.say_number),
)
_SIGNS: tuple[Rule, ...] = (
    (_SHORT_FORM, _short_form),
    (_TIMES, lambda _: " times "),
    (_UNDERSCORE, lambda _: " "),
    (_ZONE, _zone),
    (_SLASH, _slash),
    (_ABOUT, lambda _: "about "),
    (_PLUS_BEHIND, lambda _: " plus"),
    (_SIGN, _sign),
    (_STRAY, lambda _: ""),
)


def _dates(language: str) -> tuple[Rule, ...]:
    return (
        (calendar.ISO_DATE, calendar.say_iso),
        (calendar.SHORT_DATE, calendar.short(language)),
    )
