"""Personal data that is more than a run of symbols: e-mail, dates, addresses, names.

Each function returns (start, end, value) stretches of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from call.privacy_lexicon import (
    ANNOUNCING,
    ARABIC_STREET,
    EMAIL,
    GLUE,
    HOST_DOTS,
    HOSTS,
    LETTER,
    LINKING,
    MONTHS,
    NOT_A_NAME,
    ORDINALS,
    ROOMS,
    SINGLE,
    STREETS,
    TEEN,
    TENS,
    TIMES,
    WRITTEN,
)
from call.privacy_reading import Run, Tokens, _as_in, _symbol

Stretch = tuple[int, int, str]

WRITTEN_EMAIL = re.compile(r"[^\s@,;:<>()\[\]]+@[^\W_](?:[\w-]*\.)+[^\W\d_]{2,}")
PLAIN = re.compile(
    r"(?=[\d$€£¥])(?:(?<![\d.:/-])(?:[01]?\d|2[0-3]|[٠-٩]{1,2})[:.][0-5٠-٥][\d٠-٩](?![\d:/-]|\.\d)"
    r"|[$€£¥]\s?\d[\d,.]*|(?<![\d,])\d{1,3}(?:,\d{3})+(?![\d-])|\d+(?:\.\d+)?\s?%)"
)
"""Times of day, prices, amounts, percentages: never personal."""
DATE = re.compile(
    r"(?=\d)(?<![\d./-])(?:(?P<y>(?:19|20)\d\d)([-/.])(?P<ym>0?[1-9]|1[0-2])\2(?P<yd>[0-2]?\d|3[01])"
    r"|(?P<a>[0-2]?\d|3[01])([-/.])(?P<b>[0-2]?\d|3[01])\6(?P<z>(?:19|20)\d\d|\d\d))(?![\d/-]|\.\d)"
)
_SEPARATORS = {
    "dot": ".", "point": ".", "period": ".", ".": ".", "underscore": "_", "_": "_", "dash": "-",
    "hyphen": "-", "-": "-", "minus": "-", "plus": "+", "+": "+", "نقطه": ".", "دوت": ".",
    "شرطه": "-", "اندرسكور": "_",
}  # fmt: skip
_AT = frozenset({"at", "@", "ات", "آت"})
_DOTS = HOST_DOTS | {"."}
_MOST_LOCAL = 40
_NO_LOCAL = LINKING | NOT_A_NAME
_NUMERALS = frozenset({SINGLE, TEEN, TENS, TIMES, WRITTEN})
_STOPS_ADDRESS = NOT_A_NAME - frozenset("a an in i of to one on me was".split())


# ── e-mail ───────────────────────────────────────────────────────────────────────────
def emails(tokens: Tokens, *, announced_at: int | None, asked: bool) -> list[Stretch]:
    """Spoken e-mail addresses; the one at the end may be only begun."""
    found: list[Stretch] = []
    words = tokens.words
    for at, word in enumerate(words):
        if word not in _AT or at == 0:
            continue
        end = _host_end(tokens, at + 1)
        if end is None:
            continue
        local = _local_begin(tokens, at, after=_value_begin(tokens, announced_at, asked))
        if local < at:
            found.append(_stretch(tokens, local, end, _address(tokens, local, end)))
    if not found:
        begin = _value_begin(tokens, announced_at, asked)
        if begin is not None and _looks_begun(tokens, begin):
            end = len(tokens)
            while end > begin and not tokens.is_word(end - 1):
                end -= 1
            found.append(_stretch(tokens, begin, end, _address(tokens, begin, end)))
    return found


def _stretch(tokens: Tokens, first: int, end: int, value: str) -> Stretch:
    return (tokens.starts[first], tokens.ends[end - 1], value)


def _value_begin(tokens: Tokens, announced_at: int | None, asked: bool) -> int | None:
    """The first token behind "my e-mail address is"."""
    if announced_at is None and not asked:
        return None
    at = 0 if announced_at is None else announced_at + 1
    while at < len(tokens) and (
        tokens.words[at] in LINKING
        and tokens.words[at] not in ("a", "i")
        or tokens.classes[at] == GLUE
        or not tokens.is_word(at)
        or ANNOUNCING.get(tokens.words[at]) == EMAIL
        or tokens.words[at] == "address"
    ):
        at += 1
    return at if at < len(tokens) else None


def _looks_begun(tokens: Tokens, begin: int) -> bool:
    """An announced address whose "at" has not come yet."""
    rest = tokens.words[begin:]
    if len(rest) > 16 or not rest:
        return False
    has_sign = any(w in _SEPARATORS and w not in (".", "-") or w in _AT for w in rest[1:])
    spelled = sum(kind in (LETTER, SINGLE) for kind in tokens.classes[begin:])
    is_short = sum(w[0].isalnum() for w in rest) <= 3
    is_name = not any(w in NOT_A_NAME and w not in _AT for w in rest)
    return is_name and (has_sign or spelled >= 2 or is_short)


def _host_end(tokens: Tokens, at: int) -> int | None:
    """The index behind "gmail dot com", "example dot co dot uk"; None if no host is there."""
    words, count = tokens.words, len(tokens)
    steps = 0
    while at < count and steps < 8 and words[at] not in _DOTS:
        if words[at] in HOSTS and not (at + 1 < count and words[at + 1] in _DOTS):
            return at + 1
        if not tokens.is_word(at) and words[at] not in _SEPARATORS and words[at] != ",":
            return None
        if words[at] in NOT_A_NAME and len(words[at]) > 1:
            return None
        at, steps = at + 1, steps + 1
    end = None
    while at + 1 < count and words[at] in _DOTS and words[at + 1].isalpha():
        if words[at] == "." and not tokens.touches(at):
            break
        at += 2
        end = at
        while at - 1 < count and at < count and len(words[at - 1]) == 1 and len(words[at]) == 1:
            if not words[at].isalpha():
                break
            at += 1  # "dot c o m"
            end = at
    return end


def _local_begin(tokens: Tokens, at: int, *, after: int | None) -> int:
    """Where the part before "at" begins."""
    if after is not None and after < at and at - after <= _MOST_LOCAL:
        return after
    index = at - 1
    words, classes = tokens.words, tokens.classes
    if not tokens.is_word(index):
        return at
    while index > 0:
        before = index - 1
        if words[before] in _SEPARATORS and (words[before] != "-" or before > 0):
            if words[before] == "." and not tokens.touches(before):
                break
            if before == 0:
                break
            index = before - 1
        elif _is_symbol(tokens, index) and _is_symbol(tokens, before):
            index = before
        elif classes[index] in _NUMERALS and words[before] not in _NO_LOCAL:
            if not tokens.is_word(before):
                break
            index = before
        else:
            break
    return index


def _is_symbol(tokens: Tokens, index: int) -> bool:
    return tokens.classes[index] in _NUMERALS or (
        tokens.classes[index] == LETTER and len(tokens.words[index]) == 1
    )


def _address(tokens: Tokens, begin: int, end: int) -> str:
    """The address as it is written."""
    out: list[str] = []
    at = begin
    while at < end:
        word, kind = tokens.words[at], tokens.classes[at]
        if word in _AT and "@" not in out and out:
            out.append("@")
        elif word in _SEPARATORS:
            out.append(_SEPARATORS[word])
        elif kind in _NUMERALS or (kind == LETTER and len(word) == 1):
            run = Run(at)
            step = _as_in(tokens, at) if kind == LETTER else _symbol(tokens, at, run)
            out.append(word if kind == LETTER else run.value)
            at = max(step, at + 1)
            continue
        elif tokens.is_word(at) and kind != GLUE:
            out.append(word)
        at += 1
    return "".join(out)


# ── dates ────────────────────────────────────────────────────────────────────────────
def written_date(found: re.Match[str]) -> tuple[str, int] | None:
    """(ISO date, year) of a written one; None if it is none."""
    if found["y"]:
        return f"{found['y']}-{int(found['ym']):02}-{int(found['yd']):02}", int(found["y"])
    first, second, year = int(found["a"]), int(found["b"]), int(found["z"])
    if not (1 <= first <= 31 and 1 <= second <= 31 and min(first, second) <= 12):
        return None
    year += 0 if year > 99 else (1900 if year > 25 else 2000)
    month, day = (first, second) if first <= 12 else (second, first)
    return f"{year}-{month:02}-{day:02}", year


def spoken_dates(tokens: Tokens) -> list[tuple[int, int, str, int]]:
    """(first token, token behind, ISO date, year or 0) of dates that name their month."""
    found = []
    for at, word in enumerate(tokens.words):
        month = MONTHS.get(word)
        if month is None or (word == "may" and not _day_beside(tokens, at)):
            continue
        if at > 1 and tokens.words[at - 1] == "in" and tokens.words[at - 2] == "as":
            continue  # "n as in november"
        begin, day = _day_before(tokens, at)
        end = at + 1
        if not day:
            end, day = _day_behind(tokens, at + 1)
        year_end, year = _year(tokens, end)
        if not year and end < len(tokens) and begin == at and tokens.classes[end] == SINGLE:
            continue  # "november four five nine": a letter and digits
        if begin and tokens.words[begin - 1] == "the":
            begin -= 1
        if day or year:
            found.append((begin, year_end if year else end, f"{year}-{month:02}-{day:02}", year))
    return found


def _day_beside(tokens: Tokens, at: int) -> bool:
    return bool(_day_before(tokens, at)[1] or _day_behind(tokens, at + 1)[1])


def _day_at(tokens: Tokens, at: int) -> tuple[int, int]:
    """(index behind, day) of a day of the month that begins at `at`."""
    if at >= len(tokens):
        return at, 0
    word, kind = tokens.words[at], tokens.classes[at]
    following = tokens.words[at + 1] if at + 1 < len(tokens) else ""
    if kind == TENS:
        step = 2 if following == "-" else 1
        unit = tokens.words[at + step] if at + step < len(tokens) else ""
        if unit in ORDINALS and ORDINALS[unit] < 10:
            return at + step + 1, int(tokens.values[at]) + ORDINALS[unit]
    if word in ORDINALS:
        return at + 1, ORDINALS[word]
    if kind == WRITTEN and len(tokens.values[at]) <= 2:
        day = int(tokens.values[at])
        step = 2 if following in ("st", "nd", "rd", "th") else 1
        return (at + step, day) if 1 <= day <= 31 else (at, 0)
    if kind in (SINGLE, TEEN, TENS):
        run = Run(at)
        behind = _symbol(tokens, at, run)
        day = int(run.value or 0)
        return (behind, day) if 1 <= day <= 31 else (at, 0)
    return at, 0


def _day_before(tokens: Tokens, month_at: int) -> tuple[int, int]:
    """The day in front of a month: "the fourteenth of March", "14 March"."""
    behind = month_at
    if behind and tokens.words[behind - 1] in ("of", "من"):
        behind -= 1
    for size in (3, 2, 1):
        at = behind - size
        if at >= 0:
            end, day = _day_at(tokens, at)
            if day and end == behind:
                return at, day
    return month_at, 0


def _day_behind(tokens: Tokens, at: int) -> tuple[int, int]:
    start = at
    if at < len(tokens) and tokens.words[at] == "the":
        at += 1
    end, day = _day_at(tokens, at)
    return (end, day) if day else (start, 0)


def _year(tokens: Tokens, at: int) -> tuple[int, int]:
    """The year at `at`: "1985", "nineteen eighty five", "two thousand and five"."""
    start = at
    skip = (",", "of", "in", "the", "year", "سنه", "عام")
    while at < len(tokens) and at - start < 3 and tokens.words[at] in skip:
        at += 1
    run = Run(at)
    index = at
    while index < len(tokens) and index - at < 6:
        if tokens.classes[index] in (SINGLE, TEEN, TENS, WRITTEN):
            index = _symbol(tokens, index, run)
        elif tokens.words[index] == "and" and run.is_sum:
            index += 1
        else:
            break
        value = _year_value(run)
        if value:
            following, more = Run(index), index
            if run.is_sum and more < len(tokens) and tokens.words[more] in ("and", "و"):
                more += 1
            if more < len(tokens) and tokens.classes[more] in (SINGLE, TENS, TEEN):
                end = _symbol(tokens, more, following)
                longer = _year_value(_joined(run, following))
                if longer:
                    return end, longer
            return index, value
    return start, 0


def _joined(first: Run, second: Run) -> Run:
    return Run(
        first.first, chunks=first.chunks + second.chunks, styles=first.styles + second.styles
    )


def _year_value(run: Run) -> int:
    chunks = run.chunks
    if run.is_sum:
        total = sum(int(chunk) for chunk in chunks)
    elif len(chunks) > 1 and run.styles[0] == WRITTEN:
        return 0
    else:
        total = int(run.value) if len(run.value) == 4 else 0
        if len(chunks) == 2 and len(run.value) == 3:  # "nineteen oh" is not over
            total = 0
    return total if 1900 <= total <= 2099 else 0


# ── addresses ────────────────────────────────────────────────────────────────────────
def addresses(tokens: Tokens, *, announced_at: int | None) -> list[Stretch]:
    """Street addresses: a number, one to four words, a kind of street, and what belongs to it."""
    found = []
    for at, word in enumerate(tokens.words):
        if word in STREETS and at >= 2:
            begin = _house_number(tokens, at)
            if begin is not None:
                end = _rest_of_address(tokens, at + 1)
                found.append(_stretch_as_said(tokens, begin, end))
        elif word in ARABIC_STREET and announced_at is not None and announced_at < at:
            end = at
            while end < len(tokens) and tokens.words[end] not in (".", "؟", "!"):
                end += 1
            found.append(_stretch_as_said(tokens, at, end))
            break
    return found


def _stretch_as_said(tokens: Tokens, begin: int, end: int) -> Stretch:
    start, stop = tokens.starts[begin], tokens.ends[end - 1]
    return start, stop, tokens.text[start:stop]


def _house_number(tokens: Tokens, street_at: int) -> int | None:
    """Where the house number in front of a street begins."""
    at, named = street_at - 1, 0
    while at >= 0 and named < 5:
        if tokens.classes[at] in _NUMERALS and named:
            begin = at
            while begin > 0 and (
                tokens.classes[begin - 1] in _NUMERALS or tokens.words[begin - 1] == "-"
            ):
                begin -= 1
            if tokens.classes[begin] not in _NUMERALS:
                begin += 1
            return begin
        word = tokens.words[at]
        if not tokens.is_word(at) and word not in ("-", ".", "'"):
            return None
        if word in _STOPS_ADDRESS and word not in ORDINALS:
            return None
        named += tokens.is_word(at)
        at -= 1
    return None


def _rest_of_address(tokens: Tokens, at: int) -> int:
    """Flat, town and postal code behind the street, when they follow at once."""
    end, words, count = at, tokens.words, len(tokens)
    look = at
    while look < count and not tokens.is_word(look) and words[look] != "?":
        look += 1
    if look < count and words[look] in ROOMS:
        look += 1
        while look < count and (tokens.classes[look] in _NUMERALS or len(words[look]) == 1):
            if words[look] in (".", "?"):
                break
            look += 1
        end = look
    at, named = end, 0
    while at < count and named < 5 and words[at] not in (".", "?", "!"):
        kind = tokens.classes[at]
        if kind in _NUMERALS and (kind != WRITTEN or len(tokens.values[at]) >= 4) and named:
            while at < count and tokens.classes[at] in _NUMERALS:
                at += 1
            return at
        if words[at] in _STOPS_ADDRESS:
            break
        named += tokens.is_word(at)
        at += 1
    return end


# ── names ────────────────────────────────────────────────────────────────────────────
_INTRODUCED = re.compile(
    r"(?:(?<=\bsur)|\b)name(?:['’]s|\s+is|:)\s+(?:uh,?\s+|um,?\s+|er,?\s+)?(?:is\s+|it['’]s\s+)?"
)
_INTRODUCED_IN_ARABIC = re.compile(r"\b(?:اسمي|اسمى|إسمي|الاسم|أدعى|اسمه|اسمها)\s+(?:هو\s+|هي\s+)?")
_PRESENTED = re.compile(
    r"\b(?:this is|i['’]m|i am|it['’]s under|under the name(?: of)?|call me)\s+(?=[^\W\d_])"
)
_PRESENTING = ("this is", "i'm", "i’m", "i am", "it's under", "it’s under", "under the name", "call me")
_SPEAKING = re.compile(
    r"\b(?:this is|it['’]s)\s+(?=(?:[^\W\d_][\w'’-]*[ ]){1,3}(?:speaking|calling|here)\b)"
)
_NAME_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*\.?")
_POLITE = re.compile(
    r"^(?:\s|[,.]|\b(?:it['’]s|its|that['’]s|yes|yeah|sure|okay|ok|uh|um|er|under|is|so|well|name|my"
    r"|i['’]m|this is|اه|نعم|طيب|انا|أنا)\b)*",
    re.I,
)


def names(text: str, *, asked: bool) -> list[Stretch]:
    """Names that were introduced, or asked for."""
    found = []
    low = _lowered(text)
    for pattern, beginnings in _introductions(text, low):
        is_capitalised = pattern is _PRESENTED
        for introduction in _beginning(pattern, low, beginnings):
            stretch = _name_at(text, introduction.end(), capitalised=is_capitalised)
            if stretch:
                found.append(stretch)
    if asked and not found:
        begin = _POLITE.match(text)
        stretch = _name_at(text, begin.end() if begin else 0, capitalised=False, most=3)
        if stretch and (text[stretch[0]].isupper() or not text[stretch[1] :].strip(" .,!?")):
            found.append(stretch)
    return found


def _introductions(text: str, low: str) -> Iterator[tuple[re.Pattern[str], Sequence[str]]]:
    """The patterns that may be in a text, and how each begins."""
    yield _INTRODUCED, ("name",)
    if not text.isascii():
        yield _INTRODUCED_IN_ARABIC, ("اسم", "إسم", "الاسم", "أدعى")
    if "speaking" in low or "calling" in low or " here" in low:
        yield _SPEAKING, ("this is", "it's", "it’s")
    yield _PRESENTED, _PRESENTING


def _beginning(
    pattern: re.Pattern[str], text: str, beginnings: Sequence[str]
) -> Iterator[re.Match[str]]:
    """Where the pattern is, looked for only where it can begin: it reads every word otherwise."""
    for beginning in beginnings:
        at = text.find(beginning)
        while at >= 0:
            found = pattern.match(text, at)
            if found:
                yield found
            at = text.find(beginning, at + 1)


def _lowered(text: str) -> str:
    """In lower case, every character in its place."""
    low = text.lower()
    if len(low) == len(text):
        return low
    return "".join(lower if len(lower := each.lower()) == 1 else each for each in text)


def _name_at(text: str, at: int, *, capitalised: bool, most: int = 4) -> Stretch | None:
    start = end = at
    count = 0
    while count < most and (found := _NAME_WORD.match(text, end + (1 if count else 0))):
        if count and text[end] not in " -":
            break
        word = found[0].rstrip(".").replace("’", "'")
        low = word.lower()
        announces = ANNOUNCING.get(low) or ANNOUNCING.get(low.lstrip("و"))
        is_initial = len(word) == 1 and word.isupper()
        if (low in NOT_A_NAME or announces) and not is_initial:
            break
        if len(word) == 1 and not is_initial:
            break  # spelled: a run's
        if capitalised and not word[0].isupper():
            break
        if is_initial and not count:
            break
        count += 1
        end = found.end() - (found[0].endswith(".") and not is_initial)
        if text[found.end() - 1] == ".":
            break
    value = text[start:end].strip()
    return (start, start + len(value), value) if count and len(value) > 1 else None
