"""The doors: the carrier's webhooks and media socket, the browser's offer, health, records, events.

Each route is a few lines: it asks `transports/` what the carrier means, `call/admission.py` whether
there is room, and hands the call to `bot/session.py`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response, WebSocket
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse
from loguru import logger

from bot.exchange import Exchange
from bot.guard import Guard, content_policy, read_form, read_json
from bot.session import Caller, Session
from call.errors import CallerWireFault
from call.measures import REFUSED
from call.way_out import Step
from telemetry.console.routes import LiveCall, console
from transports.twilio import webhook
from transports.twilio.transport import answer
from transports.webrtc import pick_up, talk_page

XML = "application/xml"
POLICY_VIOLATION = 1008
CLOSE_WITHIN_S = 0.5


def build_app(exchange: Exchange) -> FastAPI:
    """The ASGI application over one exchange."""
    app = FastAPI(title="offhook", docs_url=None, redoc_url=None, openapi_url=None)
    doors = CarrierDoors(exchange)
    app.post("/twilio/voice")(doors.voice)
    app.post("/twilio/after")(doors.after)
    for quiet in ("status", "recording", "dial"):
        app.post(f"/twilio/{quiet}")(doors.note)
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


class CarrierDoors:
    """Twilio's webhooks and media socket."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._wire = exchange.settings.wire
        self._token = exchange.loaded.secrets.value("TWILIO_AUTH_TOKEN")

    async def voice(self, request: Request) -> Response:
        """A call rings: connect it to the media socket, or apologise and take a message."""
        form = await self._form(request)
        public_url = self._public_url(request)
        persona = self._exchange.personas.for_number(form.get("To", ""))
        reason = self._exchange.admission.refusal(form.get("From", ""))
        if reason is not None:
            self._count("voice", reason)
            logger.warning("call refused: {}", reason)
            if reason == "caller":
                return _xml(webhook.reject_twiml())
            words = persona.phrases.busy
            return _xml(webhook.message_twiml(public_url, words=words, language=persona.language))
        token = self._exchange.tickets.issue(
            form.get("CallSid", ""),
            caller=form.get("From", ""),
            called=form.get("To", ""),
            now=time.monotonic(),
        )
        return _xml(webhook.connect_twiml(public_url, token=token))

    async def after(self, request: Request) -> Response:
        """The stream has ended: hang up, hand over, or take a message if the call broke."""
        form = await self._form(request)
        public_url = self._public_url(request)
        persona = self._exchange.personas.for_number(form.get("To", ""))
        following = self._exchange.verdict_after(form.get("CallSid", ""))
        if following.step is Step.HANG_UP:
            return _xml(webhook.hangup_twiml())
        # The carrier asks only while the caller is there: without a word of the call, it broke.
        phrases = persona.phrases
        words = "" if following.has_apologised else phrases.apology
        if following.step is Step.TRANSFER and persona.can_transfer:
            return _xml(
                webhook.transfer_twiml(
                    public_url,
                    number=persona.handoff_number,
                    words=words,
                    language=persona.language,
                )
            )
        words = f"{words} {phrases.voicemail}".strip()
        return _xml(webhook.message_twiml(public_url, words=words, language=persona.language))

    async def note(self, request: Request) -> Response:
        """Call status, a recorded message, the end of a transfer: acknowledged, then hung up."""
        form = await self._form(request)
        logger.info(
            "{}: {}", request.url.path, form.get("CallStatus") or form.get("DialCallStatus")
        )
        return _xml(webhook.hangup_twiml())

    async def media(self, websocket: WebSocket) -> None:
        """A media socket: its start tells which call it is, its token that it is ours."""
        if self._wire.verify_signature and not self._is_signed_upgrade(websocket):
            await self._turn_away(websocket, "signature")  # before it is accepted: 403
            return
        try:
            door = await answer(websocket, self._wire, self._exchange.metrics)
        except CallerWireFault:
            self._count("media", "no_start")
            return  # closed and logged where it was found out
        caller = self._caller(door.start)
        if caller is None:
            await self._turn_away(websocket, "token")
        elif not self._exchange.admission.enter(caller.number):
            reason = self._exchange.admission.refusal(caller.number) or "full"
            await self._turn_away(websocket, reason)
        else:
            await _serve(self._exchange, door, caller)

    async def _turn_away(self, websocket: WebSocket, reason: str) -> None:
        """Close a socket that no call comes of, without waiting for a peer that does not answer."""
        self._count("media", reason)
        logger.warning("media socket refused: {}", reason)
        try:
            async with asyncio.timeout(CLOSE_WITHIN_S):
                await websocket.close(POLICY_VIOLATION)
        except (TimeoutError, RuntimeError, OSError) as error:  # the peer was faster, or is gone
            logger.debug("media socket was already closed: {}", type(error).__name__)

    def _count(self, door: str, reason: str) -> None:
        self._exchange.metrics.count(REFUSED, door=door, reason=reason)

    def _is_signed_upgrade(self, websocket: WebSocket) -> bool:
        """Wrong is refused; missing is left to the token, since proxies may drop the header."""
        signature = websocket.headers.get("x-twilio-signature")
        return signature is None or webhook.is_signed_upgrade(
            self._token,
            public_url=self._wire.public_url,
            target=websocket.url.path,
            signature=signature,
        )

    def _caller(self, start: Any) -> Caller | None:
        """Who calls, from the one-time ticket; None when a ticket is asked for and not good."""
        ticket = self._exchange.tickets.redeem(
            start.parameters.get("token", ""), call_id=start.call_id, now=time.monotonic()
        )
        if ticket is None and self._wire.verify_signature:
            return None
        return Caller(
            provider_call_id=start.call_id,
            number=ticket.caller if ticket else "",
            called=ticket.called if ticket else "",
            wire="twilio",
        )

    async def _form(self, request: Request) -> dict[str, str]:
        """The carrier's form, once its signature is good (or not asked for)."""
        try:
            form = read_form(await request.body(), doors=self._exchange.settings.doors)
        except ValueError as error:
            self._count("webhook", "form")
            raise HTTPException(400, str(error)) from None
        if not self._wire.verify_signature:
            logger.warning("{}: unverified (wire.verify_signature is off)", request.url.path)
            return form
        query = f"?{request.url.query}" if request.url.query else ""
        if not webhook.is_signed_post(
            self._token,
            public_url=self._wire.public_url,
            target=request.url.path + query,
            form=form,
            signature=request.headers.get("X-Twilio-Signature", ""),
        ):
            self._count("webhook", "signature")
            logger.warning("{}: refused, the signature is missing or wrong", request.url.path)
            raise HTTPException(403)
        return form

    def _public_url(self, request: Request) -> str:
        """Where the carrier reaches us; without a public URL, where we listen (loopback only).

        Never what Host or X-Forwarded-Host say: TwiML built from them would send a call anywhere.
        """
        host, port = request.scope.get("server") or ("127.0.0.1", None)
        return self._wire.public_url or f"http://{host}" + (f":{port}" if port else "")


