"""What a caller's words mean to a receptionist: telephone numbers, times, days, names, topics.

Tolerant of what recognisers do: digits as words or numerals, with or without punctuation.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_UNITS = {
    word: value
    for value, word in enumerate("zero one two three four five six seven eight nine".split())
} | {"oh": 0, "o": 0}
_TEENS = {
    word: value
    for value, word in enumerate(
        "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split(),
        start=10,
    )
}
_TENS = {
    word: 10 * value
    for value, word in enumerate(
        "twenty thirty forty fifty sixty seventy eighty ninety".split(), start=2
    )
}
_SOUNDS_LIKE = {"to": "two", "too": "two", "for": "four", "won": "one", "ate": "eight"}
_TIMES = {"double": 2, "triple": 3}
_PHONE_DIGITS = 7  # the shortest number a clinic would call back
_TOKEN = re.compile(r"\[[A-Z]+_\d+\]")  # what stands for personal data a bot keeps from its model
_NOON_HOUR = 12
_FIRST_HOUR = 8  # a bare "two" is two in the afternoon: the clinic opens at eight

_TOPICS = (
    ("emergency", r"can'?t breathe|cannot breathe|can'?t swallow|bleeding badly|emergency"),
    (
        "machine",
        r"\b(are you|is this|talking to) an? (robot|machine|real|human|computer|ai|a ?i)\b",
    ),
    ("person", r"person|human|somebody|someone|representative|operator|transfer|put me through"),
    ("repeat", r"repeat|say (that|it) again|pardon|what did you say|come again|didn'?t hear"),
    ("cancel", r"cancel|call off"),
    ("move", r"\bmove|reschedule|another (day|time)|change (my|the|an) (appointment|time)"),
    ("parking", r"\bpark(ing)?\b|car park"),
    ("price", r"cost|price|how much|insurance|insured|\bpay\b|expensive|charge"),
    ("where", r"where|address|located|location|directions|find you"),
    ("whitening", r"whiten"),
    ("children", r"children|kids|\bchild\b|daughter|my son\b"),
    ("new_patient", r"new patient|taking (on )?patients|register"),
    ("pain", r"toothache|tooth ?ache|pain|hurts|swelling|swollen|broken tooth"),
    (
        "book",
        r"\bbook|appointment|schedule|come in|free|available|slot|see (a|the) dentist"
        r"|anything on|check ?-?up|clean my teeth",
    ),
    ("hours", r"\bopen(ing)?\b|\bclosed?\b|\bhours\b|what time do you"),
    ("goodbye", r"\b(good ?bye|bye)\b|that'?s (all|everything|it)\b|that is (all|everything)"),
    ("thanks", r"thank|cheers"),
    ("question", r"ask (you )?(something|a question)|one question|something else"),
    ("wait", r"\b(wait|hold on|stop|one moment|just a (moment|second)|excuse me)\b"),
    ("hello", r"\b(hello|hi|hey|good (morning|afternoon))\b"),
)
_YES = re.compile(
    r"\b(yes|yeah|yep|yup|correct|right|sure|exactly|okay|ok|fine|perfect|great|please|uh[ -]?huh"
    r"|mm[ -]?hmm)\b"
)
_NO = re.compile(r"\b(no|nope|not|wrong|incorrect|nothing)\b")
_NAME = re.compile(r"\b(?:my name is|name'?s|this is|i am|i'?m)\s+([a-z']+(?:\s+[a-z']+)?)")
_NOT_A_NAME = frozenset(
    "a an the calling looking not in here sorry fine good free from having just on about "
    "wondering trying afraid for with new ready".split()
)
_AFTER_A_NAME = frozenset("and my phone number is at on for please".split())


def plain(text: str) -> str:
    """Lower case, one space between words, punctuation that carries nothing gone."""
    kept = re.sub(r"[^a-z0-9':+\- ]", " ", text.lower().replace("\u2019", "'"))
    return re.sub(r"\s+", " ", kept).strip()


def topics(text: str) -> list[str]:
    """What it is about, most urgent first."""
    said = plain(text)
    return [topic for topic, pattern in _TOPICS if re.search(pattern, said)]


def is_yes(text: str) -> bool:
    """Does it agree?"""
    said = plain(text)
    return bool(_YES.search(said)) and not is_no(text)


def is_no(text: str) -> bool:
    """Does it disagree?"""
    return bool(_NO.search(plain(text)))


def digits(text: str) -> str:
    """The longest run of digits said, however it was said."""
    best = run = ""
    times = 1
    words = re.findall(r"[a-z]+|\d+", plain(text))
    index = 0
    while index < len(words):
        word = words[index]
        found = _digits_of(words, index, in_run=bool(run))
        if found is not None:
            value, used = found
            run += value * times
            times = 1
            index += used
            best = max(best, run, key=len)
            continue
        times = _TIMES.get(word, 1)
        if word not in _TIMES and word not in ("and", "uh", "um", "then"):
            run = ""
        index += 1
    return best


def _digits_of(words: Sequence[str], index: int, *, in_run: bool) -> tuple[str, int] | None:
    """The digits at `index` and how many words they take; homophones only amid other digits."""
    word = words[index]
    follower = words[index + 1] if index + 1 < len(words) else ""
    if in_run:
        word = _SOUNDS_LIKE.get(word, word)
    if word.isdigit():
        return word, 1
    if word in _UNITS:
        return str(_UNITS[word]), 1
    if word in _TEENS:
        return str(_TEENS[word]), 1
    if word in _TENS:
        unit = _UNITS.get(follower, 0)
        return (str(_TENS[word] + unit), 2) if unit else (str(_TENS[word]), 1)
    return None


def phone(text: str) -> str:
    """A telephone number as digits, or what stands for one; empty when there is none."""
    hidden = _TOKEN.search(text)
    if hidden:
        return hidden.group()
    found = digits(text)
    return found if len(found) >= _PHONE_DIGITS else ""


def written(number: str) -> str:
    """A number the way people write it, so that a voice groups it well: 555-0142."""
    if not number.isdigit() or len(number) < _PHONE_DIGITS:
        return number
    head, last = number[:-4], number[-4:]
    groups = [head[-3:], last]
    head = head[:-3]
    while head:
        groups.insert(0, head[-3:])
        head = head[:-3]
    return "-".join(groups)


def day(text: str) -> str:
    """A weekday, "today" or "tomorrow", lower case; empty when none was named."""
    said = plain(text)
    found = re.search(rf"\b({'|'.join(DAYS)}|today|tomorrow)s?\b", said)
    return found.group(1) if found else ""


def part(text: str) -> str:
    """ "morning" or "afternoon"; empty when neither was named."""
    said = plain(text)
    if "morning" in said and "good morning" not in said:
        return "morning"
    return "afternoon" if re.search(r"afternoon|evening|after lunch|after work", said) else ""


def name(text: str) -> str:
    """The name a caller gives, or nothing."""
    found = _NAME.search(plain(text))
    words = found.group(1).split() if found else []
    if not words or words[0] in _NOT_A_NAME:
        return ""
    if len(words) > 1 and words[1] in _AFTER_A_NAME:
        words = words[:1]
    return " ".join(words).title()


def choose(text: str, slots: Sequence[str]) -> str:
    """Which of the times offered ("10:30") was chosen; empty when none of them was."""
    said = plain(text)
    for pattern, index in ((r"\bfirst|earl", 0), (r"\bsecond\b", 1), (r"\blast|\blater", -1)):
        if slots and re.search(pattern, said) and (index != 1 or len(slots) > 1):
            return slots[index]
    for minutes, has_minutes in _times(said):
        exact = f"{minutes // 60:02d}:{minutes % 60:02d}"
        if exact in slots:
            return exact
        if not has_minutes:
            near = [slot for slot in slots if slot.startswith(exact[:3])]
            if len(near) == 1:
                return near[0]
    return ""


def names_a_time(text: str) -> bool:
    """Is a time of day in it, offered or not?"""
    said = plain(text)
    return any(has_minutes for _, has_minutes in _times(said)) or bool(
        re.search(r"\bo'?clock\b|\b[ap] ?m\b", said)
    )


def _times(said: str) -> list[tuple[int, bool]]:
    """Times of day in it as minutes since midnight, and whether minutes were said."""
    words = re.sub(r"\b(\d{1,2})(\d\d)\b", r"\1:\2", said).replace(":", " : ").split()
    values = [_value(words, index) for index in range(len(words))]
    is_morning = bool(re.search(r"\ba ?m\b|morning", said))
    found: list[tuple[int, bool]] = []
    for index, value in enumerate(values):
        if value is None or not 1 <= value <= 23:
            continue
        minutes = _minutes_after(words, values, index)
        before = " ".join(words[max(0, index - 2) : index])
        offset = {"half past": 30, "quarter past": 15, "quarter to": -15}.get(before)
        hour = value + _NOON_HOUR if value < _FIRST_HOUR and not is_morning else value
        has_minutes = minutes is not None or offset is not None
        found.append((hour * 60 + (minutes or 0) + (offset or 0), has_minutes))
    return found


def _minutes_after(words: Sequence[str], values: Sequence[int | None], index: int) -> int | None:
    """The minutes said behind the hour at `index`: "ten thirty", "10:30", "nine oh five"."""
    rest = index + 1
    while rest < len(words) and words[rest] in (":", "oh", "o"):
        rest += 1
    value = values[rest] if rest < len(words) else None
    is_minutes = value is not None and (rest > index + 1 or value >= 10)
    return value if is_minutes and value is not None and value < 60 else None


def _value(words: Sequence[str], index: int) -> int | None:
    """The number a word says; tens take the unit behind them."""
    word = words[index]
    if word.isdigit():
        return int(word)
    if word in _TENS:
        follower = words[index + 1] if index + 1 < len(words) else ""
        return _TENS[word] + _UNITS.get(follower, 0)
    if word in ("oh", "o"):
        return None
    return _UNITS.get(word, _TEENS.get(word))
