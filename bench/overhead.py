"""What the numbers cost: the processor time of a call with all of them, beside one without any.

    python -m bench.overhead --rounds 6 --calls 3

Two bots in one run, the same calls to both at the same time: one as it is, sending traces and
metrics to a collector on this machine, its records in a database; one with recorder, records and
loop watch taken out (`bench/bare_bot.py`). Processor time is each process's own count, so what
else the machine does touches both alike; the ratio is the figure, and its spread over the rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import aiohttp
from aiohttp import web

from bench.latency import QUESTIONS, script
from bot.children import running
from bot.demo import free_port, lab_environment
from lab.caller import Caller
from lab.dialling import Phone
from lab.mouth import Clips
from lab.plan import Plan

GOAL = 0.05
PER_CALL = 4
SETTLE_S = 2.0


@dataclass
class Counted:
    """One bot, and the processor time of each round's calls."""

    name: str
    url: str
    auth_token: str
    seconds: list[float] = field(default_factory=list)


@asynccontextmanager
async def collector() -> AsyncIterator[str]:
    """Takes what OpenTelemetry sends and forgets it."""

    async def take(request: web.Request) -> web.Response:
        await request.read()
        return web.Response()

    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_post("/v1/{kind}", take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


async def bots(stack: AsyncExitStack, *, folder: Path) -> list[Counted]:
    """With and without, each with a lab of its own."""
    sink = await stack.enter_async_context(collector())
    found = []
    for name, module in (("with", "bot"), ("without", "bench.bare_bot")):
        lab = running(
            "lab", "--port", "0", "--engine", "bursts", "--profile", "co-located",
            environ=os.environ, log=folder / f"lab-{name}.log", ready="lab ready on ",
        )  # fmt: skip
        lab_url = (await stack.enter_async_context(lab)).rsplit(" ", 1)[1]
        port = free_port()
        environ = lab_environment(os.environ, lab_port=int(lab_url.rsplit(":", 1)[1]), port=port)
        if name == "with":
            environ["OFFHOOK__TELEMETRY__OTLP_URL"] = sink
            environ["OFFHOOK__STORE__URL"] = f"sqlite:///{folder}/calls.db"
        bot = running(
            module, "serve", "--port", str(port),
            environ=environ, log=folder / f"bot-{name}.log", ready="offhook answers on ",
        )  # fmt: skip
        await stack.enter_async_context(bot)
        found.append(Counted(name, f"http://127.0.0.1:{port}", environ["TWILIO_AUTH_TOKEN"]))
    return found


async def cpu_s(http: aiohttp.ClientSession, bot: Counted) -> float:
    """Processor time of the process so far, as it says itself."""
    async with http.get(f"{bot.url}/metrics") as answer:
        text = await answer.text()
    line = next(x for x in text.splitlines() if x.startswith("process_cpu_seconds_total "))
    return float(line.split()[1])


async def measure(options: argparse.Namespace, *, folder: Path) -> list[Counted]:
    """Rounds of the same calls to both bots at once; the first round warms up and is left out."""
    clips = Clips()
    loaded = {name: clips[name] for name in QUESTIONS}
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        both = await bots(stack, folder=folder)
        for round_ in range(options.rounds + 1):
            before = [await cpu_s(http, bot) for bot in both]
            plans = [
                (bot, Plan(script(PER_CALL, offset=round_ * 17 + n), loaded,
                           phone=Phone(auth_token=bot.auth_token)))
                for bot in both
                for n in range(options.calls)
            ]  # fmt: skip
            calls = [Caller(plan).call(f"{bot.url}/twilio/voice") for bot, plan in plans]
            outcomes = await asyncio.gather(*calls)
            for problem in filter(None, (outcome.problem for outcome in outcomes)):
                sys.stderr.write(f"problem: {problem}\n")
            await asyncio.sleep(SETTLE_S)  # records are written, spans are sent
            after = [await cpu_s(http, bot) for bot in both]
            if round_:
                for bot, start, end in zip(both, before, after, strict=True):
                    bot.seconds.append((end - start) / options.calls)
            sys.stderr.write(f"round {round_} of {options.rounds}\n")
    return both


def report(both: Sequence[Counted]) -> tuple[str, float]:
    """The table, and the overhead as a share of the bare call's cost."""
    counted, bare = both
    shares = [a / b - 1 for a, b in zip(counted.seconds, bare.seconds, strict=True)]
    overhead = median(shares)
    lines = [
        "| bot | processor seconds a call, median (rounds) |",
        "| --- | --- |",
        *(f"| {bot.name} | {median(bot.seconds):.3f} ({len(bot.seconds)}) |" for bot in both),
        "",
        f"overhead: median {overhead:.1%} of a call, rounds {min(shares):.1%} to {max(shares):.1%}"
        f" (goal below {GOAL:.0%})",
    ]
    return "\n".join(lines), overhead


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print; exit 1 when the numbers cost more than the goal."""
    parser = argparse.ArgumentParser(prog="offhook bench overhead", description=__doc__)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--calls", type=int, default=3, help="at a time, to each bot")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="offhook-bench-") as folder:
        both = asyncio.run(measure(options, folder=Path(folder)))
    text, overhead = report(both)
    print(text)  # noqa: T201 - the command's output
    return int(overhead >= GOAL)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
