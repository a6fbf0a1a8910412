"""Unsure words: "Did I hear that right: …?" before anybody acts on them.

A turn is unsure when the recogniser was, and the turn is short or bears something that matters (a
number, a day, a name): long sentences carry their sense past a wrong word. The first time the words
are asked back. The caller's yes lets them count, a no asks for them once more, a correction counts
instead; the same words heard twice count too. The second time in a row there is a choice, the third
time somebody else takes over. A sure turn starts afresh.

Words that are asked back are not for the model: while a turn is unsure no answer is begun early,
and its request is left out. What the caller said, and what was asked, stand in the conversation, so
the next request knows both: one answer to a turn, never two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from call.asides import asks_again, asks_to_wait
from call.consent import is_yes
from call.cues import asks_yes_or_no, normal, words_of
from call.phrases import Phrases
from call.privacy_finding import TOKEN
from call.privacy_lexicon import HUNDRED, LEXICON, SINGLE, TEEN, TENS
from call.tongue import Tongue, tongue_of

_MOST_CHARS = 120  # of what is asked back; of a longer turn only what matters
_AROUND = 2  # words beside what matters, for it to make sense
_TELLING = 4  # words from which a question is known: "did I hear that"
_NUMERAL = frozenset({SINGLE, TEEN, TENS, HUNDRED})


def _set(words: str) -> frozenset[str]:
    return frozenset(normal(words).split())


_MATTERS = _set(
    "monday tuesday wednesday thursday friday saturday sunday today tomorrow tonight yesterday"
    " noon midnight january february march april june july august september october november"
    " december pm o'clock first second third"
    " الاحد الاثنين الثلاثاء الاربعاء الخميس الجمعه السبت اليوم غدا بكره امس الظهر صباحا مساء"
    " يناير فبراير مارس ابريل مايو يونيو يوليو اغسطس سبتمبر اكتوبر نوفمبر ديسمبر"
)
_NOT_NUMERALS = _set("o oh one null nought naught")  # words that are numbers only among numbers
_NAMING = ("my name", "name is", "name's", "this is", "speaking", "spelled", "اسمي", "معك")
# Said by everybody, acted on by nobody.
_HARMLESS = _set(
    "hello hi hey good morning afternoon evening thanks thank you very much so bye goodbye okay ok"
    " um uh er hmm mm well right great perfect alright please sorry yeah"
    " مرحبا اهلا السلام عليكم شكرا جزيلا طيب تمام اه مع السلامه"
)
_NO = _set("no nope nah not wrong incorrect isn't wasn't لا كلا مش غلط خطا ليس")
_BESIDE_NO = _set(
    "that that's it it's is was you i me what said say quite right correct sorry um uh i'm afraid"
    " هذا هو صح صحيح اسف عفوا"
)


# ── verdicts ─────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class GoOn:
    """The words are for the model."""


@dataclass(frozen=True)
class AskBack:
    """Say this instead; `why` names it in figures."""

    text: str
    why: str


@dataclass(frozen=True)
class GiveUp:
    """The caller cannot be made out: somebody else takes over."""


Verdict = GoOn | AskBack | GiveUp


@dataclass(frozen=True)
class Doubts:
    """When words are unsure."""

    below: float
    """the recogniser's confidence under which they are; 0: never"""
    short_words: int
    """turns of at most so many words are asked back whatever they are about"""


@dataclass
class _Turn:
    """What was heard of one turn, for good."""

    asked: str = ""  # the agent's last words before it
    texts: list[str] = field(default_factory=list)
    is_unsure: bool = False
    is_weighty: bool = False  # unsure of a word that matters

    @property
    def text(self) -> str:
        return " ".join(self.texts)


