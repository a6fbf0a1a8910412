"""How well a finder does on labelled texts: recall, precision, right kinds, exact values."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from call.privacy_finding import Found, find
from call.privacy_lexicon import NUMBER

Finder = Callable[[str, Sequence[str]], list[Found]]
Row = tuple[str, str, str]
"""Kind, language, form; form "plain" is of texts without personal data."""
OTHER = "other"
"""A span that is personal, and of no kind the finder has a name for."""


@dataclass(frozen=True)
class Span:
    """One personal value in a text."""

    start: int
    end: int
    kind: str
    value: str


@dataclass(frozen=True)
class Labelled:
    """A text, everything personal in it, and what the agent has just asked for."""

    source: str
    language: str
    form: str
    text: str
    spans: tuple[Span, ...] = ()
    asked: tuple[str, ...] = ()
    group: str = ""
    """what is made of one template has one group"""


@dataclass
class Score:
    """One row."""

    cases: int = 0
    hidden: int = 0
    right_value: int = 0
    taken: int = 0
    rightly: int = 0
    of_kind: int = 0

    def add(self, other: Score) -> None:
        """Count another row's as well."""
        for name, count in vars(other).items():
            setattr(self, name, getattr(self, name) + count)

    @property
    def recall(self) -> float:
        """Share of values wholly hidden."""
        return self.hidden / self.cases if self.cases else 1.0

    @property
    def precision(self) -> float:
        """Share of what was taken that is personal."""
        return self.rightly / self.taken if self.taken else 1.0

    @property
    def kind(self) -> float:
        """Share of what was taken that is of the kind it was taken for."""
        return self.of_kind / self.taken if self.taken else 1.0

    @property
    def value(self) -> float:
        """Share of values the vault has right."""
        return self.right_value / self.cases if self.cases else 1.0


def measure(
    texts: Iterable[Labelled],
    misses: list[str] | None = None,
    *,
    finder: Callable[[str, Sequence[str]], list[Found]] = lambda text, asked: find(
        text, asked=asked
    ),
) -> dict[Row, Score]:
    """Scores by kind, language and form; what went wrong is told to `misses`."""
    scores: dict[Row, Score] = defaultdict(Score)
    for text in texts:
        found = finder(text.text, text.asked)
        for span in text.spans:
            if span.kind != OTHER:
                _judge_span(text, span, found, scores, misses)
        for each in found:
            _judge_found(text, each, scores, misses)
    return dict(scores)


def _judge_span(
    text: Labelled,
    span: Span,
    found: list[Found],
    scores: dict[Row, Score],
    misses: list[str] | None,
) -> None:
    score = scores[span.kind, text.language, text.form]
    score.cases += 1
    is_hidden = not left(text.text, span.start, span.end, found)
    score.hidden += is_hidden
    score.right_value += any(same(each.value, span.value) for each in found)
    if misses is not None and not is_hidden:
        misses.append(f"{span.kind} {text.language} {text.form}: {text.text!r} → {found}")


def _judge_found(
    text: Labelled, each: Found, scores: dict[Row, Score], misses: list[str] | None
) -> None:
    score = scores[each.kind, text.language, text.form]
    over = [span for span in text.spans if each.start < span.end and span.start < each.end]
    score.taken += 1
    score.rightly += bool(over)
    score.of_kind += any(span.kind in (each.kind, OTHER) or each.kind == NUMBER for span in over)
    if misses is not None and not over:
        misses.append(f"not personal, {text.language}: {text.text!r} → {each}")


def left(text: str, start: int, end: int, found: list[Found]) -> str:
    """Letters and digits of a value that can still be seen."""
    seen = [
        text[at]
        for at in range(start, end)
        if text[at].isalnum() and not any(each.start <= at < each.end for each in found)
    ]
    return "".join(seen)


def same(found: str, value: str) -> bool:
    """Whether two spellings mean one value."""
    plain = [re.sub(r"\W", "", each).lower() for each in (found, value)]
    return plain[0].removeprefix("1") == plain[1].removeprefix("1") if plain[1] else False


def totals(scores: dict[Row, Score], kinds: Sequence[str]) -> dict[str, Score]:
    """Some kinds together, written and spoken; mistakes in plain texts count in both."""
    both: dict[str, Score] = {"written": Score(), "spoken": Score()}
    for (kind, _, form), score in scores.items():
        for name, total in both.items():
            if kind in (*kinds, NUMBER) and form in (name, "plain"):
                total.add(score)
    return both
