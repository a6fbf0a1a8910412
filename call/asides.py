"""What callers say about the talk itself: "pardon?" and "hold on a second", in English and Arabic.

Both are told only of an utterance that is nothing else: "sorry, I meant Tuesday" and "can you
repeat the price" are for the model. A recogniser's punctuation is not read.
"""

from __future__ import annotations

import re

from call.cues import words_of

# ── pardon? ──────────────────────────────────────────────────────────────────────────
_SOFT = r"please|um|uh|er|oh|hey|من فضلك|لو سمحت|لو سمحتي"
# Alone these ask again; in front of or behind a request they are manners.
_PARDON = (
    r"(?:(?:i'm|i am|im) )?(?:so )?sorry|(?:i )?beg (?:your )?pardon|pardon(?: me)?"
    r"|(?:انا )?(?:اسف|اسفه|متاسف|متاسفه)|عفوا|المعذره|معذره"
)
_MANNERS = rf"{_SOFT}|{_PARDON}|excuse me|معلش"
_SAY = (
    r"(?:(?:can|could|would|will) you )?(?:just )?"
    r"(?:say (?:that|it)|repeat(?: (?:that|it|yourself))?|say) (?:again|once more|one more time)"
    r"|(?:can|could|would|will) you (?:just )?repeat(?: (?:that|it|yourself))?"
    r"|repeat(?: (?:that|it))?|come again|once more|one more time|again please"
)
_WHAT = r"what|what was that(?: again)?|what did you (?:just )?say|what are you saying"
_MISSED = (
    r"(?:i )?(?:(?:did not|didn't|could not|couldn't|can not|cannot|can't) (?:quite |really )?"
    r"(?:catch|get|hear|make out)(?: (?:that|it|you|what you said|a word))?|missed (?:that|it))"
)
_ARABIC = (
    r"(?:ماذا|شو|ايش|ايه|شنو|وش)(?: (?:قلت|قلتي|قلتم))?|قلت ايه|قلتي ايه"
    r"|(?:(?:ممكن|هل يمكنك|هل ممكن|تقدر|تقدري) (?:ان )?)?"
    r"(?:تعيد|تعيدي|تكرر|تكرري|تعيدها|تكررها|تعيد الكلام)(?: (?:مره (?:ثانيه|تانيه|اخري)|ذلك))?"
    r"|(?:اعد|اعيدي|عيد|عيدي|كرر|كرري)(?: (?:مره (?:ثانيه|تانيه|اخري)|ذلك|الكلام))?"
    r"|مره (?:ثانيه|تانيه|اخري)"
    r"|(?:لم اسمع|لم اسمعك|ما سمعت|ما سمعتك|ما سمعتش|مش سامع|مش سامعك|مو سامع|ما فهمت عليك)"
)
_REQUEST = rf"{_SAY}|{_WHAT}|{_MISSED}|{_ARABIC}"
_ASKS_AGAIN = re.compile(
    rf"(?:(?:{_MANNERS}) )*(?:(?:{_REQUEST})(?: (?:{_REQUEST}|{_MANNERS}))*|(?:{_PARDON}))"
    rf"(?: (?:{_MANNERS}))*"
)
_WORDS_AT_MOST = 14  # "I'm so sorry, I didn't catch that, could you say that again, please?"


def asks_again(text: str) -> bool:
    """The caller did not catch what was said, and says nothing else."""
    words = words_of(text)
    return len(words) <= _WORDS_AT_MOST and bool(_ASKS_AGAIN.fullmatch(" ".join(words)))


# ── hold on ──────────────────────────────────────────────────────────────────────────
_WHILE = r"(?:second|seconds|sec|secs|moment|moments|minute|minutes)"
_LEAD = (
    r"okay|ok|yeah|yes|sure|um|uh|oh|sorry|and|so|well|please|just|can you|could you|would you"
    r"|alright|right|no|stop|hmm|for me|there|thanks|thank you|طيب|من فضلك|لو سمحت|بس|معلش|ممكن"
)
_WAIT = (
    rf"hold on|hang on|hold the line|hold|wait|bear with me|stay on the line|stand by"
    rf"|(?:give me |for |in |just )*(?:a|one|two|1|2|a couple of) {_WHILE}"
    r"|i(?:'ll| will) be right back|be right back"
    r"|(?:لحظه|ثانيه|دقيقه|دقيقتين)(?: واحده)?|(?:انتظر|انتظري|استني|استنا|اصبر|اصبري)(?:ني)?"
    r"|خليك معي|خليكي معي|علي الخط"
)
_LOOKS = (
    r"let me (?:just |quickly )?(?:check|see|look|find|get|grab|think|ask|go|turn|write|pull|open)"
    r"|i(?:'m| am) (?:just )?(?:looking|checking|getting|finding|searching|trying to find)"
    r"|(?:خليني|دعني|دعيني) (?:اشوف|اري|اتاكد|اتحقق|ابحث|اجيب|اسال)"
)
# What may stand behind a request to wait: why.
_WHY = (
    r"while|until|till|i need to|i have to|i've got to|i just|i(?:'m| am)|i(?:'ll| will)"
    r"|there's|there is|someone|somebody|my|حتي|عشان|لازم|بشوف"
)
_ASKS_TO_WAIT = re.compile(
    rf"(?:(?:{_LEAD}) )*(?:(?:{_WAIT})(?: (?:{_LEAD}|{_WAIT}))*(?: (?:{_LOOKS}|{_WHY})(?: .*)?)?"
    rf"|(?:{_LOOKS})(?: .*)?)"
)


def asks_to_wait(text: str) -> bool:
    """The caller wants a moment, and says nothing else but why."""
    return bool(_ASKS_TO_WAIT.fullmatch(" ".join(words_of(text))))
