"""How many calls one core carries: our bot and a stock Pipecat bot in turn, at growing loads.

    python -m bench.capacity --loads 1 10 20 30 40 --write docs/benchmarks.md

The bot is alone on the first core; lab and callers share the others. Every provider takes exactly
its median time (the lab's `steady` profile), so that what is above their sum is the bot's: added =
true end of speech → first agent sound played, less recogniser final, first token and first byte.

A load is carried when no turn is lost, added p95 stays within 100 ms of the bot's own value at one
call, and a caller hears at most one underrun a minute. The stock bot is judged without the turns in
which it waited for its detector's 3 s fallback: those are a matter of manners, not of load. A load
at which lab and callers fill their own core is not judged at all: nobody knows whose fault it was.
Above two loads that it did not carry, a bot is not rung any more.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp
import uvloop

from bench.capacity_page import page, plot, rewritten, row, table
from bench.capacity_step import TURNS, Step, book, carried, is_beyond
from bench.latency import QUESTIONS, script
from bot.children import running
from bot.demo import free_port, lab_environment
from lab.caller import Caller
from lab.dialling import Phone
from lab.mouth import Clips
from lab.plan import Plan

BOTS = ("ours", "stock")
RAMP_S = 0.35  # between two calls that begin: callers do not all ring in one instant
RAMP_AT_MOST_S = 10.0  # in all: the first caller still talks when the last one has begun
WATCHED_S = 8.0
CORES = os.sched_getaffinity(0)
BOTS_CORE = {min(CORES)}
OTHER_CORES = CORES - BOTS_CORE or CORES
PAGE = os.sysconf("SC_PAGE_SIZE")
TICKS = os.sysconf("SC_CLK_TCK")


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


def cpu_s(pid: int | str) -> float:
    """Processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_bytes(pid: int) -> int:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


@dataclass(frozen=True)
class House:
    """A fresh bot and a fresh lab."""

    webhook: str
    token: str
    """The carrier's, by which the bot knows it; none for stock."""
    bot_pid: int
    lab_pid: int
    start_s: float


@asynccontextmanager
async def bot_and_lab(name: str, *, folder: Path) -> AsyncIterator[House]:
    """Both on their cores for the length of a block."""
    async with AsyncExitStack() as stack:
        lab_port, port = free_port(), free_port()
        with on_cores(OTHER_CORES):
            lab = running(
                "lab", "--port", str(lab_port), "--engine", "bursts", "--profile", "steady",
                environ=os.environ, log=folder / "lab.log", ready="lab ready on ",
            )  # fmt: skip
            await stack.enter_async_context(lab)
        environ = lab_environment(os.environ, lab_port=lab_port, port=port)
        environ["OFFHOOK__STORE__URL"] = f"sqlite:///{folder}/calls.db"
        environ["OFFHOOK__CAPACITY__MAX_CALLS"] = "1000"
        environ["OFFHOOK__CAPACITY__MAX_CALLS_PER_CALLER"] = "0"
        with on_cores(BOTS_CORE):
            began_at = time.monotonic()
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
        yield House(
            f"http://127.0.0.1:{port}/" + ("twilio/voice" if name == "ours" else ""),
            environ["TWILIO_AUTH_TOKEN"] if name == "ours" else "",
            pid_of(port),
            pid_of(lab_port),
            time.monotonic() - began_at,
        )


def imports_s() -> float:
    """How long a fresh process takes to import all that answers calls."""
    code = (
        "import time; began = time.perf_counter()\n"
        "import bot.serve, bot.session\n"
        "print(time.perf_counter() - began)"
    )
    with on_cores(BOTS_CORE):
        told = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    return float(told.stdout)


async def scores_of(house: House) -> int | None:
    """How many turn scores came in time, as the bot's own page says; none for stock."""
    base, ours, _ = house.webhook.partition("/twilio/voice")
    if not ours:
        return None
    async with aiohttp.ClientSession() as http, http.get(f"{base}/metrics") as answer:
        text = await answer.text()
    told = re.search(r"^offhook_smart_turn_seconds_count (\S+)", text, re.MULTILINE)
    return int(float(told[1])) if told else 0


