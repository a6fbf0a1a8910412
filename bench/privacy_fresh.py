"""More labelled sentences, in other words and other ways of saying digits than the main set's.

Written after the finder, before it was measured on them. Half of the sentences, chosen by a hash of
their template, is held out: nothing was changed after anything seen in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from bench.privacy_maker import Maker
from bench.privacy_score import Labelled, Span
from bench.privacy_set import HELD_OUT

EACH = 6
"""sentences per template"""
_FRAMES = {
    ("en", "phone"): (
        "If we get cut off you can ring me on {value}.",
        "The best number for my wife would be {value}, she's home all day.",
        "So, uh, text {value} when the doctor is ready.",
        "No I don't have a landline. My mobile is {value}.",
        "Let me see, I think it's {value}, the phone I mean.",
        "Put me down under {value}.",
    ),
    ("en", "card"): (
        "Let me grab my wallet, okay, the card says {value}.",
        "I'd like to pay with {value}, that's a Visa.",
        "You charged {value} twice last month.",
        "The long number on the front is {value}.",
    ),
    ("en", "ssn"): (
        "My social is {value}, but I don't like giving it out.",
        "They asked me for the social security number, it's {value}.",
        "Under SSN they have {value}.",
    ),
    ("en", "bank"): (
        "Wire it to IBAN {value}.",
        "My new IBAN reads {value}.",
        "The refund goes to {value}, same bank as before.",
    ),
    ("en", "code"): (
        "I just got the code, {value}.",
        "It says my verification code is {value}, it runs out in a minute.",
        "My PIN for the phone line is {value}.",
    ),
    ("en", "account"): (
        "I'm looking at my statement, account number {value}.",
        "My customer number should be {value}.",
        "The membership number on the card is {value}, right?",
    ),
    ("en", "policy"): (
        "Blue Shield, policy {value}.",
        "The policy number is on my letter, {value}.",
    ),
    ("en", "claim"): (
        "I'm calling about claim number {value}.",
        "Could you look up the claim {value} for me?",
    ),
    ("en", "record"): (
        "The hospital gave me medical record number {value}.",
        "My MRN is {value}, I had an x-ray there.",
    ),
    ("en", "passport"): (
        "My passport number is {value}, it was issued in Lisbon.",
        "On the passport it says {value}.",
    ),
    ("en", "licence"): (
        "Driver's license {value}, from Ohio.",
        "My licence number, hold on, is {value}.",
    ),
    ("ar", "phone"): (
        "ممكن تتصل على جوالي {value} بعد العصر",
        "هاتف زوجتي {value} لو سمحت",
        "رقم التلفون {value}",
        "اكتب عندك رقمي {value}",
        "كلمني على {value}",
    ),
    ("ar", "card"): (
        "أدفع بالبطاقة رقم {value}",
        "رقم الفيزا {value} شكرا",
    ),
    ("ar", "ssn"): (
        "الهوية الوطنية {value}",
        "رقم هويتي لو تحتاجه {value}",
    ),
    ("ar", "code"): (
        "وصلني رمز التحقق {value}",
        "الكود اللي وصلني {value}",
    ),
    ("ar", "account"): (
        "رقم حسابي عندكم {value}",
        "حسابي رقمه {value}",
    ),
    ("ar", "record"): ("رقم الملف الطبي {value}", "ملفي عندكم رقم {value}"),
    ("ar", "claim"): ("اتصلت بخصوص المطالبة {value}", "رقم مطالبتي {value}"),
}
_PLAIN = {
    "en": (
        "Is there anything on the twenty third around eleven?",
        "I've been waiting for forty five minutes already.",
        "My daughter turns nine in April.",
        "We need a table for twelve at a quarter to eight.",
        "He said it would be somewhere between eighty and a hundred dollars.",
        "I had three fillings in twenty twenty four.",
        "Can I bring my two kids on the same day?",
        "Take the second left after the school.",
        "I'll be there in ten, maybe fifteen minutes.",
        "One of the crowns came off.",
        "The insurance covers eighty percent, doesn't it?",
        "Do you close at five or five thirty on Fridays?",
        "I called on the first and again on the third.",
        "My card expired.",
        "Did my claim go through?",
        "I lost my passport last week.",
        "I don't have an account with you.",
        "It happened in two thousand nineteen.",
        "That's a hundred and ninety nine ninety five.",
        "The first one hurts, the second one doesn't.",
    ),
    "ar": (
        "عندي موعد الساعة تسعة ونصف",
        "كم تكلفة تنظيف الاسنان، مئتين ريال؟",
        "أبغى احجز لثلاثة اشخاص",
        "انتظرت خمس واربعين دقيقة",
        "هل تفتحون يوم الجمعة؟",
        "بنتي عمرها سبع سنوات",
        "ضاعت بطاقتي امس",
        "الموعد يوم خمسة وعشرين",
    ),
}
_GROUPED = {"phone", "account", "claim", "record", "code"}


def part_of(template: str) -> str:
    """dev or heldout, by the template alone."""
    return ("dev", HELD_OUT)[hashlib.sha256(template.encode()).digest()[0] & 1]


def texts() -> Iterator[tuple[str, Labelled]]:
    """(part, sentence) of all of them, the same ones every time."""
    for (language, kind), frames in _FRAMES.items():
        for frame in frames:
            maker = Maker(part_of(frame))
            maker.draw.seed(f"fresh {frame}")
            for number in range(EACH):
                for form in ("written", "spoken"):
                    value = maker.value(kind, language)
                    said = _said(maker, kind, value, language=language, form=form, number=number)
                    yield part_of(frame), _labelled(frame, said, value, kind, language, form)
    for language, plain in _PLAIN.items():
        for text in plain:
            yield part_of(text), Labelled("fresh", language, "plain", text)


def _said(maker: Maker, kind: str, value: str, *, language: str, form: str, number: int) -> str:
    if form == "written":
        return maker.written(kind, value, language)
    if language == "en" and number % 3 == 2 and kind in _GROUPED and value.isdigit():
        return grouped(value)
    return maker.spoken(value, language)


def _labelled(frame: str, said: str, value: str, kind: str, language: str, form: str) -> Labelled:
    head, tail = frame.split("{value}")
    span = Span(len(head), len(head) + len(said), kind, value)
    return Labelled("fresh", language, form, head + said + tail, (span,))


_ONES = "zero one two three four five six seven eight nine".split()
_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
_TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()


def grouped(digits: str) -> str:
    """Two by two, as many people read numbers: "forty one, eleven, oh five"."""
    words = []
    for at in range(0, len(digits), 2):
        pair = digits[at : at + 2]
        if len(pair) == 1:
            words.append(_ONES[int(pair)])
        elif pair[0] == "0":
            words.append(f"oh {'oh' if pair[1] == '0' else _ONES[int(pair[1])]}")
        elif pair[0] == "1":
            words.append(_TEENS[int(pair[1])])
        else:
            words.append(
                _TENS[int(pair[0])] + ("" if pair[1] == "0" else f" {_ONES[int(pair[1])]}")
            )
    return " ".join(words)


def load() -> dict[str, list[Labelled]]:
    """Every sentence, by part."""
    found: dict[str, list[Labelled]] = {}
    for part, text in texts():
        found.setdefault(f"fresh {part}", []).append(text)
    return found
