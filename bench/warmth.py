"""What waiting connections are worth: with them and without, in one run.

    python -m bench.warmth --rounds 40 --handshake 0.12
    python -m bench.warmth --calls 8

One lab whose connections take their time to be made, as over the internet. First the wires alone:
a call begins, and its recogniser's first answer and its voice's first sound are awaited, one
beginning after the other with a socket that waited and with one that had to be made. With
`--calls`, whole calls to two bots, one of them with `pool.enabled = false`, rung one at a time:
answered → greeting, asked → first answer, at the caller's ear.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.latency import QUESTIONS, script
from bot.children import running
from bot.demo import free_port, lab_environment
from call.errors import ProviderFault
from call.measures import NullRecorder
from call.warmth import Warmth
from lab.caller import Caller
from lab.dialling import Phone
from lab.measures import figures
from lab.mouth import Clips
from lab.plan import Plan
from services.channel import Address, Care, Channel
from services.deepgram_address import Deepgram
from services.elevenlabs import ElevenLabs, ElevenLabsDialect
from services.fault import Origin
from services.pool import Pool
from services.voice import Event, Sound, Voice

GREETING = "Good morning."


@dataclass
class Waits:
    """Seconds waited, by what was awaited."""

    name: str
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def add(self, what: str, seconds: float | None) -> None:
        """One more."""
        if seconds is not None:
            self.seconds.setdefault(what, []).append(seconds)


@asynccontextmanager
async def lab(handshake_s: float, *, folder: Path) -> AsyncIterator[str]:
    """Its URL."""
    async with running(
        "lab", "--port", "0", "--profile", "co-located",
        "--set", f"network.handshake_s={handshake_s}",
        environ=os.environ, log=folder / "lab.log", ready="lab ready on ",
    ) as ready:  # fmt: skip
        yield ready.rsplit(" ", 1)[1]


# ── the wires alone ──────────────────────────────────────────────────────────────────
@dataclass
class Ear:
    """A recogniser's connection that is asked at once for what it heard: nothing."""

    where: Address
    answered: asyncio.Event = field(default_factory=asyncio.Event)

    def address(self) -> Address:
        """Where to dial."""
        return self.where

    def opened(self, heard_bytes: int) -> None:
        """The question is sent."""

    async def received(self, text: str) -> None:
        """The answer."""
        self.answered.set()

    async def lost(self, fault: ProviderFault, *, uptime_s: float) -> None:
        """The figure is void."""
        raise fault

    def keepalive(self) -> str | None:
        """Not needed."""
        return None


@dataclass
class Mouth:
    """Who listens to the voice."""

    sounded: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, event: Event) -> None:
        """Its first sound."""
        if isinstance(event, Sound):
            self.sounded.set()


async def wires(options: argparse.Namespace, *, url: str) -> list[Waits]:
    """Beginnings in turn, with and without."""
    both = [Waits("with"), Waits("without")]
    for round_ in range(options.rounds + 1):
        for waits in both:
            pool = Pool(Warmth(enabled=waits.name == "with"), NullRecorder())
            try:
                for what, begin in (("recogniser", hears), ("voice", speaks)):
                    seconds = await begin(pool, url.replace("http", "ws"))
                    waits.add(what, seconds if round_ else None)
            finally:
                await pool.close()
    return both


async def hears(pool: Pool, url: str) -> float:
    """A call begins → the recogniser has answered."""
    keep = Deepgram(url=url).keep("k", language="en", keyterms=())
    ear = Ear(keep.address)
    channel = Channel(ear, origin=Origin("deepgram", "hear"), care=Care(), spares=pool)

    async def begin() -> None:
        channel.send('{"type":"Finalize"}')
        channel.dial()
        await ear.answered.wait()

    pool.expect([keep])
    return await _timed(begin, channel.close)


