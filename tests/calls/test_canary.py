"""Known values are said to the bot; afterwards every byte that left the process is searched."""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from lab.receptionist import Reply, ToolUse
from tests.calls.house import House
from tests.calls.scripted import open_scripted, results_of, talk, turns_of

pytestmark = [pytest.mark.call, pytest.mark.timeout(180)]

# kind → (as said, as written, what is searched for): none of it exists anywhere else
CANARIES = {
    "phone": (
        "My phone number is four one five five five five oh one nine eight.",
        "My phone number is 415-555-0198.",
        "4155550198",
    ),
    "card": (
        "My card number is four five three nine one four eight eight oh three four three six four"
        " six seven.",
        "My card number is 4539 1488 0343 6467.",
        "4539148803436467",
    ),
    "ssn": (
        "My social security number is five three six nine oh four three nine nine.",
        "My social security number is 536-90-4399.",
        "536904399",
    ),
    "email": (
        "My email is canary dot quillfeather at example dot com.",
        "My email is canary.quillfeather@example.com.",
        "quillfeather",
    ),
    "birthdate": (
        "My date of birth is the third of November nineteen seventy one.",
        "My date of birth is November 3, 1971.",
        "nineteenseventyone|1971",
    ),
    "address": (
        "I live at eighteen forty two Wrenfield Avenue.",
        "I live at 1842 Wrenfield Avenue.",
        "wrenfield",
    ),
    "name": ("My name is Tobiasina Marrowcliff.",) * 2 + ("marrowcliff",),
    "account": (
        "My account number is eight eight two seven one six four oh five nine.",
        "My account number is 8827164059.",
        "8827164059",
    ),
    "bank": (
        "My IBAN is g b eight two w e s t one two three four five six nine eight seven six five"
        " four three two.",
        "My IBAN is GB82 WEST 1234 5698 7654 32.",
        "12345698765432",
    ),
    "passport": (
        "My passport number is x four seven one one eight three nine six.",
        "My passport number is X47118396.",
        "47118396",
    ),
    "policy": (
        "My policy number is p k seven seven one two oh nine four.",
        "My policy number is PK7712094.",
        "7712094",
    ),
    "record": (
        "My medical record number is six one seven nine three oh eight.",
        "My medical record number is 6179308.",
        "6179308",
    ),
    "code": (
        "The verification code is six oh four eight two seven.",
        "The verification code is 604827.",
        "604827",
    ),
    "licence": (
        "My driver's license number is d six two two eight one nine four.",
        "My driver's license number is D6228194.",
        "6228194",
    ),
}
SPOKEN_BACK = {"phone", "email", "birthdate", "address", "name", "account", "policy"}
"""kinds that privacy.speak allows by default"""


