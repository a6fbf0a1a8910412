"""How long callers wait: our bot beside a stock Pipecat bot, same lab, same run, turn by turn.

    python -m bench.latency --turns 200 --write docs/latency.md

End to end is measured by the caller: true end of speech → first agent sound *played*. Added is that
less what the providers were told to take for this very turn: the recogniser's final, the model's
first token (of every request on the way, so a tool call counts twice) and the voice's first byte.
Tokens behind the first and the silence a turn detector waits for are the bot's own affair.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from bot.children import running
from bot.demo import free_port, lab_environment
from lab.caller import Caller, Outcome
from lab.dialling import Phone
from lab.measures import Percentiles, Turn, figures, percentiles
from lab.mouth import Clips
from lab.plan import Plan
from lab.script import Say, Script, Step, WaitAgent

# Questions whose answers need no tool, so that both bots do the same work.
QUESTIONS = (
    "hours",
    "price",
    "hours_saturday",
    "where",
    "insurance",
    "hours_close",
    "parking",
    "children",
    "whitening",
    "new_patient",
)
LOG_SLACK_S = 0.7  # an early final may have come this long before the true end of speech
SETTLE_S = 0.5  # teardown of the last call is not measured in the next


@dataclass(frozen=True)
class Share:
    """What the providers were told to take for one turn; none when the log does not say."""

    final_s: float
    first_token_s: float
    first_byte_s: float

    @property
    def total_s(self) -> float:
        """All of it."""
        return self.final_s + self.first_token_s + self.first_byte_s


@dataclass(frozen=True)
class Measured:
    """One answered turn."""

    end_to_end_s: float
    share: Share | None

    @property
    def added_s(self) -> float | None:
        """The bot's own part."""
        return None if self.share is None else self.end_to_end_s - self.share.total_s


@dataclass
class Peer:
    """One bot under test and what was measured of it."""

    name: str
    url: str = ""
    lab_url: str = ""
    auth_token: str = ""
    turns: list[Measured] = field(default_factory=list)
    asked: int = 0
    unanswered: int = 0
    cut_ins: int = 0
    underruns: int = 0
    talk_s: float = 0.0
    greetings: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def share(entries: Sequence[Mapping[str, Any]], *, from_at: float, until_at: float) -> Share | None:
    """The delays drawn on the way from the end of speech to the first sound, from the lab's log."""
    window = [
        entry
        for entry in entries
        if "delay_s" in entry and from_at - LOG_SLACK_S <= entry["mono"] <= until_at
    ]
    asked = [e for e in window if e["stage"] == "first_token" and e["mono"] >= from_at]
    if not asked:
        return None
    voiced = [e for e in window if e["stage"] == "first_byte" and e["mono"] >= asked[0]["mono"]]
    # A bot that asks ahead has its answer under way before the final comes.
    finals = [e for e in window if e["stage"] == "final" and e["key"]]
    if not voiced or not finals:
        return None
    ahead = [e for e in asked if e["mono"] <= voiced[0]["mono"]]
    tools = [e for e in ahead[:-1] if e.get("tools")]
    return Share(
        final_s=_took(finals[-1]),
        first_token_s=sum(_took(e) for e in [*tools, ahead[-1]]),
        first_byte_s=_took(voiced[0]),
    )


def _took(entry: Mapping[str, Any]) -> float:
    """The drawn delay, and what the lab's engine needed beyond it."""
    return float(entry["delay_s"]) + float(entry.get("late_s", 0.0))


def script(turns: int, *, offset: int) -> Script:
    """A call of so many questions; each call begins elsewhere in the list."""
    steps: list[Step] = [WaitAgent()]
    for i in range(turns):
        clip = QUESTIONS[(offset + i) % len(QUESTIONS)]
        steps += [Say(clip, pause_s=0.3), WaitAgent(timeout_s=8.0, quiet_s=0.7)]
    return Script(f"latency {offset}", tuple(steps), seed=offset)


async def place(peer: Peer, plan: Plan, *, http: aiohttp.ClientSession) -> None:
    """One call; its turns are booked on the peer."""
    since = await _log(http, peer.lab_url, since=1 << 60)
    outcome = await Caller(plan).call(peer.url)
    entries = await _log(http, peer.lab_url, since=since["last"])
    book(peer, outcome, entries["entries"])


