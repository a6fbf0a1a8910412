"""Other processes we start beside the bot: the lab, its caller, the bot itself for the demo."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from call.errors import AgentError

# A cold start imports about 4 s of packages on a laptop; this allows for a slow disk.
READY_WITHIN_S = 50.0
STOP_WITHIN_S = 5.0


class ChildFailed(AgentError):
    """A process of ours did not come up; says which, why, and where its log is."""

    def __init__(self, name: str, why: str, log: Path) -> None:
        self.name, self.why, self.log = name, why, log
        super().__init__(name, why)

    def __str__(self) -> str:
        return f"{self.name} did not start: {self.why} (its log: {self.log})"


async def start(
    module: str, *arguments: str, environ: Mapping[str, str], log: Path
) -> asyncio.subprocess.Process:
    """Run `python -m module arguments…`; what it prints on stderr goes to `log`."""
    with log.open("ab") as errors:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            module,
            *arguments,
            env=dict(environ),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )


@asynccontextmanager
async def running(
    module: str, *arguments: str, environ: Mapping[str, str], log: Path, ready: str
) -> AsyncIterator[str]:
    """A process for the length of a block; yields its line that begins with `ready`."""
    process = await start(module, *arguments, environ=environ, log=log)
    try:
        line = await _ready_line(process, module, ready, log)
        drain = asyncio.create_task(_drain(process))
        try:
            yield line
        finally:
            drain.cancel()
    finally:
        await stop(process)


async def _ready_line(
    process: asyncio.subprocess.Process, module: str, ready: str, log: Path
) -> str:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(READY_WITHIN_S):
            async for raw in process.stdout:
                line = raw.decode(errors="replace").strip()
                if line.startswith(ready):
                    return line
    except TimeoutError:
        raise ChildFailed(module, f"not ready within {READY_WITHIN_S:.0f} s", log) from None
    await process.wait()
    raise ChildFailed(module, f"exit {process.returncode}{last_line(log)}", log)


def last_line(log: Path) -> str:
    """ ", " and the last thing a process said, or nothing."""
    lines = log.read_text(errors="replace").strip().splitlines()
    return f", {lines[-1]}" if lines else ""


async def _drain(process: asyncio.subprocess.Process) -> None:
    """Read on, so that a chatty child never blocks on a full pipe."""
    assert process.stdout is not None
    async for _ in process.stdout:
        pass


async def stop(process: asyncio.subprocess.Process) -> None:
    """Ask, then insist; returns when the process is gone."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(STOP_WITHIN_S):
            await process.wait()
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
