"""The media socket of one call and what both directions must know of it: ordered sends, honest
failures, one end, a bounded farewell."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from loguru import logger
from pipecat.transports.websocket.fastapi import (
    FastAPIWebsocketCallbacks,
    FastAPIWebsocketClient,
)
from starlette.websockets import WebSocket, WebSocketDisconnect

from call.errors import PeerVanished
from call.lead import Bounds, Lead
from call.measures import WIRE_MARK_ROUND_TRIP, Recorder
from frames.speech import PlayedToFrame
from transports.twilio.beat import Beat
from transports.twilio.events import StreamStarted
from transports.twilio.serializer import TwilioSerializer
from transports.wire import Wire


class Line(FastAPIWebsocketClient):
    """Pipecat's client, except that a failed send is a fault and not a log line.

    `turn` is held by whoever decides what to send and sends it: deciding and sending are then one
    step, and nothing can follow a `clear` that was decided before it.
    """

    def __init__(
        self,
        websocket: WebSocket,
        callbacks: FastAPIWebsocketCallbacks,
        *,
        start: StreamStarted,
        serializer: TwilioSerializer,
        settings: Wire,
        recorder: Recorder,
        on_end: Callable[[str], Awaitable[None]],
        tell_played: Callable[[PlayedToFrame], Awaitable[None]],
    ) -> None:
        super().__init__(websocket, callbacks)
        self.websocket = websocket
        self.start = start
        self.serializer = serializer
        self.settings = settings
        self.recorder = recorder
        self.turn = asyncio.Lock()
        self.sending_since: float | None = None  # instant a send in progress began
        self.reason = ""  # why the stream is over; empty while it is not
        self.lead = Lead(Bounds(settings.lead_s, settings.lead_least_s, settings.lead_most_s))
        self.beat = Beat()  # the caller's packets wake the sender
        self.marks_due: dict[str, float] = {}  # mark -> when its audio will have been played
        self.tell_played = tell_played  # what was heard goes from the input to the output
        self._on_end = on_end

    @property
    def is_alive(self) -> bool:
        """Whether there is still an ear at the other end."""
        return not self.reason and bool(self._can_send())

    async def ended(self, reason: str) -> None:
        """The stream is over, and not by us: said once, whoever notices first."""
        if self.reason or self.is_closing:
            return
        self.reason = reason
        await self._on_end(reason)

    def echoed(self, mark: str, at: float) -> None:
        """A mark came back: how long after its audio was due?"""
        due_at = self.marks_due.pop(mark, None)
        if due_at is not None:
            round_trip_s = max(0.0, at - due_at)
            self.lead.echoed(round_trip_s)
            self.recorder.observe(WIRE_MARK_ROUND_TRIP, round_trip_s)

    async def hear(self) -> str | bytes:
        """The next message; `WebSocketDisconnect` when there will be none."""
        message = await self.websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code") or 1006)
        text = message.get("text")
        heard: str | bytes = message["bytes"] if text is None else text
        return heard

    async def send(self, data: str | bytes) -> None:
        """Send one message; `PeerVanished` when the socket does not take it. Hold `turn`."""
        if not self._can_send():
            raise PeerVanished("send", "the socket is closed")
        self.sending_since = time.monotonic()
        try:
            await self.websocket.send({"type": "websocket.send", "text": data})
        except (
            Exception
        ) as exc:  # whatever a dying socket raises: the call is over, not the process
            raise PeerVanished("send", type(exc).__name__) from exc
        finally:
            self.sending_since = None

    async def disconnect(self) -> None:
        """Close once, and wait for it only so long."""
        if self._closing or not self.is_connected:
            self._closing = True
            return
        self._closing = True
        try:
            async with asyncio.timeout(self._ws_close_timeout):
                await self.websocket.close()
        except Exception as exc:  # closing a socket that is already dead may fail in any way
            logger.debug(f"media socket did not close cleanly: {type(exc).__name__}")
