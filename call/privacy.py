"""Personal data stays inside: what the caller says, with stand-ins for what is personal.

`Masking` hears a call's words in order, interim and final, and joins a value that is said in
pieces: over interims, finals, and turns ("and the last four?"). The values go to the call's vault
(`call/privacy_vault.py`); what is personal is found by `call/privacy_finding.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from call.cues import words_of
from call.privacy_finding import TOKEN, Found, find
from call.privacy_free_names import Spot, join
from call.privacy_lexicon import (
    ACCOUNT,
    ADDRESS,
    ANNOUNCING,
    BIRTHDATE,
    CLAIM,
    CODE,
    CONTINUING,
    EMAIL,
    KINDS,
    LEXICON,
    NAME,
    NUMBER,
    PHONE,
    POLICY,
    TEEN,
    TENS,
)
from call.privacy_vault import Vault

STAND_INS = """\
The caller's personal data reaches you as stand-ins such as [PHONE_1] or [EMAIL_1]; the caller \
said the real value, and a … behind one means that part of it is still missing. Use a stand-in \
exactly as it is written, brackets included, wherever you would use the value: to read it back \
("That's [PHONE_1], is that right?") and as a tool's argument. Never invent or complete a value, \
and do not speak of stand-ins."""
"""What the model is told; the same bytes on every call, behind the agent's own prompt."""
REVEALED = ("count", "last_four")
INTRODUCED, FREE_TEXT = "introduced", "free_text"
_MODEL_NAME = re.compile(r"[a-z]{2}_\w+", re.ASCII)
_CARRIED = 80  # characters in front of a value that may say what it is
_MOST = {"phone": 13, "card": 19, "ssn": 9, "code": 8, "birthdate": 8}
_MOST_OF_OTHERS = 24
_SENTENCE = re.compile(r"(?<=[.?!؟])\s+")
_ASKING = frozenset(
    "please give tell say confirm provide need spell repeat have your من فضلك اعطني ممكن".split()
)
_WEAK = frozenset(
    "patient medical national insurance member membership customer live bank credit debit social"
    " driving drivers driver's checking savings no zip postcode swift reach chart card".split()
)
_STRENGTHENING = frozenset("number numbers digits code id security رقم ارقام".split())


@dataclass(frozen=True)
class Privacy:
    """The `[privacy]` section: which of the caller's data the model and the records never see."""

    kinds: tuple[str, ...] = KINDS
    """Kinds that are replaced by stand-ins such as [PHONE_1] before anybody but the recogniser sees
    them; `number` is a long number nobody said the kind of. Empty: nothing is replaced."""
    speak: tuple[str, ...] = (
        PHONE,
        EMAIL,
        NAME,
        ADDRESS,
        BIRTHDATE,
        POLICY,
        CLAIM,
        ACCOUNT,
        NUMBER,
    )
    """Kinds the agent may read back to the caller, digit by digit; only these reach the voice."""
    reveal: tuple[str, ...] = ()
    """What a stand-in tells the model besides its kind: count (of characters), last_four."""
    names: str = INTRODUCED
    """Which names are hidden: introduced ("my name is …"), spelled or asked for; or free_text, also
    those that a name model finds in what was said for good (the extra `presidio`)."""
    names_model: str = "en_core_web_sm"
    """The spaCy pipeline that finds names in free text; calls in its language are read. The small
    one is fast; a larger one finds more and may need a larger names_budget_s."""
    names_budget_s: float = 0.05
    """A caller's words wait this long at most for the name model; then they go on as they are, and
    are counted. It reads a sentence in a few milliseconds; a tenth of a second would be felt."""
    max_chars: int = 4000
    """Characters of one transcription that are read and passed on; a minute of fast speech has
    1500. The prompt of a call is bounded by it and by capacity.max_call_s."""

    def __post_init__(self) -> None:
        for name, known in (("kinds", KINDS), ("speak", KINDS), ("reveal", REVEALED)):
            unknown = [each for each in getattr(self, name) if each not in known]
            if unknown:
                raise ValueError(f"{name}: {unknown[0]!r} is not one of {', '.join(known)}")
        if self.names not in (INTRODUCED, FREE_TEXT):
            raise ValueError(f"names is {self.names!r}; give {INTRODUCED} or {FREE_TEXT}")
        if self.reads_names and NAME not in self.kinds:
            raise ValueError(f"names is {FREE_TEXT}, but {NAME} is not among kinds")
        if not _MODEL_NAME.fullmatch(self.names_model):
            raise ValueError(f"names_model is {self.names_model!r}; such as en_core_web_sm")
        if not 0.005 <= self.names_budget_s <= 0.5:
            raise ValueError(f"names_budget_s is {self.names_budget_s}; give 0.005 to 0.5")
        if not 200 <= self.max_chars <= 100_000:
            raise ValueError(f"max_chars is {self.max_chars}; give 200 to 100000")

    @property
    def reads_names(self) -> bool:
        """A name model is asked for."""
        return self.names == FREE_TEXT

    def reads_names_in(self, language: str) -> bool:
        """And it reads this language."""
        return self.reads_names and language[:2].lower() == self.names_model[:2]


