"""The words personal data is said with: digits, letters, fillers, corrections, announcements.

English and Arabic side by side; Arabic is written in the one form `call.cues.normal` gives it.
"""

from __future__ import annotations

from call.cues import normal

CARD, BANK, SSN, PHONE, EMAIL = "card", "bank", "ssn", "phone", "email"
BIRTHDATE, ADDRESS, RECORD, POLICY, CLAIM = "birthdate", "address", "record", "policy", "claim"
ACCOUNT, PASSPORT, LICENCE, CODE, NAME = "account", "passport", "licence", "code", "name"
NUMBER = "number"
KINDS = (
    CARD,
    BANK,
    SSN,
    PHONE,
    EMAIL,
    BIRTHDATE,
    ADDRESS,
    RECORD,
    POLICY,
    CLAIM,
    ACCOUNT,
    PASSPORT,
    LICENCE,
    CODE,
    NAME,
    NUMBER,
)
"""Every kind; `number` is a long number nobody said the kind of."""
WITH_LETTERS = frozenset({BANK, SSN, RECORD, POLICY, CLAIM, ACCOUNT, PASSPORT, LICENCE, CODE})
"""Kinds whose values may hold letters."""
LEAST = {PHONE: 7, CARD: 13, SSN: 9, BANK: 8, CODE: 4, BIRTHDATE: 8, NUMBER: 7}
"""Characters of the shortest whole value; a shorter one at the end of what was said is open."""
LEAST_OF_OTHERS = 5

# ── classes of words ─────────────────────────────────────────────────────────────────
SINGLE, TEEN, TENS, HUNDRED, TIMES, WRITTEN, LETTER, GLUE = "S", "T", "Z", "H", "X", "W", "L", "G"


def _words(text: str) -> list[str]:
    return normal(text).split()


def _table() -> dict[str, tuple[str, str]]:
    table: dict[str, tuple[str, str]] = {}
    alphabet = (
        "alpha alfa bravo charlie delta echo foxtrot golf hotel india juliet juliett kilo lima mike"
        " november oscar papa quebec romeo sierra tango uniform victor whiskey xray yankee zulu"
    )
    table |= {word: (LETTER, word[0]) for word in alphabet.split()}
    table |= {letter: (LETTER, letter) for letter in "abcdefghijklmnopqrstuvwxyz"}
    for value, said in enumerate(
        (
            "zero oh o nought naught null صفر زيرو",
            "one واحد واحده",
            "two اثنين اثنان اتنين تنين اثنتين اثنتان",
            "three ثلاثه تلاته ثلاث تلات",
            "four fower اربعه اربع",
            "five fife خمسه خمس",
            "six سته ست",
            "seven سبعه سبع",
            "eight ثمانيه تمانيه تمنيه ثماني ثمان",
            "nine niner تسعه تسع",
        )
    ):
        table |= {word: (SINGLE, str(value)) for word in _words(said)}
    teens = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
    table |= {word: (TEEN, str(value)) for value, word in enumerate(teens.split(), 10)}
    table |= dict.fromkeys(_words("عشره عشر"), (TEEN, "10"))
    table |= dict.fromkeys(_words("احدعش حداشر احداشر"), (TEEN, "11"))
    table |= dict.fromkeys(_words("اثنعش اتناشر طنعش"), (TEEN, "12"))
    tens = (
        "twenty عشرين عشرون",
        "thirty ثلاثين ثلاثون تلاتين",
        "forty fourty اربعين اربعون",
        "fifty خمسين خمسون",
        "sixty ستين ستون",
        "seventy سبعين سبعون",
        "eighty ثمانين ثمانون تمانين",
        "ninety تسعين تسعون",
    )
    for value, said in enumerate(tens, 2):
        table |= dict.fromkeys(_words(said), (TENS, f"{value}0"))
    table |= dict.fromkeys(_words("hundred ميه مئه مائه"), (HUNDRED, "00"))
    table |= dict.fromkeys(_words("thousand الف الاف"), (HUNDRED, "000"))
    for value, said in ((2, "double دبل دوبل"), (3, "triple treble تربل"), (4, "quadruple")):
        table |= {word: (TIMES, str(value)) for word in _words(said)}
    glue = (
        "um uh er erm ehm hmm umm uhh mm ah eh then dash hyphen minus space slash stroke point dot"
        " comma so okay ok yeah right well let's see like pause plus"
        " اه امم ام مممم يعني طيب ثم شرطه"
    )
    table |= dict.fromkeys(_words(glue), (GLUE, ""))
    table |= dict.fromkeys(",.-–—…/()#+*'،؛;\"", (GLUE, ""))
    return table


LEXICON = _table()
"""Normalised word → (class, value)."""
GLUE_IN_LONG_RUNS = frozenset(_words("and و"))
SOUNDS_LIKE = {"to": "2", "too": "2", "for": "4", "won": "1", "ate": "8"}
"""What recognisers write for a digit amid other digits."""

CORRECTING = frozenset(
    _words(
        "no sorry actually correction rather scratch wait oops mean meant instead nope strike"
        " لا اسف اسفه عفوا قصدي اقصد بالاحري"
    )
)
IN_A_CORRECTION = CORRECTING | frozenset(
    _words(
        "i make that that's it's its it is should be not the was my bad let me start over again"
        " from beginning hold on last digit number um uh er ah"
        " انا كان هو هي مش مو غلط الرقم"
    )
)
RESTARTING = frozenset(_words("start over again beginning"))

