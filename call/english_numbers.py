"""English words for numbers: num2words' tables, said the way people say them on the telephone."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from num2words import num2words

from call.digits import grouped

_DIGITS = "zero one two three four five six seven eight nine".split()


@lru_cache(maxsize=4096)
def cardinal(number: int) -> str:
    """ "one thousand two hundred thirty-four"."""
    if number < 0:
        return f"minus {cardinal(-number)}"
    return _american(num2words(number))  # type: ignore[no-untyped-call]


@lru_cache(maxsize=1024)
def ordinal(number: int) -> str:
    """ "twenty-first"."""
    return _american(num2words(number, to="ordinal"))  # type: ignore[no-untyped-call]


def spelled(digits: str) -> str:
    """One group of digits, one by one."""
    return " ".join(_DIGITS[int(digit)] for digit in digits)


def in_groups(groups: Iterable[str]) -> str:
    """Groups of digits, one by one, a pause between groups."""
    return ", ".join(spelled(group) for group in groups)


def number(written: str) -> str:
    """A written number: "1,200", "3.50", ".5", "007", "-4"."""
    plain = written.replace(",", "")
    if len(written) == 4 and "1100" < written < "1999" and written.isdigit():
        return year(int(written))  # "fifteen fifty", as years and house numbers are said
    if plain[:1] in ("-", "\u2212"):
        return f"minus {number(plain[1:])}"
    whole, point, decimals = plain.partition(".")
    words = _whole(whole, is_alone=not point)
    if point:
        words = f"{words} point {spelled(decimals)}".strip()
    return words


def year(number: int) -> str:
    """ "nineteen eighty-five", "two thousand five", "twenty twenty-six"."""
    century, rest = divmod(number, 100)
    if number < 1000 or (century % 10 == 0 and rest < 10):
        return cardinal(number)
    if rest == 0:
        return f"{cardinal(century)} hundred"
    return f"{cardinal(century)} {'oh ' if rest < 10 else ''}{cardinal(rest)}"


def _whole(digits: str, *, is_alone: bool) -> str:
    if not digits:
        return ""
    if is_alone and len(digits) > 1 and digits[0] == "0":
        return in_groups(grouped(digits))
    return cardinal(int(digits))


def _american(words: str) -> str:
    return words.replace(",", "").replace(" and ", " ")