@dataclass(frozen=True)
class Masked:
    """What may be seen of a text, and which stretches of the original are not in it."""

    text: str
    stretches: tuple[tuple[int, int], ...] = ()
    kinds: tuple[str, ...] = ()
    """of each stretch"""
    goes_on: bool = False
    """the first of them goes on with what was said before"""


def explained(system: str, privacy: Privacy) -> str:
    """A system prompt that says what stand-ins are, where there are any."""
    return f"{system}\n\n{STAND_INS}" if privacy.kinds else system


class Masking:
    """The ear's side of a call's privacy: words in, words without personal data out."""

    def __init__(self, privacy: Privacy, vault: Vault) -> None:
        self._kinds = frozenset(privacy.kinds)
        self._vault = vault
        self._asked: tuple[str, ...] = ()
        self._carry = ""  # the end of the last finals, raw: a value may go on
        self._open: str | None = None  # the name of the value the carry ends with
        self._is_whole = False  # that value could be complete
        self._last_kind = ""
        self._read: tuple[str, tuple[str, ...], list[Found]] = ("", (), [])  # text, asked, found

    def __repr__(self) -> str:
        return "Masking(***)"

    def agent_said(self, text: str) -> None:
        """The agent's last words: they say what the answer will be."""
        words = words_of(text)
        kinds = _asked_for(text)
        continues = not CONTINUING.isdisjoint(words)
        if self._last_kind and (kinds == (NUMBER,) or (continues and not kinds)):
            kinds = (self._last_kind,)
        self._asked = kinds
        if not (continues and self._open and not self._is_whole):
            self.forget()

    def forget(self) -> None:
        """What was said before has no part in what comes."""
        self._carry, self._open, self._is_whole = "", None, False
        self._read = ("", (), [])

    def hear(self, text: str, *, final: bool, spots: Iterable[Spot] = ()) -> Masked:
        """The caller's words; an interim repeats all that was said since the last final. `spots`:
        names that a name model has found in them."""
        if not self._kinds or not text.strip():
            return Masked(text)
        joined, found = self._find(text)
        offset = len(joined) - len(text)
        ours = [each for each in found if each.end > offset]
        if NAME in self._kinds:
            spots = [(start + offset, end + offset) for start, end in spots]
            ours = join(joined, ours, spots) if spots else ours
        masked = self._replaced(text, ours, offset=offset, final=final)
        if final:
            self._remember(joined, found)
        return masked

    def scrub(self, text: str, *, about: str = "") -> str:
        """Text from elsewhere (a tool's result, a document); `about`: the name of its field."""
        text = self._vault.hide(text)
        heading = f"{about} is " if about else ""
        found = [each for each in find(heading + text, strict=True) if each.start >= len(heading)]
        return self._replaced(
            text,
            [each for each in found if each.kind in self._kinds],
            offset=len(heading),
            final=True,
            crosses=False,
        ).text

    def scrub_all(self, answer: Any, *, about: str = "") -> Any:
        """A tool's whole answer."""
        if isinstance(answer, str):
            return self.scrub(answer, about=about)
        if isinstance(answer, dict):
            return {key: self.scrub_all(item, about=_spaced(key)) for key, item in answer.items()}
        if isinstance(answer, list | tuple):
            return [self.scrub_all(item, about=about) for item in answer]
        if isinstance(answer, int) and not isinstance(answer, bool) and abs(answer) >= 10**6:
            hidden = self.scrub(str(answer), about=about)
            return answer if hidden == str(answer) else hidden
        return answer

    # ── finding ──────────────────────────────────────────────────────────────────────
    def _find(self, text: str) -> tuple[str, list[Found]]:
        """The text with what was carried in front of it, and what is personal in both."""
        joined = f"{self._carry} {text}" if self._carry else text
        found = self._personal(joined)
        offset = len(joined) - len(text)
        if self._is_whole and any(each.start < offset < each.end for each in found):
            crossing = next(each for each in found if each.start < offset < each.end)
            first = (words_of(text) or [""])[0]
            is_too_long = len(crossing.value) > _MOST.get(crossing.kind, _MOST_OF_OTHERS)
            is_time = crossing.kind in _MOST and LEXICON.get(first, ("",))[0] in (TEEN, TENS)
            if is_too_long or is_time:
                self.forget()
                return text, self._personal(text)
        return joined, found

    def _personal(self, text: str) -> list[Found]:
        """What is personal in a text; recognisers send the same interim several times."""
        if self._read[:2] != (text, self._asked):
            found = [each for each in find(text, asked=self._asked) if each.kind in self._kinds]
            self._read = (text, self._asked, found)
        return self._read[2]

    def _remember(self, joined: str, found: list[Found]) -> None:
        """Keep the end of what was said, as far as something may go on from it."""
        last = found[-1] if found else None
        if last is not None and not re.search(r"\w", joined[last.end :]):
            start, self._is_whole = last.start, not last.is_open
        else:
            start, self._open, self._is_whole = len(joined), None, False
        cut = max(0, start - _CARRIED)
        while 0 < cut < len(joined) and not joined[cut - 1].isspace():
            cut += 1
        self._carry = joined[cut:]

    # ── replacing ────────────────────────────────────────────────────────────────────
    def _replaced(
        self, text: str, found: list[Found], *, offset: int, final: bool, crosses: bool = True
    ) -> Masked:
        out: list[str] = []
        stretches: list[tuple[int, int]] = []
        kinds: list[str] = []
        at = 0
        new: dict[str, int] = {}
        for each in found:
            start, end = max(0, each.start - offset), each.end - offset
            if each.is_open:
                end = _behind_marks(text, end)
            is_more = crosses and each.start < offset
            name = self._name(each, is_more=is_more, final=final, new=new)
            out += [text[at:start], self._vault.shown(name, each.value)]
            out.append(" …" if each.is_open else "")
            stretches.append((start, end))
            kinds.append(each.kind)
            at = end
            if final and crosses and not each.is_spotted:
                self._open, self._last_kind = name, each.kind
        goes_on = crosses and bool(found) and found[0].start < offset
        return Masked("".join([*out, text[at:]]), tuple(stretches), tuple(kinds), goes_on)

    def _name(self, each: Found, *, is_more: bool, final: bool, new: dict[str, int]) -> str:
        if final:
            if is_more and self._open:
                return self._vault.grow(self._open, each.kind, each.value)
            return self._vault.keep(each.kind, each.value)
        if is_more and self._open and self._open.startswith(each.kind.upper() + "_"):
            return self._open
        ahead = new.get(each.kind, 0)
        new[each.kind] = ahead + 1
        return self._vault.name_for(each.kind, each.value, ahead=ahead)


