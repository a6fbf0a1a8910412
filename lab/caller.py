"""A caller behind Twilio: dials a bot, stays for the stream, and follows the TwiML before and
after it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp

from lab.carrier import Carrier
from lab.clock import Clock
from lab.conformance import Conformance
from lab.dialling import DialError, StreamOffer, Verb, unreachable
from lab.plan import Plan
from lab.recording import Recording
from lab.stream import Event, Notes, Stream
from lab.switchboard import Deed, Switchboard, led_to
from lab.timeline import Timeline
from lab.watch import watching

UPGRADE_TIMEOUT_S = 10.0  # a bot that takes longer to accept the socket has lost the call
MAX_MESSAGE_BYTES = 16 << 20  # of a bot that sends a whole reply at once


@dataclass
class Outcome:
    """What one call left behind."""

    timeline: Timeline
    conformance: Conformance
    recording: Recording
    verbs: list[Verb] = field(default_factory=list)
    problem: str = ""
    """Why the call could not take place or broke, in one line; empty when it did not."""
    lost_messages: int = 0
    deeds: list[Deed] = field(default_factory=list)
    """What the carrier did besides the stream, in order."""

    @property
    def led_to(self) -> str:
        """Where the caller ended up: "person", "voicemail" or nowhere."""
        return led_to(self.deeds)


class Caller:
    """One caller, one call."""

    def __init__(
        self,
        plan: Plan,
        *,
        clock: Clock | None = None,
        on_event: Callable[[Event], None] | None = None,
        completed: asyncio.Event | None = None,
    ) -> None:
        self._plan = plan
        self._conformance = Conformance()
        timeline = Timeline(plan.phone.ids.call_sid)
        self._notes = Notes(timeline, self._conformance, Recording(), on_event)
        self._clock = clock or Clock()
        self._stream = Stream(
            plan, self._notes, clock=self._clock, completed=completed or asyncio.Event()
        )
        self._verbs: list[Verb] = []
        self._deeds: list[Deed] = []

    async def call(self, url: str) -> Outcome:
        """Dial `url` (webhook or socket) and stay until the call is over; never raises for what
        the bot does."""
        problem = ""
        call_sid = self._plan.phone.ids.call_sid
        async with (
            aiohttp.ClientSession() as session,
            watching(self._plan.watch_url, call_sid) as self._stream.watch,
        ):
            try:
                if url.startswith("http"):
                    await self._through_webhook(session, url)
                else:
                    await self._connect(session, StreamOffer(url, self._plan.parameters))
            except DialError as error:
                problem = str(error)
        return Outcome(
            timeline=self._notes.timeline,
            conformance=self._conformance,
            recording=self._notes.recording,
            verbs=self._verbs,
            problem=problem,
            lost_messages=self._stream.lost_messages,
            deeds=self._deeds,
        )

    async def _through_webhook(self, session: aiohttp.ClientSession, url: str) -> None:
        board = Switchboard(
            self._plan,
            session=session,
            conformance=self._conformance,
            clock=self._clock,
            connect=lambda offer: self._connect(session, offer),
        )
        self._verbs, self._deeds = board.verbs, board.deeds
        await board.follow(url)

    async def _connect(self, session: aiohttp.ClientSession, offer: StreamOffer) -> str:
        """Open the socket and stay until the stream is over; returns who ended it."""
        phone = self._plan.phone
        try:
            async with asyncio.timeout(UPGRADE_TIMEOUT_S):
                socket = await session.ws_connect(
                    phone.route(offer.url),
                    headers=phone.signed(offer.url, {}),
                    timeout=aiohttp.ClientWSTimeout(ws_close=self._plan.closing_s),
                    max_msg_size=MAX_MESSAGE_BYTES,
                )
        except TimeoutError:
            raise self._not_upgraded(offer, f"no answer within {UPGRADE_TIMEOUT_S:g} s") from None
        except aiohttp.ClientError as error:
            raise self._not_upgraded(offer, unreachable(error)) from None
        self._conformance.kept("upgrade")
        carrier = Carrier(phone.ids, self._conformance, parameters=offer.parameters)
        return await self._stream.run(socket, carrier)

    def _not_upgraded(self, offer: StreamOffer, why: str) -> DialError:
        self._conformance.broken("upgrade", f"{offer.url}: {why}")
        return DialError(f"{offer.url}: {why}")
