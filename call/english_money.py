"""English words for sums of money."""

from __future__ import annotations

import re

from call.english_numbers import cardinal, number

AMOUNT = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+"
_SCALES = {
    "k": "thousand",
    "m": "million",
    "mn": "million",
    "b": "billion",
    "bn": "billion",
    "t": "trillion",
}
_SCALE = r"(?:\s?(?:thousand|million|billion|trillion)\b|\s?(?:mn|bn|[kmbt])(?![\w/]))"
_DOLLAR = ("dollar", "dollars", "cent", "cents")
_EURO = ("euro", "euros", "cent", "cents")
_POUND = ("pound", "pounds", "penny", "pence")
_CURRENCIES: dict[str, tuple[str, str, str, str]] = {
    "$": _DOLLAR,
    "US$": ("US dollar", "US dollars", "cent", "cents"),
    "C$": ("Canadian dollar", "Canadian dollars", "cent", "cents"),
    "A$": ("Australian dollar", "Australian dollars", "cent", "cents"),
    "€": _EURO,
    "£": _POUND,
    "¥": ("yen", "yen", "sen", "sen"),
    "₹": ("rupee", "rupees", "paisa", "paise"),
    "₩": ("won", "won", "jeon", "jeon"),
    "USD": ("US dollar", "US dollars", "cent", "cents"),
    "CAD": ("Canadian dollar", "Canadian dollars", "cent", "cents"),
    "AUD": ("Australian dollar", "Australian dollars", "cent", "cents"),
    "EUR": _EURO,
    "GBP": _POUND,
    "JPY": ("yen", "yen", "sen", "sen"),
    "INR": ("rupee", "rupees", "paisa", "paise"),
    "CHF": ("Swiss franc", "Swiss francs", "centime", "centimes"),
    "AED": ("dirham", "dirhams", "fils", "fils"),
    "SAR": ("riyal", "riyals", "halala", "halalas"),
    "EGP": ("Egyptian pound", "Egyptian pounds", "piastre", "piastres"),
    "dollars": _DOLLAR,
    "euros": _EURO,
    "pounds": _POUND,
}
_SIGN = r"US\$|C\$|A\$|[$€£¥₹₩]"
_CODE = r"USD|CAD|AUD|EUR|GBP|JPY|INR|CHF|AED|SAR|EGP"
_PER_WORDS = {
    "mo": "month",
    "yr": "year",
    "wk": "week",
    "d": "day",
    "hr": "hour",
    "h": "hour",
    "min": "minute",
    "s": "second",
    "sec": "second",
    "pp": "person",
}
_PER = r"(?:\s?/\s?(?P<per>[a-z]+)\b)?"
_DASH = r"\s?[-–—]\s?"

MONEY = re.compile(
    rf"(?P<minus>(?<![\w-])[-−])?(?:(?P<sign>{_SIGN})|(?<!\w)(?P<code>{_CODE}))\s?"
    rf"(?P<a>{AMOUNT})(?P<as>{_SCALE})?"
    rf"(?:{_DASH}(?:{_SIGN})?(?P<b>{AMOUNT})(?P<bs>{_SCALE})?)?{_PER}(?!\w)",
    re.I,
)
MONEY_BEHIND = re.compile(
    rf"(?<![\w.,])(?P<minus>[-−])?(?P<a>{AMOUNT})(?P<as>{_SCALE})?"
    rf"(?:{_DASH}(?P<b>{AMOUNT})(?P<bs>{_SCALE})?)?\s?(?:(?P<sign>[€£¥₹₩])|(?P<code>{_CODE})){_PER}(?!\w)"
)
MONEY_IN_WORDS = re.compile(
    r"(?<![\w.,$])(?P<a>(?:\d{1,3}(?:,\d{3})+|\d+)\.\d\d) (?P<code>dollars|euros|pounds)\b"
)
CENTS = re.compile(r"(?<![\w.,])(?P<a>\d+)\s?¢")


def say_money(found: re.Match[str]) -> str:
    """$42.50, $5 million, $50-100/month, 20 EUR."""
    groups = found.groupdict()
    currency = _CURRENCIES[_currency_key(groups)]
    first, scale = groups["a"], scale_of(groups.get("as"))
    words = _sum(first, scale, currency)
    if groups.get("b"):
        last_scale = scale_of(groups["bs"]) or scale
        last = _sum(groups["b"], last_scale, currency)
        is_plain = "." not in first and "." not in groups["b"]
        words = f"{number(first) + spaced(scale) if is_plain else words} to {last}"
    return minus(groups) + words + per(groups.get("per"))


def say_cents(found: re.Match[str]) -> str:
    """99¢."""
    return f"{cardinal(int(found['a']))} cent{'' if int(found['a']) == 1 else 's'}"


def _currency_key(groups: dict[str, str | None]) -> str:
    sign, code = groups.get("sign"), groups.get("code")
    if sign:
        return sign.upper()
    return code if code in ("dollars", "euros", "pounds") else (code or "").upper()


def scale_of(written: str | None) -> str:
    name = (written or "").strip().lower()
    return _SCALES.get(name, name)


def _sum(amount: str, scale: str, currency: tuple[str, str, str, str]) -> str:
    one, many, minor_one, minor_many = currency
    whole, _, decimals = amount.replace(",", "").partition(".")
    cents = decimals.rstrip("0") if len(decimals) > 2 else decimals
    if scale or len(cents) > 2:
        return f"{number(amount)}{spaced(scale)} {many}"
    units, hundredths = int(whole or 0), int((cents or "0").ljust(2, "0"))
    parts = []
    if units or not hundredths:
        parts.append(f"{cardinal(units)} {one if units == 1 else many}")
    if hundredths:
        parts.append(f"{cardinal(hundredths)} {minor_one if hundredths == 1 else minor_many}")
    return " and ".join(parts)


def spaced(word: str) -> str:
    return f" {word}" if word else ""


def minus(groups: dict[str, str | None]) -> str:
    return "minus " if groups.get("minus") else ""


def per(written: str | None) -> str:
    return f" per {_PER_WORDS.get(written.lower(), written)}" if written else ""