def book(peer: Peer, outcome: Outcome, entries: Sequence[Mapping[str, Any]]) -> None:
    """Measure one call's turns against the lab's log."""
    found = figures(outcome.timeline)
    peer.talk_s += found.talk_s
    peer.underruns += len(found.underruns)
    if outcome.problem:
        peer.problems.append(outcome.problem)
    if found.greeting_s is not None:
        peer.greetings.append(found.greeting_s)
    for turn in found.turns:
        peer.asked += 1
        peer.cut_ins += turn.cut_in_s is not None
        peer.unanswered += not turn.is_answered
        if turn.latency_s is not None:
            peer.turns.append(_measure(turn, turn.latency_s, outcome.timeline.began_at, entries))


def _measure(
    turn: Turn, latency_s: float, began_at: float, entries: Sequence[Mapping[str, Any]]
) -> Measured:
    said_at = began_at + turn.said_s
    return Measured(latency_s, share(entries, from_at=said_at, until_at=said_at + latency_s))


async def _log(http: aiohttp.ClientSession, lab_url: str, *, since: int) -> dict[str, Any]:
    async with http.get(f"{lab_url}/control/log", params={"since": str(since)}) as answer:
        document: dict[str, Any] = await answer.json()
        return document


@asynccontextmanager
async def peers(
    names: Sequence[str], *, profile: str, seed: int, folder: Path, ours: str = "bot"
) -> AsyncIterator[list[Peer]]:
    """Each bot with a lab of its own: same profile, same seed, so the same weather. `ours` is the
    module our bot is started by."""
    async with AsyncExitStack() as stack:
        found: list[Peer] = []
        for name in names:
            lab = running(
                "lab", "--port", "0", "--profile", profile, "--seed", str(seed),
                environ=os.environ, log=folder / f"lab-{name}.log", ready="lab ready on ",
            )  # fmt: skip
            lab_url = (await stack.enter_async_context(lab)).rsplit(" ", 1)[1]
            if name == "ours":
                found.append(await _ours(stack, lab_url, folder=folder, module=ours))
            else:
                found.append(await _stock(stack, lab_url, folder=folder))
        yield found


async def _ours(stack: AsyncExitStack, lab_url: str, *, folder: Path, module: str) -> Peer:
    port = free_port()
    environ = lab_environment(os.environ, lab_port=int(lab_url.rsplit(":", 1)[1]), port=port)
    environ["OFFHOOK__STORE__URL"] = f"sqlite:///{folder}/calls.db"  # this run's calls alone
    bot = running(
        module, "serve", "--port", str(port),
        environ=environ, log=folder / "ours.log", ready="offhook answers on ",
    )  # fmt: skip
    await stack.enter_async_context(bot)
    url = f"http://127.0.0.1:{port}/twilio/voice"
    return Peer("ours", url, lab_url, environ["TWILIO_AUTH_TOKEN"])


async def _stock(stack: AsyncExitStack, lab_url: str, *, folder: Path) -> Peer:
    port = free_port()
    bot = running(
        "lab.peers.stock", "--port", str(port), "--lab-port", lab_url.rsplit(":", 1)[1],
        environ=os.environ, log=folder / "stock.log", ready="stock answers on ",
    )  # fmt: skip
    await stack.enter_async_context(bot)
    return Peer("stock", f"http://127.0.0.1:{port}/", lab_url)


async def measure(options: argparse.Namespace, *, folder: Path) -> list[Peer]:
    """All lines at once, each with bots and labs of its own; their turns are put together."""
    lines = []
    for line in range(options.lines):
        place = folder / f"line{line}"
        place.mkdir()
        lines.append(measure_line(options, seed=options.seed + line, folder=place))
    return [merged(same) for same in zip(*await asyncio.gather(*lines), strict=True)]


def merged(peers: Sequence[Peer]) -> Peer:
    """What several lines found of the same bot."""
    together = Peer(peers[0].name)
    for peer in peers:
        together.turns += peer.turns
        together.greetings += peer.greetings
        together.problems += peer.problems
        together.asked += peer.asked
        together.unanswered += peer.unanswered
        together.cut_ins += peer.cut_ins
        together.underruns += peer.underruns
        together.talk_s += peer.talk_s
    return together


