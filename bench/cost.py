"""What a call of three minutes costs, worked out twice: by the bot, and by hand from the lab's log.

    python -m bench.cost

The emulated providers keep count of what they were asked for and answered; that count, times the
list prices written down here once more, has to come to the record's figure to the cent.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bench.latency import Peer, peers, script
from lab.caller import Caller
from lab.dialling import Phone
from lab.mouth import Clips
from lab.plan import Plan
from lab.script import Script, load, script_file

CENT = 0.01
SETTLE_S = 2.0
# Dollars per token, character, second and minute begun: the prices of [prices], typed again.
_INPUT, _OUTPUT, _READ, _WRITTEN = 1.00e-6, 5.00e-6, 0.10e-6, 1.25e-6
_CHARACTER, _HEARD_SECOND, _CARRIER_MINUTE = 50e-6, 0.0077 / 60, 0.0125

Entries = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Counted:
    """What the lab counted of one call."""

    answers: Entries
    """what the model wrote, each with the `usage` that is paid for"""
    spoken: Entries
    """messages to the voice"""
    audio: Entries
    """what the recogniser was sent"""


def by_hand(counted: Counted, *, duration_s: float) -> dict[str, float]:
    """Dollars by provider, from the lab's counters."""
    model = 0.0
    for answer in counted.answers:
        used = answer["usage"]
        model += used["input_tokens"] * _INPUT + used["output_tokens"] * _OUTPUT
        model += used["cache_read_input_tokens"] * _READ
        model += used["cache_creation_input_tokens"] * _WRITTEN
    # the phrases recorded ahead of time are the process's, not the call's
    messages = [entry["message"] for entry in counted.spoken]
    texts = [m.get("text", "") for m in messages if not _is_rehearsal(m)]
    return {
        "anthropic": model,
        "elevenlabs": sum(len(text.strip()) for text in texts) * _CHARACTER,
        "deepgram": sum(entry["seconds"] for entry in counted.audio) * _HEARD_SECOND,
        "twilio": -(-duration_s // 60) * _CARRIER_MINUTE,
    }


def _is_rehearsal(message: Mapping[str, Any]) -> bool:
    return str(message.get("context_id", "")).startswith("booth")


async def counted(http: aiohttp.ClientSession, lab_url: str, *, since: int = 0) -> Counted:
    """The lab's log of everything that is paid for, from `since` on."""

    async def entries(provider: str, kind: str) -> Entries:
        asked = {"provider": provider, "kind": kind, "since": str(since)}
        async with http.get(f"{lab_url}/control/log", params=asked) as answer:
            found: Entries = (await answer.json())["entries"]
            return found

    return Counted(
        answers=await entries("anthropic", "billed"),
        spoken=await entries("elevenlabs", "message"),
        audio=await entries("deepgram", "audio"),
    )


def long_call(questions: int) -> Script:
    """So many questions, then the demo's booking, interruption and goodbye."""
    demo = load(script_file("demo"))
    asked = script(questions, offset=1)
    return Script("cost", (*asked.steps, *demo.steps[1:]), seed=1)


async def measure(peer: Peer, *, questions: int) -> tuple[dict[str, Any], dict[str, float]]:
    """The record of one call, and its cost by hand."""
    clips, steps = Clips(), long_call(questions)
    names = {step.clip for step in steps.steps if hasattr(step, "clip")}
    loaded = {name: clips[name] for name in names}
    async with aiohttp.ClientSession() as http:
        async with http.get(f"{peer.lab_url}/control/log", params={"since": str(1 << 60)}) as log:
            since = (await log.json())["last"]
        plan = Plan(steps, loaded, phone=Phone(auth_token=peer.auth_token))
        outcome = await Caller(plan).call(peer.url)
        if outcome.problem:
            raise RuntimeError(outcome.problem)
        await asyncio.sleep(SETTLE_S)
        async with http.get(f"{peer.url.removesuffix('/twilio/voice')}/api/calls") as answer:
            record = (await answer.json())[0]
        found = await counted(http, peer.lab_url, since=since)
    return record, by_hand(found, duration_s=record["duration_s"])


async def _run(questions: int) -> tuple[dict[str, Any], dict[str, float]]:
    with tempfile.TemporaryDirectory(prefix="offhook-bench-") as folder:
        async with peers(["ours"], profile="co-located", seed=1, folder=Path(folder)) as (peer,):
            return await measure(peer, questions=questions)


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print; exit 1 when the two differ by a cent or more."""
    parser = argparse.ArgumentParser(prog="offhook bench cost", description=__doc__)
    parser.add_argument(
        "--questions", type=int, default=9, help="before the booking; 9: about 3 min"
    )
    record, found = asyncio.run(_run(parser.parse_args(argv).questions))
    kept, cost = record["cost_by_provider_usd"], float(record["cost_usd"])
    dollars = sum(found.values())
    lines = [
        f"a call of {record['duration_s']:.0f} s, {len(record['turns'])} turns, "
        f"list prices of {record['prices_as_of']}",
        "",
        "| provider | record, USD | by hand, USD |",
        "| --- | --- | --- |",
        *(f"| {name} | {kept.get(name, 0.0):.4f} | {usd:.4f} |" for name, usd in found.items()),
        f"| together | {cost:.4f} | {dollars:.4f} |",
    ]
    print("\n".join(lines))  # noqa: T201 - the command's output
    return int(abs(cost - dollars) >= CENT / 2)


if __name__ == "__main__":
    sys.exit(main())
