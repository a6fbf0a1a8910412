"""Where a speaker may breathe within a sentence: before a phrase that begins with "and", "for",
"which". A reply's first words may part from the rest there, because the caller is listening to
silence; the words before it must stand by themselves ("A cleaning is 90 dollars", not "I have a").

The very first words may part a little earlier still: before the verb of a subject ("A cleaning | is
…"), before a subject behind something else ("On Saturday | we …"), and before a day. Speakers who
are thinking do so.
"""

from __future__ import annotations

from call.boundaries import MONTHS, WEEKDAYS
from call.cues import normal


def _set(words: str) -> frozenset[str]:
    return frozenset(normal(words).split())


_OPENERS = _set(
    "and but or so because if when while unless until although whether"
    " for with at from in on by about into during before after without behind near around"
    " which who where how what that"
    " او لكن لان اذا عندما حتي ثم في من الي علي عن مع بعد قبل عند خلال التي الذي"
)
# "a", "with", "is", "not": what follows belongs to them
_CLINGING = _set(
    "a an the my your our his her its their this these those some any every no each"
    " is are was were be been am will would can could shall should may might must do does did"
    " have has had not very more most much too as than like both either between instead because"
    " mr mrs ms dr st no right just only even next up down out"
    " and but or so if when while unless until although whether for with at from to in on by about"
    " of into during before after without behind near through around which who where how what that"
    " we're they're you're i'm it's he's she's there's that's what's"
    " او لكن لان اذا عندما حتي ثم في من الي علي عن مع بعد قبل عند خلال التي الذي هذا هذه"
    " كل اي غير لا لم لن ليس قد سوف"
)
# "look for", "check in", "ending in 0042" are one thing, and so are "one or two"
_CLINGING |= _set(
    "look looking check checking come coming go going get getting put hold hang sign log fill pick"
    " call carry move turn set give find work back wait ask think talk hear depend depends care"
    " ending one two three four five six seven eight nine ten twenty thirty forty fifty"
)

# these begin a phrase whatever stands before; "it" and "you" may belong to the verb before them
_SUBJECTS = _set(
    "i we they he she i'm i'll i've we're we'll we've you're you'll you've they're they'll it's"
    " it'll he's she's there's that's"
)
_VERBS = _set("is are was were will can has have")
_PRONOUNS = _set("i we you they he she it who that this these those there here one each both all")
_QUESTIONS = _set("what where when who why how which whose")

_DAYS = frozenset(normal(day) for day in WEEKDAYS | MONTHS)
_OF_DAYS = _set("and or at in on by about before after من الي في و او عند قبل بعد")


_RELATIVE_DAYS = _set("today tomorrow tonight")


def may_breathe(words: list[str], opener: str, *, least_words: int, is_first: bool = False) -> bool:
    """Whether a voice may pause behind `words`, before the word `opener`; `is_first`: with the
    first words of a reply."""
    if len(words) < least_words:
        return False
    last = normal(words[-1])
    if normal(opener) not in _OPENERS and not (
        is_first and _is_early_breath(words, last, normal(opener))
    ):
        return False
    if not last[-1].isalpha() or len(last) == 1:
        return False  # a number, a mark, an initial: what it belongs to is not known
    if last in _DAYS:  # "Tuesday at ten", "March and April", but "Monday to Friday | from eight"
        return normal(opener) not in _OF_DAYS
    return last not in _CLINGING


def _is_early_breath(words: list[str], last: str, opener: str) -> bool:
    """A subject, a day, or the verb of a subject of more than one word."""
    if opener in _SUBJECTS or opener in _DAYS or opener in _RELATIVE_DAYS:
        return True
    return opener in _VERBS and last not in _PRONOUNS and normal(words[0]) not in _QUESTIONS
