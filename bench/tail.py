"""Whose fault the slow turns are: a lab run with one provider late in one turn of twenty.

    python -m bench.tail --turns 200 --slow anthropic

The lab makes that provider late on purpose and keeps count; the bot, which knows nothing of it, has
to name it: the histogram at the end, and the story of one of the slow calls.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp

from bench.latency import QUESTIONS, Peer, peers, script
from call.budgets import Budgets
from lab.caller import Caller
from lab.dialling import Phone
from lab.mouth import Clips
from lab.plan import Plan
from telemetry.rollups import of_calls
from telemetry.why import why

PER_CALL = 10
TURNS_PER_FAULT = 20  # one of twenty: 5 %
LATE_S = 0.9
WORDS = "parking"  # a question each call asks once
STAGE_OF = {"anthropic": "llm", "elevenlabs": "tts", "deepgram": "stt"}
SETTLE_S = 2.0


async def measure(options: argparse.Namespace, *, folder: Path) -> list[dict[str, Any]]:
    """The records of all calls, oldest first."""
    clips = Clips()
    loaded = {name: clips[name] for name in QUESTIONS}
    calls = -(-options.turns // PER_CALL)
    async with (
        peers(["ours"], profile="co-located", seed=options.seed, folder=folder) as (peer,),
        aiohttp.ClientSession() as http,
    ):
        for first in range(0, calls, options.together):
            batch = range(first, min(first + options.together, calls))
            for call in batch:
                if call % (TURNS_PER_FAULT // PER_CALL) == 0:
                    await _make_late(http, peer, options.slow)
            steps = [script(PER_CALL, offset=options.seed + call) for call in batch]
            plans = [Plan(s, loaded, phone=Phone(auth_token=peer.auth_token)) for s in steps]
            await asyncio.gather(*(Caller(plan).call(peer.url) for plan in plans))
            sys.stderr.write(f"{batch.stop} of {calls} calls\n")
        await asyncio.sleep(SETTLE_S)
        async with http.get(f"{peer.url.removesuffix('/twilio/voice')}/api/calls") as answer:
            records: list[dict[str, Any]] = await answer.json()
    return records[::-1]


async def _make_late(http: aiohttp.ClientSession, peer: Peer, provider: str) -> None:
    fault = {"provider": provider, "shape": "latency", "delay_s": LATE_S, "for_next": 1}
    if provider == "anthropic":
        fault["when_words"] = WORDS
    async with http.post(f"{peer.lab_url}/control", json=fault) as answer:
        answer.raise_for_status()


def report(records: Sequence[dict[str, Any]], *, slowed: str) -> str:
    """The histogram, the figures it stands on, and one slow call's story."""
    rollups = of_calls(records, Budgets())
    slow = rollups.slow()
    blamed = [turn for turn in slow if turn.cause == STAGE_OF[slowed]]
    lines = [
        f"{len(records)} calls, {rollups.n} turns, {len(slow)} over 500 ms; {slowed} was made late",
        "tail by cause: " + json.dumps(rollups.tail()),
        "end to end: " + json.dumps(rollups.figure("end_to_end_s").document()),
    ]
    if blamed:
        worst = max(blamed, key=lambda turn: turn.end_to_end_s)
        record = next(r for r in records if r["call_id"] == worst.call_id)
        others = [r for r in records if r["call_id"] != worst.call_id]
        lines += ["", *why(record, Budgets(), usual=of_calls(others)).lines]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print; exit 1 when the slowed provider is not the first cause of the tail."""
    parser = argparse.ArgumentParser(prog="offhook bench tail", description=__doc__)
    parser.add_argument("--turns", type=int, default=200)
    parser.add_argument("--slow", choices=sorted(STAGE_OF), default="anthropic")
    parser.add_argument("--together", type=int, default=1, help="calls at the same time")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        records = asyncio.run(measure(options, folder=Path(folder)))
    print(report(records, slowed=options.slow))  # noqa: T201 - the command's output
    tail = of_calls(records, Budgets()).tail()
    return 0 if next(iter(tail), "") == STAGE_OF[options.slow] else 1


if __name__ == "__main__":
    sys.exit(main())