async def _serve(exchange: Exchange, door: Any, caller: Caller) -> None:
    """One admitted call from its first frame to its receipt."""
    try:
        await Session(exchange, door=door, caller=caller).run()
    finally:
        exchange.admission.leave(caller.number)


def _xml(twiml: str) -> Response:
    return Response(twiml, media_type=XML)


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
        text, kind = exchange.metrics.page(request.headers.get("accept", ""))
        return Response(text, headers={"content-type": kind})


def _records(app: FastAPI, exchange: Exchange) -> None:
    @app.get("/api/calls")
    def calls() -> list[dict[str, Any]]:
        return exchange.records.newest()

    @app.get("/api/calls/{call_id}")
    def call(call_id: str) -> dict[str, Any]:
        document = exchange.records.get(call_id)
        if document is None:
            raise HTTPException(404, "no such call is kept")
        return document

    @app.get("/api/events")
    async def events() -> StreamingResponse:
        return StreamingResponse(_stream(exchange), media_type="text/event-stream")


def _console(app: FastAPI, exchange: Exchange) -> None:
    def living() -> list[LiveCall]:
        return [
            LiveCall(
                call_id=call_id,
                wire=session.caller.wire,
                started=session.started,
                state=session.recorder.timeline.state.value,
                turns=[record.document() for record in session.recorder.timeline.records],
            )
            for call_id, session in exchange.sessions.items()
        ]

    pages = console(exchange.records, budgets=exchange.settings.budgets, living=living)
    app.include_router(pages)


async def _stream(exchange: Exchange) -> AsyncIterator[str]:
    """Server-sent events: one JSON document each, `event` is its type."""
    with exchange.hub.reading() as reader:
        yield ": offhook\n\n"
        async for event in reader:
            yield f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n"
