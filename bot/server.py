"""The doors: the carrier's webhooks and media socket, the browser's offer, health, records, events.

Each route is a few lines: it asks `transports/` what the carrier means, `call/admission.py` whether
there is room, and hands the call to `bot/session.py`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse
from loguru import logger

from bot.carrier import CarrierDoors
from bot.exchange import Exchange
from bot.guard import Guard, content_policy, read_json
from bot.session import Caller, Session
from call.errors import CallerWireFault, Ending, Party
from telemetry.console.routes import console
from telemetry.listing import listed
from transports.webrtc import pick_up, talk_page


def build_app(exchange: Exchange) -> FastAPI:
    """The ASGI application over one exchange."""
    app = FastAPI(title="offhook", docs_url=None, redoc_url=None, openapi_url=None)
    doors = CarrierDoors(exchange, serve=_serve)
    for name in ("voice", "after", "dial", "whisper", "recording", "status"):
        app.post(f"/twilio/{name}")(getattr(doors, name))
    app.websocket("/twilio/media")(doors.media)
    _browser(app, exchange)
    _health(app, exchange)
    _metrics(app, exchange)
    _records(app, exchange)
    _console(app, exchange)
    app.add_middleware(
        Guard,
        doors=exchange.settings.doors,
        public_url=exchange.settings.wire.public_url,
        password=exchange.loaded.secrets.value("OFFHOOK_CONSOLE_PASSWORD"),
        recorder=exchange.metrics,
    )
    return app


async def _serve(exchange: Exchange, door: Any, caller: Caller) -> None:
    """One admitted call from its first frame to its receipt."""
    try:
        session = Session(exchange, door=door, caller=caller)
    except Exception as error:  # the caller: whatever we cannot open, a message can be left
        logger.opt(exception=error).error("call could not begin: {}", type(error).__name__)
        exchange.keep_unserved(caller, Ending.FAULT, Party.US)
        exchange.admission.leave(caller.number)
        await exchange.lines.release(caller.provider_call_id)
        return
    await asyncio.sleep(0)  # the other calls' turn, between two steps of some milliseconds
    try:
        await session.run()
    finally:
        exchange.admission.leave(caller.number)
        await exchange.lines.release(caller.provider_call_id)


def _browser(app: FastAPI, exchange: Exchange) -> None:
    page = talk_page()
    policy = {"content-security-policy": content_policy(page)}

    @app.get("/talk")
    async def talk() -> HTMLResponse:
        return HTMLResponse(page, headers=policy)

    @app.post("/webrtc/offer")
    async def offer(request: Request) -> JSONResponse:
        try:
            body = read_json(await request.body(), doors=exchange.settings.doors)
        except ValueError as error:
            raise HTTPException(400, str(error)) from None
        if not exchange.admission.enter():
            raise HTTPException(503, f"no call is taken: {exchange.admission.refusal()}")
        try:
            reply, connection = await pick_up(body, exchange.settings.wire)
        except CallerWireFault as fault:
            exchange.admission.leave()
            raise HTTPException(400, str(fault)) from None
        caller = Caller(provider_call_id="", number="", called="", wire="webrtc")
        exchange.spawn(_serve(exchange, connection, caller))
        return JSONResponse(reply)


def _health(app: FastAPI, exchange: Exchange) -> None:
    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz")
    async def readyz() -> JSONResponse:
        reason = exchange.admission.refusal()
        body = {"status": reason or "ready", "active_calls": exchange.admission.active}
        return JSONResponse(body, status_code=503 if reason else 200)


def _metrics(app: FastAPI, exchange: Exchange) -> None:
    @app.get("/metrics")
    async def metrics(request: Request) -> Response:
        text, kind = await exchange.metrics_page(request.headers.get("accept", ""))
        return Response(text, headers={"content-type": kind})


def _records(app: FastAPI, exchange: Exchange) -> None:
    # Read and written in one step off the loop, of which few are taken at a time (bot/serve.py).
    @app.get("/api/calls")
    async def calls() -> Response:
        text = await asyncio.to_thread(lambda: listed(exchange.records.newest()))
        return Response(text, media_type="application/json")

    @app.get("/api/calls/{call_id}")
    async def call(call_id: str) -> Response:
        document = await asyncio.to_thread(exchange.records.get, call_id)
        if document is None:
            raise HTTPException(404, "no such call is kept")
        return JSONResponse(document)

    @app.get("/api/events")
    async def events() -> StreamingResponse:
        return StreamingResponse(_stream(exchange), media_type="text/event-stream")


def _console(app: FastAPI, exchange: Exchange) -> None:
    pages = console(exchange.records, budgets=exchange.settings.budgets, living=exchange.all_living)
    app.include_router(pages)


async def _stream(exchange: Exchange) -> AsyncIterator[str]:
    """Server-sent events: one JSON document each, `event` is its type."""
    with exchange.hub.reading() as reader:
        yield ": offhook\n\n"
        async for event in reader:
            yield f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n"