def _behind_marks(text: str, end: int) -> int:
    """A value that goes on has no full stop: the recogniser puts one behind every final."""
    while end < len(text) and not text[end].isalnum() and text[end] not in "[]":
        end += 1
    return end


def _spaced(key: object) -> str:
    return re.sub(r"[_-]+|(?<=[a-z])(?=[A-Z])", " ", str(key))


def _asked_for(text: str) -> tuple[str, ...]:
    """Kinds the agent asks for in its last words."""
    kinds: dict[str, None] = {}
    for sentence in _SENTENCE.split(text.strip()):
        words = [part for word in words_of(TOKEN.sub(" ", sentence)) for part in word.split("-")]
        is_asking = sentence.endswith(("?", "؟")) or not _ASKING.isdisjoint(words)
        for found in TOKEN.finditer(sentence):
            kinds.setdefault(found[1].rpartition("_")[0].lower())
        if not is_asking:
            continue
        is_strong = not _STRENGTHENING.isdisjoint(words)
        for word in words:
            kind = ANNOUNCING.get(word) or ANNOUNCING.get(word.removeprefix("و"))
            if kind and (is_strong or word not in _WEAK):
                kinds.setdefault(kind)
    if CODE in kinds and ADDRESS in kinds:
        kinds.pop(CODE)  # "your postal code"
    if EMAIL in kinds:
        kinds.pop(ADDRESS, None)
    if len(kinds) > 1:
        kinds.pop(NUMBER, None)
    if NAME in kinds and len(kinds) > 1:
        kinds = {**{kind: None for kind in kinds if kind != NAME}, NAME: None}
    return tuple(kinds)
