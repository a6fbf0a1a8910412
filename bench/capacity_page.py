"""What `offhook bench capacity` shows: rows, goals, the picture, the page."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench.capacity_step import TURNS, Step, carried
from bench.manners_report import Goal, met
from bench.manners_report import table as markdown
from lab.measures import percentiles

HEAD = (
    "bot", "calls", "answered", "added p50 / p95 / p99 (n)", "underruns a minute", "greeting p50",
    "core, %", "core a call, %", "MB a call", "scores a turn", "lab + callers, % of theirs",
)  # fmt: skip
BY_HAND = "<!-- by hand: what follows is kept when the page is written anew -->"
CALLS, TIMES = 36, 4


def cells(step: Step) -> tuple[str, ...]:
    """One load of one bot."""
    added, greeting = percentiles(step.added), percentiles(step.greetings)
    waited = f", {step.waited} waited 3 s" if step.waited else ""
    full = "" if step.is_judged else ": full, not judged"
    return (
        step.bot,
        str(step.calls),
        f"{step.asked - step.lost}/{step.asked}{waited}",
        f"{_ms(added.p50)} / {_ms(added.p95)} / {_ms(added.p99)} ({added.n})",
        f"{step.underruns_a_minute:.1f}",
        _ms(greeting.p50),
        f"{100 * step.cpu_share:.0f}",
        f"{100 * step.cpu_a_call:.1f}",
        f"{step.mb_a_call:.1f}",
        "–" if step.scores_a_turn is None else f"{step.scores_a_turn:.2f}",
        f"{100 * step.lab_share:.0f} + {100 * step.callers_share:.0f}{full}",
    )


def row(step: Step) -> str:
    """The same as a line of the table."""
    return markdown(HEAD, [cells(step)])[2]


def table(steps: Sequence[Step]) -> str:
    """The result as markdown."""
    lines = [
        f"{platform.machine()}, bot alone on one core of {os.cpu_count()}, Python "
        f"{platform.python_version()}; {TURNS} turns a call; milliseconds.",
        "",
        *markdown(HEAD, [cells(step) for step in steps]),
        "",
        "Carried: " + ", ".join(f"{name} {n}" for name, n in carried(steps).items()),
    ]
    lines += [f"problem at {s.calls} calls: {p}" for s in steps for p in sorted(set(s.problems))]
    return "\n".join(lines)


def goals(steps: Sequence[Step], *, imports_s: float) -> list[Goal]:
    """Each goal with its figure, of our own rows."""
    most = carried(steps)
    ours = [step for step in steps if step.bot == "ours"]
    held = [s for s in ours if 10 <= s.calls <= most.get("ours", 0)] or ours[-1:]
    cpu, memory = max(s.cpu_a_call for s in held), max(s.mb_a_call for s in held)
    alone = percentiles(ours[0].greetings).p50
    greeting_s = max((percentiles(s.greetings).p50 or 0.0) for s in held)
    dry = max(s.underruns_a_minute for s in held)
    start_s = sorted(s.start_s for s in ours)[len(ours) // 2]
    stock = most.get("stock")
    return [
        (
            "calls a core carries",
            f"≥ {CALLS}, ≥ {TIMES} × stock",
            f"{most['ours']}" + (f", stock {stock}" if stock is not None else ""),
            "yes" if most["ours"] >= max(CALLS, TIMES * (stock or 0)) else "**no**",
        ),
        (
            "core a call, at 10 calls and more",
            "≤ 2 %",
            f"{100 * cpu:.1f} %",
            met((cpu, 0.02 + 1e-9)),
        ),
        ("memory a call", "≤ 6 MB", f"{memory:.1f} MB", met((memory, 6.0 + 1e-9))),
        ("underruns a call and minute", "≤ 1", f"{dry:.1f}", met((dry, 1.0 + 1e-9))),
        (
            "greeting heard after `start`, p50",
            "≤ 150 ms",
            f"{_ms(alone)} alone, {_ms(greeting_s)} at most",
            met((greeting_s, 0.150)),
        ),
        (
            "start to ready",
            "≤ 6 s",
            f"{start_s:.1f} s, {imports_s:.1f} s of them imports",
            met((start_s, 6.0)),
        ),
    ]


def page(steps: Sequence[Step], *, imports_s: float, picture: Path) -> str:
    """Everything measured, as markdown."""
    lines = [
        "# How many calls a core carries",
        "",
        f"`offhook bench capacity`, commit {_commit()}, {datetime.now(UTC):%Y-%m-%d}; "
        f"load of the machine at the end {os.getloadavg()[0]:.1f}.",
        "",
        *markdown(("goal", "asked", "measured", "met"), goals(steps, imports_s=imports_s)),
        "",
        table(steps),
        "",
        f"![added delay and processor time against calls]({picture.parent.name}/{picture.name})",
    ]
    return "\n".join(lines) + "\n"


def rewritten(path: Path, text: str) -> None:
    """Write the page; what somebody wrote below the mark stays."""
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    _, mark, by_hand = before.partition(BY_HAND)
    path.write_text(f"{text}\n{BY_HAND}{by_hand if mark else chr(10)}", encoding="utf-8")


def _commit() -> str:
    git = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return git.stdout.strip() or "unknown"


def _ms(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds * 1000:.0f}"


def plot(steps: Sequence[Step], path: Path) -> None:
    """Added p95 and core share against calls."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "offhook"
    from matplotlib import pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    for name in dict.fromkeys(step.bot for step in steps):
        own = [step for step in steps if step.bot == name]
        calls = [step.calls for step in own]
        left.plot(calls, [1000 * (percentiles(s.added).p95 or 0) for s in own], "o-", label=name)
        right.plot(calls, [100 * s.cpu_share for s in own], "o-", label=name)
    left.set_ylabel("added p95, ms")
    right.set_ylabel("share of the core, %")
    for axis in (left, right):
        axis.set_xlabel("calls at once")
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
        axis.legend()
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
