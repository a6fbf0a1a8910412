"""A Media Streams peer for tests: a real socket to a real server, no audio engine, every message
kept."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
import websockets.asyncio.client as client
from fastapi import FastAPI, WebSocket
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    TTSAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.workers.runner import WorkerRunner
from websockets.exceptions import ConnectionClosed

from call.measures import Measure, Moment
from tests.conftest import eventually
from transports import transport
from transports.twilio.transport import TwilioTransport, answer
from transports.wire import CallerWire, Wire

STREAM = "MZ" + "0" * 32
CALL = "CA" + "1" * 32
ACCOUNT = "AC" + "2" * 32


class Notebook:
    """A recorder that remembers."""

    def __init__(self) -> None:
        self.counts: dict[str, float] = {}
        self.observed: list[tuple[str, float]] = []
        self.moments: list[tuple[Moment, float]] = []

    def count(self, measure: Measure, amount: float = 1, **labels: str) -> None:
        """Remember, under the name and the labels."""
        key = ":".join([measure.name, *labels.values()])
        self.counts[key] = self.counts.get(key, 0) + amount

    def observe(self, measure: Measure, value: float, **labels: str) -> None:
        """Remember."""
        self.observed.append((measure.name, value))

    def moment(self, moment: Moment, at: float) -> None:
        """Remember."""
        self.moments.append((moment, at))

    def words(self, party: str, text: str, *, final: bool, confidence: float | None = None) -> None:
        """Ignore."""

    def reply(self, number: int, kind: str) -> None:
        """Ignore."""

    def broken(self) -> dict[str, float]:
        """Counts of broken rules, by rule."""
        return {
            name.split(":")[1]: amount
            for name, amount in self.counts.items()
            if name.startswith("offhook_wire_malformed_total:")
        }


class TwilioPeer:
    """The carrier's side of one media socket."""

    def __init__(self, socket: client.ClientConnection) -> None:
        self.socket = socket
        self.received: list[tuple[float, dict[str, Any]]] = []
        self.echoes_marks = True
        self.is_closed = False
        self._sequence = 0
        self._chunk = 0
        self._reader = asyncio.create_task(self._read())

    @property
    def audio(self) -> bytes:
        """All µ-law the agent has sent."""
        return audio_of(message for _, message in self.received)

    def audio_before(self, mark: str) -> bytes:
        """The µ-law that was sent before a mark."""
        messages = [message for _, message in self.received]
        names = [message.get("mark", {}).get("name") for message in messages]
        return audio_of(messages[: names.index(mark)])

    def kinds(self) -> list[str]:
        """The events received, in order."""
        return [message["event"] for _, message in self.received]

    def marks(self) -> list[str]:
        """Names of the marks received, in order."""
        return [m["mark"]["name"] for _, m in self.received if m["event"] == "mark"]

    async def _read(self) -> None:
        try:
            async for text in self.socket:
                message = json.loads(text)
                self.received.append((time.monotonic(), message))
                if message["event"] == "mark" and self.echoes_marks:
                    await self.echo(message["mark"]["name"])
        except ConnectionClosed:
            pass
        finally:
            self.is_closed = True

    async def raw(self, text: str | bytes) -> None:
        """Send anything."""
        await self.socket.send(text)

    async def send(self, event: str, **body: object) -> None:
        """Send an event with its envelope."""
        self._sequence += 1
        message = {"event": event, "sequenceNumber": str(self._sequence), "streamSid": STREAM}
        await self.raw(json.dumps({**message, **body}))

    async def greet(self, **parameters: str) -> None:
        """`connected` and `start`."""
        await self.raw(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
        await self.send("start", start=start_body(**parameters))

    async def speak(self, mulaw: bytes, *, frame_bytes: int = 160) -> None:
        """The caller's audio, cut into messages, as fast as they go."""
        for offset in range(0, len(mulaw), frame_bytes):
            self._chunk += 1
            payload = base64.b64encode(mulaw[offset : offset + frame_bytes]).decode()
            media = {
                "track": "inbound",
                "chunk": str(self._chunk),
                "timestamp": str(self._chunk * 20),
                "payload": payload,
            }
            await self.send("media", media=media)

    async def echo(self, name: str) -> None:
        """Everything up to that mark was played."""
        await self.send("mark", mark={"name": name})

    async def stop(self) -> None:
        """The caller hung up."""
        await self.send("stop", stop={"accountSid": ACCOUNT, "callSid": CALL})

    async def vanish(self) -> None:
        """Cut the connection without a word."""
        self.socket.transport.abort()

    async def close(self) -> None:
        """Close, and wait for the reader."""
        await self.socket.close()
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)


