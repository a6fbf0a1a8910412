"""Has the caller said yes? Asked before a tool that changes something, whatever the model claims.

The model's own word is no proof: it may be mistaken, or talked into it by a caller or by text that
a tool brought. What counts is what was heard: a question of the agent's that a yes answers, and a
yes right after it. "How can I help?" is no such question, nor is "Anything else?": there a "book
it" is a wish, and the agent has to say first what it is about to do. One yes buys one act. "Did I
hear that right: …?" is none either: a yes to it lets the words before it count, and they must have
been a yes themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from call.cues import asks_what, normal, words_of


def _set(words: str) -> frozenset[str]:
    return frozenset(normal(words).split())


_YES = _set(
    "yes yeah yep yup yea correct right sure okay ok absolutely definitely certainly exactly"
    " perfect agreed confirm confirmed نعم ايوه ايوا اجل تمام اكيد صح صحيح ماشي موافق طبعا حاضر"
)
_YES_PHRASES = tuple(
    normal(phrase)
    for phrase in (
        "please do", "go ahead", "do it", "do that", "that works", "sounds good", "sounds great",
        "that is fine", "that's fine", "is fine", "of course", "book it", "yes please",
        "تفضل", "من فضلك", "على بركة الله",
    )
)  # fmt: skip
_NO = _set(
    "no nope nah not don't dont never wait stop cancel wrong incorrect actually instead rather"
    " isn't can't won't but maybe unsure لا كلا ليس مش غلط خطا انتظر لحظه استني لكن بس"
)
# Words of refusal that agree: "no problem", "why not", "not at all", "I don't mind".
_AGREE_THOUGH = tuple(
    normal(phrase)
    for phrase in ("no problem", "why not", "no worries", "i don't mind", "لا مشكله", "لا مانع")
)
# Questions that a yes answers, and that propose nothing: "Is there anything else?"
_PROPOSES_NOTHING = tuple(
    normal(phrase)
    for phrase in (
        "anything else", "something else", "help you", "help with", "i help", "i do for you",
        "assist you", "still there", "hear me", "say that again", "repeat that",
        "مساعدتك", "اساعدك", "شيء اخر", "ما زلت", "تسمعني",
    )
)  # fmt: skip
# They begin like questions for something and propose it: "How about Tuesday?"
_PROPOSES = tuple(
    normal(phrase)
    for phrase in (
        "how about", "what about", "how does that", "how does it", "how is that", "how's that",
        "why don't",
    )
)  # fmt: skip
_QUESTION = re.compile(r"[^.!?؟]*[?؟]")


@dataclass(frozen=True)
class Exchanged:
    """The caller's latest turn, and what was heard of the agent before it."""

    number: int
    """the caller's turns so far; tells one yes from the next"""
    question: str
    answer: str
    before: tuple[str, ...] = ()
    """what the caller answered first, and was asked back about"""
    told: str = field(default="", compare=False)
    """all that was heard of the agent before the answer"""


def is_yes(answer: str) -> bool:
    """Whether a turn agrees and nothing in it takes that back."""
    line = " ".join(words_of(answer))
    for phrase in _AGREE_THOUGH:
        line = line.replace(phrase, "ok")
    words = line.split()
    if not _NO.isdisjoint(words):
        return False
    padded = f" {line} "
    return not _YES.isdisjoint(words) or any(f" {phrase} " in padded for phrase in _YES_PHRASES)


def asks_consent(asked: str) -> bool:
    """Whether the last question in these words of the agent's is one that a yes agrees to."""
    questions = _QUESTION.findall(asked)
    words = words_of(questions[-1]) if questions else []
    line = f" {' '.join(words)} "
    if not words or any(f" {phrase} " in line for phrase in _PROPOSES_NOTHING):
        return False
    return any(f" {phrase} " in line for phrase in _PROPOSES) or not asks_what(words)


class Consent:
    """What the caller has agreed to in one call."""

    def __init__(self) -> None:
        self._spent = 0
        self._asked_again: set[str] = set()  # deeds of which nothing had been told

    def spend(self, exchanged: Exchanged, *, deed: str = "", is_told: bool = True) -> bool:
        """Whether the caller's latest turn is an unspent yes to a question; it is spent then.

        Where the caller was told nothing of the `deed`, the yes is spent on nothing: the agent is
        to say what it is about to do, and the next yes to that deed counts, however it was put.
        """
        asked = asks_consent(exchanged.question)
        agreed = all(is_yes(said) for said in (*exchanged.before, exchanged.answer))
        if exchanged.number <= self._spent or not asked or not agreed:
            return False
        self._spent = exchanged.number
        if is_told or deed in self._asked_again:
            self._asked_again.discard(deed)
            return True
        self._asked_again.add(deed)
        return False


def exchanged(
    turns: Sequence[tuple[str, str]], *, asks_back: Callable[[str], bool] = lambda _: False
) -> Exchanged:
    """From (party, text) of a conversation, oldest first: "caller" or "agent"; `asks_back` tells
    the agent's questions about what it heard from those about what it is to do."""
    number, question, last, told = 0, "", "", list[str]()
    heard = 0  # of what was told, before the answer
    answers: tuple[str, ...] = ()
    was_asked_back = False
    for party, text in turns:
        if party != "caller":
            was_asked_back = asks_back(text)
            last = last if was_asked_back else text
            told.append(text)
            continue
        number, heard = number + 1, len(told)
        if was_asked_back:
            answers = (*answers, text)
        else:
            question, answers = last, (text,)
        last, was_asked_back = "", False
    *before, answer = answers or ("",)
    return Exchanged(number, question, answer, tuple(before), " ".join(told[:heard]))
