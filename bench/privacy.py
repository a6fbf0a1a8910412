"""`offhook bench privacy`: what the finder hides, what it takes by mistake, and what it costs.

Recall: the whole value is hidden. Precision: what was taken for a kind is of that kind. Value: the
vault holds exactly what was meant, so that it can be read back. Latency: an interim of a hundred
tokens through the whole ear, joining included.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import privacy_set
from call.privacy import Masking, Privacy
from call.privacy_finding import Found, find
from call.privacy_lexicon import NUMBER
from call.privacy_vault import Vault

STRUCTURED = (
    "card", "bank", "ssn", "phone", "email", "code", "account", "claim", "record", "policy",
    "passport", "licence",
)  # fmt: skip
"""Kinds with a shape; the goals are theirs."""
RECALL_GOAL, PRECISION_GOAL, LATENCY_GOAL_MS = 0.98, 0.95, 1.0
TOKENS = 100
LATENCY_ROWS = ("no personal data", "one value among them")
"""The goal's rows; nobody says a hundred tokens of nothing but personal data in one breath."""
READINGS = 3
"""of each line, the best counts: the machine does other things as well"""


@dataclass
class Score:
    """One row."""

    cases: int = 0
    hidden: int = 0
    right_value: int = 0
    taken: int = 0
    rightly: int = 0

    @property
    def recall(self) -> float:
        """Share of values wholly hidden."""
        return self.hidden / self.cases if self.cases else 1.0

    @property
    def precision(self) -> float:
        """Share of what was taken that is of the kind."""
        return self.rightly / self.taken if self.taken else 1.0

    @property
    def value(self) -> float:
        """Share of values the vault has right."""
        return self.right_value / self.cases if self.cases else 1.0


Row = tuple[str, str, str]


def measure(part: str, misses: list[str] | None = None) -> dict[Row, Score]:
    """Scores by (kind, language, form) of one part of the set."""
    scores: dict[Row, Score] = defaultdict(Score)
    for case in privacy_set.load(part):
        _judge(case, scores, misses)
    return dict(scores)


def _judge(case: dict[str, Any], scores: dict[Row, Score], misses: list[str] | None) -> None:
    text, kind, language, form = case["text"], case["kind"], case["language"], case["form"]
    found = find(text, asked=tuple(case.get("asked", ())))
    if kind is not None:
        start, end = case["span"]
        score = scores[kind, language, form]
        score.cases += 1
        is_hidden = not _left(text, start, end, found)
        score.hidden += is_hidden
        score.right_value += any(_same(each.value, case["value"]) for each in found)
        if misses is not None and not (is_hidden and any(each.kind == kind for each in found)):
            misses.append(f"{kind} {language} {form}: {text!r} → {found}")
    for each in found:
        score = scores[each.kind, language, form]
        score.taken += 1
        is_right = kind == each.kind and each.start < case["span"][1] and case["span"][0] < each.end
        score.rightly += is_right
        if misses is not None and kind is None:
            misses.append(f"nothing {language}: {text!r} → {each}")


def _left(text: str, start: int, end: int, found: list[Found]) -> str:
    """Letters and digits of the value that can still be seen."""
    seen = [
        text[at]
        for at in range(start, end)
        if text[at].isalnum() and not any(each.start <= at < each.end for each in found)
    ]
    return "".join(seen)


def _same(found: str, value: str) -> bool:
    plain = [re.sub(r"\W", "", each).lower() for each in (found, value)]
    return plain[0].removeprefix("1") == plain[1].removeprefix("1") if plain[1] else False


def latency_ms(count: int = 600) -> dict[str, float]:
    """95th percentile of the processor time of one interim of a hundred tokens, by what is in it.

    The masking runs in one go, so wall time is the same on a machine that does nothing else.
    """
    plain = [case["text"] for case in privacy_set.load("dev") if case["kind"] is None]
    dense = [case["text"] for case in privacy_set.load("dev") if case["kind"] is not None]
    return {
        "no personal data": _p95(plain, count),
        "one value among them": _p95([*plain, dense[7]], count, must=str(dense[7])),
        "nothing but personal data": _p95(dense, count),
    }


def _p95(texts: list[Any], count: int, *, must: str = "") -> float:
    took = []
    privacy = Privacy()
    for turn in range(count):
        words: list[str] = must.split()
        at = turn
        while len(words) < TOKENS:
            words += str(texts[at % len(texts)]).split()
            at += 1
        line = " ".join(words[:TOKENS])
        took.append(min(_once_ms(line, privacy) for _ in range(READINGS)))
    return sorted(took)[int(len(took) * 0.95)]


