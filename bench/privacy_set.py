"""The labelled set of `offhook bench privacy`: sentences with personal data, and without.

Everything is made from templates with a fixed seed, so the set can be made again; `dev` is what the
finder was built with, `heldout` has other sentences, other ways of saying digits, and was only
measured. `python -m bench.privacy_set` writes tests/vectors/privacy/*.jsonl.
"""

# ruff: noqa: E501 - a template is read best on one line

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.privacy_maker import EN, Maker
from bench.privacy_score import Labelled, Span

FOLDER = Path(__file__).resolve().parents[1] / "tests" / "vectors" / "privacy"
HELD_OUT = "heldout"
PARTS = ("dev", HELD_OUT)
EACH = {"dev": 24, "heldout": 20}
"""sentences per kind, language and form"""

Case = dict[str, object]

_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
_TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety".split()
_MONTHS = (
    "January February March April May June July August September October November December".split()
)
_AR_MONTHS = "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر".split()
_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth"
    " fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth".split()
)
_NAMES = {
    "dev": ("John Smith", "Maria Lopez", "Anna Bell", "James O'Neill", "Wei Chen", "Fatima Khan"),
    "heldout": ("Peter Novak", "Grace Adeyemi", "Lucy Hart", "Omar Haddad", "Priya Natarajan"),
}
_AR_NAMES = {
    "dev": ("محمد علي", "فاطمة حسن", "خالد العتيبي", "سارة أحمد"),
    "heldout": ("يوسف منصور", "ليلى عبدالله", "نورة القحطاني"),
}
_STREETS = {
    "dev": ("Maple Street", "Old Mill Road", "Park Avenue", "Lincoln Drive"),
    "heldout": ("Cedar Lane", "King George Boulevard", "Station Road", "Elm Court"),
}
_HOSTS = {
    "dev": ("gmail.com", "example.com", "yahoo.co.uk"),
    "heldout": ("outlook.com", "acme-labs.org"),
}
_LABELS = {
    "en": {
        "phone": ("phone number", "mobile number", "cell"),
        "card": ("card number", "credit card", "Visa"),
        "bank": ("IBAN", "bank account number", "IBAN number"),
        "ssn": ("social security number", "social", "SSN"),
        "code": ("PIN", "verification code", "one-time code", "security code"),
        "account": ("account number", "member number", "customer number"),
        "claim": ("claim number", "claim"),
        "record": ("medical record number", "chart number", "MRN"),
        "policy": ("policy number", "insurance policy number"),
        "passport": ("passport number", "passport"),
        "licence": ("driver's license number", "licence number"),
    },
    "ar": {
        "phone": ("رقم هاتفي", "رقم جوالي", "رقمي"),
        "card": ("رقم بطاقتي", "رقم البطاقة"),
        "ssn": ("رقم هويتي", "رقم الهوية الوطنية"),
        "code": ("رمز التحقق", "الرمز"),
        "account": ("رقم حسابي", "رقم الحساب"),
        "record": ("رقم الملف", "رقم ملفي"),
        "claim": ("رقم المطالبة",),
    },
}
_FRAMES = {
    ("en", "dev"): (
        "My {label} is {value}.",
        "my {label} is {value} and I'd like to book for two people",
        "Sure, the {label} is {value}, thanks.",
        "The {label}? It's {value}.",
        "um so my {label} is uh {value}",
    ),
    ("en", "heldout"): (
        "Yeah okay, {label}, that's {value}.",
        "You can use my {label}, {value}, for the ten thirty slot.",
        "I have the {label} here, {value}.",
        "For the {label} take down {value}, please.",
        "so the {label} would be {value}",
    ),
    ("ar", "dev"): ("{label} هو {value}", "{label} {value}", "نعم، {label} {value}."),
    ("ar", "heldout"): (
        "طيب {label} هو {value} شكراً",
        "اه {label} يعني {value}",
        "مرحبا، {label}: {value}",
    ),
}
_ASKED = {
    "dev": ("{value}.", "It's {value}.", "Yes, it is {value}, thank you."),
    "heldout": ("okay, {value}", "Sure. {value}.", "um, {value}, and I need a cleaning"),
}
_BARE = {  # nobody says what it is
    "phone": ("Call me back on {value}.", "you can reach me at {value}", "{value}"),
    "card": ("{value}", "put it on {value}, please"),
}
_PLAIN = {
    ("en", "dev"): (
        "Can I come at ten thirty?", "Ten thirty is fine.", "A table for two people at seven.",
        "It costs $45.50, right?", "I need two cleanings and three fillings.", "At nine oh five on Monday.",
        "I'd like to come on the fourteenth of December.", "Are you open from eight to six?",
        "It was two hundred and fifty dollars last time.", "On 12/14/2026 at 10:30 am.", "twenty four seven",
        "We are four people, two adults and two kids.", "I called two or three times.",
        "My name's not on the list.", "My card was declined.", "The email did not arrive.",
        "I'm calling about an appointment.", "This is urgent.", "one moment please", "I live nearby.",
        "Is it 30 minutes or 45 minutes?", "I paid 1,200 dollars in 2024.", "Between four and five, please.",
        "Room 12 on the second floor?", "We moved here in nineteen ninety eight.",
    ),
    ("en", "heldout"): (
        "Could we say quarter past three?", "Eleven forty five works.", "Two of us, around half past six.",
        "How much is it, ninety dollars?", "The first or the second of March, either.", "seven thirty or eight",
        "My son is six years old.", "Is that twenty percent off?", "I was there at eight o six this morning.",
        "It takes one hour and fifteen minutes.", "Monday the 23rd at 14:15.", "about three hundred",
        "I have two questions.", "He lost one tooth, maybe two.", "My phone is broken.",
        "I forgot my password, can you help?", "My account is fine, I think.", "I'm running five minutes late.",
        "Do you have parking for three cars?", "We close at 6.30 pm.", "That will be 19.99, thanks.",
        "This is about my daughter.", "I'm free on Thursday.", "No, the other one.", "it's two weeks from now",
        "Eight fifty one is too early.", "the appointment on December fourteenth twenty twenty six",
    ),
    ("ar", "dev"): (
        "هل يمكن الساعة العاشرة والنصف؟", "نحن شخصين", "كم السعر؟ خمسين دولار؟", "موعد يوم الاثنين",
        "بعد ثلاثة ايام", "أريد موعد الساعة ٣:٣٠",
    ),
    ("ar", "heldout"): (
        "ممكن الساعة خمسة مساء؟", "أربعة اشخاص", "دفعت ٢٠٠ ريال", "عندي سؤالين", "يوم ١٢ ديسمبر", "بعد عشرين دقيقة",
    ),
}  # fmt: skip


