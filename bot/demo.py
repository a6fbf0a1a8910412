"""`offhook demo`: one real call on loopback, with the emulated providers, shown live.

Three processes talk over real sockets: the lab (providers and carrier's REST), the bot, and the
lab's caller, who enters through the signed voice webhook as Twilio does. Nothing in the bot's path
differs from production but the providers' URLs.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console
from rich.live import Live

from bot.children import ChildFailed, last_line, running, start, stop
from telemetry.live import CallView, plain, receipt, render
from telemetry.report import write_report

# What the provider SDKs of a keyless bot send; the lab accepts any.
DEMO_KEY = "demo"
RECORD_WITHIN_S = 10.0
# Below the ports that systems give to connections (Linux from 32768, others from 49152).
_NEVER_GIVEN = (20_000, 32_000)


@dataclass
class DemoCall:
    """What one demo leaves behind."""

    folder: Path
    exit_code: int = 0
    record: dict[str, Any] = field(default_factory=dict)


def lab_environment(environ: Mapping[str, str], *, lab_port: int, port: int) -> dict[str, str]:
    """The environment of a bot whose providers are the lab's; a throw-away token signs webhooks."""
    lab_http, lab_ws = f"http://127.0.0.1:{lab_port}", f"ws://127.0.0.1:{lab_port}"
    return {
        **environ,
        "OFFHOOK__DEEPGRAM__URL": lab_ws,
        "OFFHOOK__ANTHROPIC__URL": lab_http,
        "OFFHOOK__ELEVENLABS__URL": lab_ws,
        "OFFHOOK__CARTESIA__URL": f"{lab_ws}/tts/websocket",
        "OFFHOOK__TWILIO__API_URL": lab_http,
        "OFFHOOK__TOOLS__BASE_URL": lab_http,
        "OFFHOOK__TOOLS__ALLOW": json.dumps([f"{lab_http}/"]),
        "OFFHOOK__WIRE__PUBLIC_URL": f"http://127.0.0.1:{port}",
        "OFFHOOK__CAPACITY__MAX_CALLS_PER_CALLER": "0",  # emulated callers share one number
        "DEEPGRAM_API_KEY": DEMO_KEY,
        "ANTHROPIC_API_KEY": DEMO_KEY,
        "ELEVENLABS_API_KEY": DEMO_KEY,
        "CARTESIA_API_KEY": DEMO_KEY,
        "TWILIO_ACCOUNT_SID": "AC" + "0" * 32,
        "TWILIO_AUTH_TOKEN": secrets.token_hex(16),
    }


def free_port() -> int:
    """A port nobody listens on now, and that no connection is given before somebody does."""
    first, last = _NEVER_GIVEN
    while True:
        port = first + secrets.randbelow(last - first)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


async def run_demo(
    environ: Mapping[str, str], *, console: Console, runs: Path, script: str = "demo"
) -> DemoCall:
    """Start everything, place the call, show it, leave receipt, recording and report in `runs`."""
    folder = runs / f"starting-{secrets.token_hex(4)}"
    folder.mkdir(parents=True)
    demo = DemoCall(folder)
    console.print("starting the emulated providers and the bot …", style="dim")
    port = free_port()
    lab = running(
        "lab", "--port", "0", environ=environ, log=folder / "lab.log", ready="lab ready on "
    )
    async with lab as ready:
        lab_port = int(ready.rsplit(":", 1)[1])
        bot_environ = lab_environment(environ, lab_port=lab_port, port=port)
        bot = running(
            "bot", "serve", "--port", str(port),
            environ=bot_environ, log=folder / "bot.log", ready="offhook answers on ",
        )  # fmt: skip
        async with bot:
            await _place_call(demo, bot_environ, script=script, port=port, console=console)
            await _fetch_record(demo, port=port)
    _leave_behind(demo, runs=runs)
    return demo


async def _place_call(
    demo: DemoCall, environ: Mapping[str, str], *, script: str, port: int, console: Console
) -> None:
    """Dial through the voice webhook and show the bot's live events until the caller is done."""
    view = CallView()
    watching = asyncio.create_task(_watch(view, port=port, console=console))
    folder = demo.folder
    caller = await start(
        "lab", "call", f"http://127.0.0.1:{port}/twilio/voice",
        "--auth-token", environ["TWILIO_AUTH_TOKEN"],
        "--lab", environ["OFFHOOK__TWILIO__API_URL"],
        "--script", script,
        "--record", str(folder / "recording.wav"),
        "--truth", str(folder / "truth.json"),
        "--report", str(folder / "conformance.json"),
        environ=environ, log=folder / "caller.log",
    )  # fmt: skip
    try:
        await caller.communicate()
        demo.exit_code = caller.returncode or 0
        if not view.call_id:
            raise ChildFailed("the caller", f"no call{last_line(folder / 'caller.log')}", folder)
        with suppress(TimeoutError):
            async with asyncio.timeout(RECORD_WITHIN_S):
                await watching
    finally:
        await stop(caller)
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    demo.record["call_id"] = view.call_id


async def _watch(view: CallView, *, port: int, console: Console) -> None:
    """Read the bot's event stream into the view until the call has ended; redraw the terminal, or
    print lines to a pipe."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as http:
        async with http.get(f"http://127.0.0.1:{port}/api/events") as stream:
            if not console.is_terminal:
                await _print_events(stream, view, console)
                return
            with Live(render(view), console=console, refresh_per_second=12) as live:
                async for line in stream.content:
                    if line.startswith(b"data: "):
                        view.apply(json.loads(line[6:]))
                        live.update(render(view))
                        if view.ended:
                            return


async def _print_events(stream: aiohttp.ClientResponse, view: CallView, console: Console) -> None:
    async for line in stream.content:
        if line.startswith(b"data: "):
            event = json.loads(line[6:])
            view.apply(event)
            text = plain(event)
            if text is not None:
                console.print(text, markup=False, highlight=False)
            if view.ended:
                return


async def _fetch_record(demo: DemoCall, *, port: int) -> None:
    async with aiohttp.ClientSession() as http:
        url = f"http://127.0.0.1:{port}/api/calls/{demo.record['call_id']}"
        async with http.get(url) as answer:
            if answer.status == 200:
                demo.record = await answer.json()


def _leave_behind(demo: DemoCall, *, runs: Path) -> None:
    """Write call.json and report.html, and give the folder its call's name."""
    call_id = demo.record.get("call_id") or demo.folder.name
    (demo.folder / "call.json").write_text(json.dumps(demo.record, indent=2, ensure_ascii=False))
    recording = demo.folder / "recording.wav"
    write_report(
        demo.record,
        demo.folder / "report.html",
        recording=recording if recording.exists() else None,
    )
    demo.folder = demo.folder.rename(runs / call_id)


def show_receipt(demo: DemoCall, console: Console) -> None:
    """The receipt, what the carrier's side found, and where everything is."""
    console.print(receipt(demo.record))
    report = demo.folder / "conformance.json"
    if report.exists():
        console.print(_carrier_line(json.loads(report.read_text())))
    for name in ("recording.wav", "call.json", "report.html"):
        console.print(f"  {demo.folder / name}", style="dim")


def _carrier_line(report: dict[str, Any]) -> str:
    rules = report.get("conformance") or []
    failed = [rule for rule in rules if rule["outcome"] == "fail"]
    kept = f"carrier's side: {len(rules) - len(failed)} of {len(rules)} protocol rules kept"
    return "\n".join([kept, *(f"  broken: {rule['sentence']}" for rule in failed)])
