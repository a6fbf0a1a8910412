"""How a value is said when it is read back: digit by digit, in the groups people write it in."""

from __future__ import annotations

from call import arabic_numbers
from call.privacy_lexicon import (
    ACCOUNT,
    ADDRESS,
    BANK,
    BIRTHDATE,
    CARD,
    CLAIM,
    CODE,
    EMAIL,
    LICENCE,
    NAME,
    NUMBER,
    PASSPORT,
    PHONE,
    POLICY,
    RECORD,
    SSN,
)
from call.spoken import spoken

_DIGITS = "zero one two three four five six seven eight nine".split()
_GROUPS = {
    (PHONE, 7): (3, 4),
    (PHONE, 10): (3, 3, 4),
    (PHONE, 11): (1, 3, 3, 4),
    (CARD, 15): (4, 6, 5),
    (SSN, 9): (3, 2, 4),
}
_AS_WRITTEN = frozenset({EMAIL, NAME, ADDRESS, BIRTHDATE})
_WITHHELD = {
    CARD: ("your card number", "رقم بطاقتك"),
    BANK: ("your bank details", "بياناتك البنكية"),
    SSN: ("your identity number", "رقم هويتك"),
    PHONE: ("your phone number", "رقم هاتفك"),
    EMAIL: ("your e-mail address", "بريدك الإلكتروني"),
    BIRTHDATE: ("your date of birth", "تاريخ ميلادك"),
    ADDRESS: ("your address", "عنوانك"),
    RECORD: ("your record number", "رقم ملفك"),
    POLICY: ("your policy number", "رقم وثيقتك"),
    CLAIM: ("your claim number", "رقم مطالبتك"),
    ACCOUNT: ("your account number", "رقم حسابك"),
    PASSPORT: ("your passport number", "رقم جوازك"),
    LICENCE: ("your licence number", "رقم رخصتك"),
    CODE: ("your code", "رمزك"),
    NAME: ("your name", "اسمك"),
    NUMBER: ("that number", "ذلك الرقم"),
}


def said(kind: str, value: str, *, language: str) -> str:
    """The words for a value."""
    if kind in _AS_WRITTEN:
        return spoken(value, language=language)
    is_arabic = _is_arabic(language)
    sizes = _GROUPS.get((kind, len(value))) or _sizes(len(value))
    groups, at = [], 0
    for size in sizes:
        groups.append(" ".join(_symbol(each, is_arabic) for each in value[at : at + size]))
        at += size
    return ("، " if is_arabic else ", ").join(groups)


def withheld(kind: str, *, language: str) -> str:
    """What is said instead of a value that may not be said."""
    return _WITHHELD[kind][_is_arabic(language)]


def _is_arabic(language: str) -> bool:
    return language.partition("-")[0].lower() == "ar"


def _symbol(symbol: str, is_arabic: bool) -> str:
    if not symbol.isdigit():
        return symbol.upper()
    return arabic_numbers.spelled(symbol) if is_arabic else _DIGITS[int(symbol)]


def _sizes(count: int) -> list[int]:
    """Groups of four, the first ones smaller when it does not divide; up to five stay together."""
    if count <= 5:
        return [count]
    first = count % 4
    return ([first] if first else []) + [4] * (count // 4)
