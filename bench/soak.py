"""Does it stay as it was? So many calls at once for so many minutes, with callers who interrupt and
callers who vanish, one after another without a pause.

    python -m bench.soak --calls 14 --minutes 30

Take about 70 % of what `offhook bench capacity` says is carried. The run is cut into windows of
equal length: answers of the last must be as quick as those of the first, and what the process holds
(memory, tasks, threads, open files) must come back to where it was once nobody calls.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path
from statistics import fmean, linear_regression

import aiohttp
import uvloop

from bench.capacity import OTHER_CORES, bot_and_lab, on_cores
from bench.capacity_step import STEADY_S
from bench.holdings import HELD, holdings, left_behind
from bench.latency import QUESTIONS
from lab.caller import Caller
from lab.dialling import Phone
from lab.impairments import Impairments
from lab.measures import figures, percentiles
from lab.mouth import Clips
from lab.plan import Plan
from lab.script import HangUp, Interrupt, Say, Script, Step, WaitAgent

WINDOWS = 6
SAMPLE_S = 10.0
SETTLE_S = 20.0
VANISHING, INTERRUPTING = 0.2, 0.4  # shares of the callers


@dataclass
class Window:
    """A sixth of the run."""

    added: list[float] = field(default_factory=list)
    lost: int = 0
    underruns: int = 0
    talk_s: float = 0.0


@dataclass
class Soaked:
    """The whole run."""

    windows: list[Window]
    before: Mapping[str, float] = field(default_factory=dict)
    after: Mapping[str, float] = field(default_factory=dict)
    memory: list[tuple[float, float]] = field(default_factory=list)
    """(minute, bytes) while it ran"""
    calls: int = 0
    problems: list[str] = field(default_factory=list)


def plan(draw: random.Random, loaded: Mapping[str, object], phone: Phone, number: int) -> Plan:
    """One caller: most ask and leave politely, some interrupt, some vanish."""
    steps: list[Step] = [WaitAgent()]
    for _ in range(draw.randint(2, 5)):
        steps += [Say(draw.choice(QUESTIONS), pause_s=0.3)]
        if draw.random() < INTERRUPTING:
            steps += [Interrupt(draw.choice(QUESTIONS), after_s=draw.uniform(0.4, 2.0))]
        steps += [WaitAgent(timeout_s=10.0, quiet_s=0.7)]
    gone = draw.uniform(3.0, 20.0) if draw.random() < VANISHING else None
    script = Script(f"soak {number}", (*steps, HangUp()), seed=number)
    return Plan(script, loaded, phone=phone, impairments=Impairments(vanish_s=gone))  # type: ignore[arg-type]


async def gauges(http: aiohttp.ClientSession, base: str) -> dict[str, float]:
    """What the process holds, as it says itself."""
    async with http.get(f"{base}/metrics") as answer:
        answer.raise_for_status()
        return holdings(await answer.text())


async def soak(options: argparse.Namespace, *, folder: Path) -> Soaked:
    """Keep the lines busy, then let the process come to rest."""
    clips, length_s = Clips(), options.minutes * 60.0
    loaded = {name: clips[name] for name in QUESTIONS}
    soaked = Soaked([Window() for _ in range(WINDOWS)])
    async with (
        bot_and_lab("ours", folder=folder) as house,
        aiohttp.ClientSession() as http,
    ):
        webhook, phone = house.webhook, Phone(auth_token=house.token)
        base = webhook.removesuffix("/twilio/voice")
        draw = random.Random(options.seed)
        await Caller(plan(draw, loaded, phone, 0)).call(webhook)  # warm
        await asyncio.sleep(SETTLE_S / 2)
        soaked.before = await gauges(http, base)
        began_at = time.monotonic()

        async def line(number: int) -> None:
            await asyncio.sleep(number * 0.35)
            while (elapsed_s := time.monotonic() - began_at) < length_s:
                soaked.calls += 1
                outcome = await Caller(plan(draw, loaded, phone, soaked.calls)).call(webhook)
                if outcome.problem:
                    soaked.problems.append(outcome.problem)
                    continue
                window = soaked.windows[min(WINDOWS - 1, int(elapsed_s / length_s * WINDOWS))]
                _book(window, outcome)

        async def watch() -> None:
            while True:
                await asyncio.sleep(SAMPLE_S)
                held = await gauges(http, base)
                minute = (time.monotonic() - began_at) / 60
                soaked.memory.append((minute, held["memory_bytes"]))
                sys.stderr.write(f"{minute:.1f} min, {soaked.calls} calls, {held}\n")

        watching = asyncio.create_task(watch())
        await asyncio.gather(*(line(number) for number in range(options.calls)))
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        await asyncio.sleep(SETTLE_S)
        soaked.after = await gauges(http, base)
    return soaked


def _book(window: Window, outcome: object) -> None:
    found = figures(outcome.timeline)  # type: ignore[attr-defined]
    window.talk_s += found.talk_s
    window.underruns += len(found.underruns)
    for turn in found.turns[:-1]:  # the last may have been hung up on
        window.lost += not turn.is_answered and turn.cut_in_s is None
        if turn.latency_s is not None:
            window.added.append(turn.latency_s - STEADY_S)


def slope_mb_a_minute(memory: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Of the second half of the run, since the first fills caches; and its noise: twice the
    slope's standard error."""
    half = memory[len(memory) // 2 :]
    if len(half) < 3:
        return 0.0, 0.0
    minutes, held = [minute for minute, _ in half], [bytes_ / 1e6 for _, bytes_ in half]
    slope, start = linear_regression(minutes, held)
    off = sum((y - start - slope * x) ** 2 for x, y in zip(minutes, held, strict=True))
    spread = sum((x - fmean(minutes)) ** 2 for x in minutes)
    return slope, 2 * sqrt(off / (len(half) - 2) / spread)


def halves_ms(windows: Sequence[Window]) -> str:
    """p99 of the first half of the run against the second's."""
    middle = len(windows) // 2
    both = [
        percentiles(added for window in half for added in window.added)
        for half in (windows[:middle], windows[middle:])
    ]
    first, second = (
        "–" if half.p99 is None else f"{half.p99 * 1000:.0f} ms (n {half.n})" for half in both
    )
    return f"{first} → {second}"


def report(soaked: Soaked, *, calls: int, minutes: float) -> str:
    """The result as markdown."""
    lines = [
        f"{calls} calls at once for {minutes:g} minutes, {soaked.calls} in all; milliseconds.",
        "",
        "| window | added p50 / p95 / p99 (n) | turns lost | underruns a minute |",
        "| --- | --- | --- | --- |",
    ]
    for number, window in enumerate(soaked.windows, 1):
        added = percentiles(window.added)
        three = " / ".join(
            "–" if v is None else f"{v * 1000:.0f}" for v in (added.p50, added.p95, added.p99)
        )
        dry = window.underruns / window.talk_s * 60 if window.talk_s else 0.0
        lines.append(f"| {number} | {three} ({added.n}) | {window.lost} | {dry:.1f} |")
    slope, noise = slope_mb_a_minute(soaked.memory)
    held = ", ".join(f"{n} {soaked.before[n]:.0f} → {soaked.after[n]:.0f}" for n in HELD)
    lines += [
        "",
        f"Added p99, first half → second half: {halves_ms(soaked.windows)}.",
        f"Held with nobody on the line, waiting sockets aside, before → after: {held}.",
        f"Memory while it ran, second half: {slope:+.2f} ± {noise:.2f} MB a minute.",
    ]
    lines += [f"problem: {problem}" for problem in sorted(set(soaked.problems))]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print; exit 1 when something is left behind that was not there before."""
    parser = argparse.ArgumentParser(prog="offhook bench soak", description=__doc__)
    parser.add_argument("--calls", type=int, default=14, help="at once")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="offhook-bench-") as folder, on_cores(OTHER_CORES):
        soaked = uvloop.run(soak(options, folder=Path(folder)))
    print(report(soaked, calls=options.calls, minutes=options.minutes))  # noqa: T201 - the command's output
    return int(bool(left_behind(soaked.before, soaked.after, calls=options.calls)))


if __name__ == "__main__":
    sys.exit(main())
