"""Where text may not be cut: inside numbers, dates, times, sums, abbreviations and list marks."""

from __future__ import annotations

import re

WEEKDAYS = frozenset(
    "monday tuesday wednesday thursday friday saturday sunday mon tue tues wed thu thur thurs fri "
    "sat sun الأحد الاثنين الإثنين الثلاثاء الأربعاء الخميس الجمعة السبت".split()
)
MONTHS = frozenset(
    "january february march april may june july august september october november december jan "
    "feb mar apr jun jul aug sep sept oct nov dec يناير فبراير مارس أبريل إبريل مايو يونيو يوليو "
    "أغسطس سبتمبر أكتوبر نوفمبر ديسمبر".split()
)
# Written with a point inside a sentence, followed by a small letter or a digit; sentencex knows
# many others.
_ABBREVIATIONS = frozenset(
    "approx appt apt ext no nos min mins hr hrs sec ave st rd blvd dept etc tel vs e.g i.e".split()
) | {*WEEKDAYS, *MONTHS}
_MONTH_INITIALS = frozenset("JFMASOND")
_CURRENCY = frozenset("$€£¥₹﷼+#")
_UNFINISHED = frozenset('.-–—([{"“«') | _CURRENCY
_TRAILING = frozenset(".,;:!?)]}”»،؛؟-–—")
_LAST_WORD = re.compile(r"([^\s,;،؛]+)[\s,;،؛.–—-]*$")
_LIST_MARK = re.compile(r"\s*(?:\(?(?:\d{1,3}|[A-Za-z])[.)]+|[-*•]|#+)\s*")
_COMPLETE = re.compile(r"(?P<word>[^\s.!?…؟]+)(?P<end>[.!?…؟]+)[\"'”’»)\]*_]*\s*$")
_WORD_GAP = re.compile(r"\s+")


def is_number_or_date(head: str, behind: str, *, is_dash: bool = False) -> bool:
    """Whether a pause between `head` and `behind` (its first letter or digit on) belongs to a
    number, a date or a range of them: "March 3, 2025", "1, 2", "Tuesday, March 3", "9 - 5"."""
    last = _LAST_WORD.search(head)
    word = last.group(1).rstrip(".") if last else ""
    if word.lower().lstrip("(") in ("e.g", "i.e"):
        return True
    is_numeric_behind = _is_numeric(behind[:1])
    if word[-1:].isdigit() or word[-1:] == "%":
        return is_numeric_behind or is_dash
    is_day = word.lower() in WEEKDAYS
    if is_day or word.lower() in MONTHS:
        return is_numeric_behind or is_dash or (is_day and behind[:1] in _MONTH_INITIALS)
    return is_dash and is_numeric_behind


def is_list_mark(text: str) -> bool:
    """Whether there is nothing but the mark of a list item: "1.", "(a)", "-"."""
    return _LIST_MARK.fullmatch(text) is not None


def is_abbreviation(head: str, behind: str) -> bool:
    """Whether the point that ends `head` belongs to an abbreviation that sentencex does not know:
    small letter or digit behind it, or a single Arabic letter before it ("د. أحمد")."""
    word = head.rstrip().rstrip("\"'”’»)]").rstrip(".").split(" ")[-1].lstrip("(\"'“«")
    if len(word) == 1 and "\u0600" <= word <= "\u06ff":
        return True
    return word.lower() in _ABBREVIATIONS and (behind[:1].islower() or behind[:1].isdigit())


def last_safe_split(text: str) -> int:
    """Where to cut `text` between two words so that no number, date or abbreviation is torn; 0 if
    nowhere. What follows `text` is not known."""
    for gap in reversed(list(_WORD_GAP.finditer(text))):
        head, behind = text[: gap.start()], text[gap.end() :]
        if not has_word(head):
            return 0
        if _is_safe_gap(head.rsplit(None, 1)[-1], behind):
            return gap.end()
    return 0


def has_word(text: str) -> bool:
    """Whether there is anything to pronounce: a letter or a digit."""
    return any(char.isalnum() for char in text)


def looks_complete(text: str) -> bool:
    """Whether `text` ends as a sentence does, without knowing what follows."""
    found = _COMPLETE.search(text)
    if found is None or not has_word(text):
        return False
    if found["end"] != ".":
        return True
    word = found["word"].lstrip("(\"'“«*_")
    is_sure = len(word) > 3 and word[-1:].isalpha() and word.lower() not in _ABBREVIATIONS
    return is_sure and not word[:1].isdigit()


def _is_safe_gap(last: str, behind: str) -> bool:
    if any(char.isdigit() for char in last) or last[-1:] in _UNFINISHED:
        return False
    if last.strip(",;").lower() in WEEKDAYS | MONTHS:
        return False
    return not behind or not (_is_numeric(behind[0]) or behind[0] in _TRAILING)


def _is_numeric(char: str) -> bool:
    return char.isdigit() or (char != "" and char in _CURRENCY)
