"""The emulated Twilio REST: enough of `/2010-04-01` to end a call and to ask about it.

A lab caller registers its call (`PUT /control/calls/{sid}`, or `Calls.begin` in the same process)
and learns here that the bot hung up over REST (`GET /control/calls/{sid}?wait_s=…`). A call nobody
registered is taken to be under way the first time it is named: the caller may live elsewhere.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections import OrderedDict
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from lab.faults import Fault
from lab.pipes import reset
from lab.recordings import Recordings
from lab.world import World, is_wrong_key

NAME = "twilio"
MAX_CALLS = 10_000
MAX_WAIT_S = 60.0
OVER = ("completed", "canceled", "busy", "failed", "no-answer")
MESSAGES = {401: (20003, "Authenticate"), 404: (20404, ""), 429: (20429, "Too Many Requests")}


def refusal(
    status: int, message: str, *, code: int = 0, retry_after_s: float = 0.0
) -> web.Response:
    """An error of the REST API."""
    number, text = MESSAGES.get(status, (20000 + status, "Error"))
    code = code or number
    body = {
        "code": code,
        "message": message or text,
        "more_info": f"https://www.twilio.com/docs/errors/{code}",
        "status": status,
    }
    headers = {"retry-after": f"{retry_after_s:g}"} if retry_after_s else {}
    if status == 401:
        headers["www-authenticate"] = 'Basic realm="Twilio API"'
    return web.json_response(body, status=status, headers=headers)


def refuse_for(status: int, fault: Fault) -> web.Response:
    """A refusal a fault asked for."""
    code = int(fault["code"]) if fault["code"].isdecimal() else 0
    return refusal(status, fault["message"], code=code, retry_after_s=fault["retry_after_s"])


class Call:
    """One call as the carrier sees it."""

    def __init__(self, sid: str, account: str) -> None:
        self.sid = sid
        self.account = account
        self.status = "in-progress"
        self.twiml = ""
        self.over = asyncio.Event()

    def as_dict(self) -> dict[str, Any]:
        """The Call resource."""
        now = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")
        return {
            "sid": self.sid,
            "account_sid": self.account,
            "status": self.status,
            "direction": "inbound",
            "to": "+15550100000",
            "from": "+15550100001",
            "date_created": now,
            "date_updated": now,
            "start_time": now,
            "end_time": now if self.over.is_set() else None,
            "duration": None,
            "price": None,
            "price_unit": "USD",
            "api_version": "2010-04-01",
            "uri": f"/2010-04-01/Accounts/{self.account}/Calls/{self.sid}.json",
            "subresource_uris": {},
        }


class Calls:
    """The calls this carrier knows; the oldest are forgotten."""

    def __init__(self) -> None:
        self._calls: OrderedDict[str, Call] = OrderedDict()

    def get(self, sid: str, account: str = "AC" + "0" * 32) -> Call:
        """The call of that sid; named for the first time, it is under way."""
        if sid not in self._calls:
            self._calls[sid] = Call(sid, account)
            if len(self._calls) > MAX_CALLS:
                self._calls.popitem(last=False)
        return self._calls[sid]

    def begin(self, sid: str, account: str = "AC" + "0" * 32) -> Call:
        """A new call with this sid is under way."""
        self._calls.pop(sid, None)
        return self.get(sid, account)

    def end(self, sid: str) -> None:
        """The call is over, whoever ended it."""
        call = self.get(sid)
        call.status = "completed"
        call.over.set()

    def all(self) -> list[Call]:
        """Every call, oldest first."""
        return list(self._calls.values())


class Carrier:
    """The REST endpoints."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.calls = Calls()
        self.recordings = Recordings(world.log, refused=self._refused, refusal=refusal)

    async def update(self, request: web.Request) -> web.StreamResponse:
        """`POST …/Calls/{sid}.json`: hang up, or new TwiML."""
        form = await request.post()
        fields = {name: str(value) for name, value in form.items()}
        account, sid = request.match_info["account"], request.match_info["sid"]
        refused = await self._refused(request, words=" ".join(fields.values()))
        answer = refused if refused is not None else self._update(account, sid, fields)
        self.world.log.add(NAME, "request", sid=sid, form=fields, status=answer.status)
        return answer

    def _update(self, account: str, sid: str, fields: dict[str, str]) -> web.Response:
        call = self.calls.get(sid, account)
        if call.over.is_set():
            path = f"/2010-04-01/Accounts/{account}/Calls/{sid}.json"
            return refusal(404, f"The requested resource {path} was not found")
        asked = fields.get("Status")
        if asked is not None and asked not in ("completed", "canceled"):
            return refusal(400, "Status must be completed or canceled", code=21218)
        if asked:
            self.calls.end(sid)
        elif "Twiml" in fields or "Url" in fields:
            call.twiml = fields.get("Twiml") or fields.get("Url", "")
        return web.json_response(call.as_dict())

    async def fetch(self, request: web.Request) -> web.StreamResponse:
        """`GET …/Calls/{sid}.json`."""
        if refused := await self._refused(request):
            return refused
        call = self.calls.get(request.match_info["sid"], request.match_info["account"])
        return web.json_response(call.as_dict())

    async def account(self, request: web.Request) -> web.StreamResponse:
        """`GET /2010-04-01/Accounts/{sid}.json`."""
        if refused := await self._refused(request):
            return refused
        sid = request.match_info["account"]
        return web.json_response(
            {"sid": sid, "friendly_name": "Lab", "status": "active", "type": "Full"}
        )

    async def numbers(self, request: web.Request) -> web.StreamResponse:
        """`GET …/IncomingPhoneNumbers.json`: none; nobody owns a number in the lab."""
        if refused := await self._refused(request):
            return refused
        return web.json_response(
            {"incoming_phone_numbers": [], "page": 0, "page_size": 50, "next_page_uri": None}
        )

    async def _refused(self, request: web.Request, *, words: str = "") -> web.Response | None:
        faults, shut = await self.world.knock(request, NAME, refuse=refuse_for, words=words)
        if shut is not None:
            return shut
        for fault in faults:
            if fault.shape == "latency":
                await asyncio.sleep(fault["delay_s"])
            elif fault.shape == "black_hole":
                await asyncio.sleep(fault["for_s"] or MAX_WAIT_S)
                reset(request)
            elif fault.shape == "reset_peer":
                reset(request)
            elif fault.shape == "garbage":
                return web.Response(text='{"sid": "CA', content_type="application/json")
        user, secret = _basic(request)
        if not user.startswith(("AC", "SK")) or is_wrong_key(secret):
            return refusal(401, "Authenticate")
        return None

    # for lab callers in another process
    async def register(self, request: web.Request) -> web.Response:
        """`PUT /control/calls/{sid}`: this call is under way."""
        call = self.calls.begin(request.match_info["sid"])
        return web.json_response({"sid": call.sid, "status": call.status}, status=201)

    async def watch(self, request: web.Request) -> web.Response:
        """`GET /control/calls/{sid}?wait_s=…`: its state, as soon as it is over or the wait is."""
        call = self.calls.get(request.match_info["sid"])
        try:
            wait_s = min(MAX_WAIT_S, max(0.0, float(request.query.get("wait_s", "0"))))
        except ValueError:
            return web.json_response({"error": "wait_s must be seconds"}, status=400)
        try:
            await asyncio.wait_for(call.over.wait(), wait_s)
        except TimeoutError:
            pass
        return web.json_response({"sid": call.sid, "status": call.status, "twiml": call.twiml})

    async def list(self, request: web.Request) -> web.Response:
        """`GET /control/calls`: every call and its state."""
        calls = [{"sid": call.sid, "status": call.status} for call in self.calls.all()]
        return web.json_response({"calls": calls})


def _basic(request: web.Request) -> tuple[str, str]:
    """User and password of basic authentication."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return user, secret