# ── one load ─────────────────────────────────────────────────────────────────────────
async def measure(name: str, calls: int, *, clips: Clips, folder: Path) -> Step:
    """So many calls at once to one bot."""
    step = Step(name, calls)
    loaded = {question: clips[question] for question in QUESTIONS}
    gap_s = min(RAMP_S, RAMP_AT_MOST_S / calls)
    turns = TURNS if calls > 1 else len(QUESTIONS)  # alone, each is asked once
    async with bot_and_lab(name, folder=folder) as house:
        step.start_s = house.start_s
        phone = Phone(auth_token=house.token) if house.token else Phone()
        await Caller(Plan(script(1, offset=0), loaded, phone=phone)).call(house.webhook)  # warm
        step.idle_rss_bytes, warm_scores = rss_bytes(house.bot_pid), await scores_of(house)

        async def ring(number: int) -> Any:
            await asyncio.sleep(number * gap_s)
            plan = Plan(script(turns, offset=number), loaded, phone=phone)
            return await Caller(plan).call(house.webhook)

        began_s = cpu_s(house.bot_pid)
        ringing = [asyncio.create_task(ring(number)) for number in range(calls)]
        await asyncio.sleep(calls * gap_s + 2.0)
        watched = Watched(house)
        await asyncio.sleep(WATCHED_S)
        watched.note(step)
        outcomes = await asyncio.gather(*ringing)
        step.cpu_s = cpu_s(house.bot_pid) - began_s
        if warm_scores is not None:
            step.scores = (await scores_of(house) or 0) - warm_scores
    for outcome in outcomes:
        book(step, outcome)
    return step


class Watched:
    """Processor time of all three while all calls go on."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._began_at = time.monotonic()
        self._began_s = self._spent_s()

    def _spent_s(self) -> list[float]:
        return [cpu_s(pid) for pid in (self._house.bot_pid, self._house.lab_pid, "self")]

    def note(self, step: Step) -> None:
        """Write it down."""
        for_s = time.monotonic() - self._began_at
        bot, lab, callers = (
            (now_s - began_s) / for_s
            for now_s, began_s in zip(self._spent_s(), self._began_s, strict=True)
        )
        step.cpu_share = bot
        step.lab_share, step.callers_share = lab / len(OTHER_CORES), callers / len(OTHER_CORES)
        step.rss_bytes = rss_bytes(self._house.bot_pid)


async def _all(options: argparse.Namespace) -> list[Step]:
    clips = Clips()
    steps: list[Step] = []
    with on_cores(OTHER_CORES):
        for calls in options.loads:
            for name in options.peers:
                if is_beyond(steps, name):
                    continue
                with tempfile.TemporaryDirectory(prefix="offhook-bench-") as folder:
                    step = await measure(name, calls, clips=clips, folder=Path(folder))
                steps.append(step)
                sys.stderr.write(row(step) + "\n")
    return steps


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print; exit 1 when ours carries fewer than four times what stock does."""
    parser = argparse.ArgumentParser(prog="offhook bench capacity", description=__doc__)
    parser.add_argument("--loads", type=int, nargs="+", default=[1, 10, 20, 30, 40])
    parser.add_argument("--peers", nargs="+", default=list(BOTS), choices=BOTS)
    parser.add_argument("--json", action="store_true", help="every figure, instead of the table")
    parser.add_argument("--write", type=Path, help="write the page here, the plot into img/ beside")
    options = parser.parse_args(argv)
    steps = uvloop.run(_all(options))
    text = json.dumps([asdict(s) for s in steps], indent=2) if options.json else table(steps)
    print(text)  # noqa: T201 - the command's output
    if options.write:
        picture = options.write.parent / "img" / f"{options.write.stem}.svg"
        plot(steps, picture)
        rewritten(options.write, page(steps, imports_s=imports_s(), picture=picture))
    most = carried(steps)
    return int(most.get("ours", 0) < 4 * most.get("stock", 0))


if __name__ == "__main__":
    sys.exit(main())
