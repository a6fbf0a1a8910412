"""What callers hear when providers fail: our bot beside a stock Pipecat bot, fault by fault.

    offhook bench faults [--quick] [--json] [--write docs/faults.md]
    offhook bench faults --campaign 1000

Silence is the longest in the agent's turn, from the true end of the caller's speech; "decided" the
same from the moment the turn was decided. Words are counted from the bytes the carrier played.
Failover is the fault felt by the bot → the first audio of whoever took over.
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
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.fault_calls import Call, Switchboard, deal
from bench.fault_campaign import Campaign, Tally, report
from bench.fault_cells import Cell, cells, quick
from bench.fault_house import IN_CROWDS, open_house, unrehearsed
from bench.fault_verdicts import Seen, ending, misses, try_all
from lab.reciter import SENTENCES, WORDS


def chosen(options: argparse.Namespace) -> list[Cell]:
    """The cells asked for."""
    every = quick() if options.quick else cells()
    wanted = options.only or []
    return [cell for cell in every if all(w in f"{cell.name} {cell.place}" for w in wanted)]


async def measure(
    name: str, wanted: Sequence[Cell], *, options: argparse.Namespace, folder: Path
) -> list[Seen]:
    """All cells against one bot."""
    async with open_house(
        name, folder=folder / name, seed=options.seed, beforehand=unrehearsed(), environ=IN_CROWDS
    ) as house:
        board = Switchboard(house, at_once=options.at_once, seed=options.seed)
        await board.place(Call(None, (None,)))  # a fresh process's first call is no fair one
        control = Call(None, (None, None))
        calls = [control, *deal(wanted, per_call=options.per_call)]
        return await try_all(house, board, calls)


async def run(options: argparse.Namespace, *, folder: Path) -> dict[str, list[Seen]]:
    """One bot after the other, so that neither is measured in the other's shade."""
    wanted = chosen(options)
    found: dict[str, list[Seen]] = {}
    for name in options.peers:
        found[name] = await measure(name, wanted, options=options, folder=folder)
    return found


def table(found: dict[str, list[Seen]]) -> str:
    """The result as markdown."""
    lines = [
        f"{machine()}. Milliseconds; words of {SENTENCES * WORDS} (greeting: 4).",
        "",
        "| fault | place | bot | silence | decided | lost / twice | taken over | ending |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    by_cell: dict[tuple[str, str], list[tuple[str, Seen]]] = {}
    for name, seen in found.items():
        for one in seen:
            key = (one.cell.name, one.cell.place) if one.cell else ("(nothing fails)", "")
            by_cell.setdefault(key, []).append((name, one))
    for (fault, place), rows in sorted(by_cell.items()):
        for name, one in rows:
            words = f"{len(one.account.lost)} / {len(one.account.repeated)}"
            over = one.failover_s if one.back_s is None else one.back_s
            lines.append(
                f"| {fault} | {place} | {name} | {_ms(one.silence_s)} | {_ms(one.decided_s)} "
                f"| {words}{'' if one.account.is_in_order else ' mixed'} | {_ms(over)} "
                f"| {ending(one)} |"
            )
    return "\n".join(lines)


def machine() -> str:
    """Where and of what these figures are."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    python = platform.python_version()
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {python}, commit {commit}"


def _ms(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds * 1000:.0f}"


def document(found: dict[str, list[Seen]]) -> dict[str, Any]:
    """Everything, for those who do not believe the table."""
    return {name: [asdict(one) for one in seen] for name, seen in found.items()}


async def campaign(options: argparse.Namespace, *, folder: Path) -> Tally:
    """Many short calls of ours under random faults."""
    async with open_house("ours", folder=folder, seed=options.seed) as house:
        strikes = Campaign(house, seed=options.seed, at_once=options.at_once, every_s=options.every)
        batch = max(10, min(100, options.campaign // 10))
        return await strikes.run(options.campaign, batch=batch)


def _campaign(options: argparse.Namespace, *, folder: Path) -> int:
    tally = asyncio.run(campaign(options, folder=folder))
    text = f"{machine()}, seed {options.seed}, {options.at_once} calls at a time.\n\n"
    text += report(tally)
    print(json.dumps(asdict(tally), indent=2) if options.json else text)  # noqa: T201
    for line in [*tally.unanswered, *tally.problems]:
        sys.stderr.write(f"missed: {line}\n")
    if options.write:
        with options.write.open("a", encoding="utf-8") as file:
            file.write(f"\n{text}\n")
    return 0 if tally.is_good else 1


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 0 when ours meets the goals."""
    parser = argparse.ArgumentParser(prog="offhook bench faults", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the commonest faults, one place each")
    parser.add_argument("--only", nargs="+", help="words of fault and place, all of which must be")
    parser.add_argument("--peers", nargs="+", default=["ours", "stock"], choices=["ours", "stock"])
    parser.add_argument("--at-once", type=int, default=10, help="calls at a time")
    parser.add_argument("--per-call", type=int, default=1, help="faults one after the other")
    parser.add_argument("--campaign", type=int, help="so many short calls, faults at random")
    parser.add_argument("--every", type=float, default=0.6, help="seconds between those faults")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="everything, instead of the table")
    parser.add_argument("--write", type=Path, help="append the table to this file")
    parser.add_argument("--keep", type=Path, help="folder for the logs of the processes")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="offhook-faults-") as folder:
        if options.campaign:
            return _campaign(options, folder=options.keep or Path(folder))
        found = asyncio.run(run(options, folder=options.keep or Path(folder)))
    text = table(found)
    print(json.dumps(document(found), indent=2) if options.json else text)  # noqa: T201
    if options.write:
        with options.write.open("a", encoding="utf-8") as file:
            file.write(f"\n{text}\n")
    bad = [(one, missed) for one in found.get("ours", []) if (missed := misses(one))]
    for one, missed in bad:
        where = f"{one.cell.name} at {one.cell.place}" if one.cell else ""
        sys.stderr.write(f"missed: {where}: {'; '.join(missed)}\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
