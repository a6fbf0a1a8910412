"""Is it polite? Turn ends, barge-in, backchannels and what was heard, measured.

    offhook bench manners --write docs/manners.md

Turn ends and onsets: real recordings through the real detectors and the real filter on a simulated
clock (needs `../shared/audio`). Calls: whole calls through the real socket, with the lab's
co-located delays. Each goal stands beside its figure, missed ones too.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import manners_calls, manners_ends, manners_onsets, manners_page
from bench.manners_audio import AUDIO
from bench.manners_report import Goal, table

ROOT = Path(__file__).resolve().parents[1]
PARTS = ("ends", "onsets", "calls")


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 0 when every call took place (a missed goal is a figure, no failure)."""
    parser = argparse.ArgumentParser(prog="offhook bench manners", description=__doc__)
    parser.add_argument("--only", choices=PARTS, help="one part")
    parser.add_argument("--calls", type=int, default=8, help="calls with interruptions")
    parser.add_argument("--thinking", type=int, default=4, help="calls with thinking pauses")
    parser.add_argument("--plain", type=int, default=3, help="calls of ten whole questions")
    parser.add_argument("--together", type=int, default=2, help="calls at the same time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="eight turns and one call")
    parser.add_argument("--scores", type=Path, help="keep the detector's scores in this file")
    parser.add_argument("--json", action="store_true", help="the document, instead of the page")
    parser.add_argument("--write", type=Path, help="write the page here, the plot into img/ beside")
    options = parser.parse_args(argv)
    document: dict[str, Any] = {"about": about()}
    parts = [options.only] if options.only else [*PARTS]
    if not (AUDIO / "MANIFEST.json").is_file():
        sys.stderr.write(f"turn ends and onsets are not measured: there is no {AUDIO}\n")
        parts = [part for part in parts if part == "calls"]
    if "ends" in parts:
        document["ends"] = manners_ends.measure(quick=options.quick, scores=options.scores)
    if "onsets" in parts:
        document["onsets"] = manners_onsets.measure(quick=options.quick)
    if "calls" in parts:
        with tempfile.TemporaryDirectory(prefix="offhook-manners-") as folder:
            found = asyncio.run(manners_calls.measure(options, folder=Path(folder)))
            document["calls"] = manners_page.document(found)
    text = page(document)
    if options.write:
        if "ends" in document:
            from bench.manners_plot import plot

            plot(document["ends"]["curves"], options.write.parent / "img" / "manners.svg")
        options.write.write_text(text, encoding="utf-8")
    print(json.dumps(document, indent=2) if options.json else text)  # noqa: T201
    return 1 if document.get("calls", {}).get("problems") else 0


def about() -> dict[str, str]:
    """Machine and commit."""
    git = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, "
        f"load {os.getloadavg()[0]:.1f} at the start, Python {platform.python_version()}",
        "commit": git.stdout.strip() or "unknown",
    }


# ── the page ─────────────────────────────────────────────────────────────────────────
def page(document: Mapping[str, Any]) -> str:
    """Everything measured, as markdown."""
    about = document["about"]
    parts = [
        "# Manners, measured",
        "",
        f"`offhook bench manners`, commit {about['commit']}; {about['machine']}.",
        "",
        "## Goals",
        "",
        *table(("goal", "asked", "measured", "met"), goals(document)),
    ]
    if "ends" in document:
        parts += ["", *manners_ends.section(document["ends"])]
    if "onsets" in document:
        parts += ["", *manners_onsets.section(document["onsets"])]
    if "calls" in document:
        parts += ["", *manners_page.section(document["calls"])]
    return "\n".join(parts) + "\n"


def goals(document: Mapping[str, Any]) -> list[Goal]:
    """Each goal with its figure; only what was measured."""
    found: list[Goal] = []
    if "ends" in document:
        found += manners_ends.goals(document["ends"])
    if "calls" in document:
        found += manners_page.goals(document["calls"])
    return found


if __name__ == "__main__":
    sys.exit(main())
