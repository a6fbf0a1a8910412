"""English words for what is read out one sign at a time: net addresses, telephone numbers, cards,
codes."""

from __future__ import annotations

import re

from call.digits import grouped, international_groups, written_groups
from call.english_numbers import cardinal, in_groups, spelled

_SIGNS = {
    ".": "dot",
    "-": "dash",
    "_": "underscore",
    "+": "plus",
    "/": "slash",
    "@": "at",
    ":": "colon",
    "?": "question mark",
    "=": "equals",
    "&": "and",
    "#": "hash",
    "%": "percent",
    "~": "tilde",
    "'": "apostrophe",
}
_VOWELS = re.compile(r"[aeiouyAEIOUY]")
_SAID_WHOLE = frozenset("com co org net edu gov info biz gmail html pdf".split())
_PIECE = re.compile(r"[A-Za-z]+|\d+|[^A-Za-z\d\s]|\s+")

_DOMAIN = (
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+"
    r"(?:com|org|net|edu|gov|info|biz|io|ai|co|me|app|dev|health|dental|clinic|care|uk|us|ca|au|de"
    r"|fr|es|it|nl|eu|in|ie|nz|za|eg|sa|ae|example|test)\b(?:\.(?:uk|au|nz|za|eg|sa|in))?"
)
EMAIL = re.compile(r"[\w.+'-]*[\w+]@[\w-]+(?:\.[\w-]+)*\.\w+", re.ASCII)
URL = re.compile(
    rf"(?:https?://(?P<rest>[^\s<>\"')\]]*[^\s<>\"')\].,;:!?])|(?<![\w@.])(?:www(?:\.[\w-]+)+|{_DOMAIN})"
    r"(?:/[\w./%~?=&#+-]*[\w/])?)(?![\w@])",
    re.ASCII,
)
MASKED_CARD = re.compile(r"(?:(?:[*xX•]{2,4}|\*)[ -]?){1,4}(?P<digits>\d{4})(?!\d)")
IP_OR_VERSION = re.compile(r"(?<![\w.])\d+(?:\.\d+){2,}(?![\w]|\.\d)")
# "850.687.4000" is a telephone number, "555-0142" a local one, "+20 10 1234 5678" an international
INTERNATIONAL = re.compile(r"(?<!\w)\+[1-9]\d{0,14}(?:[ .-]{0,2}\(?\d{1,5}\)?(?!\d)){0,6}(?!\w)")
# "1,000 555-0142" is an amount and a number: what stands behind its comma begins neither.
_NOT_IN_AMOUNT = r"(?<!(?<!\d)\d,)(?<!(?<!\d)\d\d,)(?<!(?<!\d)\d\d\d,)"
NATIONAL = re.compile(
    rf"(?<![\w$€£+.-]){_NOT_IN_AMOUNT}"
    r"(?:1[-. ])?(?:\(\d{3}\)[-. ]{0,2}|\d{3}[-. ])\d{3}[-. ]\d{4}(?:-\d{1,5})?"
    r"(?![\w]|[.-]\d)"
)
LOCAL = re.compile(rf"(?<![\w$€£.-]){_NOT_IN_AMOUNT}" r"\d{3}[-.]\d{4}(?![\w%]|[.-]\d)")
EXTENSION = re.compile(r"(?<=\d)(?P<n>,? ?\b(?:ext\.?|x)\s?(?P<digits>\d{1,6}))\b", re.I)
HYPHENED = re.compile(
    rf"(?<![\w$€£.-]){_NOT_IN_AMOUNT}" r"(?!\d{4}-\d{2}-\d{2}\b)\d{3,}(?:-\d{2,}){2,}(?![\w]|-\d)"
)
SPACED = re.compile(
    r"(?<![\w$€£.,-])(?:\d{2,6}(?: \d{2,6}){2,}|\(0\d{2,5}\)(?:[ -]?\d{3,8}){1,2})"
    r"(?![\w%]|[.,:]\d)"
)
TWO_SPACED = re.compile(r"(?<![\w$€£.,-])0\d{2,5} \d{3,7}(?![\w%]|[.,:]\d)")
LONG = re.compile(r"(?<![\w$€£.,#-])\d{7,}(?![\w%]|[.,]\d)")
VANITY = re.compile(r"(?<![\w-])1-8\d\d-(?=[A-Z-]*[A-Z])[A-Z0-9]+(?:-[A-Z0-9]+)*(?!\w)")
_STRONG_CUE = (
    r"codes?|pin|passcode|password|otp|routing|ending in|ends in|ending with|ends with|"
    r"last (?:three|four|five|six) digits|digits|zip|postcode|dial|ssn|social|extension|ext\.?"
)
_LINKED_CUE = (
    r"number|no\.|account|member(?:ship)?|policy|reference|ref\.?|confirmation|booking|reservation|"
    r"ticket|case|claim|invoice|order|serial|tracking|card|license|passport|id|text|call|flight|"
    r"suite|apartment|apt\.?|unit|room|gate|bus|route|highway"
)
_LINK = r"(?:\s*(?:code|number|no\.|#|is|are|was|:|,|for you is|I have is)){0,3}\s*#?"
CODE = re.compile(
    rf"\b(?:{_STRONG_CUE}){_LINK}\s*(?P<n>\d{{2,}})(?![\w%]|[.,:/]\d|-\d|\s?[ap]\.?m\b)", re.I
)
NUMBERED = re.compile(
    rf"\b(?:{_LINKED_CUE}){_LINK}\s*(?P<n>\d{{3,}})(?![\w%]|[.,:/]\d|-\d|\s?[ap]\.?m\b)", re.I
)
ZIP_PLUS_FOUR = re.compile(r"(?<![\w-])\d{5}-\d{4}(?![\w-])")
STATE_ZIP = re.compile(r"\b[A-Z]{2} (?P<n>\d{5})(?!\w|-\d|[.,]\d)")
SERIAL = re.compile(
    r"(?<![\w@./-])(?=[A-Za-z\d-]*\d)(?=[A-Za-z\d-]*[A-Z])[A-Za-z\d]+(?:-[A-Za-z\d]+)*(?![\w@/])",
    re.ASCII,
)