def _once_ms(line: str, privacy: Privacy) -> float:
    masking = Masking(privacy, Vault())
    began = time.thread_time()
    masking.hear(line, final=False)
    return (time.thread_time() - began) * 1000


def pairs(path: Path) -> tuple[int, int]:
    """(hidden whole, all) of a `spoken~written` file, each spoken side taken as a caller's turn."""
    hidden = count = 0
    for line in path.read_text(encoding="utf-8").splitlines():
        spoken = line.partition("~")[0].strip()
        if spoken:
            count += 1
            start = len(spoken) - len(spoken.removeprefix("ssn is ").removeprefix("Ssn is "))
            hidden += not _left(spoken, start, len(spoken), find(spoken))
    return hidden, count


def main(arguments: list[str]) -> int:
    """The command line; exit 1 when a goal is missed."""
    parser = argparse.ArgumentParser(prog="offhook bench privacy")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--misses", action="store_true", help="print what was missed or mistaken")
    parser.add_argument("--pairs", type=Path, help="also a file of spoken~written pairs")
    asked = parser.parse_args(arguments)
    misses: list[str] | None = [] if asked.misses else None
    parts = {
        part: measure(part, misses if part == "dev" else None)  # held-out misses stay unread
        for part in privacy_set.PARTS
    }
    latency = latency_ms()
    is_good = all(_reaches(scores) for scores in parts.values())
    is_good = is_good and all(latency[row] < LATENCY_GOAL_MS for row in LATENCY_ROWS)
    if asked.json:
        sys.stdout.write(json.dumps(_document(parts, latency), ensure_ascii=False) + "\n")
    else:
        _show(parts, latency)
        if asked.pairs:
            hidden, count = pairs(asked.pairs)
            sys.stdout.write(f"{asked.pairs.name}: {hidden} of {count} hidden whole\n")
    for miss in misses or ():
        sys.stdout.write(miss + "\n")
    return 0 if is_good else 1


def totals(scores: dict[Row, Score], kinds: tuple[str, ...] = STRUCTURED) -> dict[str, Score]:
    """Structured kinds together, written and spoken; mistakes in plain sentences count in both."""
    both: dict[str, Score] = {"written": Score(), "spoken": Score()}
    for (kind, _, form), score in scores.items():
        for name, total in both.items():
            if kind in (*kinds, NUMBER) and form in (name, "plain"):
                total.cases += score.cases
                total.hidden += score.hidden
                total.right_value += score.right_value
                total.taken += score.taken
                total.rightly += score.rightly
    return both


def _reaches(scores: dict[Row, Score]) -> bool:
    return all(
        total.recall >= RECALL_GOAL and total.precision >= PRECISION_GOAL
        for total in totals(scores).values()
    )


def _document(parts: dict[str, dict[Row, Score]], latency: dict[str, float]) -> dict[str, Any]:
    return {
        "parts": {
            part: [
                {"kind": kind, "language": language, "form": form, "cases": score.cases,
                 "recall": score.recall, "precision": score.precision, "value": score.value}
                for (kind, language, form), score in sorted(scores.items())
            ]
            for part, scores in parts.items()
        },
        "latency_p95_ms": latency,
    }  # fmt: skip


def _show(parts: dict[str, dict[Row, Score]], latency: dict[str, float]) -> None:
    console = Console(highlight=False)
    for part, scores in parts.items():
        table = Table(title=part)
        for column in ("kind", "language", "form", "cases", "recall", "precision", "value"):
            table.add_column(column)
        rows = [(*row, score) for row, score in sorted(scores.items())]
        rows += [("structured", "all", form, score) for form, score in totals(scores).items()]
        for kind, language, form, score in rows:
            table.add_row(
                kind, language, form, str(score.cases),
                f"{score.recall:.3f}", f"{score.precision:.3f}", f"{score.value:.3f}",
            )  # fmt: skip
        console.print(table)
    table = Table(
        title=f"one interim of {TOKENS} tokens, p95 over lines, processor time, best of {READINGS}"
    )
    table.add_column("text")
    table.add_column("ms")
    for name, took_ms in latency.items():
        table.add_row(name, f"{took_ms:.3f}")
    console.print(table)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
