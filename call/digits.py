"""Digits said one by one: how a number without separators falls into groups."""

from __future__ import annotations

import re

import phonenumbers

# Eastern Arabic and Persian digits are the same numbers.
WESTERN = str.maketrans("٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹", "01234567890123456789")

_GROUPS = {
    6: (3, 3),
    7: (3, 4),
    8: (4, 4),
    9: (3, 3, 3),
    10: (3, 3, 4),
    11: (3, 4, 4),
    12: (4, 4, 4),
    15: (4, 6, 5),  # American Express
    16: (4, 4, 4, 4),
}


def grouped(digits: str) -> list[str]:
    """Groups of a plain run of digits, as people say them."""
    if len(digits) <= 5:
        return [digits]
    sizes = _GROUPS.get(len(digits))
    if len(digits) == 11 and digits[0] == "1":
        sizes = (1, 3, 3, 4)
    if sizes is None:
        full, rest = divmod(len(digits), 4)
        sizes = (4,) * full + ((rest,) if rest else ())
    groups, at = [], 0
    for size in sizes:
        groups.append(digits[at : at + size])
        at += size
    return groups


def written_groups(number: str) -> list[str]:
    """Groups as the writer parted them; long ones are parted further."""
    return [part for run in re.findall(r"\d+", number) for part in grouped(run)]


def international_groups(number: str) -> list[str]:
    """Groups of a "+…" number: the writer's, or its country's custom if it is one run."""
    runs = re.findall(r"\d+", number)
    if len(runs) > 1:
        return written_groups(number)
    try:
        parsed = phonenumbers.parse("+" + runs[0])
    except phonenumbers.NumberParseException:
        return grouped(runs[0])
    style = phonenumbers.PhoneNumberFormat.INTERNATIONAL
    return written_groups(phonenumbers.format_number(parsed, style))
