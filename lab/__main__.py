"""The command line: `python -m lab [serve]` stands in for the providers, `python -m lab call` for a
caller."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence

from lab.delays import PROFILES
from lab.engines import ENGINES, MINDS
from lab.knobs import Knobs


def main(argv: Sequence[str]) -> int:
    """Run one subcommand; the exit code (0 good, 1 bad, 2 wrong usage)."""
    if argv and argv[0] == "call":
        from lab import call

        return int(call.main(list(argv[1:])) or 0)
    words = list(argv[1:] if argv and argv[0] == "serve" else argv)
    options = _parser().parse_args(words)
    knobs = Knobs()
    try:
        for assignment in options.set:
            _turn(knobs, assignment)
    except ValueError as error:
        return _complain(str(error), code=2)
    try:
        _run(_serve(options, knobs))
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        return _complain(f"cannot listen on {options.host}:{options.port}: {reason}", code=1)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lab",
        description="Emulated Deepgram, Claude, ElevenLabs, Cartesia and Twilio REST on one port. "
        "`python -m lab call` is the caller.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=_port, default=7900, help="0 takes a free one")
    parser.add_argument("--profile", choices=PROFILES, default="co-located", help="delays")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other delays")
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        default="real",
        help="clips for noisy lines, bursts for load runs",
    )
    parser.add_argument(
        "--mind", choices=MINDS, default="receptionist", help="reciter to count words"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="PROVIDER.KNOB=VALUE",
        help="turn a knob, e.g. deepgram.interim_s=0.2",
    )
    return parser


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return int(text)


def _turn(knobs: Knobs, assignment: str) -> None:
    name, equals, value = assignment.partition("=")
    provider, dot, knob = name.partition(".")
    if not equals or not dot:
        raise ValueError(f"--set wants PROVIDER.KNOB=VALUE, not {assignment!r}")
    knobs.set(provider, knob, value)


async def _serve(options: argparse.Namespace, knobs: Knobs) -> None:
    """Until SIGINT or SIGTERM."""
    from lab.server import start

    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, over.set)
    async with start(
        port=options.port,
        host=options.host,
        profile=options.profile,
        seed=options.seed,
        engine=options.engine,
        mind=options.mind,
        knobs=knobs,
    ) as lab:
        sys.stdout.write(f"lab ready on {lab.http_url}\n")
        sys.stdout.flush()
        await over.wait()


def _run(main_task: object) -> None:
    """On uvloop where it is installed: half the cost per frame."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(main_task)  # type: ignore[arg-type]
    else:
        uvloop.run(main_task)  # type: ignore[arg-type]


def _complain(line: str, *, code: int) -> int:
    sys.stderr.write(f"lab: {line}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
