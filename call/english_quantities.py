"""English words for percentages, measures, fractions, ranges and plain numbers."""

from __future__ import annotations

import re

from call.english_money import AMOUNT, minus, per, scale_of, spaced
from call.english_numbers import cardinal, number, ordinal

_DASH = r"\s?[-–—]\s?"

PERCENT = re.compile(
    rf"(?P<minus>(?<![\w-])[-−])?(?<![\w.,])(?P<a>{AMOUNT})\s?%?(?:{_DASH}(?P<b>{AMOUNT}))?\s?%"
)

_UNITS = {
    "km/h": ("kilometer per hour", "kilometers per hour"),
    "kph": ("kilometer per hour", "kilometers per hour"),
    "mph": ("mile per hour", "miles per hour"),
    "mbps": ("megabit per second", "megabits per second"),
    "km": ("kilometer", "kilometers"),
    "cm": ("centimeter", "centimeters"),
    "mm": ("millimeter", "millimeters"),
    "m": ("meter", "meters"),
    "mi": ("mile", "miles"),
    "ft": ("foot", "feet"),
    "yd": ("yard", "yards"),
    "sq ft": ("square foot", "square feet"),
    "kg": ("kilogram", "kilograms"),
    "mg": ("milligram", "milligrams"),
    "mcg": ("microgram", "micrograms"),
    "g": ("gram", "grams"),
    "lbs": ("pound", "pounds"),
    "lb": ("pound", "pounds"),
    "oz": ("ounce", "ounces"),
    "ml": ("milliliter", "milliliters"),
    "l": ("liter", "liters"),
    "gal": ("gallon", "gallons"),
    "kw": ("kilowatt", "kilowatts"),
    "kwh": ("kilowatt hour", "kilowatt hours"),
    "tb": ("terabyte", "terabytes"),
    "gb": ("gigabyte", "gigabytes"),
    "mb": ("megabyte", "megabytes"),
    "kb": ("kilobyte", "kilobytes"),
    "hrs": ("hour", "hours"),
    "hr": ("hour", "hours"),
    "mins": ("minute", "minutes"),
    "min": ("minute", "minutes"),
    "secs": ("second", "seconds"),
    "sec": ("second", "seconds"),
    "ms": ("millisecond", "milliseconds"),
    "wks": ("week", "weeks"),
    "yrs": ("year", "years"),
    "°c": ("degree Celsius", "degrees Celsius"),
    "°f": ("degree Fahrenheit", "degrees Fahrenheit"),
    "ºc": ("degree Celsius", "degrees Celsius"),
    "ºf": ("degree Fahrenheit", "degrees Fahrenheit"),
    "°": ("degree", "degrees"),
}
_UNIT = "|".join(re.escape(unit) for unit in sorted(_UNITS, key=len, reverse=True))
MEASURE = re.compile(
    rf"(?P<minus>(?<![\w-])[-−])?(?<![\w.,/])(?P<a>{AMOUNT})(?:{_DASH}(?P<b>{AMOUNT}))?"
    rf"[ -]?(?P<unit>{_UNIT})(?:/(?P<per>[a-z]+))?(?![\w'’])(?P<point>\.(?=\s+[a-z]))?",
    re.I,
)
FEET_INCHES = re.compile(r"(?<![\w.])(?P<ft>\d{1,2})['′’]\s?(?P<inch>\d{1,2})(?:[\"″”]|'')")

_HALVES = {2: "half", 4: "quarter"}
_SMALL = "½⅓⅔¼¾⅛"
_SMALL_WORDS = dict(
    zip(
        _SMALL,
        ("half", "one third", "two thirds", "a quarter", "three quarters", "one eighth"),
        strict=True,
    )
)
FRACTION_SIGN = re.compile(rf"(?<!\w)(?:(?P<whole>\d+)\s?)?(?P<sign>[{_SMALL}])")
FRACTION = re.compile(
    r"(?<![\w./,-])(?:(?P<whole>\d+) )?(?P<a>\d{1,3})/(?P<b>\d{1,3})(?![\w/%]|\.\d)"
)
ORDINAL = re.compile(r"(?<![\w.])(?P<a>\d{1,3}(?:,\d{3})+|\d+)(?:st|nd|rd|th)\b", re.I)
RANGE = re.compile(
    rf"(?<![\w.,:/$-])(?P<a>{AMOUNT})(?:\s?[-–—]\s?)(?P<b>{AMOUNT})(?![\w:/%]|-\d|[.,]\d)"
)
SCALED = re.compile(r"(?<![\w.,])(?P<a>\d+(?:\.\d+)?)(?P<as>[kKM])(?!\w)")
TIMES = re.compile(r"(?<![\w.,])(?P<a>\d+(?:\.\d+)?)x(?!\w)")
DIMENSIONS = re.compile(r"(?<![\w.,])(?P<a>\d+(?:\.\d+)?)\s?[x×]\s?(?P<b>\d+(?:\.\d+)?)(?!\w)")
NUMBER_SIGN = re.compile(r"(?:#\s?|\b(?:No|Nos|no)\.\s?)(?P<a>\d+)(?!\w|[.,]\d)")
NEGATIVE = re.compile(rf"(?<![\w.,%)-])[-−](?P<a>{AMOUNT})(?!\w|-\d|[.,]\d)")
NUMBER = re.compile(rf"(?:{AMOUNT})")


