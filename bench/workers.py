"""What it is like behind one port: how calls are shared, how a full house answers, how long a
worker that died or hangs is missed, and how long a hurried deploy takes.

    python -m bench.workers --calls-each 3

Two workers, filled with callers who talk, beside one lab. Everything is seen from outside: by the
doors, by the processes' sockets, and at the callers' ears.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import aiohttp

from bench.latency import QUESTIONS, script
from bot.children import READY_WITHIN_S, running, start
from bot.demo import free_port, lab_environment
from lab.caller import Caller, Outcome
from lab.dialling import Phone
from lab.measures import figures
from lab.mouth import Clips
from lab.plan import Plan

WORKERS = 2
ASKED = 50  # how often a full house is asked for a place
TURNS = 20  # more than anybody gets to: it is the bot that ends these calls


@dataclass
class House:
    """A bot of two workers, and what was seen of it."""

    process: asyncio.subprocess.Process
    url: str
    phone: Phone
    http: aiohttp.ClientSession
    seconds: dict[str, list[float]] = field(default_factory=dict)

    async def ask(self, path: str) -> str:
        """What a door answers."""
        async with self.http.get(self.url + path) as answer:
            return await answer.text()

    async def gauge(self, name: str) -> int:
        """One number of `/metrics`."""
        lines = (await self.ask("/metrics")).splitlines()
        return int(float(next(line.split()[1] for line in lines if line.startswith(f"{name} "))))

    async def until(self, is_so: Callable[[], Awaitable[bool]], what: str) -> None:
        """Wait, and book how long it took."""
        began_at = time.monotonic()
        async with asyncio.timeout(60):
            while not await is_so():  # noqa: ASYNC110 - seen from outside
                await asyncio.sleep(0.02)
        self.seconds.setdefault(what, []).append(time.monotonic() - began_at)

    async def ring(self, form: dict[str, str]) -> float:
        """How long the voice webhook takes."""
        url = f"{self.url}/twilio/voice"
        began_at = time.monotonic()
        async with self.http.post(url, data=form, headers=self.phone.signed(url, form)) as answer:
            text = await answer.text()
        assert "<Record" in text, "a full house takes a message"
        return time.monotonic() - began_at


def workers(front: int) -> list[int]:
    """The copies of the copying process of a front."""
    return [pid for zygote in _children(front) for pid in _children(zygote)]


def _children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def sockets(pid: int, *, port: int) -> int:
    """Callers' connections that a process holds."""
    held = set(_descriptors(pid))
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    ours = [line.split() for line in lines if line.split()[1].endswith(f":{port:04X}")]
    return sum(f"socket:[{line[9]}]" in held for line in ours)


def _descriptors(pid: int) -> Iterator[str]:
    for one in os.listdir(f"/proc/{pid}/fd"):
        with suppress(FileNotFoundError):  # closed since
            yield os.readlink(f"/proc/{pid}/fd/{one}")


@asynccontextmanager
async def open_house(options: argparse.Namespace, folder: Path) -> AsyncIterator[House]:
    """Lab and bot, ready."""
    async with AsyncExitStack() as stack:
        lab = running(
            "lab", "--port", "0", "--profile", "co-located",
            environ=os.environ, log=folder / "lab.log", ready="lab ready on ",
        )  # fmt: skip
        lab_port = int((await stack.enter_async_context(lab)).rsplit(":", 1)[1])
        port = free_port()
        environ = lab_environment(os.environ, lab_port=lab_port, port=port)
        environ["OFFHOOK__STORE__URL"] = f"sqlite:///{folder}/calls.db"
        environ["OFFHOOK__CAPACITY__MAX_CALLS"] = str(options.calls_each)
        environ["OFFHOOK__CAPACITY__MAX_CALLS_PER_CALLER"] = "0"
        http = await stack.enter_async_context(aiohttp.ClientSession())
        arguments = ("serve", "--port", str(port), "--workers", str(WORKERS))
        process = await start("bot", *arguments, environ=environ, log=folder / "bot.log")
        stack.callback(_kill, process)
        began_at = time.monotonic()
        assert process.stdout is not None
        async with asyncio.timeout(READY_WITHIN_S):
            await process.stdout.readline()
        phone = Phone(auth_token=environ["TWILIO_AUTH_TOKEN"])
        house = House(process, f"http://127.0.0.1:{port}", phone, http)
        house.seconds["start to ready, imports included"] = [time.monotonic() - began_at]
        yield house


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()


