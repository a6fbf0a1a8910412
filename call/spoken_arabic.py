"""What Arabic says for what is written, in the order in which the kinds are tried.

`\\d` takes western and eastern digits alike.
"""

from __future__ import annotations

import re

from call import english_addresses as addresses
from call.arabic_numbers import (
    Noun,
    counted,
    hour,
    in_groups,
    number,
    ordinal,
    spelled,
    western,
    year,
)
from call.digits import grouped, international_groups, written_groups
from call.markup import MARKUP, Family, Rule

_NUM = r"(?:\d{1,3}(?:[,٬]\d{3})+|\d+)(?:[.٫]\d+)?"
_DASH = r"\s?[-–—]\s?"
_MONTHS = ("يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر").split()
_MONTH = "|".join([*_MONTHS, "إبريل", "ابريل", "اغسطس", "اكتوبر"])

_CENT = Noun("سنت", "سنتان", "سنتات", "سنتا")
_FILS = Noun("فلس", "فلسان", "فلوس", "فلسا")
_HALALA = Noun("هللة", "هللتان", "هللات", "هللة", is_feminine=True)
_PIASTRE = Noun("قرش", "قرشان", "قروش", "قرشا")
_PENNY = Noun("بنس", "بنسان", "بنسات", "بنسا")
_DOLLAR = Noun("دولار", "دولاران", "دولارات", "دولارا")
_EURO = Noun("يورو", "يورو", "يورو", "يورو")
_RIYAL = Noun("ريال", "ريالان", "ريالات", "ريالا")
_DIRHAM = Noun("درهم", "درهمان", "دراهم", "درهما")
_DINAR = Noun("دينار", "ديناران", "دنانير", "دينارا")
_POUND = Noun("جنيه", "جنيهان", "جنيهات", "جنيها")
_LIRA = Noun("ليرة", "ليرتان", "ليرات", "ليرة", is_feminine=True)


def _of(noun: Noun, kind: str) -> Noun:
    """The noun with an adjective, which follows its number: "خمسة دنانير كويتية"."""
    return Noun(
        f"{noun.one} {kind}", f"{noun.two} {kind}ان", f"{noun.few} {kind}ة", f"{noun.many} {kind}ا"
    )


_STERLING = (_of(_POUND, "إسترليني"), _PENNY, 2)
_SAUDI = (_of(_RIYAL, "سعودي"), _HALALA, 2)
_EMIRATI = (_of(_DIRHAM, "إماراتي"), _FILS, 2)
_KUWAITI = (_of(_DINAR, "كويتي"), _FILS, 3)
_EGYPTIAN = (_of(_POUND, "مصري"), _PIASTRE, 2)
_CURRENCIES: dict[str, tuple[Noun, Noun, int]] = {
    # the unit, its part, how many decimals the part has
    **dict.fromkeys(("$", "USD", "دولار"), (_DOLLAR, _CENT, 2)),
    **dict.fromkeys(("€", "EUR", "يورو"), (_EURO, _CENT, 2)),
    **dict.fromkeys(("£", "GBP"), _STERLING),
    **dict.fromkeys(("ر.س", "SAR"), _SAUDI),
    **dict.fromkeys(("د.إ", "AED"), _EMIRATI),
    **dict.fromkeys(("د.ك", "KWD"), _KUWAITI),
    **dict.fromkeys(("ج.م", "EGP"), _EGYPTIAN),
    "ريال": (_RIYAL, _HALALA, 2),
    "درهم": (_DIRHAM, _FILS, 2),
    "دينار": (_DINAR, _FILS, 3),
    "جنيه": (_POUND, _PIASTRE, 2),
    "ليرة": (_LIRA, _PIASTRE, 2),
}
_NOUN_FORMS = {
    form: key
    for key in ("دولار", "يورو", "ريال", "درهم", "دينار", "جنيه", "ليرة")
    for form in (
        _CURRENCIES[key][0].one,
        _CURRENCIES[key][0].few,
        _CURRENCIES[key][0].many,
        _CURRENCIES[key][0].many + "ً",
        _CURRENCIES[key][0].many[:-1] + "ًا",
    )
}
_CODES = "|".join(re.escape(code) for code in ("$", "€", "£", "ر.س", "د.إ", "د.ك", "ج.م"))
_LATIN = "USD|EUR|GBP|SAR|AED|KWD|EGP"
_FORMS = "|".join(sorted(_NOUN_FORMS, key=len, reverse=True))
_NO_MORE = r"(?![\w]|[.,٫٬]\d)"