def say_percent(found: re.Match[str]) -> str:
    """5%, 5-10%."""
    words = number(found["a"])
    if found["b"]:
        words += f" to {number(found['b'])}"
    return f"{minus(found.groupdict())}{words} percent"


def say_measure(found: re.Match[str]) -> str | None:
    """5 km, 98.6°F, 10-15 min, 5 mg/ml."""
    written = found["unit"]
    if len(written) == 1 and written in "MGL" or (written == "m" and found[0][-2:-1] == "-"):
        return None  # a code's letter, not a measure
    one, many = _UNITS[written.lower()]
    words = number(found["a"])
    if found["b"]:
        words += f" to {number(found['b'])}"
    is_one = found["a"] == "1" and not found["b"]
    is_adjective = "-" + written in found[0] and not found["b"]
    words += ("-" if is_adjective else " ") + (one if is_one or is_adjective else many)
    below = (found["per"] or "").lower()
    words += f" per {_UNITS[below][0]}" if below in _UNITS else per(found["per"])
    return minus(found.groupdict()) + words


def say_feet_inches(found: re.Match[str]) -> str:
    """5'10"."""
    return f"{cardinal(int(found['ft']))} foot {cardinal(int(found['inch']))}"


def say_fraction_sign(found: re.Match[str]) -> str:
    """2½."""
    words = _SMALL_WORDS[found["sign"]]
    if not found["whole"]:
        return "one half" if words == "half" else words
    return f"{number(found['whole'])} and {'a half' if words == 'half' else words}"


def say_fraction(found: re.Match[str]) -> str:
    """3/4, 1 1/2; 24/7; 120/80."""
    above, below, whole = int(found["a"]), int(found["b"]), found["whole"]
    if (above, below) in ((24, 7), (50, 50), (9, 11)):
        words = f"{cardinal(above)} {cardinal(below)}"
    elif 0 < above < below and (below in range(2, 11) or below in (12, 16, 100)):
        name = _HALVES.get(below) or ordinal(below)
        plural = "" if above == 1 else "halves" if below == 2 else "s"
        words = f"{cardinal(above)} {name}{plural}"
    else:
        words = f"{cardinal(above)} over {cardinal(below)}"
    if not whole:
        return words
    article = "a half" if (above, below) == (1, 2) else words
    article = "a quarter" if (above, below) == (1, 4) else article
    return f"{number(whole)} and {article}"


def say_ordinal(found: re.Match[str]) -> str:
    """21st."""
    return ordinal(int(found["a"].replace(",", "")))


def say_range(found: re.Match[str]) -> str:
    """9-5 is "nine to five"."""
    return f"{number(found['a'])} to {number(found['b'])}"


def say_scaled(found: re.Match[str]) -> str:
    """10k, 5M."""
    return number(found["a"]) + spaced(scale_of(found["as"]))


def say_times(found: re.Match[str]) -> str:
    """3x."""
    return f"{number(found['a'])} times"


def say_dimensions(found: re.Match[str]) -> str:
    """4x6."""
    return f"{number(found['a'])} by {number(found['b'])}"


def say_number_sign(found: re.Match[str]) -> str:
    """#5, No. 5."""
    return f"number {number(found['a'])}"


def say_negative(found: re.Match[str]) -> str:
    """-5."""
    return f"minus {number(found['a'])}"


def say_number(found: re.Match[str]) -> str:
    """1,234; 3.14; 007."""
    return number(found[0])