UNITS = frozenset(
    _words(
        "dollar dollars euro euros pound pounds cent cents bucks percent % people persons guests"
        " adults kids children patients minute minutes min hour hours day days week weeks month"
        " months year years am pm a.m p.m o'clock oclock th st nd rd times nights rooms miles km"
        " star stars grand million billion morning evening afternoon tonight half quarter"
        " ريال ريالات درهم دينار دولار جنيه شخص اشخاص دقيقه دقائق ساعه ساعات يوم ايام اسبوع"
        " شهر سنه سنوات صباحا مساء ظهرا بالميه"
    )
)
"""Behind a number, they say it counts something."""

# ── what announces a value ───────────────────────────────────────────────────────────
_ANNOUNCING = {
    PHONE: "phone mobile cell cellphone telephone whatsapp landline callback reach"
    " هاتف هاتفي الهاتف جوال جوالي الجوال موبايل موبايلي تلفون تلفوني تليفون تليفوني رقمي",
    CARD: "card cc visa mastercard amex credit debit بطاقه بطاقتي البطاقه فيزا الفيزا ائتمان",
    BANK: "iban routing bank bic swift checking savings ايبان الايبان البنك بنكي البنكي",
    ACCOUNT: "account acct member membership customer loyalty حساب حسابي الحساب عضويه عضويتي",
    SSN: "ssn social national identity nino هويه هويتي الهويه الوطني القومي",
    POLICY: "policy insurance subscriber بوليصه البوليصه بوليصتي وثيقه تامين التامين تاميني",
    CLAIM: "claim مطالبه المطالبه مطالبتي",
    RECORD: "mrn chart record medical patient ملف الملف ملفي",
    PASSPORT: "passport جواز جوازي",
    LICENCE: "licence license driver's drivers driving رخصه رخصتي الرخصه",
    CODE: "code pin otp passcode password cvv cvc verification رمز الرمز كود الكود رمزي",
    BIRTHDATE: "born birth birthday dob birthdate birthdate ميلاد ميلادي الميلاد مولود ولدت",
    EMAIL: "email mail emails ايميل ايميلي الايميل بريد بريدي البريد",
    ADDRESS: "address live postcode zip zipcode عنوان عنواني العنوان ساكن اسكن",
    NAME: "name surname name's اسم اسمي الاسم",
    NUMBER: "number numbers digits no رقم الرقم",
}
ANNOUNCING = {word: kind for kind, said in _ANNOUNCING.items() for word in _words(said)}
BEFORE_CODE = {"zip": ADDRESS, "post": ADDRESS, "postal": ADDRESS, "area": PHONE, "country": PHONE}
BEFORE_CODE |= {"sort": BANK, "swift": BANK, "bank": BANK, "routing": BANK}

LINKING = frozenset(
    _words(
        "is it's its it are was be would will the a an my our his her number no numbers"
        " digits digit"
        " that's that this and of on in at ends ending end with to for as follows um uh"
        " er erm hmm ah"
        " yes yeah sure okay ok so well me here you can have i've got file reads starts starting"
        " last first four line let see code card security account id identification medical record"
        " insurance policy claim licence license passport phone mobile cell pin iban back driver's"
        " drivers date birth please name note take down should say use i i'm goes like typed"
        " هو هي رقم الرقم رقمها رقمه نعم اه طيب يعني تاريخ ال في علي الخاص بي من خاصتي"
        " الهاتف الجوال البطاقه الحساب الهويه الجواز البوليصه السري التحقق الميلاد الوطنيه"
        " السفر الرخصه الملف الطبي المطالبه التامين بطاقتي الائتمان ب"
    )
)
"""Words that may stand between an announcement and its value."""

CONTINUING = frozenset(
    _words(
        "rest last next remaining remainder continue go on then more mm-hm mhm uh-huh"
        " okay following"
        " باقي الباقي اخر تابع كمل التاليه"
    )
)
"""In the agent's words: what comes is the rest of what was begun."""

MONTHS = {
    word: month
    for month, said in enumerate(
        (
            "january jan يناير",
            "february feb فبراير",
            "march mar مارس",
            "april apr ابريل",
            "may مايو",
            "june jun يونيو",
            "july jul يوليو",
            "august aug اغسطس",
            "september sep sept سبتمبر",
            "october oct اكتوبر",
            "november nov نوفمبر",
            "december dec ديسمبر",
        ),
        1,
    )
    for word in _words(said)
}
ORDINALS = {
    word: day
    for day, word in enumerate(
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
        " thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth"
        " twentieth".split(),
        1,
    )
} | {"thirtieth": 30}
STREETS = frozenset(
    _words(
        "street st avenue ave road rd lane ln drive dr boulevard blvd court ct place pl"
        " square terrace"
        " close crescent parkway highway way circle alley row"
    )
)
HOSTS = frozenset("gmail yahoo hotmail outlook icloud aol protonmail msn live".split())
"""Ends of an e-mail address that are said without their "dot com"."""
HOST_DOTS = frozenset({"dot", "point", "period", *_words("نقطه دوت")})
ARABIC_STREET = frozenset(_words("شارع حي طريق"))
ROOMS = frozenset(_words("apartment apt unit suite flat floor شقه طابق عماره مبني"))

NOT_A_NAME = frozenset(
    _words(
        "a an the calling looking not in here sorry fine good free from having just on about"
        " wondering trying afraid for with new ready and my phone number is at please but"
        " i i'm it's"
        " that that's spelled under to of or so because what when how where this correct"
        " right wrong"
        " going very really too also still already only yes no thanks thank hello hi you your we"
        " calling speaking urgent available okay ok same email address date card account um uh er"
        " i'd i'll i've can could would will hold one wait let me if there then there's has was"
        " today tomorrow don't do does did want need like book cancel move have sure maybe"
        " monday tuesday wednesday thursday friday saturday sunday morning afternoon evening"
        " و ورقمي رقمي من في انا بس لكن عندي اريد بدي ورقم نعم لا شكرا الان غدا اليوم"
    )
)