# ── reading what left the process ───────────────────────────────────────────────────
DIGITS = {
    word: str(value)
    for value, words in enumerate(
        ("zero oh nought", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    )
    for word in words.split()
}
TIMES = {"double": 2, "triple": 3}
_WORD = re.compile(r"[a-z]+|\d+|[^a-z\d]+")


def digits_of(text: str) -> str:
    """Digits as they are meant: words become figures, what stands between figures goes; anything
    else ends a run."""
    runs: list[str] = []
    times, is_open = 1, False
    for piece in _WORD.findall(text.lower()):
        figure = piece if piece.isdigit() else DIGITS.get(piece)
        if figure is not None:
            runs.append(("" if is_open else " ") + figure[0] * (times - 1) + figure)
            times, is_open = 1, True
        elif piece in TIMES:
            times = TIMES[piece]
        elif piece.isalpha() or not re.fullmatch(r"[\s\-.,()/+…]{1,4}", piece):
            times, is_open = 1, False
    return "".join(runs)


def leaves(document: Any) -> Iterator[str]:
    """Every text in a document, however deep; text that is JSON is opened."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield str(key)
            yield from leaves(value)
    elif isinstance(document, list):
        for value in document:
            yield from leaves(value)
    else:
        yield str(document)


def kinds_in(text: str) -> set[str]:
    """The kinds whose canary can be read in a text, in any spelling."""
    plain, figures = text.lower(), digits_of(text)
    letters = re.sub(r"[^a-z]", "", plain)
    return {
        kind
        for kind, (*_, needle) in CANARIES.items()
        if (
            needle in figures
            if needle.isdigit()
            else re.search(rf"\b(?:{needle})\b", plain) or re.search(needle, letters)
        )
    }


@dataclass
class Left:
    """Everything that left the process, by where it went."""

    model: str
    voice: str
    others: str
    logs: str
    pages: str
    files: str

    @property
    def found(self) -> dict[str, set[str]]:
        """Kinds found, by place."""
        return {place: kinds_in(text) for place, text in vars(self).items() if kinds_in(text)}


def mind(body: dict[str, Any]) -> Reply:
    """A model that repeats whatever it is told, to the caller and to a tool."""
    turns, results = turns_of(body), results_of(body)
    last = turns[-1] if turns else ""
    if results and "Yes" in last:
        return Reply("It is done. What else?")
    if "Yes" in last:
        told = " ".join(turns)
        names = re.findall(r"\[PHONE_\d+[^\]]*\]", told) or [told[:100]]
        arguments = {"day": "Tuesday", "time": "10:30", "phone": names[-1], "reason": told[:200]}
        return Reply("", [ToolUse("toolu_1", "book_appointment", arguments)])
    said = " ".join(re.findall(r"\[[A-Z]+_\d+[^\]]*\]", last)) or last[-80:]
    return Reply(f"So {said}. Is that right?")


def lines(column: int) -> list[str]:
    """What one caller says: every canary as said (0) or as written (1), then a yes."""
    said = [canary[column] for canary in CANARIES.values()]
    joined = [" ".join(said[i : i + 3]) for i in range(0, len(said), 3)]
    return [*joined, "Yes."]


def what_left(folder: Path, scripts: list[list[str]], **overrides: str) -> Left:
    """All callers at once, in front of everything that listens; what left the process."""
    with open_scripted(folder, scripts=scripts, mind=mind, **overrides) as opened:
        house, lab = opened
        watched: list[bytes] = []
        watcher = threading.Thread(target=_watch, args=(house, watched), daemon=True)
        watcher.start()
        script = talk(len(scripts[0]), folder)
        callers = [house.dial(script) for _ in scripts]
        for caller in callers:
            house.hang_on(caller, timeout_s=150)
        pages = _pages(house, calls=len(scripts))
        entries = lab.log.read()
    watcher.join(10)
    by_provider: dict[str, list[Any]] = {}
    for entry in filter(_is_ours, entries):
        by_provider.setdefault(entry["provider"], []).append(entry)
    voice = [*by_provider.pop("elevenlabs", []), *by_provider.pop("cartesia", [])]
    told = "".join(str(entry.get("message", {}).get("text", "")) for entry in voice)
    return Left(
        model="\n".join(leaves(by_provider.pop("anthropic", []))),
        voice="\n".join([told, *leaves(voice)]),
        others="\n".join(leaves(by_provider)),
        logs=(folder / "house.log").read_text(),
        pages=pages + b"".join(watched).decode(),
        files="".join(file.read_bytes().decode("latin-1") for file in folder.glob("calls.db*")),
    )


def _is_ours(entry: dict[str, Any]) -> bool:
    """Sent by the bot; what the emulated providers said themselves is theirs."""
    theirs = {"deepgram": {"final", "interim", "audio"}, "anthropic": {"answer"}}
    return entry["kind"] not in theirs.get(entry["provider"], set())


def _watch(house: House, into: list[bytes]) -> None:
    try:
        with urllib.request.urlopen(f"{house.url}/api/events", timeout=170) as stream:
            while piece := stream.read1(65536):
                into.append(piece)
    except (OSError, HTTPException):
        pass  # the process ended


def _pages(house: House, *, calls: int) -> str:
    """What an operator can read afterwards."""
    found = []
    records: list[Any] = []
    for _ in range(100):
        records = house.get("/api/calls")
        if len(records) >= calls:
            break
        time.sleep(0.05)
    assert len(records) == calls, "every call is kept"
    paths = ["/metrics", "/console", "/api/calls"]
    for record in records:
        paths += [f"/api/calls/{record['call_id']}", f"/console/calls/{record['call_id']}"]
    for path in paths:
        try:
            with urllib.request.urlopen(house.url + path, timeout=10) as answer:
                found.append(answer.read().decode())
        except urllib.error.HTTPError as error:
            assert error.code == 404, path
    return "\n".join([*found, *leaves(records), json.dumps(records, ensure_ascii=False)])


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Left:
    return what_left(tmp_path_factory.mktemp("canary"), [lines(0), lines(1)])


def test_every_canary_can_be_found_in_every_spelling():
    """The search sees what it has to see."""
    for kind, (said, written, _) in CANARIES.items():
        assert kinds_in(said) == {kind}
        assert kinds_in(written) == {kind}
    assert kinds_in("it is 4 1 5, double five five, oh one nine eight") == {"phone"}
    assert kinds_in("4 1 5, triple five, oh one nine eight") == {"phone"}
    assert kinds_in('{"text": "four five five"}') == set()


def test_the_callers_were_heard(left: Left):
    """The stand-ins of both callers reached the model: the talk took place."""
    for kind in ("CARD", "PHONE", "SSN", "EMAIL", "NAME", "PASSPORT", "CODE"):
        assert f"[{kind}_1]" in left.model


@pytest.mark.parametrize("place", ["model", "others", "logs", "pages", "files"])
def test_no_canary_is_found(left: Left, place: str):
    """Neither in requests nor in logs at DEBUG, metrics, events, pages, records or files."""
    assert kinds_in(getattr(left, place)) == set()


def test_the_voice_is_told_only_what_may_be_read_back(left: Left):
    """Kinds that privacy.speak does not name never reach it; the others prove that it was asked."""
    found = kinds_in(left.voice)
    assert found <= SPOKEN_BACK
    assert found & {"phone", "account"}


def test_the_search_finds_them_when_nothing_is_redacted(tmp_path: Path):
    """With the redactor switched off the same calls leak: the tests above can fail."""
    said = [CANARIES[kind][1] for kind in ("card", "ssn")]
    leaked = what_left(tmp_path, [[said[0], said[1]]], OFFHOOK__PRIVACY__KINDS="[]").found
    for place in ("model", "voice", "pages"):
        assert {"card", "ssn"} <= leaked[place]