def cases(part: str) -> Iterator[Case]:
    """All labelled sentences of one part."""
    maker = Maker(part)
    for language, labels in _LABELS.items():
        for kind, names in labels.items():
            for form in ("written", "spoken"):
                for number in range(EACH[part]):
                    yield _numbered(maker, language, kind, names, form=form, number=number)
    yield from _worded(maker)
    for language in ("en", "ar"):
        for text in _PLAIN[language, part]:
            yield {"language": language, "form": "plain", "kind": None, "text": text}
            yield {
                "language": language,
                "form": "plain",
                "kind": None,
                "text": text.lower().rstrip(".?"),
            }


def _numbered(
    maker: Maker, language: str, kind: str, names: tuple[str, ...], *, form: str, number: int
) -> Case:
    value = maker.value(kind, language)
    said = (
        maker.spoken(value, language) if form == "spoken" else maker.written(kind, value, language)
    )
    asked: tuple[str, ...] = ()
    if number % 4 == 3:
        frame, asked = maker.draw.choice(_ASKED[maker.part]), (kind,)
    elif number % 8 == 5 and kind in _BARE:
        frame = maker.draw.choice(_BARE[kind])
    else:
        frame = maker.draw.choice(_FRAMES[language, maker.part])
    return _case(
        frame,
        maker.draw.choice(names),
        said,
        value,
        language=language,
        kind=kind,
        form=form,
        asked=asked,
    )


def _case(
    frame: str,
    label: str,
    said: str,
    value: str,
    *,
    language: str,
    kind: str,
    form: str,
    asked: tuple[str, ...] = (),
) -> Case:
    head, tail = frame.split("{value}")
    head = head.replace("{label}", label)
    return {
        "language": language, "form": form, "kind": kind, "text": head + said + tail,
        "span": [len(head), len(head) + len(said)], "value": value, "asked": list(asked),
    }  # fmt: skip


def _worded(maker: Maker) -> Iterator[Case]:
    """E-mail, names, dates of birth, addresses."""
    part, draw = maker.part, maker.draw
    kinds: dict[str, Callable[[Maker, str], tuple[str, str]]] = {
        "email": _email, "birthdate": _birthdate, "address": _address, "name": _name,
    }  # fmt: skip
    frames = {
        ("email", "dev"): ("My email is {value}.", "send it to {value} please", "it's {value}"),
        ("email", "heldout"): ("You can write to {value}, okay?", "The e-mail address is {value}", "Sure. {value}."),
        ("birthdate", "dev"): ("I was born on {value}.", "My date of birth is {value}.", "date of birth {value}"),
        ("birthdate", "heldout"): ("birthday's {value}", "It's {value}, that's my birthday", "My son was born {value}."),
        ("address", "dev"): ("I live at {value}.", "My address is {value}, thanks.", "Send it to {value}."),
        ("address", "heldout"): ("The address would be {value}.", "we moved to {value}", "It's {value}, near the park."),
        ("name", "dev"): ("My name is {value}.", "my name is {value} and I need a cleaning", "This is {value} calling."),
        ("name", "heldout"): ("Hi, my name's {value}.", "The name is {value}, thank you.", "Hello, this is {value} speaking."),
    }  # fmt: skip
    for kind, make in kinds.items():
        for form in ("written", "spoken"):
            for number in range(EACH[part]):
                value, said = make(maker, form)
                frame = draw.choice(frames[kind, part])
                asked = (
                    (kind,) if frame.startswith(("it's {", "Sure.", "It's {value}, that")) else ()
                )
                if kind == "name" and form == "spoken" and number % 2:
                    value = value.split()[0]
                    said, frame, asked = " ".join(re.sub(r"\W", "", value)), "{value}.", ("name",)
                yield _case(
                    frame, "", said, value, language="en", kind=kind, form=form, asked=asked
                )
    for _ in range(EACH[part]):
        name = draw.choice(_AR_NAMES[part])
        frame = draw.choice(
            ("اسمي {value}", "أنا اسمي {value}.")
            if part == "dev"
            else ("نعم، اسمي {value}", "اسمي هو {value}.")
        )
        yield _case(frame, "", name, name, language="ar", kind="name", form="spoken")
        day, month, year = draw.randint(1, 28), draw.randint(1, 12), draw.randint(1950, 2005)
        said = f"{day} {_AR_MONTHS[month - 1]} {year}"
        frame = "تاريخ ميلادي {value}" if part == "dev" else "تاريخ الميلاد هو {value}."
        yield _case(
            frame,
            "",
            said,
            f"{year}-{month:02}-{day:02}",
            language="ar",
            kind="birthdate",
            form="written",
        )


