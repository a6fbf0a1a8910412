"""How many calls one core carries: our bot and a stock Pipecat bot in turn, at growing loads.

    python -m bench.capacity --loads 1 10 20 30 40 --write docs/benchmarks.md

The bot is alone on the first core; lab and callers share the others. Every provider takes exactly
its median time (the lab's `steady` profile), so that what is above their sum is the bot's: added =
true end of speech → first agent sound played, less recogniser final, first token and first byte.

A load is carried when no turn is lost, added p95 stays within 100 ms of the bot's own value at one
call, and a caller hears at most one underrun a minute. The stock bot is judged without the turns in
which it waited for its detector's 3 s fallback: those are a matter of manners, not of load.
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
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.latency import QUESTIONS, script
from bot.children import running
from bot.demo import free_port, lab_environment
from lab.caller import Caller
from lab.dialling import Phone
from lab.measures import figures, percentiles
from lab.mouth import Clips
from lab.plan import Plan

BOTS = ("ours", "stock")
# recogniser final, first token, first byte: the medians of the co-located profile
STEADY_S = 0.070 + 0.110 + 0.100
FALLBACK_S = 2.5  # an answer this late waited for stock smart-turn's 3 s
WORSE_S = 0.100
UNDERRUNS_A_MINUTE = 1.0
RAMP_S = 0.35  # between two calls that begin: callers do not all ring in one instant
TURNS = 5
CORES = os.sched_getaffinity(0)
BOTS_CORE = {min(CORES)}
OTHER_CORES = CORES - BOTS_CORE or CORES
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Step:
    """One bot at one load."""

    bot: str
    calls: int
    asked: int = 0
    lost: int = 0
    added: list[float] = field(default_factory=list)
    waited: int = 0
    """turns left out because they waited for a fallback"""
    greetings: list[float] = field(default_factory=list)
    underruns: int = 0
    talk_s: float = 0.0
    cpu_share: float = 0.0
    """of a core, while all calls went on"""
    rss_bytes: int = 0
    idle_rss_bytes: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def underruns_a_minute(self) -> float:
        """As one caller hears them."""
        return self.underruns / self.talk_s * 60 if self.talk_s else 0.0

    @property
    def mb_a_call(self) -> float:
        """Resident memory beyond the idle process, for each call."""
        return (self.rss_bytes - self.idle_rss_bytes) / 1e6 / self.calls

    def is_carried(self, alone_p95_s: float) -> bool:
        """Whether the load is carried, by the rule of this page."""
        p95 = percentiles(self.added).p95
        return (
            not self.lost
            and not self.problems
            and p95 is not None
            and p95 <= alone_p95_s + WORSE_S
            and self.underruns_a_minute <= UNDERRUNS_A_MINUTE
        )


# ── processes on cores ───────────────────────────────────────────────────────────────
@contextmanager
def on_cores(cores: set[int]) -> Iterator[None]:
    """What is started inside stays on these cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def pid_of(port: int) -> int:
    """The process that was started with this port."""
    found = subprocess.run(
        ["pgrep", "-f", "--", f"--port {port}( |$)"], capture_output=True, text=True, check=True
    )
    return int(found.stdout.split()[0])


def cpu_s(pid: int) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_bytes(pid: int) -> int:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


@asynccontextmanager
async def bot_and_lab(name: str, *, folder: Path) -> AsyncIterator[tuple[str, str, int]]:
    """A fresh bot and a fresh lab: (webhook, the carrier's token, the bot's pid)."""
    async with AsyncExitStack() as stack:
        with on_cores(OTHER_CORES):
            lab = running(
                "lab", "--port", "0", "--engine", "bursts", "--profile", "steady",
                environ=os.environ, log=folder / "lab.log", ready="lab ready on ",
            )  # fmt: skip
            lab_url = (await stack.enter_async_context(lab)).rsplit(" ", 1)[1]
        lab_port, port = int(lab_url.rsplit(":", 1)[1]), free_port()
        environ = lab_environment(os.environ, lab_port=lab_port, port=port)
        environ["OFFHOOK__STORE__URL"] = f"sqlite:///{folder}/calls.db"
        environ["OFFHOOK__CAPACITY__MAX_CALLS"] = "1000"
        environ["OFFHOOK__CAPACITY__MAX_CALLS_PER_CALLER"] = "0"
        with on_cores(BOTS_CORE):
            if name == "ours":
                bot = running(
                    "bot", "serve", "--port", str(port),
                    environ=environ, log=folder / "bot.log", ready="offhook answers on ",
                )  # fmt: skip
            else:
                bot = running(
                    "lab.peers.stock", "--lab-port", str(lab_port), "--port", str(port),
                    environ=os.environ, log=folder / "bot.log", ready="stock answers on ",
                )  # fmt: skip
            await stack.enter_async_context(bot)
        webhook = f"http://127.0.0.1:{port}/" + ("twilio/voice" if name == "ours" else "")
        token = environ["TWILIO_AUTH_TOKEN"] if name == "ours" else ""
        yield webhook, token, pid_of(port)