class Doubt:
    """One call's doubts."""

    def __init__(self, settings: Doubts, phrases: Phrases | Tongue | None = None) -> None:
        self._settings = settings
        self._tongue = tongue_of(phrases)
        self._turn = _Turn()
        self._in_a_row = 0  # unsure turns that were asked back
        self._candidates: list[str] = []  # what the question under way is about
        self._due: Verdict | None = None  # of the turn that has just ended
        self._asked: set[str] = set()  # in this call, as it was said

    # ── what is heard ────────────────────────────────────────────────────────────────
    def turn_opened(self, *, asked: str) -> None:
        """A turn has begun behind these words of the agent's; it may hold earlier words."""
        self._turn.asked = asked

    def heard(
        self,
        text: str,
        confidence: float | None,
        words: Sequence[tuple[str, float]] = (),
    ) -> None:
        """Words of the turn, for good; `words` with the confidence in each, where it is told."""
        turn, below = self._turn, self._settings.below
        turn.texts.append(text.strip())
        turn.is_unsure |= confidence is not None and confidence < below
        turn.is_weighty |= any(sure < below and _is_weighty(word) for word, sure in words)

    def forget(self) -> None:
        """What was heard so far was no turn."""
        self._turn = _Turn()

    @property
    def keeps_back(self) -> bool:
        """By what was heard so far, the turn is not for the model."""
        return not isinstance(self._judge(self._turn)[0], GoOn)

    def turn_closed(self) -> None:
        """The turn is over: its verdict is due, unless it has been answered."""
        turn, self._turn = self._turn, _Turn()
        self._due = None
        if turn.text and not _is_aside(turn.text):
            self._due, self._in_a_row, self._candidates = self._judge(turn)

    def take(self) -> Verdict:
        """What to do with the turn that has just ended; once."""
        due, self._due = self._due, None
        if isinstance(due, AskBack):
            self._asked.add(due.text)
        return due or GoOn()

    def has_asked(self, text: str) -> bool:
        """These words of the agent's are such a question, or as much of one as was heard."""
        words = words_of(text)
        beginnings = (words_of(asked)[:_TELLING] for asked in self._asked)
        return any(words[: len(beginning)] == beginning for beginning in beginnings)

    # ── judging ──────────────────────────────────────────────────────────────────────
    def _judge(self, turn: _Turn) -> tuple[Verdict, int, list[str]]:
        """The verdict on a turn, with the doubts it leaves."""
        text = turn.text
        sure = (GoOn(), 0, list[str]())
        if not self._settings.below or not text or _is_aside(text):
            return sure
        if self._candidates and is_yes(text):
            return sure
        if self._candidates and _is_no(text):
            if self._in_a_row > 1:
                return GiveUp(), 0, []
            return AskBack(self._tongue.phrases.once_more, "denied"), self._in_a_row, []
        if not self._is_unsure(turn) or any(_is_same(text, c) for c in self._candidates):
            return sure
        if self._in_a_row > 1:
            return GiveUp(), 0, []
        if self._in_a_row:
            return self._choice(text)
        words = _filled(self._tongue.phrases.heard_right, heard=gist(text))
        return AskBack(words, "asked"), 1, [text]

    def _choice(self, text: str) -> tuple[Verdict, int, list[str]]:
        """The second time: this, or what was heard first; or this, or once more."""
        if not self._candidates:
            words = _filled(self._tongue.phrases.heard_again, heard=gist(text))
            return AskBack(words, "choice"), 2, [text]
        first = self._candidates[0]
        words = _filled(self._tongue.phrases.heard_either, first=gist(first), second=gist(text))
        return AskBack(words, "choice"), 2, [first, text]

    def _is_unsure(self, turn: _Turn) -> bool:
        words = words_of(turn.text)
        if turn.is_weighty:
            return True
        if not turn.is_unsure or turn.text.endswith("…"):  # the rest of a number is to come
            return False
        if _HARMLESS.issuperset(words) and not asks_yes_or_no(turn.asked):
            return False
        return len(words) <= self._settings.short_words or matters(turn.text)


def matters(text: str) -> bool:
    """Something in it is acted on as it was said: a number, a day, a name, a stand-in for one."""
    line = " ".join(words_of(text))
    named = any(f" {said} " in f" {line} " for said in _NAMING)
    return named or any(_is_weighty(word) for word in _words(text))


def gist(text: str) -> str:
    """A turn as it is asked back: whole, or what matters in it."""
    text = " ".join(text.split()).rstrip(".!?؟,;… ")
    if len(text) <= _MOST_CHARS:
        return text
    words = text.split(" ")
    kept = [at for at, word in enumerate(words) if matters(word)]
    near = [
        word for at, word in enumerate(words) if any(abs(at - place) <= _AROUND for place in kept)
    ]
    short = " ".join(near or words)
    if len(short) > _MOST_CHARS:
        short = short[:_MOST_CHARS].rpartition(" ")[0]
    return short.rstrip(".!?؟,;… ")


def _words(text: str) -> list[str]:
    """The words, stand-ins whole."""
    return [*(found[0] for found in TOKEN.finditer(text)), *words_of(TOKEN.sub(" ", text))]


def _is_weighty(word: str) -> bool:
    """A word that is acted on as it is: a numeral, a day, a stand-in, one that is hidden."""
    bare = normal(word).strip(".,!?;:؟،")
    if word == "…" or TOKEN.fullmatch(word) or any(c.isdigit() for c in bare):
        return True
    if bare in _MATTERS:
        return True
    return bare not in _NOT_NUMERALS and LEXICON.get(bare, ("",))[0] in _NUMERAL


def _is_aside(text: str) -> bool:
    """About the talk itself; others answer it."""
    return asks_again(text) or asks_to_wait(text)


def _is_no(text: str) -> bool:
    """A no, and nothing else."""
    words = frozenset(words_of(text))
    return not words.isdisjoint(_NO) and words <= _NO | _BESIDE_NO


def _is_same(one: str, other: str) -> bool:
    return words_of(one) == words_of(other)


def _filled(phrase: str, **values: str) -> str:
    for name, value in values.items():
        phrase = phrase.replace("{" + name + "}", value)
    return phrase