def _email(maker: Maker, form: str) -> tuple[str, str]:
    draw = maker.draw
    name = draw.choice(_NAMES[maker.part]).lower().replace("'", "").split()
    local = draw.choice((".", "_", "-")).join(name) if draw.random() < 0.6 else name[0]
    if draw.random() < 0.5:
        local += maker.digits(2)
    address = f"{local}@{draw.choice(_HOSTS[maker.part])}"
    if form == "written":
        return address, address
    said = re.sub(r"\d", lambda digit: f" {EN[int(digit[0])]} ", address)
    for sign, word in (
        ("@", "at"),
        (".", "dot"),
        ("_", "underscore"),
        ("-", draw.choice(("dash", "hyphen"))),
    ):
        said = said.replace(sign, f" {word} ")
    return address, " ".join(said.split())


def _birthdate(maker: Maker, form: str) -> tuple[str, str]:
    draw = maker.draw
    day, month, year = draw.randint(1, 28), draw.randint(1, 12), draw.randint(1940, 2009)
    plain = f"{year}-{month:02}-{day:02}"
    if form == "written":
        return plain, draw.choice(
            (f"{month}/{day}/{year}", f"{_MONTHS[month - 1]} {day}, {year}", plain)
        )
    ordinal = _ORDINALS[day - 1] if day <= 20 else f"twenty {_ORDINALS[day - 21]}"
    century, rest = divmod(year, 100)
    spoken_rest = f"oh {EN[rest]}" if rest < 10 else _below_hundred(rest)
    spoken_year = f"nineteen {spoken_rest}" if century == 19 else f"two thousand and {EN[rest]}"
    spoken_year = (
        "two thousand" if year == 2000 else "nineteen hundred" if year == 1900 else spoken_year
    )
    month_name = _MONTHS[month - 1]
    ways = (
        f"{month_name} {ordinal} {spoken_year}",
        f"the {ordinal} of {month_name}, {spoken_year}",
    )
    said = draw.choice(ways)
    return plain, said


def _below_hundred(number: int) -> str:
    if number < 20:
        return _TEENS[number - 10]
    tens, unit = divmod(number, 10)
    return f"{_TENS[tens]} {EN[unit]}" if unit else _TENS[tens]


def _address(maker: Maker, form: str) -> tuple[str, str]:
    draw = maker.draw
    number, street = draw.randint(2, 99), draw.choice(_STREETS[maker.part])
    if form == "written":
        tail = draw.choice(("", ", Apt 4B", f", Springfield, IL {maker.digits(5)}"))
        return f"{number} {street}{tail}", f"{number} {street}{tail}"
    said = EN[number] if number < 10 else _below_hundred(number)
    return f"{said} {street.lower()}", f"{said} {street.lower()}"


def _name(maker: Maker, form: str) -> tuple[str, str]:
    name = maker.draw.choice(_NAMES[maker.part])
    return name, name if form == "written" else name.lower()


def load(part: str) -> list[Labelled]:
    """The committed set."""
    lines = (FOLDER / f"{part}.jsonl").read_text(encoding="utf-8").splitlines()
    return [_labelled(json.loads(line)) for line in lines]


def _labelled(case: dict[str, Any]) -> Labelled:
    spans: tuple[Span, ...] = ()
    if case["kind"] is not None:
        start, end = case["span"]
        spans = (Span(start, end, case["kind"], case["value"]),)
    return Labelled(
        "ours",
        case["language"],
        case["form"],
        case["text"],
        spans,
        asked=tuple(case.get("asked", ())),
    )


def write() -> None:
    """Make both parts anew."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        lines = [json.dumps(case, ensure_ascii=False) for case in cases(part)]
        (FOLDER / f"{part}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