# ── one load ─────────────────────────────────────────────────────────────────────────
async def measure(name: str, calls: int, *, clips: Clips, folder: Path) -> Step:
    """So many calls at once to one bot."""
    step = Step(name, calls)
    loaded = {question: clips[question] for question in QUESTIONS}
    async with bot_and_lab(name, folder=folder) as (webhook, token, pid):
        phone = Phone(auth_token=token) if token else Phone()
        await Caller(Plan(script(1, offset=0), loaded, phone=phone)).call(webhook)  # warm
        step.idle_rss_bytes = rss_bytes(pid)

        async def ring(number: int) -> Any:
            await asyncio.sleep(number * RAMP_S)
            plan = Plan(script(TURNS, offset=number), loaded, phone=phone)
            return await Caller(plan).call(webhook)

        ringing = [asyncio.create_task(ring(number)) for number in range(calls)]
        await asyncio.sleep(calls * RAMP_S + 2.0)
        began_at, began_s = time.monotonic(), cpu_s(pid)
        await asyncio.sleep(8.0)
        step.cpu_share = (cpu_s(pid) - began_s) / (time.monotonic() - began_at)
        step.rss_bytes = rss_bytes(pid)
        for outcome in await asyncio.gather(*ringing):
            book(step, outcome)
    return step


def book(step: Step, outcome: Any) -> None:
    """One call's turns."""
    found = figures(outcome.timeline)
    step.talk_s += found.talk_s
    step.underruns += len(found.underruns)
    if outcome.problem:
        step.problems.append(outcome.problem)
    if found.greeting_s is not None:
        step.greetings.append(found.greeting_s)
    for turn in found.turns:
        step.asked += 1
        step.lost += not turn.is_answered
        if turn.latency_s is None:
            continue
        if turn.latency_s > FALLBACK_S and step.bot == "stock":
            step.waited += 1
        else:
            step.added.append(turn.latency_s - STEADY_S)


# ── shown ────────────────────────────────────────────────────────────────────────────
def carried(steps: Sequence[Step]) -> dict[str, int]:
    """The largest load each bot carried, without one below it that it did not."""
    most: dict[str, int] = {}
    for name in dict.fromkeys(step.bot for step in steps):
        own = sorted((s for s in steps if s.bot == name), key=lambda step: step.calls)
        alone = percentiles(own[0].added).p95 or 0.0
        most[name] = 0
        for step in own:
            if not step.is_carried(alone):
                break
            most[name] = step.calls
    return most


def table(steps: Sequence[Step]) -> str:
    """The result as markdown."""
    lines = [
        f"{platform.machine()}, bot alone on one core of {os.cpu_count()}, Python "
        f"{platform.python_version()}; {TURNS} turns a call; milliseconds.",
        "",
        "| bot | calls | answered | added p50 / p95 / p99 (n) | underruns a minute | greeting p50 "
        "| core, % | core a call, % | MB a call |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for step in steps:
        added, greeting = percentiles(step.added), percentiles(step.greetings)
        waited = f", {step.waited} waited 3 s" if step.waited else ""
        lines.append(
            f"| {step.bot} | {step.calls} | {step.asked - step.lost}/{step.asked}{waited} "
            f"| {_ms(added.p50)} / {_ms(added.p95)} / {_ms(added.p99)} ({added.n}) "
            f"| {step.underruns_a_minute:.1f} | {_ms(greeting.p50)} | {100 * step.cpu_share:.0f} "
            f"| {100 * step.cpu_share / step.calls:.1f} | {step.mb_a_call:.1f} |"
        )
    lines += ["", "Carried: " + ", ".join(f"{name} {n}" for name, n in carried(steps).items())]
    lines += [f"problem at {s.calls} calls: {p}" for s in steps for p in sorted(set(s.problems))]
    return "\n".join(lines)


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


async def _all(options: argparse.Namespace) -> list[Step]:
    clips, steps = Clips(), []
    with on_cores(OTHER_CORES):
        for calls in options.loads:
            for name in options.peers:
                with tempfile.TemporaryDirectory(prefix="offhook-bench-") as folder:
                    step = await measure(name, calls, clips=clips, folder=Path(folder))
                steps.append(step)
                sys.stderr.write(table([step]).splitlines()[4] + "\n")
    return steps


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print; exit 1 when ours carries fewer than four times what stock does."""
    parser = argparse.ArgumentParser(prog="offhook bench capacity", description=__doc__)
    parser.add_argument("--loads", type=int, nargs="+", default=[1, 10, 20, 30, 40])
    parser.add_argument("--peers", nargs="+", default=list(BOTS), choices=BOTS)
    parser.add_argument("--json", action="store_true", help="every figure, instead of the table")
    parser.add_argument("--plot", type=Path, help="write the picture there (svg)")
    options = parser.parse_args(argv)
    steps = asyncio.run(_all(options))
    text = json.dumps([asdict(s) for s in steps], indent=2) if options.json else table(steps)
    print(text)  # noqa: T201 - the command's output
    if options.plot:
        plot(steps, options.plot)
    most = carried(steps)
    return int(most.get("ours", 0) < 4 * most.get("stock", 0))


if __name__ == "__main__":
    sys.exit(main())
