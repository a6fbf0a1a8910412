"""One port, one process: every emulated provider behind the paths of its vendor.

async with lab.server.start(profile="zero", seed=1, engine="bursts") as lab:
    lab.http_url, lab.ws_url, lab.port, lab.faults, lab.log, lab.knobs, lab.calls
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from lab import bins, book, cartesia, control, deepgram, directory, elevenlabs, flux
from lab.anthropic import Claude
from lab.delays import Delays
from lab.engines import Engines, load
from lab.faults import Faults
from lab.knobs import Knobs
from lab.log import Log
from lab.twilio_rest import Calls, Carrier
from lab.world import WORLD, World

MAX_BODY_BYTES = 32 << 20  # the vendor's limit of a Messages request


@dataclass(frozen=True)
class Lab:
    """A running lab, as tests hold it."""

    port: int
    host: str
    world: World
    calls: Calls

    @property
    def http_url(self) -> str:
        """For clients that post."""
        return f"http://{self.host}:{self.port}"

    @property
    def ws_url(self) -> str:
        """For clients that open sockets."""
        return f"ws://{self.host}:{self.port}"

    @property
    def faults(self) -> Faults:
        """What is to go wrong."""
        return self.world.faults

    @property
    def log(self) -> Log:
        """What the providers saw."""
        return self.world.log

    @property
    def knobs(self) -> Knobs:
        """Where the documents leave room."""
        return self.world.knobs

    @property
    def delays(self) -> Delays:
        """How slow the providers are."""
        return self.world.delays


def application(world: World) -> tuple[web.Application, Carrier]:
    """All routes over one world."""
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    app[WORLD] = world
    claude, carrier = Claude(world), Carrier(world)
    calls = "/2010-04-01/Accounts/{account}/Calls/{sid:\\w+}.json"
    app.add_routes(
        [
            web.get("/healthz", _healthz),
            web.get("/v1/listen", deepgram.listen),
            web.get("/v2/listen", flux.listen),
            web.post("/v1/messages", claude.messages),
            web.post("/v1/messages/count_tokens", claude.count_tokens),
            web.get("/v1/text-to-speech/{voice}/multi-stream-input", elevenlabs.multi_stream_input),
            web.get("/v1/text-to-speech/{voice}/stream-input", elevenlabs.stream_input),
            web.get("/tts/websocket", cartesia.websocket),
            web.post(calls, carrier.update),
            web.get(calls, carrier.fetch),
            web.get("/2010-04-01/Accounts/{account:\\w+}.json", carrier.account),
            web.get("/2010-04-01/Accounts/{account}/IncomingPhoneNumbers.json", carrier.numbers),
            web.get("/control/calls", carrier.list),
            web.get("/control/calls/{sid}", carrier.watch),
            web.put("/control/calls/{sid}", carrier.register),
            *carrier.recordings.routes(),
            *bins.routes(),
            *control.routes(),
            *directory.routes(),
            *book.routes(),
        ]
    )
    return app, carrier


@asynccontextmanager
async def start(
    *,
    port: int = 0,
    host: str = "127.0.0.1",
    profile: str = "zero",
    seed: int = 1,
    engine: str | Engines = "bursts",
    mind: str = "receptionist",
    knobs: Knobs | None = None,
) -> AsyncIterator[Lab]:
    """Serve until the block ends. OSError when the port is taken."""
    knobs = knobs or Knobs()
    if profile == "zero":
        _hurry(knobs)
    world = World(
        engines=load(engine, mind=mind) if isinstance(engine, str) else engine,
        delays=Delays(profile, seed=seed),
        knobs=knobs,
    )
    if engine == "real":
        await _warm(world.engines)
    app, carrier = application(world)
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield Lab(runner.addresses[0][1], host, world, carrier.calls)
    finally:
        await world.close()
        await runner.cleanup()


def _hurry(knobs: Knobs) -> None:
    """The zero profile waits for nothing: neither at the ingest limit nor for synthesis."""
    knobs.deepgram.ingest_limit = knobs.flux.ingest_limit = 0.0
    knobs.elevenlabs.pace = knobs.cartesia.pace = 0.0


async def _warm(engines: Engines) -> None:
    """Load models and voices now, not in the first caller's first second."""
    ear = engines.ear()
    ear.feed(bytes(3200))
    await ear.finish()
    await ear.close()
    await engines.speak("Hello.", voice="")


async def _healthz(request: web.Request) -> web.Response:
    return web.json_response({"status": "ok"})