MONEY_BEFORE = re.compile(rf"(?P<code>{_CODES}|{_LATIN})\s?(?P<a>{_NUM}){_NO_MORE}", re.I)
MONEY_BEHIND = re.compile(
    rf"(?<![\w.,])(?P<a>{_NUM})\s?(?P<code>{_CODES}|(?:{_LATIN}|{_FORMS})(?!\w))\.?", re.I
)
PERCENT = re.compile(rf"(?<![\w.,])(?:[%٪]\s?(?P<b>{_NUM})|(?P<a>{_NUM})\s?[%٪])")
_HALF = r"(?:صباحا|صباحًا|مساء|مساءً|ظهرا|ظهرًا|عصرا|عصرًا|ص|م|[AaPp]\.?[Mm]\.?)"
TIME = re.compile(
    rf"(?<![\w:.])(?P<h>[01]?\d|2[0-3]):(?P<m>[0-5]\d)(?:\s?(?P<half>{_HALF})(?!\w))?(?![:\d])"
)
HOUR = re.compile(
    rf"الساعة\s+(?P<n>(?P<h>1[0-2]|[1-9]|١[٠-٢]|[١-٩])(?:\s?(?P<half>{_HALF})(?!\w))?)(?![\d:.,]\d|\d)"
)
HOUR_RANGE = re.compile(
    r"الساعة\s+\d{1,2}(?:\s?\w+)?\s+(?:إلى|حتى|الى)\s+(?P<n>(?P<h>1[0-2]|[1-9]|١[٠-٢]|[١-٩])"
    rf"(?:\s?(?P<half>{_HALF})(?!\w))?)(?![\w:]|[.,]\d)"
)
ISO_DATE = re.compile(r"(?<![\w-])(?P<y>\d{4})([-/])(?P<m>\d{1,2})\2(?P<d>\d{1,2})(?![\w-])")
DATE = re.compile(r"(?<![\w/.-])(?P<d>\d{1,2})([/.-])(?P<m>\d{1,2})\2(?P<y>\d{4})(?![\w/-])")
DAY_MONTH = re.compile(
    rf"(?<![\w.,])(?P<d>\d{{1,2}})\s+(?P<m>{_MONTH})(?!\w)(?:،?\s+(?P<y>\d{{4}})(?!\w))?"
)
CODE = re.compile(
    r"(?:رمز|الرمز|كود|الكود|رقم|الرقم|السري|البريدي|بـ|هاتف|الهاتف|جوال|حساب|الحساب|الحجز|التأكيد"
    r"|الطلب|غرفة|الغرفة)"
    r"(?:\s+(?:التأكيد|الحجز|الطلب|الحساب|الهاتف|الجوال|السري|البريدي|الغرفة|هو|هي|الخاص بك))*"
    r"\s*:?\s*(?P<n>\d{3,})(?![\w]|[.,/]\d|-\d)"
)
LONG = re.compile(r"(?<![\w$€£.,-])\d{7,}(?![\w%]|[.,]\d)")
RANGE = re.compile(rf"(?<![\w.,:/-])(?P<a>{_NUM}){_DASH}(?P<b>{_NUM})(?![\w:/%٪]|-\d)")
_FEMININE_NOUNS = (
    "ساعة|ساعات|دقيقة|دقائق|ثانية|ثوان|ثواني|سنة|سنوات|مرة|مرات|ليلة|ليال|ليالي|غرفة|غرف|جلسة|جلسات"
    "|زيارة|زيارات|عيادة|عيادات|درجة|درجات|صفحة|صفحات"
)
FEMININE = re.compile(rf"(?<![\w.,])(?P<a>{_NUM})\s+(?P<noun>{_FEMININE_NOUNS})(?!\w)")


def _regular(stem: str) -> Noun:
    """A borrowed noun, whose plural ends in -at."""
    return Noun(stem, f"{stem}ان", f"{stem}ات", f"{stem}ا")


_DEGREE = Noun("درجة مئوية", "درجتان مئويتان", "درجات مئوية", "درجة مئوية", is_feminine=True)
_UNITS = {
    **dict.fromkeys(("كم", "km"), _regular("كيلومتر")),
    **dict.fromkeys(("كغ", "كجم", "kg"), _regular("كيلوغرام")),
    **dict.fromkeys(("ملغ", "ملجم", "mg"), _regular("مليغرام")),
    **dict.fromkeys(("مل", "ml"), _regular("مليلتر")),
    **dict.fromkeys(("سم", "cm"), _regular("سنتيمتر")),
    **dict.fromkeys(("مم", "mm"), _regular("مليمتر")),
    **dict.fromkeys(("°C", "°م", "°"), _DEGREE),
}
MEASURE = re.compile(
    rf"(?<![\w.,])(?P<a>{_NUM})\s?(?P<unit>{'|'.join(sorted(_UNITS, key=len, reverse=True))})(?!\w)"
)
NEGATIVE = re.compile(rf"(?<![\w.,%)-])[-−](?P<a>{_NUM})(?!\w|-\d)")
NUMBER = re.compile(_NUM)

_SIGNS = {
    "@": "آت",
    ".": "دوت",
    "-": "شرطة",
    "_": "شرطة سفلية",
    "/": "سلاش",
    "+": "زائد",
}


def families() -> tuple[Family, ...]:
    """The rules for Arabic."""
    masked: Rule = (addresses.MASKED_CARD, lambda found: f"تنتهي بـ {spelled(found['digits'])}")
    return ((_DIGIT, (masked,)), MARKUP, (_NET_SIGN, _NET), (_DIGIT, _NUMBERS), (_ANY, _SIGN_RULES))


