"""A telephone call's wire: picking up a media socket, and the two stations that serve it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from weakref import proxy

from fastapi import WebSocket
from loguru import logger
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from starlette.websockets import WebSocketDisconnect, WebSocketState

from call.audio import RATE_HZ
from call.errors import CallerWireFault, PeerBroke, PeerVanished
from call.measures import Recorder
from call.mixdown import Recording
from transports.twilio.events import StreamStarted, StreamStopped
from transports.twilio.input import TwilioInput
from transports.twilio.line import Line
from transports.twilio.output import TwilioOutput
from transports.twilio.protocol import MediaStream
from transports.twilio.serializer import TwilioSerializer, count
from transports.wire import Wire

POLICY_VIOLATION = 1008  # RFC 6455 §7.4.1
STAGE = "answer"
MESSAGES_TO_START = 32  # the carrier's second is the start; more is no carrier


@dataclass(frozen=True)
class TwilioDoor:
    """A media socket whose stream has started: what `transport()` needs to serve the call."""

    websocket: WebSocket
    stream: MediaStream
    start: StreamStarted


async def answer(websocket: WebSocket, settings: Wire, recorder: Recorder) -> TwilioDoor:
    """Accept the socket and read until its stream has started.

    When it does not start as it must, the socket is closed, one line is logged and
    `CallerWireFault` raised: there is nothing left to do but return.
    """
    if websocket.application_state is WebSocketState.CONNECTING:
        await websocket.accept()
    stream = MediaStream(max_message_bytes=settings.max_message_bytes)
    try:
        async with asyncio.timeout(settings.start_timeout_s):
            start = await _start(websocket, stream, recorder)
        if not start.is_telephone_audio:
            raise PeerBroke(
                STAGE,
                f"audio is {start.encoding or 'of unknown format'} at {start.rate_hz} Hz on"
                f" {start.channels} channels, not audio/x-mulaw at 8000 Hz on 1",
            )
    except TimeoutError:
        fault: CallerWireFault = PeerBroke(STAGE, f"no start within {settings.start_timeout_s:g} s")
    except CallerWireFault as seen:
        fault = seen
    else:
        return TwilioDoor(websocket, stream, start)
    logger.warning(f"media socket refused: {fault.detail}")
    await _close(websocket)
    raise fault


async def _start(websocket: WebSocket, stream: MediaStream, recorder: Recorder) -> StreamStarted:
    for _ in range(MESSAGES_TO_START):
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            raise PeerVanished(STAGE, "closed before its start")
        text = message.get("text")
        for event in stream.receive(message["bytes"] if text is None else text):
            count(event, recorder)
            if isinstance(event, StreamStarted):
                return event
            if isinstance(event, StreamStopped):
                raise PeerBroke(STAGE, "stopped before its start")
    raise PeerBroke(STAGE, f"no start in {MESSAGES_TO_START} messages")


async def _close(websocket: WebSocket) -> None:
    try:
        async with asyncio.timeout(0.5):
            await websocket.close(code=POLICY_VIOLATION)
    except (TimeoutError, RuntimeError, OSError, WebSocketDisconnect) as exc:  # it was faster
        logger.debug(f"media socket was already closed: {type(exc).__name__}")


class TwilioTransport(FastAPIWebsocketTransport):
    """Pipecat's WebSocket transport with a carrier's manners; see the two stations."""

    kind = "twilio"

    def __init__(self, door: TwilioDoor, *, settings: Wire, recorder: Recorder) -> None:
        serializer = TwilioSerializer(door.stream, recorder=recorder)
        params = FastAPIWebsocketParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            audio_in_sample_rate=RATE_HZ,
            audio_out_sample_rate=RATE_HZ,
            audio_out_10ms_chunks=4,  # any length is legal; each costs a timer and a system call
            audio_out_end_silence_secs=0,
            serializer=serializer,
            allowed_origins=[],  # the carrier sends no Origin
        )
        super().__init__(door.websocket, params)
        del self._input, self._output  # the framework's: ours take their places
        me: TwilioTransport = proxy(self)  # which holds the three
        self._line = Line(
            door.websocket,
            self._callbacks,
            start=door.start,
            serializer=serializer,
            settings=settings,
            recorder=recorder,
            on_end=lambda reason: me._tell(reason),
            tell_played=lambda frame: me._mouth.tell_played(frame),
        )
        self._client = self._line
        self._ears = TwilioInput(me, self._line, params)
        self._mouth = TwilioOutput(me, self._line, params)

    def input(self) -> TwilioInput:
        """The station the caller comes out of."""
        return self._ears

    def output(self) -> TwilioOutput:
        """The station the agent goes into."""
        return self._mouth

    def record(self, recording: Recording) -> None:
        """Tell a recording what is heard on both sides."""
        self._ears.recording = self._mouth.recording = recording

    async def close(self) -> None:
        """Close the socket, whatever state it is in."""
        await self._line.disconnect()
        vars(self._callbacks).clear()  # they lead back here

    async def _tell(self, reason: str) -> None:
        await self._ears.stopped(reason)
        await self._on_client_disconnected(self._line.websocket)
