"""Arabic words for numbers, with the gender and number of what is counted.

The tables are our own: num2words writes the conjunction as a word of its own, leaves the duals in
the construct state ("مئتا" alone) and knows no gender.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from call.digits import WESTERN, grouped

_DIGITS = "صفر واحد اثنان ثلاثة أربعة خمسة ستة سبعة ثمانية تسعة".split()
_MASCULINE = (*_DIGITS, "عشرة")
_FEMININE = "صفر واحدة اثنتان ثلاث أربع خمس ست سبع ثماني تسع عشر".split()
_TENS = ["", "", *"عشرون ثلاثون أربعون خمسون ستون سبعون ثمانون تسعون".split()]
_HUNDREDS = ["", "مئة", "مئتان"] + [
    f"{stem}مئة" for stem in "ثلاث أربع خمس ست سبع ثمان تسع".split()
]
_ORDINALS = (
    " الأول الثاني الثالث الرابع الخامس السادس السابع الثامن التاسع العاشر الحادي الثاني"
).split(" ")
_HOURS = (
    "الثانية عشرة,الواحدة,الثانية,الثالثة,الرابعة,الخامسة,السادسة,السابعة,الثامنة,التاسعة,العاشرة,"
    "الحادية عشرة"
).split(",")


@dataclass(frozen=True)
class Noun:
    """Something that is counted, in the forms its number asks for."""

    one: str
    two: str
    few: str  # three to ten
    many: str  # eleven to ninety-nine
    is_feminine: bool = False


_THOUSAND = Noun("ألف", "ألفان", "آلاف", "ألفا")
_MILLION = Noun("مليون", "مليونان", "ملايين", "مليونا")
_BILLION = Noun("مليار", "ملياران", "مليارات", "مليارا")
_TRILLION = Noun("تريليون", "تريليونان", "تريليونات", "تريليونا")
_SCALES = ((10**12, _TRILLION), (10**9, _BILLION), (10**6, _MILLION), (10**3, _THOUSAND))


@lru_cache(maxsize=4096)
def cardinal(number: int, *, is_feminine: bool = False) -> str:
    """ "مئة وثلاثة وعشرون"."""
    if number < 0:
        return f"سالب {cardinal(-number, is_feminine=is_feminine)}"
    if number >= 10**15:
        return spelled(str(number))
    parts = []
    for size, noun in _SCALES:
        times, number = divmod(number, size)
        if times:
            parts.append(noun.one if times == 1 else counted(times, noun))
    if number or not parts:
        parts.append(_below_thousand(number, is_feminine=is_feminine))
    return " و".join(parts)


def counted(number: int, noun: Noun) -> str:
    """A number and the form of the noun it asks for: "ثلاثة دولارات", "خمسون دولارا"."""
    rest = number % 100
    if number == 1:
        return f"{noun.one} {'واحدة' if noun.is_feminine else 'واحد'}"
    if number == 2:
        return noun.two
    words = cardinal(number, is_feminine=noun.is_feminine)
    if 3 <= rest <= 10:
        return f"{words} {noun.few}"
    if rest >= 11:
        return f"{words} {noun.many}"
    if words.endswith(("ألفا", "مليونا", "مليارا")):
        words = words[:-1]  # "أحد عشر ألف دولار": thousands lose their ending before the noun
    elif rest == 0 and words.endswith(("مئتان", "ألفان", "مليونان", "ملياران")):
        words = words[:-1]  # "مئتا دولار": so does the dual
    return f"{words} {noun.one}"


def year(number: int) -> str:
    """A year behind "عام", in the genitive: "ألفين وخمسة وعشرين"."""
    return re.sub(r"(?<=[\u0621-\u064a]{2})(?:ان|ون)(?= |$)", "ين", cardinal(number))


def ordinal(number: int) -> str:
    """Days of a month: "الخامس", "الحادي والعشرون"."""
    tens, units = divmod(number, 10)
    if number <= 10:
        return _ORDINALS[number]
    if tens == 1:
        return f"{'الحادي' if units == 1 else _ORDINALS[units]} عشر"
    if not units:
        return f"ال{_TENS[tens]}"
    return f"{'الحادي' if units == 1 else _ORDINALS[units]} وال{_TENS[tens]}"


def hour(number: int) -> str:
    """Hours of the clock: "الثالثة"."""
    return _HOURS[number % 12]


def spelled(digits: str) -> str:
    """One group of digits, one by one."""
    return " ".join(_DIGITS[int(digit)] for digit in digits)


def in_groups(groups: Iterable[str]) -> str:
    """Groups of digits, one by one, a pause between groups."""
    return "، ".join(spelled(group) for group in groups)


def western(written: str) -> str:
    """The same number in western digits, without thousands' separators."""
    plain = written.translate(WESTERN).replace("٫", ".")
    return plain.replace("٬", "").replace(",", "").replace("،", "")


def number(written: str, *, is_feminine: bool = False) -> str:
    """A written number: "1,200", "3.5", "٣٫٥", "007"."""
    whole, point, decimals = western(written).partition(".")
    if not point and len(whole) > 1 and whole[0] == "0":
        return in_groups(grouped(whole))
    words = cardinal(int(whole or 0), is_feminine=is_feminine)
    return f"{words} فاصلة {_decimals(decimals)}" if point else words


def _decimals(digits: str) -> str:
    if len(digits) <= 2 and digits[0] != "0":
        return cardinal(int(digits))
    return spelled(digits)


def _below_thousand(number: int, *, is_feminine: bool) -> str:
    hundreds, rest = divmod(number, 100)
    parts = [_HUNDREDS[hundreds]] if hundreds else []
    if rest or not hundreds:
        parts.append(_below_hundred(rest, is_feminine=is_feminine))
    return " و".join(parts)


def _below_hundred(number: int, *, is_feminine: bool) -> str:
    names = _FEMININE if is_feminine else _MASCULINE
    if number <= 10:
        return names[number]
    tens, units = divmod(number, 10)
    if tens == 1:
        if units == 1:
            return "إحدى عشرة" if is_feminine else "أحد عشر"
        if units == 2:
            return "اثنتا عشرة" if is_feminine else "اثنا عشر"
        return f"{names[units]} {'عشرة' if is_feminine else 'عشر'}"
    if not units:
        return _TENS[tens]
    first = "إحدى" if is_feminine and units == 1 else names[units]
    return f"{first} و{_TENS[tens]}"
