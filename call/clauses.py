"""Cut the model's words, as they are written, into clauses a voice can speak.

A clause ends where a sentence ends (sentencex confirms it), or at a comma, semicolon or dash once
enough is waiting. The first clauses of a reply may be much shorter, and end where a speaker may
breathe: the caller is listening to silence. A cut never falls inside a number, time, date,
abbreviation, address of the net or sum.

The text is read one character at a time and nothing but the text decides, so the cuts are the same
however the tokens were split. A boundary is decided by the first letter or digit behind it (for an
abbreviation, and for a breath: by the word behind it). Time decides only when the stream dribbles.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from sentencex import segment  # type: ignore[attr-defined]  # compiled, without stubs

from call.boundaries import (
    has_word,
    is_abbreviation,
    is_list_mark,
    is_number_or_date,
    last_safe_split,
    looks_complete,
)
from call.breath import may_breathe

_SENTENCE_ENDS = ".!?…؟"
_PAUSES = ",;،؛"
_SPACED_DASHES = "-–—"
_CLOSERS = "\"'”’»)]*_"
_PAIRS = (("(", ")"), ("[", "]"), ("{", "}"), ("（", "）"), ("“", "”"), ("«", "»"), ('"', '"'))
_PAIR_CHARS = 200  # a quotation or bracket still open after this many characters was a slip
_BREATHS = 2  # clauses of a reply that may end where a speaker may breathe
_CONTEXT_CHARS = 2000  # what sentencex sees of the paragraph before the waiting text
_ANY_WORD = "Zzq zq"  # a capitalised word that is in no list of sentencex


@dataclass(frozen=True)
class Clauses:
    """Where the agent's words are cut into clauses."""

    min_chars: int = 20
    """Characters that must be waiting before a comma, semicolon or dash ends a clause; shorter
    pieces sound chopped."""
    first_min_chars: int = 4
    """The same for a reply's first clause: "Yes," may leave (0.4 s of speech, longer than the next
    clause needs to arrive), "No," may not (the voice could run dry behind it)."""
    first_words: int = 2
    """Words behind which a reply's first clause may also end without a comma, where a speaker may
    breathe (before "and", "for", "which"); its second clause may from min_chars on. A sentence
    takes the model 0.1 to 0.3 s longer to write. 0 never."""
    max_chars: int = 180
    """A clause without any punctuation is cut at a word boundary here (about 12 s of speech), so
    that the voice is never far behind and what was heard is known in small steps."""
    flush_s: float = 0.8
    """Seconds that words may wait for a boundary when the model dribbles; then the last whole words
    leave. A healthy stream writes a clause in half of it."""
    settle_s: float = 0.15
    """Seconds of silence of the stream after which a finished sentence leaves without waiting for
    what follows, as before a tool call. Above the gap between two tokens, below what a caller
    notices."""

    def __post_init__(self) -> None:
        if not 1 <= self.first_min_chars <= self.min_chars <= self.max_chars:
            raise ValueError(
                f"first_min_chars {self.first_min_chars}, min_chars {self.min_chars} and max_chars "
                f"{self.max_chars} must rise from at least 1; shorten the earlier or lengthen the "
                "later"
            )
        if self.first_words < 0:
            raise ValueError(f"first_words is {self.first_words}; choose 0 or more")
        if self.max_chars < 40:
            raise ValueError(f"max_chars is {self.max_chars}; a clause needs at least 40")
        if not 0 < self.settle_s <= self.flush_s:
            raise ValueError(
                f"settle_s {self.settle_s} must be above 0 and at most flush_s {self.flush_s}"
            )


@dataclass(frozen=True)
class _Boundary:
    """A place where a clause may end: `at` counts characters of the waiting text."""

    at: int
    kind: str  # "sentence" | "pause" | "dash" | "line" | "paragraph"


