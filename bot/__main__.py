"""The console script `offhook`: demo, serve, lab, call, bench, check, settings, map and more.

Exit codes: 0 good, 1 the thing asked about is bad, 2 wrong usage.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from loguru import logger
from rich.console import Console
from rich.table import Table

from bot.environment import settle_libraries
from call.errors import AgentError, SettingsError

app = typer.Typer(
    help="offhook answers the telephone.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
_PASS_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}


@app.command()
def demo(
    script: Annotated[
        str, typer.Option(help="talk to play: a name in lab/scripts or a file")
    ] = "demo",
    runs: Annotated[Path, typer.Option(help="where the call's folder goes")] = Path("runs"),
) -> None:
    """Place one real call on loopback: no key, no internet."""
    from bot.demo import run_demo, show_receipt
    from bot.environment import process_environment

    console = Console()
    done = asyncio.run(run_demo(process_environment(), console=console, runs=runs, script=script))
    show_receipt(done, console)
    raise typer.Exit(done.exit_code)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="port to listen on", min=0, max=65535)] = 7860,
    workers: Annotated[
        int, typer.Option(help="processes that share the calls, one a core", min=1, max=256)
    ] = 1,
    lab: Annotated[
        bool, typer.Option("--lab", help="run the emulated providers beside it")
    ] = False,
) -> None:
    """Answer calls: the process behind Twilio, Daily or WebRTC."""
    import uvloop

    from bot.serve import serve_forever, serve_workers
    from bot.vitals import allow_open_files

    allow_open_files()
    if workers == 1:
        _leave(uvloop.run(serve_forever(host=host, port=port, with_lab=lab)))
    from bot import zygote
    from bot.worker import work

    copies = zygote.start(work)  # everything is imported by now, and nothing has been started
    serving = serve_workers(host=host, port=port, zygote=copies, count=workers, with_lab=lab)
    _leave(uvloop.run(serving))


def _leave(code: int) -> NoReturn:
    """Go at once: whatever was open is closed by now, and taking down an interpreter with all that
    is imported is a second in which nobody answers the telephone."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # nobody reads it any more
            stream.flush()
    os._exit(code)


@app.command(name="lab", context_settings=_PASS_ON)
def lab_command(context: typer.Context) -> None:
    """Run the emulated providers (all options of `python -m lab`)."""
    _become("lab", *context.args)


@app.command(name="call", context_settings=_PASS_ON)
def call_command(context: typer.Context) -> None:
    """Call any Media Streams bot and judge it (all options of `python -m lab call`)."""
    _become("lab", "call", *context.args)


@app.command(context_settings=_PASS_ON)
def bench(context: typer.Context) -> None:
    """Measure: `offhook bench latency` runs this bot beside a stock Pipecat bot."""
    _become("bench", *context.args)


@app.command()
def check(
    online: Annotated[bool, typer.Option(help="ask the providers too")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="machine-readable")] = False,
) -> None:
    """Doctor: settings, keys, providers, models, webhook; one line per problem."""
    from bot.check import run_check
    from bot.settings import load_process

    findings = asyncio.run(run_check(load_process(), online=online))
    problems = [finding for finding in findings if finding.is_problem]
    if as_json:
        print(json.dumps([finding.document() for finding in findings], indent=2))  # noqa: T201 - the command's output
    else:
        for finding in findings:
            print(finding)  # noqa: T201 - the command's output
    raise typer.Exit(1 if problems else 0)


@app.command()
def settings(
    as_toml: Annotated[bool, typer.Option("--toml", help="a pipecat.toml of all defaults")] = False,
) -> None:
    """Every setting, its value and where it came from; secrets as stars."""
    from bot.settings import describe, load_process, toml

    if as_toml:
        print(toml(), end="")  # noqa: T201 - the command's output
        return
    table = Table("setting", "value", "from")
    for key, value, source in describe(load_process()):
        table.add_row(key, value, source)
    Console().print(table)


@app.command(name="map")
def map_command() -> None:
    """The map of the house, drawn from its code: rooms and turn states (docs/map.md)."""
    from bot.map import page

    print(page(), end="")  # noqa: T201 - the command's output


@app.command(name="why")
def why_command(
    call_id: Annotated[str, typer.Argument(help="the call's id, as in its record")],
    as_json: Annotated[bool, typer.Option("--json", help="machine-readable")] = False,
    recording: Annotated[
        Path | None, typer.Option(help="write its recording here as WAV (OFFHOOK_RECORDING_KEY)")
    ] = None,
) -> None:
    """One call's story: what was slow and through whom, what failed, what the caller missed."""
    from bot.lookup import recording_of, story_of
    from bot.settings import load_process

    if recording is not None:
        print(recording_of(load_process(), call_id, recording))  # noqa: T201 - the command's output
        return
    story = story_of(load_process(), call_id)
    if story is None:
        raise AgentError(f"nothing is kept of call {call_id}")
    text = json.dumps(story.document, indent=2, ensure_ascii=False) if as_json else None
    print(text or "\n".join(story.lines))  # noqa: T201 - the command's output


@app.command()
def audit(
    day: Annotated[str, typer.Option(help="the day in UTC, as 2026-03-04; default today")] = "",
) -> None:
    """The day's sampled calls with what in them somebody should look at."""
    from datetime import UTC, date, datetime

    from bot.lookup import audit_of
    from bot.settings import load_process

    try:
        chosen = date.fromisoformat(day) if day else datetime.now(UTC).date()
    except ValueError:
        raise typer.BadParameter(f"{day!r} is no date; write 2026-03-04") from None
    print("\n".join(audit_of(load_process(), chosen)))  # noqa: T201 - the command's output


@app.command()
def forget(
    call_id: Annotated[str, typer.Argument(help="the call's id, as in its record")],
) -> None:
    """Delete everything kept of a call, the caller's message at the carrier too."""
    from bot.lookup import forget as forget_call
    from bot.settings import load_process

    done = forget_call(load_process(), call_id)
    if not done.was_kept:
        raise AgentError(f"nothing is kept of call {call_id}")
    print(f"call {call_id} is forgotten")  # noqa: T201 - the command's output
    if done.recording_left:
        raise AgentError(
            f"its message is still at the carrier, delete it there: {done.recording_left}"
        )


def _become(module: str, *arguments: str) -> None:
    """Hand this process over to another room's own command line."""
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])


def main() -> None:
    """Run the command line; an error of ours is one line and exit 1, bad settings too."""
    settle_libraries()
    # Importing Pipecat logs a banner; `serve` sets up logging of its own, the rest prints answers.
    logger.remove()
    try:
        app()
    except (SettingsError, AgentError) as error:
        print(f"offhook: {error}", file=sys.stderr)  # noqa: T201 - the command's output
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
