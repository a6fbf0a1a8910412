"""A bot and the lab as real processes on loopback, and callers who ring it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from bot.demo import free_port, lab_environment
from tests.conftest import TICK

ROOT = Path(__file__).resolve().parents[2]
ANSWERS_S = 60.0  # a door that says nothing for so long is stuck, and not busy

# Two cores carry the bot, its providers, its callers and the other tests: who is late there is not
# gone. A call that is not about deadlines is given time; who is on time is answered as ever.
WAITS_FOR_WORDS: dict[str, str] = {
    "OFFHOOK__WIRE__INBOUND_BACKLOG_S": "3.0",
    "OFFHOOK__DEEPGRAM__CONNECT_TIMEOUT_S": "10.0",
    "OFFHOOK__DEEPGRAM__FINALIZE_TIMEOUT_S": "5.0",
    "OFFHOOK__DEEPGRAM__STALL_S": "10.0",
    "OFFHOOK__PATIENCE__HEARING_S": "8.0",
    "OFFHOOK__PATIENCE__HEARING_AGAIN_S": "20.0",
    "OFFHOOK__TURN__FINAL_WAIT_S": "5.0",
    "OFFHOOK__TURN__HARD_STOP_S": "6.0",
    "OFFHOOK__HEARD__MARK_WAIT_S": "10.0",
    "OFFHOOK__TOOLS__TIMEOUT_S": "15.0",
    "OFFHOOK__TWILIO__REST_TIMEOUT_S": "15.0",
}
PATIENT: Mapping[str, str] = {
    **WAITS_FOR_WORDS,
    "OFFHOOK__PATIENCE__FIRST_CLAUSE_S": "6.0",
    "OFFHOOK__PATIENCE__FIRST_CLAUSE_LEAST_S": "6.0",
    "OFFHOOK__PATIENCE__STALL_S": "6.0",
    "OFFHOOK__SPEAK__FIRST_BYTE_BUDGET_S": "5.0",
    "OFFHOOK__SPEAK__STALL_S": "6.0",
    "OFFHOOK__ANTHROPIC__CONNECT_TIMEOUT_S": "10.0",
    "OFFHOOK__ELEVENLABS__CONNECT_TIMEOUT_S": "10.0",
    "OFFHOOK__CARTESIA__CONNECT_TIMEOUT_S": "10.0",
}


def sooner_or_later(is_true: Callable[[], object], *, what: str) -> None:
    """As `eventually`, for a story told without a loop."""
    for _ in range(3000):
        if is_true():
            return
        time.sleep(TICK)
    raise AssertionError(f"never happened: {what}")


@dataclass
class Rung:
    """One caller's story: how it ended for the caller, the carrier's report, the bot's record."""

    exit_code: int
    report: dict[str, Any]
    truth: dict[str, Any]
    record: dict[str, Any]
    stderr: str

    @property
    def agent_words(self) -> str:
        """Everything the agent is known to have been heard saying."""
        turns = [turn["heard_text"] for turn in self.record["turns"]]
        return " ".join([self.record["opening_text"], *turns])


