"""Learns from the lab's Twilio REST which calls a bot has completed, for all callers at once."""

from __future__ import annotations

import asyncio
from types import TracebackType

import aiohttp

POLL_S = 0.1  # Twilio itself takes longer than this to act on a hang-up


class Completions:
    """Asks `GET /control/calls` until closed; each caller waits on its own event."""

    def __init__(self, lab_url: str, *, poll_s: float = POLL_S) -> None:
        self._url = lab_url.rstrip("/") + "/control/calls"
        self._poll_s = poll_s
        self._events: dict[str, asyncio.Event] = {}
        self._task: asyncio.Task[None] | None = None

    def of(self, call_sid: str) -> asyncio.Event:
        """Set when the bot has completed this call over REST."""
        return self._events.setdefault(call_sid, asyncio.Event())

    async def __aenter__(self) -> Completions:
        self._task = asyncio.create_task(self._poll(), name="completions")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _poll(self) -> None:
        timeout = aiohttp.ClientTimeout(total=5.0)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                try:
                    async with session.get(self._url) as answer:
                        self._mark(await answer.json(content_type=None))
                except (aiohttp.ClientError, TimeoutError, ValueError):
                    pass  # the lab is not up, or going: the socket's end still tells
                await asyncio.sleep(self._poll_s)

    def _mark(self, document: object) -> None:
        """`{"calls": {"CA…": {"status": "completed"}}}`."""
        calls = document.get("calls") if isinstance(document, dict) else None
        if not isinstance(calls, dict):
            return
        for sid, call in calls.items():
            is_over = isinstance(call, dict) and call.get("status") == "completed"
            if is_over and sid in self._events:
                self._events[sid].set()
