"""The doors: the carrier's webhooks and media socket, the browser's offer, health, records, events.

Each route is a few lines: it asks `transports/` what the carrier means, `call/admission.py` whether
there is room, and hands the call to `bot/session.py`.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI, HTTPException, Request, Response, WebSocket
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse
from loguru import logger

from bot.exchange import Exchange
from bot.session import Caller, Session
from call.errors import CallerWireFault
from call.measures import NullRecorder
from transports.twilio import webhook
from transports.twilio.transport import answer
from transports.webrtc import pick_up, talk_page

XML = "application/xml"
POLICY_VIOLATION = 1008


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
        reason = self._exchange.admission.refusal()
        if reason is not None:
            logger.warning("call refused: {}", reason)
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
        verdict = self._exchange.verdict_after(form.get("CallSid", ""))
        if verdict == "hang_up":
            return _xml(webhook.hangup_twiml())
        if verdict == "transfer" and persona.can_transfer:
            return _xml(
                webhook.transfer_twiml(
                    public_url, number=persona.handoff_number, language=persona.language
                )
            )
        # The carrier asks only while the caller is there: the call broke on our side.
        words = f"{persona.phrases.apology} {persona.phrases.voicemail}"
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
            logger.warning("media socket refused: the upgrade's signature is wrong")
            await websocket.close(POLICY_VIOLATION)  # before it is accepted: 403
            return
        try:
            door = await answer(websocket, self._wire, NullRecorder())
        except CallerWireFault:
            return  # closed and logged where it was found out
        caller = self._caller(door.start)
        if caller is None or not self._exchange.admission.enter():
            logger.warning("media socket refused: {}", "full" if caller else "no valid token")
            await websocket.close(POLICY_VIOLATION)
            return
        await _serve(self._exchange, door, caller)

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
        form = {key: str(value) for key, value in (await request.form()).items()}
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
            logger.warning("{}: refused, the signature is missing or wrong", request.url.path)
            raise HTTPException(403)
        return form

    def _public_url(self, request: Request) -> str:
        """Where the carrier reaches us; without a public URL, where it just did (loopback only)."""
        return self._wire.public_url or str(request.base_url)


async def _serve(exchange: Exchange, door: Any, caller: Caller) -> None:
    """One admitted call from its first frame to its receipt."""
    try:
        await Session(exchange, door=door, caller=caller).run()
    finally:
        exchange.admission.leave()


def _xml(twiml: str) -> Response:
    return Response(twiml, media_type=XML)


def _browser(app: FastAPI, exchange: Exchange) -> None:
    @app.get("/talk")
    async def talk() -> HTMLResponse:
        return HTMLResponse(talk_page())

    @app.post("/webrtc/offer")
    async def offer(request: Request) -> JSONResponse:
        try:
            body = await request.json()
        except ValueError:
            raise HTTPException(400, "the offer is no JSON") from None
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
    async def calls() -> list[dict[str, Any]]:
        return exchange.records.newest()

    @app.get("/api/calls/{call_id}")
    async def call(call_id: str) -> dict[str, Any]:
        document = exchange.records.get(call_id)
        if document is None:
            raise HTTPException(404, "no such call is kept")
        return document

    @app.get("/api/events")
    async def events() -> StreamingResponse:
        return StreamingResponse(_stream(exchange), media_type="text/event-stream")


async def _stream(exchange: Exchange) -> AsyncIterator[str]:
    """Server-sent events: one JSON document each, `event` is its type."""
    with exchange.hub.reading() as reader:
        yield ": offhook\n\n"
        async for event in reader:
            yield f"event: {event['type']}\ndata: {json.dumps(event, ensure_ascii=False)}\n\n"
