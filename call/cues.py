"""What the caller's last words say about whether more is to come, in English and Arabic.

A recogniser's punctuation is not read: it puts a full stop behind every final, finished or not.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum


class Cue(StrEnum):
    """What the words alone suggest."""

    COMPLETE = "complete"  # a whole question, the answer to a yes/no question, "… is fine, please"
    OPEN = "open"  # words that could end here or go on
    BEGUN = "begun"  # "hello", "okay": a greeting or a nod that answers nothing
    DICTATING = "dictating"  # digits or letters one by one, fewer than expected
    UNFINISHED = "unfinished"  # "and", "my number is", "um", the first three digits


_WORD = re.compile(r"[^\W_]+(?:[-'’:.][^\W_]+)*")
_STAND_IN = re.compile(r"\[[A-Z]+_\d+[^\]\s]*\](?: …)?")  # [PHONE_1]: no digits of the caller's
_ARABIC_MARKS = re.compile("[\u0610-\u061a\u064b-\u065f\u0670\u0640]")
_ARABIC_FORMS = str.maketrans("أإآٱىة’", "ااااىه'".replace("ى", "ي"))


def _set(words: str) -> frozenset[str]:
    return frozenset(normal(words).split())


def normal(text: str) -> str:
    """Lower case, one apostrophe, Arabic letters in one form and without marks."""
    return _ARABIC_MARKS.sub("", text.lower()).translate(_ARABIC_FORMS)


_JOINERS = _set(
    "and or but because if when while unless until although whether than plus"
    " و او لكن بس لان لانه عشان علشان اذا لو ثم ف حتي"
)
_PREPOSITIONS = _set(
    "to for of with at from in on by about into between during before after under without per via"
    " في من الي على علي عن مع ل ب عند بعد قبل بين"
)
_DETERMINERS = _set("a an the my your his our their its every some any هذا هذه هاي رقم الرقم")
_HESITATIONS = _set("um uh er erm ehm hmm umm uhh mm امم ام مممم")
_FILLERS = _set("um uh er erm ehm hmm umm uhh mm like يعني اه امم ام مممم طب والله")
_ADVERBS_THAT_LEAD = _set("just basically kinda gonna فقط")  # "I'll just"
_SUBJECTS = _set("i we they he she انا احنا")
_OPEN_PLACES = _set("anything something anyone someone any some")  # "do you have anything"
_VERBS_THAT_WANT_MORE = _set(
    "is are was were am be been i'm it's i'd i'll we'd we'll that's can could would will shall"
    " should need want like's said says called gonna wanna please's هو هي اريد ابغي عايز بدي احتاج"
)
_QUESTION_WORDS = _set(
    "what what's where where's when when's who who's why how which whose"
    " ما ماذا متي اين وين كيف كم ليش لماذا شو ايش مين هل"
)
_QUESTION_VERBS = _set(
    "is are am was were do does did can could will would should may have has isn't aren't don't"
    " doesn't didn't can't couldn't won't wouldn't هل ممكن"
)
_YES_OR_NO_VERBS = _QUESTION_VERBS | _set(
    "shall might must haven't hasn't wasn't weren't shouldn't"
)
_ANSWERS = _set(
    "yes yeah yep yup no nope nah correct right exactly sure okay ok absolutely definitely maybe"
    " fine please نعم ايوه ايوا اه لا كلا طيب تمام اكيد صح صحيح ماشي"
)
_GREETINGS = _set(
    "hi hello hey good morning afternoon evening well so oh right alright"
    " مرحبا اهلا السلام عليكم صباح مساء الخير"
)
_CLOSERS = tuple(
    normal(phrase)
    for phrase in (
        "thank you",
        "thanks",
        "very much",
        "so much",
        "a lot",
        "bye",
        "goodbye",
        "that's all",
        "that's it",
        "that is all",
        "that's right",
        "that's correct",
        "no thanks",
        "please",
        "is fine",
        "is good",
        "is perfect",
        "sounds good",
        "that works",
        "works for me",
        "شكرا",
        "شكرا جزيلا",
        "لو سمحت",
        "من فضلك",
        "شكرا لك",
        "مع السلامه",
        "هذا كل شيء",
        "بس كده",
    )
)
_DIGIT_WORDS = _set(
    "zero oh nought one two three four five six seven eight nine double triple"
    " صفر واحد اثنين اثنان تنين ثلاثه تلاته اربعه خمسه سته سبعه ثمانيه تمنيه تسعه"
)
_NUMBER_TOPICS = _set(
    "number phone mobile digits digit code card zip postcode pin account spell spelled"
    " رقم الرقم رقمي جوال هاتف كود"
)
_FIRST_GROUP = 3  # "five five five …": numbers are said in groups of three or four
# "could you", "can I": an offer or request that has only begun
_BEGINS_A_REQUEST = re.compile(
    r"\b(?:can|could|would|will|may|should|do|did) (?:i|you|we|they|he|she)$"
    r"|\b(?:is|on) (?:january|february|march|april|june|july|august|september|october"
    r"|november|december)$"
)
# "my number is", "the date of birth is", "my name is", "it's under": a value is announced
_ANNOUNCES = re.compile(
    r"(?:\b(?:number|name|address|code|email|date|birthday|birth|reference)(?: is|'s)"
    r"|\b(?:my name|my number|my phone|this is|i'd like|i would like|i want|i need|i have"
    r"|let me (?:see|think|check)|hold on|one (?:second|moment)|رقمي|اسمي|عنواني|لحظه|ثانيه))$"
)
_CLOSED_THOUGH = re.compile(
    r"(?:(?:think|hope|guess|believe|suppose|do|does|said) so|i (?:do|am|can|would|will|did)"
    r"|(?:he|she|they|we|it|there) (?:is|are|was|were)|if i can|you (?:can|will|are))$"
)


def words_of(text: str) -> list[str]:
    """The words of a text, normalised, without punctuation."""
    return _WORD.findall(normal(text))


def content(text: str) -> list[str]:
    """The words of a text without its hesitations: "um, at ten" asks for what "at ten" does."""
    return [word for word in words_of(text) if word not in _HESITATIONS]


def cue(text: str, *, asked: str = "", digits_expected: int = 7) -> Cue:
    """What `text`, said after the agent's `asked`, suggests."""
    if text.rstrip().endswith("…"):
        return Cue.DICTATING  # a stand-in for a number that is not whole yet
    words = words_of(_STAND_IN.sub(" thatvalue ", text))
    if not words:
        return Cue.OPEN
    dictated = _dictated(words, asked_words=words_of(asked), expected=digits_expected)
    if dictated is not None:
        return dictated
    if _is_unfinished(words):
        return Cue.UNFINISHED
    if _is_closing(words) or _is_answer(words, asked) or _is_question(words):
        return Cue.COMPLETE
    return Cue.BEGUN if _ANSWERS.union(_GREETINGS, _FILLERS).issuperset(words) else Cue.OPEN