async def measure(options: argparse.Namespace) -> tuple[House, str]:
    """A day in the house, and what was seen besides the seconds."""
    with tempfile.TemporaryDirectory(prefix="offhook-bench-") as name:
        async with open_house(options, Path(name)) as house:
            speech = Clips()
            clips, calls = {name: speech[name] for name in QUESTIONS}, []
            for shock in (signal.SIGKILL, signal.SIGSTOP):
                calls += await fill(house, clips, until=WORKERS * options.calls_each)
                shared = [sockets(pid, port=_port(house)) for pid in workers(house.process.pid)]
                sys.stderr.write(f"calls by worker: {shared}\n")
                await asyncio.sleep(options.talk)
                form = house.phone.form("ringing")
                full = house.seconds.setdefault("full house: webhook answered", [])
                full += [await house.ring(form) for _ in range(ASKED)]
                await strike(house, shock)
            began_at = time.monotonic()
            for _ in range(2):
                house.process.send_signal(signal.SIGTERM)
                await asyncio.sleep(0.1)
            await house.process.wait()
            took_s = time.monotonic() - began_at
            house.seconds["SIGTERM twice → exit, calls led out"] = [took_s]
            outcomes = await asyncio.gather(*calls)
            return house, tally(outcomes, exit_code=house.process.returncode)


async def fill(
    house: House, clips: Mapping[str, Any], *, until: int
) -> list[asyncio.Task[Outcome]]:
    """Callers until there is no room."""
    missing = until - await house.gauge("offhook_active_calls")
    scripts = [script(TURNS, offset=17 * n) for n in range(missing)]
    token = house.phone.auth_token
    plans = [Plan(each, clips, phone=Phone(auth_token=token)) for each in scripts]
    calls = [asyncio.create_task(Caller(plan).call(f"{house.url}/twilio/voice")) for plan in plans]

    async def is_full() -> bool:
        return await house.gauge("offhook_active_calls") == until

    await house.until(is_full, "all callers are answered")
    return calls


async def strike(house: House, shock: signal.Signals) -> None:
    """A worker dies, or hangs: how long until another has its place."""
    places = await house.gauge("offhook_max_calls")
    victim = workers(house.process.pid)[0]
    os.kill(victim, shock)

    async def is_missed() -> bool:
        return await house.gauge("offhook_max_calls") < places

    async def is_back() -> bool:
        return await house.gauge("offhook_max_calls") == places

    await house.until(is_missed, f"{shock.name} → it gets no calls")
    await house.until(is_back, f"{shock.name}, then → another takes calls")


def tally(outcomes: Sequence[Outcome], *, exit_code: int | None) -> str:
    """How the calls went."""
    ears = [figures(outcome.timeline) for outcome in outcomes]
    return (
        f"{len(outcomes)} calls, {sum(len(ear.turns) for ear in ears)} turns, "
        f"{sum(len(ear.underruns) for ear in ears)} underruns, "
        f"{sum(outcome.led_to == 'voicemail' for outcome in outcomes)} led to the voicemail, "
        f"exit {exit_code}"
    )


def _port(house: House) -> int:
    return int(house.url.rsplit(":", 1)[1])


def report(house: House, besides: str) -> str:
    """The table, in milliseconds."""
    lines = ["| what | p50 | longest | n |", "| --- | --- | --- | --- |"]
    for what, seconds in house.seconds.items():
        middle, longest = median(seconds) * 1000, max(seconds) * 1000
        lines.append(f"| {what} | {middle:.1f} | {longest:.1f} | {len(seconds)} |")
    return "\n".join([*lines, "", besides])


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="offhook bench workers", description=__doc__)
    parser.add_argument("--calls-each", type=int, default=3, help="places a worker has")
    parser.add_argument("--talk", type=float, default=5.0, help="seconds before each blow")
    house, besides = asyncio.run(measure(parser.parse_args(argv)))
    print(report(house, besides))  # noqa: T201 - the command's output
    return 0


if __name__ == "__main__":
    sys.exit(main())