class ClauseCutter:
    """The waiting text of one reply, and where it may be cut.

    `feed` returns the clauses a token completed; `next_deadline` says when to ask `on_deadline` if
    nothing more comes; `flush` returns what is left at the end of the reply.
    """

    def __init__(self, settings: Clauses, *, language: str = "en") -> None:
        self._settings = settings
        self._language = language.split("-")[0].lower()
        self.reset()

    def reset(self) -> None:
        """Forget everything: a new reply, or the caller took the floor."""
        self._waiting = ""
        self._before = ""  # earlier text of the paragraph, for sentencex
        self._boundaries: list[_Boundary] = []  # seen, but what follows is not yet known
        self._cuts = 0  # clauses taken off
        self._has_words = False  # a letter or digit is waiting
        self._since: float | None = None  # when the oldest waiting word came
        self._fed_at = 0.0
        self._asked = 0  # deadlines that found no safe place in the present text

    def feed(self, token: str, now: float) -> list[str]:
        """Take the next piece of text; return the clauses it completed."""
        clauses: list[str] = []
        for char in token:
            clause = self._take(char)
            if clause:
                clauses.append(clause)
        self._fed_at = now
        if clauses or self._asked > 1:
            self._since, self._asked = None, 0
        if self._has_words and self._since is None:
            self._since = now
        return clauses

    def next_deadline(self) -> float | None:
        """When to ask `on_deadline` unless more text comes first."""
        if self._since is None or self._asked > 1:
            return None
        due_at = self._since + self._settings.flush_s * (1 + 2 * self._asked)
        if looks_complete(self._waiting):
            due_at = min(due_at, self._fed_at + self._settings.settle_s)
        return due_at

    def on_deadline(self, now: float) -> list[str]:
        """The stream dribbles: what can be spoken without what is still to come."""
        due_at = self.next_deadline()
        if due_at is None or now < due_at:
            return []
        if looks_complete(self._waiting):
            at = len(self._waiting)
        else:
            at = last_safe_split(self._waiting)
            if not at and self._asked:  # nothing safe for long: any two words may part
                at = self._waiting.rstrip().rfind(" ") + 1
        clause = self._cut(at) if at else ""
        if not clause:
            self._asked += 1
            return []
        self._since, self._asked = (now if self._has_words else None), 0
        return [clause]

    def flush(self) -> list[str]:
        """The reply is complete: the rest of it (nothing if it has no word)."""
        rest = self._waiting.strip() if self._has_words else ""
        self.reset()
        return [rest] if rest else []

    # ── one character ────────────────────────────────────────────────────────────────
    def _take(self, char: str) -> str:
        self._waiting += char
        is_word = char.isalnum()
        clause = ""
        if self._boundaries and (is_word or char.isspace()):
            clause = self._decide()
        elif char.isspace() and self._cuts < _BREATHS and self._settings.first_words:
            clause = self._breathe()
        if is_word:
            self._has_words = True
        elif self._has_words and not clause:
            self._notice(char)
        if not clause and len(self._waiting) > self._settings.max_chars:
            clause = self._cut_long()
        return clause

    def _breathe(self) -> str:
        """The first clauses may end before the word that is now complete."""
        head, _, word = self._waiting.rstrip().rpartition(" ")
        if self._cuts and len(head.strip()) < self._settings.min_chars:
            return ""
        least = self._settings.first_words
        if may_breathe(head.split(), word, least_words=least, is_first=not self._cuts):
            return self._cut(len(head))
        return ""

    def _notice(self, char: str) -> None:
        """Remember a place where a clause may end; what follows decides."""
        kind = _kind_of_boundary(self._waiting[:-1], char)
        if kind:
            self._boundaries.append(_Boundary(len(self._waiting), kind))

    def _decide(self) -> str:
        while self._boundaries:
            boundary = self._boundaries[0]
            verdict = self._verdict(boundary)
            if verdict is None:
                return ""
            self._boundaries.pop(0)
            if verdict:
                return self._cut(boundary.at)
        return ""

    def _verdict(self, boundary: _Boundary) -> bool | None:
        """Whether a clause ends at `boundary`; None as long as what follows can change it."""
        head = self._waiting[: boundary.at]
        tail = self._waiting[boundary.at :]
        behind = next((tail[i:] for i, char in enumerate(tail) if char.isalnum()), "")
        if not behind:
            return None
        if not has_word(head) or is_list_mark(head):
            return False
        if boundary.kind == "paragraph":
            return True
        if boundary.kind == "sentence":
            return self._ends_sentence(boundary.at, behind)
        least = self._settings.min_chars if self._cuts else self._settings.first_min_chars
        if len(head.strip()) < least:
            return False
        opening = tail[: len(tail) - len(behind)].strip()[-1:]
        return not is_number_or_date(head, opening + behind, is_dash=boundary.kind == "dash")

    def _ends_sentence(self, at: int, behind: str) -> bool | None:
        head = self._before + self._waiting[:at]
        if is_abbreviation(self._waiting[:at], behind) or _is_in_pair(head):
            return False
        if not behind[-1].isspace():
            if not self._is_boundary(head, _ANY_WORD):
                return None  # an abbreviation: the whole next word decides
            if behind == "I" and head.rstrip()[-2:-1] in _SENTENCE_ENDS:
                return None  # "... I" goes on, "... It" does not
        return self._is_boundary(head, self._waiting[at:])

    def _is_boundary(self, head: str, tail: str) -> bool:
        """Whether sentencex parts `head` and `tail`."""
        text, least = head + tail, len(head.rstrip())
        first = len(head) + next(i for i, char in enumerate(tail) if char.isalnum())
        sizes = accumulate(len(sentence) for sentence in segment(self._language, text))
        end = next(size for size in sizes if size >= least)
        is_later_mark = any(char in _SENTENCE_ENDS for char in text[least:end])
        return end <= first and not is_later_mark  # "! ..." is one end, and it is the last mark's

    # ── the scissors ─────────────────────────────────────────────────────────────────
    def _cut(self, at: int) -> str:
        """Take `at` characters off the waiting text and return them, if there is a word in them."""
        clause, rest = self._waiting[:at].strip(), self._waiting[at:].lstrip()
        if not has_word(clause):
            return ""
        taken = len(self._waiting) - len(rest)
        self._remember(self._waiting[:taken])
        self._boundaries = [
            _Boundary(boundary.at - taken, boundary.kind)
            for boundary in self._boundaries
            if boundary.at > taken
        ]
        self._waiting = rest
        self._has_words = has_word(rest)
        self._cuts += 1
        return clause

    def _cut_long(self) -> str:
        """No boundary for too long: cut at a word boundary; a single endless word is cut hard."""
        at = last_safe_split(self._waiting)
        if not at and len(self._waiting) > 2 * self._settings.max_chars:
            at = self._waiting.rstrip().rfind(" ") + 1 or len(self._waiting) - 1
        return self._cut(at) if at else ""

    def _remember(self, text: str) -> None:
        paragraph = (self._before + text).rsplit("\n\n", 1)[-1]
        self._before = paragraph[-_CONTEXT_CHARS:]


def _kind_of_boundary(head: str, char: str) -> str:
    """What kind of boundary `char` makes behind `head`; empty if none."""
    if char == "—":
        return "dash"
    if not char.isspace():
        return ""
    if char == "\n":
        return "paragraph" if head.rstrip(" \r").endswith("\n") else "line"
    if head[-1:] in _SPACED_DASHES and head[-2:-1].isspace():
        return "dash"
    mark = head.rstrip(_CLOSERS)[-1:]
    if mark and mark in _SENTENCE_ENDS:
        return "sentence"
    return "pause" if mark and mark in _PAUSES else ""


def _is_in_pair(head: str) -> bool:
    """Whether a quotation or bracket is open at the end of `head`: a sentence inside is not the
    end of one outside."""
    for opening, closing in _PAIRS:
        opened = head.count(opening)
        is_open = opened % 2 == 1 if opening == closing else opened > head.count(closing)
        if is_open and len(head) - head.rfind(opening) < _PAIR_CHARS:
            return True
    return False
