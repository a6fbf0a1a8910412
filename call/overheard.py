"""What words said over the agent are: a nod, an echo, a claim to the floor, content."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum

from call.cues import normal


class Kind(StrEnum):
    """What words said over the agent are."""

    NOTHING = "nothing"  # none
    LISTENING = "listening"  # "uh-huh", "right": go on
    FILLER = "filler"  # "um", "the": may become something
    ECHO = "echo"  # what the agent says right now
    FLOOR = "floor"  # "stop", "wait", a question
    CONTENT = "content"  # anything else


_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def _phrases(text: str) -> tuple[tuple[str, ...], ...]:
    """Comma-separated phrases as word tuples, the longest first."""
    phrases = (tuple(_words(phrase)) for phrase in text.split(","))
    return tuple(sorted((p for p in phrases if p), key=len, reverse=True))


def _words(text: str) -> list[str]:
    return _WORD.findall(normal(text))


_LISTENING = _phrases(
    "uh huh, uhuh, uhhuh, huh, mm hmm, mmhmm, mhm, mm, mmm, mhmm, hmm, hm, m hm, aha, ah, oh, ooh,"
    " right, yeah, yes, yep, yup, ya, okay, ok, k, sure, of course, got it, gotcha, i see,"
    " i got it, i understand, understood, alright, all right, great, cool, nice, good, very good,"
    " perfect, fine, exactly, correct, true, absolutely, totally, definitely, makes sense,"
    " that makes sense, fair enough, no problem, no worries, interesting, wow, really, go on,"
    " lovely, wonderful,"
    " نعم, ايوه, ايوا, اه, اها, طيب, تمام, ماشي, صح, صحيح, اكيد, حسنا, فهمت, اوكي, ممتاز, جميل,"
    " مفهوم, بالضبط, عظيم, كويس"
)
_FLOOR = _phrases(
    "stop, wait, no, nope, nah, hold on, hang on, hold, sorry, excuse, pardon, actually,"
    " one second, one moment, a second, a moment, just a minute, question, listen, hello, cancel,"
    " never mind, nevermind, enough, quiet, wrong, not, don't, repeat, again, but,"
    " لا, كلا, قف, توقف, وقف, انتظر, استني, لحظه, دقيقه, ثانيه, عفوا, اسف, معلش, سوال, اسمع, خلص,"
    " خلاص, بس, لكن, غلط, خطا, الو"
)
_FILLERS = frozenset(
    _words("um umm uh uhh er erm ehm a an the and so well like i to of it is و يعني طب والله ف")
)
_LEADS = frozenset(_words("um uh er so and well و طب يعني"))
_QUESTIONS = frozenset(
    _words(
        "what what's where where's when when's who who's why how how's which whose can could do"
        " does did is are will would should may have has"
        " ما ماذا متي اين وين كيف كم ليش لماذا شو ايش مين هل ممكن"
    )
)


def kind(text: str, *, agent: str = "", content_words: int = 3) -> tuple[Kind, int]:
    """What `text`, said while the agent says `agent`, is; and how many words of content it has."""
    words = _words(text)
    if not words:
        return Kind.NOTHING, 0
    if len(words) > 1 and _contains(_words(agent), words):
        return Kind.ECHO, 0
    rest = _without(words, _LISTENING)
    content = sum(word not in _FILLERS for word in rest)
    if any(_contains(rest, phrase) for phrase in _FLOOR) or _is_question(text, rest):
        return Kind.FLOOR, content
    if content >= content_words:
        return Kind.CONTENT, content
    if not rest:
        return Kind.LISTENING, 0
    return (Kind.CONTENT if content else Kind.FILLER), content


def _is_question(text: str, words: Sequence[str]) -> bool:
    """ "How much …", "so can I …", or a question mark behind more than a word of listening."""
    said = list(words)
    while said and said[0] in _LEADS:
        said.pop(0)
    if not said:
        return False
    return text.rstrip().endswith(("?", "؟")) or (said[0] in _QUESTIONS and len(said) > 1)


def _contains(words: Sequence[str], phrase: Sequence[str]) -> bool:
    size = len(phrase)
    wanted = list(phrase)
    return any(list(words[at : at + size]) == wanted for at in range(len(words) - size + 1))


def _without(words: Sequence[str], phrases: Sequence[tuple[str, ...]]) -> list[str]:
    """What is left when every phrase, longest first, has been taken out."""
    rest: list[str] = []
    at = 0
    while at < len(words):
        found = next((p for p in phrases if tuple(words[at : at + len(p)]) == p), None)
        if found is None:
            rest.append(words[at])
        at += len(found or (None,))
    return rest