async def speaks(pool: Pool, url: str) -> float:
    """A call begins → the voice sounds."""
    dialect = ElevenLabsDialect(ElevenLabs(url=url), "k", voice="v", language="en")
    voice = Voice(dialect, connect_timeout_s=3.0, recorder=NullRecorder(), spares=pool)
    mouth = Mouth()

    async def begin() -> None:
        voice.open(mouth)
        voice.speak("c", GREETING)
        await mouth.sounded.wait()

    pool.expect([voice.keep()])
    return await _timed(begin, voice.close)


async def _timed(begin: Callable[[], Awaitable[None]], end: Callable[[], Awaitable[None]]) -> float:
    await asyncio.sleep(1.0)  # it rings
    began_at = time.monotonic()
    await begin()
    seconds = time.monotonic() - began_at
    await end()
    return seconds


# ── whole calls ──────────────────────────────────────────────────────────────────────
async def calls(options: argparse.Namespace, *, url: str, folder: Path) -> list[Waits]:
    """Two bots beside the lab, rung one at a time, each first in every other round."""
    clips = Clips()
    loaded = {name: clips[name] for name in QUESTIONS}
    both = [Waits("with"), Waits("without")]
    async with AsyncExitStack() as stack:
        doors = {waits.name: await bot(stack, waits.name, url=url, folder=folder) for waits in both}
        for round_ in range(options.calls + 1):
            for waits in both if round_ % 2 else reversed(both):
                door, auth_token = doors[waits.name]
                phone = Phone(auth_token=auth_token)
                plan = Plan(script(1, offset=round_ * 17), loaded, phone=phone)
                outcome = await Caller(plan).call(door)
                found = figures(outcome.timeline)
                if round_ and not outcome.problem:
                    waits.add("greeting", found.greeting_s)
                    waits.add("first answer", next((t.latency_s for t in found.turns), None))
            sys.stderr.write(f"round {round_} of {options.calls}\n")
    return both


async def bot(stack: AsyncExitStack, name: str, *, url: str, folder: Path) -> tuple[str, str]:
    """A bot's door, and what its callers sign with."""
    port = free_port()
    environ = lab_environment(os.environ, lab_port=int(url.rsplit(":", 1)[1]), port=port)
    environ["OFFHOOK__STORE__URL"] = f"sqlite:///{folder}/{name}.db"
    environ["OFFHOOK__POOL__ENABLED"] = "true" if name == "with" else "false"
    started = running(
        "bot", "serve", "--port", str(port),
        environ=environ, log=folder / f"{name}.log", ready="offhook answers on ",
    )  # fmt: skip
    await stack.enter_async_context(started)
    return f"http://127.0.0.1:{port}/twilio/voice", environ["TWILIO_AUTH_TOKEN"]


def report(both: Sequence[Waits]) -> str:
    """The table: medians in milliseconds, and their ratio."""
    warm, cold = both
    lines = ["| awaited | with | without | with / without | n |", "| --- | --- | --- | --- | --- |"]
    for what, seconds in warm.seconds.items():
        ours, theirs = median(seconds), median(cold.seconds[what])
        lines.append(
            f"| {what} | {ours * 1000:.0f} | {theirs * 1000:.0f} | {ours / theirs:.2f} "
            f"| {len(seconds)} + {len(cold.seconds[what])} |"
        )
    return "\n".join(lines)


async def measure(options: argparse.Namespace) -> list[Waits]:
    """As asked for."""
    with tempfile.TemporaryDirectory(prefix="offhook-bench-") as name:
        async with lab(options.handshake, folder=Path(name)) as url:
            if options.calls:
                return await calls(options, url=url, folder=Path(name))
            return await wires(options, url=url)


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(prog="offhook bench warmth", description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--calls", type=int, default=0, help="whole calls to each bot instead")
    parser.add_argument("--handshake", type=float, default=0.12, help="median, in seconds")
    options = parser.parse_args(argv)
    print(f"Handshake {options.handshake * 1000:.0f} ms (median); milliseconds, medians.\n")  # noqa: T201
    print(report(asyncio.run(measure(options))))  # noqa: T201 - the command's output
    return 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main())
