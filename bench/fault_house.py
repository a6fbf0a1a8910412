"""A bot and a lab that is made to fail: two processes of our own, and their doors."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

from bench.holdings import holdings
from bot.children import running
from bot.demo import free_port, lab_environment
from lab.completions import Completions
from lab.reciter import words_of

GREETING_KEY = "the greeting"
GREETING = words_of(GREETING_KEY)[:4]
RECORD_WITHIN_S = 60.0
# The lab's voices as fast as life allows, its ears and mind without network: what is measured is
# the bot and the fault.
_AGENT = Path("agent.toml")


def agent_file(folder: Path) -> Path:
    """The agent of the project with a greeting whose words can be told apart, and no disclosure."""
    greeting = f"{' '.join(GREETING[:2]).capitalize()}. {' '.join(GREETING[2:]).capitalize()}."
    text = _AGENT.read_text("utf-8")
    text = re.sub(r"(?m)^greeting = .*$", f'greeting = "{greeting}"', text)
    text = text.replace("[disclosure]\nenabled = true", "[disclosure]\nenabled = false")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder.absolute() / "agent.toml"
    file.write_text(text, "utf-8")
    return file


IN_CROWDS = {
    "OFFHOOK__SPEAK__FAULTS_TO_OPEN": "1000",
    "OFFHOOK__SPEAK__PROBE_S": "0.3",
}
"""A bot that goes round a failing voice would keep the next call's fault from being met."""


@dataclass
class House:
    """One running bot, the lab it depends on, and everything the lab wrote down."""

    name: str
    url: str
    lab_url: str
    http: aiohttp.ClientSession
    completions: Completions
    auth_token: str = ""
    entries: list[dict[str, Any]] = field(default_factory=list)
    _read_to: dict[str, int] = field(default_factory=dict)
    _listening: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def base_url(self) -> str:
        """The bot's doors beside the webhook."""
        return self.url.removesuffix("/twilio/voice")

    # ── the lab ──────────────────────────────────────────────────────────────────────
    async def arm(self, specs: Sequence[Mapping[str, Any]]) -> list[int]:
        """Arm faults; their numbers."""
        async with self.http.post(f"{self.lab_url}/control", json=list(specs)) as answer:
            document = await answer.json()
            if answer.status != 201:
                raise ValueError(document["error"])
            return [int(fault["id"]) for fault in document]

    async def disarm(self, ids: Sequence[int]) -> None:
        """Whatever of these is still armed goes."""
        for number in ids:
            async with self.http.delete(f"{self.lab_url}/control/{number}"):
                pass

    async def armed(self) -> set[int]:
        """What still waits to strike."""
        async with self.http.get(f"{self.lab_url}/control") as answer:
            return {int(fault["id"]) for fault in (await answer.json())["faults"]}

    async def disarm_all(self) -> None:
        """No faults."""
        async with self.http.delete(f"{self.lab_url}/control"):
            pass

    def forget(self) -> None:
        """What was written down of calls that are over; texts that were spoken stay known."""
        self.entries = [entry for entry in self.entries if entry["kind"] == "speech"][-4000:]

    async def listen(self) -> None:
        """Take over what the lab wrote since last time."""
        async with self._listening:
            for kind in ("felt", "fault", "first_audio", "speech", "open", "closed", "final"):
                await self._listen_for(kind)

    async def _listen_for(self, kind: str) -> None:
        since = self._read_to.get(kind, 0)
        params = {"since": str(since), "kind": kind, "limit": "20000"}
        async with self.http.get(f"{self.lab_url}/control/log", params=params) as answer:
            found = (await answer.json())["entries"]
        self.entries += found
        self._read_to[kind] = max([since, *(int(entry["n"]) for entry in found)])

    # ── the bot ──────────────────────────────────────────────────────────────────────
    async def record(self, call_sid: str) -> dict[str, Any]:
        """The call's record once it is over; empty for a bot that keeps none."""
        if not self.auth_token:
            return {}
        deadline = asyncio.get_running_loop().time() + RECORD_WITHIN_S
        while asyncio.get_running_loop().time() < deadline:
            async with self.http.get(f"{self.base_url}/api/calls") as answer:
                for call in await answer.json():
                    if call["provider_call_id"] == call_sid:
                        return dict(call)
            await asyncio.sleep(0.5)
        return {}

    async def gauges(self) -> dict[str, float]:
        """What the process holds."""
        async with self.http.get(f"{self.base_url}/metrics") as answer:
            return holdings(await answer.text())


def unrehearsed() -> list[dict[str, Any]]:
    """Keeps a bot from recording its greeting ahead of time: its voices fail at the whole of it,
    which no call ever asks for in one piece. What a voice is not asked for, cannot fail."""
    whole = r"\W+".join(GREETING[: len(GREETING) // 2 + 1])
    fault = {"shape": "close", "after": 0, "when_words": whole, "for_next": None}
    return [{"provider": voice} | fault for voice in ("elevenlabs", "cartesia")]


@asynccontextmanager
async def open_house(
    name: str,
    *,
    folder: Path,
    profile: str = "co-located",
    seed: int = 1,
    beforehand: Sequence[Mapping[str, Any]] = (),
    environ: Mapping[str, str] | None = None,
) -> AsyncIterator[House]:
    """Lab and bot (`ours` or `stock`), ready for calls; faults to arm before the bot starts, and
    more of its environment."""
    agent = agent_file(folder)
    async with AsyncExitStack() as stack:
        lab = running(
            "lab", "--port", "0", "--profile", profile, "--seed", str(seed),
            "--engine", "bursts", "--mind", "reciter",
            environ=os.environ, log=folder / "lab.log", ready="lab ready on ",
        )  # fmt: skip
        lab_url = (await stack.enter_async_context(lab)).rsplit(" ", 1)[1]
        http = await stack.enter_async_context(
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=20),
                # no idle connection of ours is to be counted as the bot's
                connector=aiohttp.TCPConnector(force_close=True),
            )
        )
        completions = await stack.enter_async_context(Completions(lab_url))
        house = House(name, "", lab_url, http, completions)
        if beforehand:
            await house.arm(beforehand)
        port = free_port()
        if name == "ours":
            lab_port = int(lab_url.rsplit(":", 1)[1])
            given = {
                **lab_environment(os.environ, lab_port=lab_port, port=port),
                "OFFHOOK__AGENT__FILE": str(agent),
                "OFFHOOK__CAPACITY__MAX_CALLS": "200",
                "OFFHOOK__STORE__URL": f"sqlite:///{agent.parent}/calls.db",
                **(environ or {}),
            }
            house.auth_token = given["TWILIO_AUTH_TOKEN"]
            house.url = f"http://127.0.0.1:{port}/twilio/voice"
            bot = running(
                "bot", "serve", "--port", str(port),
                environ=given, log=folder / "ours.log", ready="offhook answers on ",
            )  # fmt: skip
        else:
            house.url = f"http://127.0.0.1:{port}/"
            bot = running(
                "lab.peers.stock", "--port", str(port), "--lab-port", lab_url.rsplit(":", 1)[1],
                "--agent", str(agent),
                environ=os.environ, log=folder / "stock.log", ready="stock answers on ",
            )  # fmt: skip
        await stack.enter_async_context(bot)
        yield house
