"""The carrier's doors: its webhooks and media socket. What it asks is answered in TwiML, what it
tells is kept with the call's record."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import HTTPException, Request, Response, WebSocket
from loguru import logger
from starlette.websockets import WebSocketDisconnect, WebSocketState

from bot.exchange import Exchange
from bot.guard import read_form
from bot.persona import Persona
from bot.session import Caller
from call.errors import CallerWireFault, Ending
from call.measures import REFUSED, TRANSFERS, VOICEMAILS, WAYS_OUT
from call.way_out import NO_ROOM, After, Destination, Reason, Step
from call.whisper import whisper
from transports.twilio import webhook
from transports.twilio.tickets import Ticket
from transports.twilio.transport import answer

XML = "application/xml"
POLICY_VIOLATION = 1008
INTERNAL_ERROR = 1011
CLOSE_WITHIN_S = 0.5

Serve = Callable[[Exchange, Any, Caller], Awaitable[None]]


class CarrierDoors:
    """Twilio's webhooks and media socket."""

    def __init__(self, exchange: Exchange, *, serve: Serve) -> None:
        """`serve` runs an admitted call to its end."""
        self._exchange = exchange
        self._serve = serve
        self._wire = exchange.settings.wire
        self._token = exchange.loaded.secrets.value("TWILIO_AUTH_TOKEN")

    # ── before and after the stream ──────────────────────────────────────────────────
    async def voice(self, request: Request) -> Response:
        """A call rings: connect it to the media socket, or apologise and take a message."""
        form = await self._form(request)
        reason = self._exchange.admission.refusal(form.get("From", ""))
        if reason is None and (busy := await self._exchange.lines.take(form.get("CallSid", ""))):
            reason = f"{busy}_full"  # its contract's limit: better said now than by its 429
        if reason is not None:
            self._count("voice", reason)
            logger.warning("call refused: {}", reason)
            if reason == "caller":
                return _xml(webhook.reject_twiml())
            caller = Caller(
                provider_call_id=form.get("CallSid", ""),
                number=form.get("From", ""),
                called=form.get("To", ""),
                wire="twilio",
            )
            self._exchange.keep_unserved(caller, Ending.REFUSED)
            self._exchange.metrics.count(
                WAYS_OUT, reason=Reason.CAPACITY.value, destination=Destination.VOICEMAIL.value
            )
            return self._follow(NO_ROOM, request, form)
        self._exchange.admission.tell_to_come(time.monotonic())
        self._exchange.expect(form.get("To", ""))
        token = self._exchange.tickets.issue(
            form.get("CallSid", ""),
            caller=form.get("From", ""),
            called=form.get("To", ""),
            now=time.time(),
        )
        return _xml(webhook.connect_twiml(self._public_url(request), token=token))

    async def after(self, request: Request) -> Response:
        """The stream has ended: hang up, hand over, or take a message.

        The carrier asks only while the caller is there: a call that left no word broke.
        """
        form = await self._form(request)
        following = self._exchange.afterwards.of(form.get("CallSid", ""))
        return self._follow(following, request, form)

    async def dial(self, request: Request) -> Response:
        """A transfer is over: so is the call if a person was there, else they leave a message."""
        form = await self._form(request)
        status = form.get("DialCallStatus", "")
        outcome = status if status in _DIAL_STATUSES else "unknown"
        if form.get("DialBridged") == "false" and outcome in _TAKEN:
            outcome = "declined"  # picked up, and hung up at the whisper
        self._exchange.metrics.count(TRANSFERS, outcome=outcome)
        if call_id := _call_id(form):
            self._exchange.records.follow_up(call_id, transfer=outcome)
        logger.info("transfer: {}", outcome)
        if outcome in _TAKEN:
            return _xml(webhook.hangup_twiml())
        persona = self._persona(form)
        reason = self._exchange.afterwards.of(form.get("CallSid", "")).reason
        is_urgent = reason is Reason.EMERGENCY
        words = persona.emergency.text if is_urgent else persona.phrases.nobody
        words = f"{words} {persona.phrases.voicemail}"
        return _xml(
            webhook.message_twiml(self._public_url(request), words=words, say=_tongue(persona))
        )

    async def whisper(self, request: Request) -> Response:
        """A person has picked up: what they hear before the caller."""
        form = await self._form(request)
        call_id = request.query_params.get("call") or form.get("ParentCallSid", "")
        following = self._exchange.afterwards.of(call_id)
        persona = self._exchange.personas.for_number(following.called)
        summary = whisper(following.summary, language=persona.language)
        words = f"{persona.phrases.whisper} {summary}".strip()
        return _xml(webhook.whisper_twiml(words, say=_tongue(persona)))

    async def recording(self, request: Request) -> Response:
        """A message was left: kept with the call's record, and announced once it is whole."""
        form = await self._form(request)
        message = webhook.recording(form, api_url=self._exchange.settings.twilio.api_url)
        if message is None:
            self._count("recording", "no_recording")
        elif call_id := _call_id(form):
            self._exchange.records.follow_up(
                call_id, voicemail_url=message.url, voicemail_s=message.duration_s
            )
            if message.is_complete:
                self._exchange.metrics.count(VOICEMAILS)
                logger.info("a message of {} s was left", message.duration_s)
                self._exchange.spawn(self._announce(form, message))
        return _xml(webhook.hangup_twiml())

    async def status(self, request: Request) -> Response:
        """The call's status: acknowledged."""
        form = await self._form(request)
        logger.info("{}: {}", request.url.path, form.get("CallStatus"))
        return _xml(webhook.hangup_twiml())

    def _follow(self, following: After, request: Request, form: dict[str, str]) -> Response:
        """What a call said is to follow, as the carrier reads it."""
        if following.step is Step.HANG_UP:
            return _xml(webhook.hangup_twiml())
        persona = self._persona(form)
        say, phrases, public_url = _tongue(persona), persona.phrases, self._public_url(request)
        said = "" if following.has_apologised else _sorry(persona, following.reason)
        if following.step is Step.TRANSFER and following.number:
            words = "" if following.has_apologised else f"{said} {phrases.transfer}".strip()
            twiml = webhook.transfer_twiml(
                public_url,
                number=following.number,
                call_id=form.get("CallSid", ""),
                words=words,
                say=say,
            )
            return _xml(twiml)
        is_full = following.reason is Reason.CAPACITY
        words = phrases.busy if is_full else f"{said} {phrases.voicemail}".strip()
        return _xml(webhook.message_twiml(public_url, words=words, say=say))

    async def _announce(self, form: dict[str, str], message: webhook.Recording) -> None:
        """Tell whoever waits for messages, with what the call's record may say of it."""
        call_id = _call_id(form)
        try:
            record = await asyncio.to_thread(self._exchange.records.of_carrier, call_id) or {}
        except Exception as error:  # the message: a store that is away does not keep it quiet
            logger.warning("a message's call is not known: {}", type(error).__name__)
            record = {}
        told = {name: record.get(name) for name in _TOLD}
        if self._exchange.notifier is not None:
            self._exchange.notifier.announce(
                {
                    "event": "voicemail",
                    **told,
                    "provider_call_id": call_id,
                    "voicemail_url": message.url,
                    "voicemail_s": message.duration_s,
                }
            )

    # ── the stream ───────────────────────────────────────────────────────────────────
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
        ticket = await self._ticket(door.start)
        if ticket is None and self._wire.verify_signature:
            await self._turn_away(websocket, "token")
            return
        caller = _caller(door.start, ticket)
        admission, is_awaited = self._exchange.admission, ticket is not None
        if not admission.enter(caller.number, is_awaited=is_awaited):
            reason = admission.refusal(caller.number, is_awaited=is_awaited) or "full"
            self._exchange.afterwards.decide(caller.provider_call_id, NO_ROOM)
            self._exchange.keep_unserved(caller, Ending.REFUSED)
            await self._turn_away(websocket, reason)
        else:
            await self._serve(self._exchange, door, caller)
            if websocket.application_state is WebSocketState.CONNECTED:
                await _close(websocket, INTERNAL_ERROR)  # no session has begun

    async def _turn_away(self, websocket: WebSocket, reason: str) -> None:
        """Close a socket that no call comes of."""
        self._count("media", reason)
        logger.warning("media socket refused: {}", reason)
        await _close(websocket, POLICY_VIOLATION)

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

    async def _ticket(self, start: Any) -> Ticket | None:
        """The one-time ticket that the webhook gave the caller; None when there is no good one."""
        return await self._exchange.tickets.redeem(
            start.parameters.get("token", ""), call_id=start.call_id, now=time.time()
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

    def _persona(self, form: dict[str, str]) -> Persona:
        return self._exchange.personas.for_number(form.get("To", ""))


_TOLD = ("call_id", "from", "to", "started_at", "ending", "fault_party")
_TAKEN = ("completed", "answered")
_DIAL_STATUSES = (*_TAKEN, "busy", "no-answer", "failed", "canceled")


async def _close(websocket: WebSocket, code: int) -> None:
    """Close, without waiting for a peer that does not answer."""
    try:
        async with asyncio.timeout(CLOSE_WITHIN_S):
            await websocket.close(code)
    except (TimeoutError, RuntimeError, OSError, WebSocketDisconnect) as error:  # it was faster
        logger.debug("media socket was already closed: {}", type(error).__name__)


def _caller(start: Any, ticket: Ticket | None) -> Caller:
    """Who calls, as the webhook knew it."""
    return Caller(
        provider_call_id=start.call_id,
        number=ticket.caller if ticket else "",
        called=ticket.called if ticket else "",
        wire="twilio",
    )


def _call_id(form: dict[str, str]) -> str:
    """The carrier's name for the call; "" for what is none."""
    name = form.get("CallSid", "")
    return name if name.isascii() and name.isalnum() and len(name) <= 64 else ""


def _sorry(persona: Persona, reason: Reason | None) -> str:
    """What the carrier says in place of an agent that could not."""
    match reason:
        case Reason.FAULTS | Reason.FATAL:
            return persona.phrases.apology
        case Reason.DRAINED:
            return persona.phrases.cut_short
        case Reason.UNSURE:
            return persona.phrases.misheard
        case Reason.EMERGENCY:
            return persona.emergency.text
    return ""


def _tongue(persona: Persona) -> webhook.Tongue:
    return webhook.tongue(persona.language, persona.voices.get("twilio", ""))


def _xml(twiml: str) -> Response:
    return Response(twiml, media_type=XML)
