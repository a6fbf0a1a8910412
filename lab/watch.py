"""What a bot tells of a call while it goes on, for a caller who is not to be misled by a machine
that has no time: a gap in a reply is not its end.

Read from a stream of server-sent events, one JSON document each. A bot that tells nothing of the
call is taken at its sound.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp


class Watch:
    """Whether the agent of one call has been heard out."""

    def __init__(self, call_sid: str) -> None:
        self._call_sid = call_sid
        self._call_id = ""
        self._is_asked = False
        self.is_done = True

    def told(self, event: Mapping[str, Any]) -> None:
        """Take in one event, of whichever call."""
        kind = event.get("type")
        if kind == "call.started" and event.get("provider_call_id") == self._call_sid:
            self._call_id, self.is_done = str(event.get("call_id")), False
        if not self._call_id or event.get("call_id") != self._call_id:
            return
        match kind:
            case "caller.words" if event.get("final"):
                self._is_asked, self.is_done = True, False
            case "agent.clause":
                self.is_done = False
            case "agent.silent" if not self._is_asked:  # the greeting is nobody's turn
                self.is_done = True
            case "turn":
                self.is_done = not event["turn"].get("interrupted")
            case "call.ended":
                self.is_done = True


@asynccontextmanager
async def watching(url: str, call_sid: str) -> AsyncIterator[Watch]:
    """Listen from before the call; an empty URL, or a bot that is not there, tells nothing."""
    watch = Watch(call_sid)
    if not url:
        yield watch
        return
    timeout = aiohttp.ClientTimeout(total=None)
    async with aiohttp.ClientSession(timeout=timeout, read_bufsize=1 << 22) as session:
        listens = asyncio.Event()
        listening = asyncio.create_task(_listen(session, url, watch, listens), name="watch")
        try:
            await listens.wait()
            yield watch
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


async def _listen(
    session: aiohttp.ClientSession, url: str, watch: Watch, listens: asyncio.Event
) -> None:
    try:
        with contextlib.suppress(aiohttp.ClientError, ValueError):
            async with session.get(url) as stream:
                async for line in stream.content:
                    listens.set()
                    if line.startswith(b"data:"):
                        watch.told(json.loads(line.removeprefix(b"data:")))
    finally:
        listens.set()
        watch.is_done = True
