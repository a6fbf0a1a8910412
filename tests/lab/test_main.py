"""The command line, as a process."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from lab.__main__ import main
from tests.lab.clients import providers, session

pytestmark = pytest.mark.provider

ROOT = Path(__file__).resolve().parents[2]


@asynccontextmanager
async def process(*words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m lab …`, ended at the end."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "lab",
        *words,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


@pytest.mark.parametrize("words", [(), ("serve",)])
async def test_it_says_when_it_is_ready_and_ends_on_sigterm(words: tuple[str, ...]) -> None:
    """One line with the URL, answers there, and exit 0 on SIGTERM."""
    options = ("--port", "0", "--engine", "bursts", "--profile", "zero", "--seed", "7")
    async with process(*words, *options, "--set", "flux.update_s=0.5") as child:
        assert child.stdout is not None
        line = (await asyncio.wait_for(child.stdout.readline(), 15)).decode().strip()
        assert line.startswith("lab ready on http://127.0.0.1:")
        url = line.removeprefix("lab ready on ")
        async with session() as client:
            async with client.get(f"{url}/control") as answer:
                assert (await answer.json())["seed"] == 7
            async with client.get(f"{url}/control/knobs") as answer:
                assert (await answer.json())["flux"]["update_s"] == 0.5
        child.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(child.wait(), 5) == 0


async def test_a_port_in_use_is_one_line_and_exit_1() -> None:
    """No traceback; what and where."""
    async with providers() as it:
        async with process("--port", str(it.port), "--engine", "bursts") as child:
            out, err = await asyncio.wait_for(child.communicate(), 15)
    assert child.returncode == 1 and not out
    (line,) = err.decode().strip().splitlines()
    assert line == f"lab: cannot listen on 127.0.0.1:{it.port}: Address already in use"


@pytest.mark.parametrize(
    "words",
    [
        ["--port", "x"],
        ["--port", "70000"],
        ["--profile", "mars"],
        ["--engine", "siri"],
        ["--seed", "one"],
        ["dance"],
        ["--set", "interim_s"],
        ["--set", "deepgram.interim_s=soon"],
        ["--set", "deepgram.song=1"],
    ],
)
def test_wrong_usage_is_exit_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Bad arguments are told and nothing is started."""
    try:
        code: object = main(words)
    except SystemExit as stop:
        code = stop.code
    assert code == 2 and capsys.readouterr().err


def test_call_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -m lab call …` is the caller's own command line."""
    given: list[list[str]] = []

    def caller(argv: list[str]) -> int:
        given.append(argv)
        return 3

    monkeypatch.setattr("lab.call.main", caller)
    assert main(["call", "ws://x", "--calls", "2"]) == 3
    assert given == [["ws://x", "--calls", "2"]]