_ANY = re.compile("")
_DIGIT = re.compile(r"\d")
_NET_SIGN = re.compile(r"[^\W_]\.[^\W_]|@|://")


def _address(found: re.Match[str]) -> str:
    address = re.sub(r"^https?://", "", found[0]).rstrip("/")
    pieces = re.findall(r"[A-Za-z]+|\d+|[^A-Za-z\d\s]", address)
    return " ".join(
        spelled(piece) if piece.isdigit() else _SIGNS.get(piece, piece) for piece in pieces
    )


def _international(written: str) -> str:
    return in_groups(international_groups(western(written)))


def _groups(found: re.Match[str]) -> str:
    return in_groups(written_groups(western(found[0])))


def _long(found: re.Match[str]) -> str | None:
    digits = western(found[0])
    if digits[0] != "0" and digits.endswith("00000"):
        return None
    return in_groups(grouped(digits))


def _hour(found: re.Match[str]) -> str:
    return hour(int(found["h"])) + _half(found["half"], hours=0)


def _time(found: re.Match[str]) -> str:
    hours, minutes = int(found["h"]), int(found["m"])
    words = hour(hours + 1) if minutes == 45 else hour(hours)
    if minutes == 15:
        words += " والربع"
    elif minutes == 30:
        words += " والنصف"
    elif minutes == 45:
        words += " إلا ربعا"
    elif minutes:
        minute = Noun("دقيقة", "دقيقتان", "دقائق", "دقيقة", is_feminine=True)
        words += f" و{counted(minutes, minute)}"
    return words + _half(found["half"], hours=hours)


def _half(written: str | None, *, hours: int) -> str:
    if not written:
        return " مساء" if hours > 12 else ""
    mark = written.lower().replace(".", "")
    return {"ص": " صباحا", "am": " صباحا", "م": " مساء", "pm": " مساء"}.get(mark, f" {written}")


def _date(found: re.Match[str]) -> str | None:
    written = found["m"]
    month = written if not written.isdigit() else _month(int(written))
    day = int(found["d"])
    if month is None or not 1 <= day <= 31:
        return None
    words = f"{ordinal(day)} من {month}"
    return f"{words} عام {year(int(found['y']))}" if found["y"] else words


def _month(month: int) -> str | None:
    return _MONTHS[month - 1] if 1 <= month <= 12 else None


def _feminine(found: re.Match[str]) -> str:
    if western(found["a"]) == "1":
        return f"{found['noun']} واحدة"
    return f"{number(found['a'], is_feminine=True)} {found['noun']}"


def _measure(found: re.Match[str]) -> str:
    unit = _UNITS[found["unit"]]
    amount = western(found["a"])
    return counted(int(amount), unit) if amount.isdigit() else f"{number(amount)} {unit.one}"


def _money(found: re.Match[str]) -> str:
    code = found["code"]
    unit, part, digits = _CURRENCIES[_NOUN_FORMS.get(code) or code.upper()]
    whole, _, decimals = western(found["a"]).partition(".")
    if decimals[digits:].rstrip("0"):  # finer than the smallest coin
        return f"{number(found['a'])} {unit.one}"
    parts = int(decimals.ljust(digits, "0")[:digits] or 0)
    words = []
    if int(whole or 0) or not parts:
        words.append(counted(int(whole or 0), unit))
    if parts:
        words.append(counted(parts, part))
    return " و".join(words) + ("." if found[0].endswith(".") else "")


_NET: tuple[Rule, ...] = (
    (addresses.EMAIL, _address),
    (addresses.URL, _address),
)
_NUMBERS: tuple[Rule, ...] = (
    (addresses.INTERNATIONAL, lambda found: f"زائد {_international(found[0])}"),
    (addresses.NATIONAL, _groups),
    (addresses.HYPHENED, _groups),
    (addresses.LOCAL, _groups),
    (addresses.SPACED, _groups),
    (addresses.TWO_SPACED, _groups),
    (LONG, _long),
    (CODE, lambda found: in_groups(grouped(western(found["n"])))),
    (HOUR_RANGE, _hour),
    (HOUR, _hour),
    (TIME, _time),
    (ISO_DATE, _date),
    (DATE, _date),
    (DAY_MONTH, _date),
    (MONEY_BEFORE, _money),
    (MONEY_BEHIND, _money),
    (PERCENT, lambda found: f"{number(found['a'] or found['b'])} بالمئة"),
    (MEASURE, _measure),
    (FEMININE, _feminine),
    (RANGE, lambda found: f"{number(found['a'])} إلى {number(found['b'])}"),
    (NEGATIVE, lambda found: f"سالب {number(found['a'])}"),
    (NUMBER, lambda found: number(found[0])),
)
_SIGN_RULES: tuple[Rule, ...] = (
    (re.compile(r"(?<=\s)&(?=\s)"), lambda _: "و"),
    (re.compile(r"(?<!\w)[*_#^`~\\|<>]+(?!\w)|[*`^\\|<>]+"), lambda _: ""),
)
