"""The page: goals beside figures, the plot small enough to keep, a half alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bench.__main__ import TABLES
from bench.manners import goals, main, page
from bench.manners_audio import AUDIO
from bench.manners_plot import plot

pytestmark = [pytest.mark.call, pytest.mark.timeout(120)]

MOST_BYTES = 200_000


def point(label: str, cut: int = 3) -> dict[str, Any]:
    """One policy's figures."""
    return {
        "label": label, "pauses": 10, "cut": cut, "cut_share": cut / 10, "splices": 6,
        "cut_splices": 1, "natural": 4, "cut_natural": cut - 1, "cut_elsewhere": 0, "ends": 9,
        "missed": 0, "decided_p50_ms": 300.0, "decided_p95_ms": 950.0, "answered_p50_ms": 400.0,
        "answered_p95_ms": 950.0, "cut_names": [],
    }  # fmt: skip


DOCUMENT: dict[str, Any] = {
    "about": {"machine": "m", "commit": "abc"},
    "ends": {
        "material": {"human": {"turns": 9, "pauses": 10, "ends": 9}},
        "rows": [
            {"half": "tuning", "evidence": "words and sound", **point("")},
            {"half": "held out", "evidence": "words and sound", **point("")},
        ],
        "monologue": {"pauses": 5, "cut": 4},
        "curves": {"ours": [point("0.5×", 5), point("1×")], "stock": [point("")]},
    },
}


def test_a_missed_goal_stands_beside_its_figure() -> None:
    """The held-out half decides."""
    delay, cut_ins = goals(DOCUMENT)
    assert delay[2:] == ("400 / 950 (n 9)", "**no**")
    assert cut_ins[2:] == ("30.0% (3/10; splices 1/6, natural 2/4)", "**no**")


def test_the_page_says_machine_commit_method_and_every_point_of_the_curve() -> None:
    """So that it can be doubted."""
    text = page(DOCUMENT)
    for part in ("commit abc; m.", "| ours | 0.5× |", "4 of 5 cut into", "### How", "held-out"):
        assert part in text


def test_the_plot_is_small_and_the_same_each_time(tmp_path: Path) -> None:
    """A picture that a repository can keep."""
    one, two = tmp_path / "img" / "one.svg", tmp_path / "two.svg"
    for path in (one, two):
        plot(DOCUMENT["ends"]["curves"], path)
    assert one.read_bytes() == two.read_bytes()
    assert 1000 < one.stat().st_size < MOST_BYTES


def test_manners_is_one_of_the_tables() -> None:
    """`offhook bench manners`."""
    assert "manners" in TABLES


def test_a_quick_run_measures_real_turns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Scores are kept for the next run."""
    if not (AUDIO / "MANIFEST.json").is_file():
        pytest.skip(f"the recordings are not there: {AUDIO}")
    scores = tmp_path / "scores.json"
    assert main(["--only", "ends", "--quick", "--json", "--scores", str(scores)]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["half"] for row in document["ends"]["rows"]] == ["tuning"] * 2 + ["held out"] * 2
    assert sum(row["pauses"] for row in document["ends"]["rows"]) > 0
    assert json.loads(scores.read_text())
