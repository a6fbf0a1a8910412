"""The carrier's TwiML Bins: static documents that answer when a bot's whole host does not.

They are the ones `docs/first-call.md` tells to make; the voicemail is what a number's Voice
Fallback URL names.
"""

from __future__ import annotations

from aiohttp import web

GOODBYE = """\
<?xml version="1.0" encoding="UTF-8"?>
<Response>
  <Say>Thank you. Goodbye.</Say>
  <Hangup/>
</Response>
"""
VOICEMAIL = """\
<?xml version="1.0" encoding="UTF-8"?>
<Response>
  <Say>We are sorry, we cannot take your call right now. Please leave your name, your number and
  your message after the tone.</Say>
  <Record maxLength="120" playBeep="true" action="ADDRESS-OF-THE-GOODBYE-BIN" method="GET"/>
  <Hangup/>
</Response>
"""


async def _goodbye(request: web.Request) -> web.Response:
    return web.Response(text=GOODBYE, content_type="text/xml")


async def _voicemail(request: web.Request) -> web.Response:
    text = VOICEMAIL.replace("ADDRESS-OF-THE-GOODBYE-BIN", "/bins/goodbye")
    return web.Response(text=text, content_type="text/xml")


def routes() -> list[web.RouteDef]:
    """Both bins."""
    return [web.get("/bins/goodbye", _goodbye), web.get("/bins/voicemail", _voicemail)]
