"""The command line of the simulated caller: `python -m lab call URL [options]`.

Exit codes: 0 every rule kept and every turn answered; 1 not; 2 wrong usage.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console

from lab.caller import Caller, Outcome
from lab.clock import Clock
from lab.completions import Completions
from lab.dialling import Phone
from lab.impairments import parse as parse_impairments
from lab.mouth import CLIPS, Clip, ClipError, Clips
from lab.plan import Plan
from lab.report import report, show
from lab.script import Script, ScriptError, WaitAgent, load, script_file
from lab.stream import Event

GREETING_ONLY = Script("greeting", (WaitAgent(),))
MAX_CALLS = 1000


class UsageError(ValueError):
    """The command line cannot be followed; one line."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lab call",
        description="A simulated Twilio caller against any Media Streams bot. An http(s) URL is "
        "the voice webhook; a ws(s) URL is dialled directly.",
    )
    parser.add_argument("url")
    parser.add_argument("--script", help="what the caller does: a JSON file, or one of the lab's")
    parser.add_argument("--clips", type=Path, default=CLIPS, help="folder of the caller's speech")
    parser.add_argument("--calls", type=int, default=1, help="concurrent callers")
    parser.add_argument("--spread", type=float, default=1.0, help="seconds between first and last")
    parser.add_argument("--seed", type=int, help="instead of the script's")
    parser.add_argument("--impair", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--noise", default="-66", help="line noise in dBFS, or off")
    parser.add_argument("--background", default="", help="a clip that sounds behind the caller")
    parser.add_argument("--max-call", type=float, default=600.0, help="seconds until we hang up")
    parser.add_argument("--closing", type=float, default=Plan.closing_s, help="seconds, at most")
    parser.add_argument("--auth-token", default="", help="signs webhook and socket as Twilio does")
    parser.add_argument("--via", default="", metavar="HOST:PORT", help="stands for a tunnel")
    parser.add_argument("--from", dest="caller", default=Phone.caller_number)
    parser.add_argument("--to", dest="called", default=Phone.called_number)
    parser.add_argument("--parameter", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--lab", default="", metavar="URL", help="the lab whose REST ends calls")
    parser.add_argument("--watch", default="", metavar="URL", help="the bot's stream of events")
    parser.add_argument("--fallback", default="", metavar="URL", help="Voice Fallback URL, or file")
    parser.add_argument("--person", default="completed", help="how a dialled person answers")
    parser.add_argument(
        "--message", default=Plan.message_s, type=float, help="seconds after a tone"
    )
    parser.add_argument("--report", type=Path, help="write the report (JSON)")
    parser.add_argument("--record", type=Path, help="write a stereo WAV (first call)")
    parser.add_argument("--truth", type=Path, help="write the time line (JSON, first call)")
    parser.add_argument("--events", action="store_true", help="JSON lines while it happens")
    parser.add_argument("--json", action="store_true", help="the report as JSON")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Place the calls and report; returns the exit code."""
    try:
        options = _parser().parse_args(argv)
    except SystemExit as leaving:  # argparse has said why; help is 0, a fault is 2
        return int(leaving.code or 0)
    try:
        plans = _plans(options)
        for file in (options.report, options.record, options.truth):
            if file is not None and not file.absolute().parent.is_dir():
                raise UsageError(f"{file}: its folder does not exist")
    except (UsageError, ScriptError, ClipError, ValueError) as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 2
    try:
        outcomes = asyncio.run(_call_all(plans, options))
    except KeyboardInterrupt:
        return 130
    return _deliver(outcomes, options)


def _plans(options: argparse.Namespace) -> list[Plan]:
    """One plan per caller; every fault of the command line is found here."""
    parts = urlsplit(options.url)
    if parts.scheme not in ("http", "https", "ws", "wss") or not parts.hostname:
        raise UsageError(f"{options.url}: write http(s)://… for a webhook or ws(s)://… for a bot")
    if not 1 <= options.calls <= MAX_CALLS:
        raise UsageError(f"--calls {options.calls}: write 1 to {MAX_CALLS}")
    script = load(script_file(options.script)) if options.script else GREETING_ONLY
    if options.seed is not None:
        script = replace(script, seed=options.seed)
    if options.fallback and "://" not in options.fallback and not Path(options.fallback).is_file():
        raise UsageError(f"--fallback {options.fallback}: write a URL, or the name of a file")
    folder = Clips(options.clips)
    clips: dict[str, Clip] = {name: folder[name] for name in script.clips()}
    phone = Phone(
        caller_number=options.caller,
        called_number=options.called,
        auth_token=options.auth_token,
        via=options.via,
    )
    plan = Plan(
        script=script,
        clips=clips,
        phone=phone,
        impairments=parse_impairments(options.impair),
        noise_dbfs=None if options.noise == "off" else _number("--noise", options.noise),
        background=folder[options.background].sound if options.background else b"",
        max_call_s=options.max_call,
        closing_s=options.closing,
        parameters=_parameters(options.parameter),
        fallback=options.fallback,
        person=options.person,
        message_s=options.message,
        watch_url=options.watch,
        rest_url=options.lab.rstrip("/"),
    )
    return [_own(plan, i) for i in range(options.calls)]


def _own(plan: Plan, index: int) -> Plan:
    """A caller of one's own: its names and its seed."""
    phone = plan.phone
    own = Phone(
        caller_number=phone.caller_number,
        called_number=phone.called_number,
        auth_token=phone.auth_token,
        via=phone.via,
    )
    script = replace(plan.script, seed=plan.script.seed + index)
    return replace(plan, phone=own, script=script)


def _number(option: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{option} {text}: write a number") from None


def _parameters(specs: Sequence[str]) -> Mapping[str, str]:
    pairs = [spec.partition("=") for spec in specs]
    for spec, (name, equals, _) in zip(specs, pairs, strict=True):
        if not name or not equals:
            raise UsageError(f"--parameter {spec}: write NAME=VALUE")
    return {name: value for name, _, value in pairs}


async def _call_all(plans: Sequence[Plan], options: argparse.Namespace) -> list[Outcome]:
    clock = Clock()
    gap_s = options.spread / max(1, len(plans) - 1)
    completions = Completions(options.lab) if options.lab else contextlib.nullcontext()
    async with completions as known:

        async def one(index: int, plan: Plan) -> Outcome:
            await clock.sleep_until(started_at + index * gap_s)
            completed = known.of(plan.phone.ids.call_sid) if known else None
            on_event = _print_event if options.events else None
            caller = Caller(plan, clock=clock, on_event=on_event, completed=completed)
            return await caller.call(options.url)

        started_at = clock.now()
        return await asyncio.gather(*(one(i, plan) for i, plan in enumerate(plans)))


def _print_event(event: Event) -> None:
    print(json.dumps(event), flush=True)  # noqa: T201


def _deliver(outcomes: Sequence[Outcome], options: argparse.Namespace) -> int:
    result = report(options.url, outcomes)
    document = result.as_json()
    if options.report:
        options.report.write_text(json.dumps(document, indent=2), "utf-8")
    first = outcomes[0]
    if options.record:
        first.recording.write(options.record)
    if options.truth:
        options.truth.write_text(json.dumps(first.timeline.as_json(), indent=2), "utf-8")
    if options.events:
        _print_event({"type": "lab.report", **document})
    elif options.json:
        print(json.dumps(document, indent=2))  # noqa: T201
    elif all(outcome.problem for outcome in outcomes):
        print(outcomes[0].problem, file=sys.stderr)  # noqa: T201
    else:
        show(result, Console())
    return 0 if result.is_good else 1