def audio_of(messages: Iterable[dict[str, Any]]) -> bytes:
    """The µ-law in these messages."""
    return b"".join(base64.b64decode(m["media"]["payload"]) for m in messages if "media" in m)


def start_body(**parameters: str) -> dict[str, object]:
    """The body of a start message."""
    return {
        "accountSid": ACCOUNT,
        "streamSid": STREAM,
        "callSid": CALL,
        "tracks": ["inbound"],
        "customParameters": parameters,
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
    }


class Station(FrameProcessor):
    """Keeps every frame that passes, both ways; says back what it hears when told to."""

    def __init__(self, *, is_parrot: bool = False) -> None:
        super().__init__()
        self.seen: list[Frame] = []
        self.is_parrot = is_parrot
        self.gate = asyncio.Event()  # while cleared, this station is late
        self.gate.set()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Keep it, pass it."""
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            await self.gate.wait()
        self.seen.append(frame)
        if self.is_parrot and isinstance(frame, InputAudioRawFrame):
            frame = TTSAudioRawFrame(frame.audio, frame.sample_rate, frame.num_channels)
        await self.push_frame(frame, direction)

    def of(self, kind: type[Frame]) -> list[Any]:
        """The frames of a kind that passed."""
        return [frame for frame in self.seen if isinstance(frame, kind)]


class Call:
    """One call as the server sees it: the wire, a station between its ends and one behind."""

    def __init__(self, wire: CallerWire, *, is_parrot: bool = False) -> None:
        self.wire = wire
        self.middle = Station(is_parrot=is_parrot)
        self.behind = Station()
        self.worker = PipelineWorker(
            Pipeline([wire.input(), self.middle, wire.output(), self.behind]),
            params=PipelineParams(audio_in_sample_rate=8000, audio_out_sample_rate=8000),
            enable_rtvi=False,
            idle_timeout_secs=None,
        )
        self.done = asyncio.Event()

    async def run(self) -> None:
        """From the first frame to the last."""
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(self.worker)
        try:
            await runner.run(auto_end=True)
        finally:
            await self.wire.close()
            self.done.set()

    async def say(self, *frames: Frame) -> None:
        """Put frames in front of the output, as the voice does."""
        for frame in frames:
            await self.middle.push_frame(frame)


class Exchange:
    """A server for media sockets on loopback."""

    def __init__(self, settings: Wire, *, is_parrot: bool = False) -> None:
        self.settings = settings
        self.notebook = Notebook()
        self.calls: list[Call] = []
        self.refusals: list[Exception] = []
        self.url = ""
        self.is_parrot = is_parrot
        self.app = FastAPI()
        self.app.add_api_websocket_route("/twilio/media", self._media)

    async def _media(self, websocket: WebSocket) -> None:
        try:
            door = await answer(websocket, self.settings, self.notebook)
        except Exception as refusal:
            self.refusals.append(refusal)
            return
        wire = transport(self.settings, door, recorder=self.notebook)
        assert isinstance(wire, TwilioTransport)
        call = Call(wire, is_parrot=self.is_parrot)
        self.calls.append(call)
        await call.run()

    async def dial(self) -> TwilioPeer:
        """A new media socket; nothing sent yet."""
        return TwilioPeer(await client.connect(self.url, compression=None, proxy=None))

    async def connected(self, **parameters: str) -> tuple[TwilioPeer, Call]:
        """A call in progress."""
        known = len(self.calls)
        peer = await self.dial()
        await peer.greet(**parameters)
        await eventually(lambda: len(self.calls) > known, what="the call was answered")
        call = self.calls[-1]
        await eventually(lambda: call.behind.seen, what="the pipeline started")
        return peer, call


@asynccontextmanager
async def exchange(
    settings: Wire | None = None, *, is_parrot: bool = False
) -> AsyncIterator[Exchange]:
    """Serve media sockets; afterwards no call may be left running."""
    place = Exchange(settings or Wire(), is_parrot=is_parrot)
    async with served(place.app) as port:
        place.url = f"ws://127.0.0.1:{port}/twilio/media"
        try:
            yield place
        finally:
            for call in place.calls:
                if not call.done.is_set():
                    await call.worker.cancel()
                    await asyncio.wait_for(call.done.wait(), 30)


@asynccontextmanager
async def served(app: Any) -> AsyncIterator[int]:
    """A real server on loopback; its port."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, log_level="error", ws_ping_interval=None, lifespan="off"
    )
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    serving = asyncio.create_task(server._serve())
    await eventually(lambda: server.started, what="the server started")
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        server.force_exit = True
        await serving
