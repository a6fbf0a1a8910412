"""`offhook bench privacy`: what the finder hides, what it takes by mistake, and what it costs.

Recall: the whole value is hidden. Precision: what was taken is personal. Kind: it is of the kind it
was taken for. Value: the vault holds exactly what was meant, so that it can be read back. Latency:
an interim of a hundred tokens through the whole ear, joining included.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import privacy_fresh, privacy_public, privacy_set
from bench.privacy_score import Finder, Labelled, Row, Score, measure, totals
from call.privacy import Masking, Privacy
from call.privacy_finding import Found, find
from call.privacy_free_names import join
from call.privacy_vault import Vault
from processors.name_model import presidio

STRUCTURED = (
    "card", "bank", "ssn", "phone", "email", "code", "account", "claim", "record", "policy",
    "passport", "licence",
)  # fmt: skip
"""Kinds with a shape; the goals are theirs."""
RECALL_GOAL, PRECISION_GOAL, LATENCY_GOAL_MS = 0.98, 0.95, 1.0
TOKENS = 100
LATENCY_ROWS = ("no number", "numbers, not personal", "one value among them")
"""The goal's rows; nobody says a hundred tokens of nothing but personal data in one breath."""
READINGS = 3
"""of each line, the best counts: the machine does other things as well"""
_TALK = (
    "I was hoping you could help me with my appointment, I mean the cleaning, I'd like to move it"
    " to later if that's okay because I have to pick up my kids from school."
)


# ── what it costs ────────────────────────────────────────────────────────────────────
def latency_ms(count: int = 600) -> dict[str, float]:
    """95th percentile of the processor time of one interim of a hundred tokens, by what is in it.

    The masking runs in one go, so wall time is the same on a machine that does nothing else.
    """
    texts = privacy_set.load("dev")
    plain = [text.text for text in texts if not text.spans]
    dense = [text.text for text in texts if text.spans]
    return {
        LATENCY_ROWS[0]: _p95([_TALK], count),
        LATENCY_ROWS[1]: _p95(plain, count),
        LATENCY_ROWS[2]: _p95([*plain, dense[7]], count, must=dense[7]),
        "nothing but personal data": _p95(dense, count),
    }


def _p95(texts: list[str], count: int, *, must: str = "") -> float:
    took = []
    privacy = Privacy()
    for turn in range(count):
        words: list[str] = must.split()
        at = turn
        while len(words) < TOKENS:
            words += texts[at % len(texts)].split()
            at += 1
        line = " ".join(words[:TOKENS])
        took.append(min(_once_ms(line, privacy) for _ in range(READINGS)))
    return sorted(took)[int(len(took) * 0.95)]


def _once_ms(line: str, privacy: Privacy) -> float:
    masking = Masking(privacy, Vault())
    began = time.thread_time()
    masking.hear(line, final=False)
    return (time.thread_time() - began) * 1000


# ── the command ──────────────────────────────────────────────────────────────────────
def main(arguments: list[str]) -> int:
    """The command line; exit 1 when a goal is missed on our own set or in latency."""
    parser = argparse.ArgumentParser(prog="offhook bench privacy")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--misses", action="store_true", help="what went wrong, never of held out")
    parser.add_argument("--nemo", type=Path, help="a clone of NVIDIA/NeMo-text-processing")
    parser.add_argument("--presidio", type=Path, help="a clone of microsoft/presidio-research")
    parser.add_argument(
        "--names", metavar="MODEL", help="a spaCy pipeline: names in free text, too"
    )
    asked = parser.parse_args(arguments)
    misses: list[str] | None = [] if asked.misses else None
    own = {part: privacy_set.load(part) for part in privacy_set.PARTS} | privacy_fresh.load()
    public = privacy_public.load(asked.nemo, asked.presidio)
    finder = _reading_names(asked.names) if asked.names else _found
    sets = {**own, **public}
    tables = {name: _scores(name, texts, misses, finder) for name, texts in sets.items()}
    latency = latency_ms()
    is_good = all(_reaches(tables[part]) for part in own)
    is_good = is_good and all(latency[row] < LATENCY_GOAL_MS for row in LATENCY_ROWS)
    if asked.json:
        sys.stdout.write(json.dumps(_document(tables, latency), ensure_ascii=False) + "\n")
    else:
        _show(tables, latency)
    for miss in misses or ():
        sys.stdout.write(miss + "\n")
    return 0 if is_good else 1


def _scores(
    name: str, texts: list[Labelled], misses: list[str] | None, finder: Finder
) -> dict[Row, Score]:
    """What is held out is counted, and its misses stay unread."""
    return measure(texts, None if privacy_set.HELD_OUT in name else misses, finder=finder)


def _found(text: str, asked: Sequence[str]) -> list[Found]:
    return find(text, asked=asked)


def _reading_names(model: str) -> Finder:
    """With the names in free text that a model finds in whole texts."""
    read = presidio(model)
    return lambda text, asked: join(text, _found(text, asked), read(text))


def _reaches(scores: dict[Row, Score]) -> bool:
    return all(
        total.recall >= RECALL_GOAL and total.precision >= PRECISION_GOAL
        for total in totals(scores, STRUCTURED).values()
    )


def _document(tables: dict[str, dict[Row, Score]], latency: dict[str, float]) -> dict[str, Any]:
    return {
        "parts": {
            part: [
                {"kind": kind, "language": language, "form": form, "cases": score.cases,
                 "taken": score.taken, "recall": score.recall, "precision": score.precision,
                 "of_kind": score.kind, "value": score.value}
                for (kind, language, form), score in sorted(scores.items())
            ]
            for part, scores in tables.items()
        },
        "latency_p95_ms": latency,
    }  # fmt: skip


def _show(tables: dict[str, dict[Row, Score]], latency: dict[str, float]) -> None:
    console = Console(highlight=False)
    for part, scores in tables.items():
        table = Table(title=part)
        for column in (
            "kind", "language", "form", "cases", "taken", "recall", "precision", "of its kind",
            "value",
        ):  # fmt: skip
            table.add_column(column)
        rows = [(*row, score) for row, score in sorted(scores.items())]
        rows += [
            ("structured", "all", form, score) for form, score in totals(scores, STRUCTURED).items()
        ]
        for kind, language, form, score in rows:
            table.add_row(
                kind, language, form, str(score.cases), str(score.taken), f"{score.recall:.3f}",
                f"{score.precision:.3f}", f"{score.kind:.3f}", f"{score.value:.3f}",
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