def _is_unfinished(words: list[str]) -> bool:
    last, line = words[-1], " ".join(words)
    if last in _JOINERS or last in _DETERMINERS:
        return True
    if last in _FILLERS:  # "what is it like" ends so
        return last != "like" or words[0] not in _QUESTION_WORDS
    if len(words) > 1 and (last in _ADVERBS_THAT_LEAD or last == "so"):
        return not _CLOSED_THOUGH.search(line)
    if last in _SUBJECTS and not _QUESTION_VERBS.intersection(words[-2:]):
        return True
    if last in _OPEN_PLACES and _is_question(words):
        return True
    if _ANNOUNCES.search(line) or _BEGINS_A_REQUEST.search(line):
        return True
    if last in _PREPOSITIONS:  # "what is this about" ends so, "I'm calling about" does not
        return not (len(words) > 2 and words[0] in _QUESTION_WORDS)
    if last in _VERBS_THAT_WANT_MORE or (last in _QUESTION_WORDS and len(words) > 1):
        return not _CLOSED_THOUGH.search(line)
    return False


def _is_question(words: list[str]) -> bool:
    """Question word order that is complete: "do you have parking", not "can you"."""
    start = 0
    while start < len(words) - 1 and words[start] in _OPENERS:
        start += 1
    body = words[start:]
    if len(body) < 3:
        return False
    return body[0] in _QUESTION_WORDS or body[0] in _QUESTION_VERBS


_OPENERS = _set(
    "hi hello hey so and well okay ok sorry wait yes no but also then actually excuse me"
    " مرحبا السلام عليكم و"
)


def _is_answer(words: list[str], asked: str) -> bool:
    """One or two words of agreement or refusal where a yes or no was asked for."""
    return len(words) <= 2 and words[0] in _ANSWERS and asks_yes_or_no(asked)


def _is_closing(words: list[str]) -> bool:
    """Thanks, a goodbye, an agreement, a "please": said when nothing is to follow."""
    line = " ".join(words)
    return any(line == closer or line.endswith(" " + closer) for closer in _CLOSERS)


def asks_yes_or_no(asked: str) -> bool:
    """Does the agent's last sentence ask for a yes or a no?"""
    sentence = re.split(r"(?<=[.!?؟])\s+", asked.strip())[-1]
    words = words_of(sentence)
    if not words or not sentence.rstrip().endswith(("?", "؟")):
        return False
    return not any(w in _QUESTION_WORDS - {"هل"} for w in words) and "or" not in words


def asks_what(words: Sequence[str]) -> bool:
    """Do the words of a question ask for something, rather than for a yes or a no? "Shall I look
    when he is free" asks for a yes."""
    begins = next((word for word in words if word not in _OPENERS), "")
    if begins in _YES_OR_NO_VERBS:
        return False
    return not (_QUESTION_WORDS - {"هل"}).isdisjoint(words)


def _dictated(words: list[str], *, asked_words: list[str], expected: int) -> Cue | None:
    """Letters, or digits of which there are too few; the first group is followed by another."""
    digits, letters = _trailing_run(words)
    if letters >= 2:
        return Cue.DICTATING
    about_numbers = not _NUMBER_TOPICS.isdisjoint(asked_words) or not _NUMBER_TOPICS.isdisjoint(
        words
    )
    if not (1 if about_numbers else 3) <= digits < expected:
        return None
    return Cue.UNFINISHED if digits <= _FIRST_GROUP and about_numbers else Cue.DICTATING


def _trailing_run(words: list[str]) -> tuple[int, int]:
    """Digits and single letters at the end, said one by one or written as figures."""
    digits = letters = 0
    for word in reversed(words):
        figures = word.replace("-", "").replace(".", "")
        if word in _DIGIT_WORDS:
            digits += 1
        elif figures.isdigit():
            digits += len(figures)
        elif len(word) == 1 and word.isalpha() and word.isascii():
            letters += 1
        else:
            break
    return digits, letters