def say_address(found: re.Match[str]) -> str:
    """A net address: its words, its signs, its digits one by one."""
    address = found[0]
    if "@" not in address:
        address = re.sub(r"^https?://", "", address).rstrip("/")
    pieces = [_piece_of_address(piece) for piece in _PIECE.findall(address)]
    return " ".join(pieces)


def say_masked(found: re.Match[str]) -> str:
    """A card of which only the end is shown; stars alone are not said."""
    before = found.string[: found.start()].rstrip().lower()
    end = spelled(found["digits"])
    return end if before.endswith(("ending in", "ends in", "ending with")) else f"ending in {end}"


def say_points(found: re.Match[str]) -> str:
    """An address of a machine digit by digit; a version by its numbers; a dotted telephone number
    in groups."""
    parts = found[0].split(".")
    if [len(part) for part in parts] in ([3, 3, 4], [3, 4]):
        return in_groups(parts)
    if len(parts) == 4:
        return " dot ".join(spelled(part) for part in parts)
    return " point ".join(
        cardinal(int(part)) if part[0] != "0" else spelled(part) for part in parts
    )


def say_international(found: re.Match[str]) -> str:
    """ "plus two zero, one zero, …"."""
    return f"plus {in_groups(international_groups(found[0]))}"


def say_groups(found: re.Match[str]) -> str:
    """Groups as they are written."""
    return in_groups(written_groups(found[0]))


def say_extension(found: re.Match[str]) -> str:
    """ "extension one two"."""
    return f", extension {in_groups(grouped(found['digits']))}"


def say_code(found: re.Match[str]) -> str:
    """Digits behind a word that announces a code."""
    return in_groups(grouped(found["n"]))


def say_long(found: re.Match[str]) -> str | None:
    """Seven digits and more without commas are a code, unless round."""
    if found[0][0] != "0" and found[0].endswith("00000"):
        return None
    return in_groups(grouped(found[0]))


def say_vanity(found: re.Match[str]) -> str:
    """1-800-GO-FISH: digits one by one, words as words."""
    parts = found[0].split("-")
    said = [_vanity_part(part) for part in parts[2:]]
    return ", ".join(["one", "eight hundred" if parts[1] == "800" else spelled(parts[1]), *said])


def _vanity_part(part: str) -> str:
    is_word = part.isalpha() and _VOWELS.search(part)
    return part if is_word else _mixed(part)


def say_serial(found: re.Match[str]) -> str | None:
    """Letters one by one, digits one by one: "A B one two". "B12" and "Q3" keep their number."""
    token = found[0]
    short = re.fullmatch(r"([A-Z]{1,2})-?(\d{1,2})|(\d{1,2})([A-Z])", token)
    if short and not (short[2] or short[3]).startswith("0"):
        letters, digits = short[1] or short[4], short[2] or short[3]
        pair = (" ".join(letters), cardinal(int(digits)))
        return " ".join(pair if short[1] else reversed(pair))
    name = re.fullmatch(r"([A-Za-z]{4,})-([1-9]\d?)", token)
    if name and _VOWELS.search(name[1]):
        return f"{name[1]} {cardinal(int(name[2]))}"
    return ", ".join(
        in_groups(grouped(part)) if part.isdigit() else _mixed(part) for part in token.split("-")
    )


def _mixed(part: str) -> str:
    said: list[str] = []
    for piece in re.findall(r"[A-Z][a-z]+|[a-z]+[A-Z][a-z]+|[a-z]{2,}|[A-Za-z]+|\d+", part):
        is_word = piece[-1].islower() and len(piece) > 1
        is_name = len(piece) > 3 and piece == part and _VOWELS.search(piece)
        if piece.isdigit():
            is_model = said and said[-1][-1].islower() and len(piece) <= 2 and piece[0] != "0"
            said.append(cardinal(int(piece)) if is_model else in_groups(grouped(piece)))
        else:
            said.append(piece if is_word or is_name else " ".join(piece))
    return " ".join(said)


def _piece_of_address(piece: str) -> str:
    if piece.isdigit():
        return spelled(piece)
    if piece.isalpha():
        is_word = len(piece) > 3 or piece.lower() in _SAID_WHOLE
        is_word = is_word or (len(piece) == 3 and _VOWELS.search(piece) is not None)
        return piece if is_word else " ".join(piece)
    return _SIGNS.get(piece, "")