async def measure_line(options: argparse.Namespace, *, seed: int, folder: Path) -> list[Peer]:
    """Place calls in turn, one to each bot, until each has been asked enough."""
    clips = Clips()
    loaded = {name: clips[name] for name in QUESTIONS}
    async with (
        peers(options.peers, profile=options.profile, seed=seed, folder=folder) as under,
        aiohttp.ClientSession() as http,
    ):
        calls = -(-options.turns // (options.per_call * options.lines))
        for call in range(calls + 1):
            steps = script(options.per_call if call else 2, offset=seed + call)
            plans = [Plan(steps, loaded, phone=Phone(auth_token=peer.auth_token)) for peer in under]
            if options.together:
                await asyncio.gather(
                    *(place(p, plan, http=http) for p, plan in zip(under, plans, strict=True))
                )
            else:
                for peer, plan in zip(under, plans, strict=True):
                    await place(peer, plan, http=http)
                    await asyncio.sleep(SETTLE_S)
            if call == 0:  # the first call of a fresh process is not a fair one
                under[:] = [Peer(p.name, p.url, p.lab_url, p.auth_token) for p in under]
            _progress(under, call, calls)
        return list(under)


def _progress(under: Sequence[Peer], call: int, calls: int) -> None:
    asked = ", ".join(f"{peer.name} {len(peer.turns)}/{peer.asked}" for peer in under)
    sys.stderr.write(f"call {call} of {calls}: {asked}\n")


def table(under: Sequence[Peer], *, profile: str, callers: int = 1) -> str:
    """The result as markdown."""
    lines = [
        f"Profile {profile}; {callers} callers at a time, each with bots and labs of their own; "
        f"{platform.machine()}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}. Milliseconds.",
        "",
        "| bot | answered | cut-ins | end to end p50 / p95 / p99 (n) | added p50 / p95 / p99 (n) "
        "| greeting p50 (n) | underruns per minute |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for peer in under:
        end_to_end = percentiles(turn.end_to_end_s for turn in peer.turns)
        added = percentiles(turn.added_s for turn in peer.turns)
        greeting = percentiles(peer.greetings)
        underruns = peer.underruns / peer.talk_s * 60 if peer.talk_s else 0.0
        lines.append(
            f"| {peer.name} | {peer.asked - peer.unanswered}/{peer.asked} | {peer.cut_ins} "
            f"| {_three(end_to_end)} | {_three(added)} | {_ms(greeting.p50)} ({greeting.n}) "
            f"| {underruns:.1f} |"
        )
    lines += [f"\nproblem: {line}" for peer in under for line in peer.problems]
    return "\n".join(lines)


def _three(p: Percentiles) -> str:
    return f"{_ms(p.p50)} / {_ms(p.p95)} / {_ms(p.p99)} ({p.n})"


def _ms(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds * 1000:.0f}"


def document(under: Sequence[Peer]) -> dict[str, Any]:
    """Every turn, for plots and for those who do not believe the table."""
    return {
        peer.name: [
            {
                "end_to_end_s": turn.end_to_end_s,
                "added_s": turn.added_s,
                "share": None if turn.share is None else vars(turn.share),
            }
            for turn in peer.turns
        ]
        for peer in under
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 0 when every turn of ours was answered."""
    parser = argparse.ArgumentParser(prog="offhook bench latency", description=__doc__)
    parser.add_argument("--turns", type=int, default=200, help="per bot, at least")
    parser.add_argument("--per-call", type=int, default=10, help="turns of one call")
    parser.add_argument("--profile", default="co-located", help="the lab's delays")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--peers", nargs="+", default=["ours", "stock"], choices=["ours", "stock"])
    parser.add_argument("--lines", type=int, default=1, help="callers at a time, per bot")
    parser.add_argument("--together", action="store_true", help="both bots at once: half the time")
    parser.add_argument("--json", action="store_true", help="every turn, instead of the table")
    parser.add_argument("--write", type=Path, help="append the table to this file")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="offhook-bench-") as folder:
        under = asyncio.run(measure(options, folder=Path(folder)))
    text = table(under, profile=options.profile, callers=options.lines)
    print(json.dumps(document(under), indent=2) if options.json else text)  # noqa: T201
    if options.write:
        with options.write.open("a", encoding="utf-8") as file:
            file.write(f"\n{text}\n")
    return (
        1 if any(peer.problems or peer.unanswered for peer in under if peer.name == "ours") else 0
    )


if __name__ == "__main__":
    sys.exit(main())