@dataclass
class House:
    """A running bot behind its doors, and the lab its providers live in."""

    port: int
    lab_port: int
    environ: Mapping[str, str]
    folder: Path
    bot: subprocess.Popen[str]
    _callers: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """The bot's HTTP surface."""
        return f"http://127.0.0.1:{self.port}"

    def get(self, path: str) -> Any:
        """A JSON document of the bot's."""
        with urllib.request.urlopen(f"{self.url}{path}", timeout=ANSWERS_S) as answer:
            return json.load(answer)

    def lab(self, path: str, body: Any = None) -> Any:
        """Ask or tell the lab something."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.lab_port}{path}",
            data=data,
            headers={"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=ANSWERS_S) as answer:
            return json.load(answer)

    def dial(self, script: str, *options: str) -> subprocess.Popen[str]:
        """Begin a call through the signed voice webhook."""
        folder = self.folder / f"call{len(self._callers) + 1}"
        folder.mkdir()
        command = [
            sys.executable, "-m", "lab", "call", f"{self.url}/twilio/voice",
            "--auth-token", self.environ["TWILIO_AUTH_TOKEN"], "--script", script,
            "--report", str(folder / "report.json"), "--truth", str(folder / "truth.json"),
            "--record", str(folder / "recording.wav"), "--closing", "20",
            "--watch", f"{self.url}/api/events", *options,
        ]  # fmt: skip
        caller = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        caller.folder = folder  # type: ignore[attr-defined]
        self._callers.append(caller)
        return caller

    def hang_on(self, caller: subprocess.Popen[str], *, timeout_s: float = 200.0) -> Rung:
        """Wait for a call's end and gather what everybody knows of it."""
        _, stderr = caller.communicate(timeout=timeout_s)
        folder: Path = caller.folder  # type: ignore[attr-defined]
        report = json.loads((folder / "report.json").read_text())
        truth = json.loads((folder / "truth.json").read_text())
        record = self.record(str(_find(report, "call_sid") or _find(truth, "call_sid")))
        counters = record["counters"]
        unlisted = [name for name in counters if name.startswith("turn_unlisted_transitions")]
        assert not unlisted, "a moment came in a state that call/turn.py does not list it for"
        return Rung(caller.returncode, report, truth, record, stderr)

    def record(self, sid: str) -> dict[str, Any]:
        """What the bot kept of a call; it may still be closing when its caller is gone."""
        found: list[dict[str, Any]] = []

        def is_kept() -> bool:
            found[:] = [c for c in self.get("/api/calls") if c["provider_call_id"] == sid]
            return bool(found)

        sooner_or_later(is_kept, what=f"the record of call {sid}")
        return found[0]

    def hang_up(self) -> None:
        """Whoever is still on the line goes: no caller outlives the house, however a test ends."""
        for caller in self._callers:
            if caller.poll() is None:
                caller.kill()
            caller.communicate()

    def ring(self, script: str, *options: str) -> Rung:
        """A whole call."""
        return self.hang_on(self.dial(script, *options))


def _find(document: Any, key: str) -> Any:
    """The first value under `key`, however deep."""
    if isinstance(document, dict):
        if key in document:
            return document[key]
        document = list(document.values())
    if isinstance(document, list):
        return next((found for item in document if (found := _find(item, key))), None)
    return None


@contextmanager
def process(*arguments: str, environ: Mapping[str, str], log: IO[str], ready: str) -> Any:
    """A process for the length of a block; yields (process, ready line)."""
    running = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=ROOT, env=dict(environ), stdout=subprocess.PIPE, stderr=log, text=True,
    )  # fmt: skip
    try:
        assert running.stdout is not None
        line = next((line for line in running.stdout if re.match(ready, line)), "")
        assert line, f"{arguments[0]} did not come up"
        yield running, line.strip()
    finally:
        running.terminate()
        try:
            running.wait(10)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
        if running.stdout is not None:
            running.stdout.close()


@contextmanager
def open_house(
    folder: Path,
    *,
    profile: str = "co-located",
    engine: str = "real",
    workers: int = 1,
    patience: Mapping[str, str] = PATIENT,
    **overrides: str,
) -> Any:
    """Lab and bot, ready to take calls; overrides are environment variables of the bot."""
    with ExitStack() as stack:
        log = stack.enter_context((folder / "house.log").open("w"))
        plain = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        lab = process(
            "lab", "--port", "0", "--profile", profile, "--engine", engine,
            environ=plain, log=log, ready="lab ready on ",
        )  # fmt: skip
        _, line = stack.enter_context(lab)
        lab_port, port = int(line.rsplit(":", 1)[1]), free_port()
        environ = {
            **lab_environment(plain, lab_port=lab_port, port=port),
            "OFFHOOK__STORE__URL": f"sqlite:///{folder.absolute()}/calls.db",
            **patience,
            **overrides,
        }
        bot = process(
            "bot", "serve", "--port", str(port), "--workers", str(workers),
            environ=environ, log=log, ready="offhook answers",
        )  # fmt: skip
        running, _ = stack.enter_context(bot)
        house = House(port, lab_port, environ, folder, running)
        stack.callback(house.hang_up)
        yield house
