"""The messages callers left at the emulated carrier: looked up and deleted over its REST, and made
known by callers in another process (`PUT /control/recordings/{sid}`)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable

from aiohttp import web

from lab.log import Log

MAX_RECORDINGS = 10_000
NAME = "twilio"

Refused = Callable[[web.Request], Awaitable[web.StreamResponse | None]]
Refusal = Callable[[int, str], web.Response]


class Recordings:
    """The recordings there are; the oldest are forgotten."""

    def __init__(self, log: Log, *, refused: Refused, refusal: Refusal) -> None:
        self._log = log
        self._refused = refused
        self._refusal = refusal
        self._sids: OrderedDict[str, None] = OrderedDict()

    def routes(self) -> list[web.RouteDef]:
        """The REST resource, and its back door."""
        path = "/2010-04-01/Accounts/{account}/Recordings/{sid:\\w+}.json"
        return [
            web.get(path, self.fetch),
            web.delete(path, self.delete),
            web.get("/control/recordings", self.list),
            web.put("/control/recordings/{sid}", self.register),
        ]

    async def fetch(self, request: web.Request) -> web.StreamResponse:
        """`GET …/Recordings/{sid}.json`."""
        if refused := await self._refused(request):
            return refused
        sid = request.match_info["sid"]
        if sid not in self._sids:
            return self._missing(request)
        return web.json_response({"sid": sid, "status": "completed", "channels": 1})

    async def delete(self, request: web.Request) -> web.StreamResponse:
        """`DELETE …/Recordings/{sid}.json`: gone, or never there."""
        if refused := await self._refused(request):
            return refused
        sid = request.match_info["sid"]
        self._log.add(NAME, "delete", sid=sid)
        if sid not in self._sids:
            return self._missing(request)
        del self._sids[sid]
        return web.Response(status=204)

    def _missing(self, request: web.Request) -> web.Response:
        return self._refusal(404, f"The requested resource {request.path} was not found")

    async def register(self, request: web.Request) -> web.Response:
        """This recording has been made."""
        sid = request.match_info["sid"]
        self._sids[sid] = None
        if len(self._sids) > MAX_RECORDINGS:
            self._sids.popitem(last=False)
        return web.json_response({"sid": sid}, status=201)

    async def list(self, request: web.Request) -> web.Response:
        """Every recording that is kept."""
        return web.json_response({"recordings": list(self._sids)})
