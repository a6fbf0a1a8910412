"""Emergency words come first: "911", "nine eleven", "call an ambulance", in whatever state the call
is.

The caller's own words are read, before anything personal is taken out of them. A number counts when
it is said as one: not within a longer number, not as a price, a time or an address, not where a
number was asked for. In an interim a number without any other word waits for the final, since more
digits may follow. In doubt the line is said: it costs a caller a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from call.cues import normal, words_of
from call.digits import WESTERN
from call.privacy_lexicon import GLUE, HUNDRED, LEXICON, SINGLE, TEEN, TENS, TIMES, UNITS


@dataclass(frozen=True)
class Emergency:
    """Section `[emergency]` of agent.toml: what is said to a caller who needs other help than
    ours."""

    words: tuple[str, ...] = ("911", "112", "999", "ambulance")
    """numbers and words that call for it, in figures or as spoken; none: no line is said"""
    text: str = "If this is an emergency, please hang up and call your emergency number now."
    """said at once, whatever the agent is doing; then the call goes on"""
    number: str = ""
    """E.164 or three digits; who is dialled after the line; empty: nobody, the call goes on"""
    again_after_s: float = 30.0
    """seconds in which the line is not said again"""

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise ValueError("text is empty; write the sentence, or set words = []")
        for word in self.words:
            if not words_of(word):
                raise ValueError(f"words: {word!r} has no letter and no digit")
        if self.number and not re.fullmatch(r"\+[1-9]\d{6,14}|\d{3}", self.number):
            raise ValueError(
                f"number is {self.number!r}; write E.164 or three digits, or leave it empty"
            )
        if self.again_after_s < 0:
            raise ValueError(f"again_after_s is {self.again_after_s}; give 0 or more seconds")


def emergency_of(language: str) -> Mapping[str, object]:
    """Words and text of a language where they are not the English ones."""
    return _BY_LANGUAGE.get(language.split("-")[0].lower(), {})


_BY_LANGUAGE: Mapping[str, Mapping[str, object]] = {
    "ar": {
        "words": ["911", "112", "997", "998", "999", "اسعاف", "الإسعاف", "سيارة إسعاف"],
        "text": "إذا كانت هذه حالة طارئة فأغلق الخط الآن واتصل برقم الطوارئ.",
    }
}


class EmergencyEar:
    """Listens through one call."""

    def __init__(self, settings: Emergency) -> None:
        self._again_after_s = settings.again_after_s
        self._numbers = frozenset(_digits(word) for word in settings.words if _digits(word))
        self._phrases = [words_of(word) for word in settings.words if not _digits(word)]
        self._said_at: float | None = None

    def hears(self, text: str, *, final: bool, asked: str, now: float) -> bool:
        """Whether these words, said after the agent's `asked`, call for the line now."""
        if self._said_at is not None and now - self._said_at < self._again_after_s:
            return False
        if not (self._has_phrase(text) or self._has_number(text, final=final, asked=asked)):
            return False
        self._said_at = now
        return True

    def _has_phrase(self, text: str) -> bool:
        words = words_of(text)
        return any(
            words[at : at + len(phrase)] == phrase
            for phrase in self._phrases
            for at in range(len(words) - len(phrase) + 1)
        )

    def _has_number(self, text: str, *, final: bool, asked: str) -> bool:
        tokens = _tokens(text)
        is_bare = all(kind != _WORD for kind, _ in tokens)
        if is_bare and (not final or not _NUMBERED.isdisjoint(words_of(asked))):
            return False
        return any(run.digits in self._numbers and run.is_called for run in _runs(tokens))


# ── reading numbers ──────────────────────────────────────────────────────────────────
_NUMBER, _WORD, _MANY, _COUNTED, _STOP = "number", "word", "many", "counted", "stop"
_READ = re.compile(
    r"(?P<counted>[$€£¥]\s?\d[\d.,]*|\d+(?:[.:,]\d+)+)"
    r"|(?P<number>\d+(?:[-–]\d+)*)"
    r"|(?P<word>[^\W\d_]+(?:['’][^\W\d_]+)*)"
    r"|(?P<stop>[.?!;؟؛])"
)
_ALARM = frozenset("call dial ring اتصل اطلب اتصلوا".split())
_NUMBERED = frozenset(
    "number numbers digits phone telephone mobile cell code pin zip postcode account card policy"
    " claim room suite flat unit apartment flight extension order reference highway route"
    " رقم رقمي الرقم هاتف هاتفي جوالي الرمز شقه غرفه".split()
)
_STREETS = frozenset(
    "street st avenue ave road rd lane drive boulevard blvd court place way square شارع".split()
)
_BEFORE = 4  # words in front of a number that may say what it is
_BEHIND = 3
_Token = tuple[str, str]


@dataclass(frozen=True)
class _Run:
    """Digits said one behind the other, and the words around them in the sentence."""

    digits: str
    before: Sequence[str]
    after: Sequence[str]
    is_counted: bool  # part of a price, a time, a cardinal

    @property
    def is_called(self) -> bool:
        """It is a number to call, as far as the words around it tell."""
        if self.is_counted or not UNITS.isdisjoint(self.after[:1]):
            return False
        if not _ALARM.isdisjoint(self.before):
            return True
        return _NUMBERED.isdisjoint(self.before) and _STREETS.isdisjoint(self.after)


def _digits(word: str) -> str:
    """The digits of a configured number, "" for a word that is none."""
    runs = list(_runs(_tokens(word)))
    is_number = len(runs) == 1 and not (runs[0].before or runs[0].after or runs[0].is_counted)
    return runs[0].digits if is_number else ""


def _tokens(text: str) -> list[_Token]:
    return [
        token
        for found in _READ.finditer(normal(text).translate(WESTERN))
        if (token := _token(str(found.lastgroup), found[0]))[0]
    ]


def _token(kind: str, text: str) -> _Token:
    if kind == _NUMBER:
        return _NUMBER, re.sub(r"\D", "", text)
    if kind != _WORD:
        return kind, ""
    spoken, value = LEXICON.get(text, ("", ""))
    match spoken:
        case _ if spoken in (SINGLE, TEEN):
            return _NUMBER, value
        case _ if spoken == TIMES:
            return _MANY, value
        case _ if spoken in (TENS, HUNDRED):
            return _COUNTED, ""
        case _ if spoken == GLUE:
            return "", ""
    return _WORD, text


def _runs(tokens: Sequence[_Token]) -> Iterator[_Run]:
    """Every run of digits; "double" and "triple" belong to the digit behind them."""
    at = 0
    while at < len(tokens):
        end, digits, times = at, "", 1
        while end < len(tokens) and tokens[end][0] in (_NUMBER, _MANY):
            kind, value = tokens[end]
            digits += value * times if kind == _NUMBER else ""
            times = int(value) if kind == _MANY else 1
            end += 1
        if end > at:
            beside = (*tokens[max(0, at - 1) : at], *tokens[end : end + 1])
            yield _Run(
                digits,
                before=_words(reversed(tokens[:at]), _BEFORE),
                after=_words(tokens[end:], _BEHIND),
                is_counted=any(kind == _COUNTED for kind, _ in beside),
            )
        at = max(end, at + 1)


def _words(tokens: Iterable[_Token], most: int) -> list[str]:
    """The nearest words of the same sentence."""
    found: list[str] = []
    for kind, word in tokens:
        if kind == _STOP or len(found) == most:
            break
        if kind == _WORD:
            found.append(word)
    return found
