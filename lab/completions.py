"""Learns from the lab's Twilio REST that a bot has ended a call with `Status=completed`."""

from __future__ import annotations

import asyncio
from types import TracebackType

import aiohttp

WAIT_S = 30.0  # one question hangs this long; the answer comes at once when the call is over
RETRY_S = 0.5  # a lab that is not up, or going: the socket's end still tells


class Completions:
    """Registers calls with the lab and waits for each; callers wait on events."""

    def __init__(self, lab_url: str, *, retry_s: float = RETRY_S) -> None:
        self._url = lab_url.rstrip("/") + "/control/calls/"
        self._retry_s = retry_s
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def of(self, call_sid: str) -> asyncio.Event:
        """An event that is set when the bot has completed this call over REST."""
        over = asyncio.Event()
        self._tasks.add(asyncio.create_task(self._watch(call_sid, over), name=f"over {call_sid}"))
        return over

    async def __aenter__(self) -> Completions:
        timeout = aiohttp.ClientTimeout(total=WAIT_S + 5.0)
        connector = aiohttp.TCPConnector(limit=0)  # every caller has a question hanging
        self._session = aiohttp.ClientSession(timeout=timeout, connector=connector)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session:
            await self._session.close()

    async def _watch(self, call_sid: str, over: asyncio.Event) -> None:
        is_registered = False
        while not over.is_set():
            try:
                if not is_registered:
                    await self._ask("PUT", call_sid)
                    is_registered = True
                if await self._ask("GET", f"{call_sid}?wait_s={WAIT_S:g}") == "completed":
                    over.set()
            except (aiohttp.ClientError, TimeoutError, ValueError):
                await asyncio.sleep(self._retry_s)

    async def _ask(self, method: str, path: str) -> str:
        assert self._session is not None
        async with self._session.request(method, self._url + path) as answer:
            answer.raise_for_status()
            document = await answer.json(content_type=None)
        if not isinstance(document, dict):
            raise ValueError("not a call")
        return str(document.get("status"))
