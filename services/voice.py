"""One connection to a voice, without frames: clauses in, sound and its timing out.

What differs between vendors is a `Dialect` without I/O: our intents become its messages, its
messages become our events. `Voice` adds the socket: dialled before the first clause, kept alive,
replaced when it is lost. It never waits for the network on behalf of whoever speaks.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from call.errors import ProviderFault, ProviderSlow
from call.measures import PROVIDER_GARBAGE, PROVIDER_UNKNOWN, Recorder
from services.channel import Address, Care, Channel, Spares
from services.fault import Origin
from services.pool import Keep

_PING_S = 5.0  # a dead connection is found before a clause is sent into it
_STABLE_S = 1.0  # a connection that stood this long is worth replacing at once
_GARBAGE = 3  # messages in a row that cannot be read: nothing will be


@dataclass(frozen=True)
class Sound:
    """µ-law audio of a context."""

    context: str
    mulaw: bytes


@dataclass(frozen=True)
class Timing:
    """When letters or words are spoken: from the start of the context or, if `is_relative`, of the
    next sound."""

    context: str
    pieces: Sequence[str]
    starts_s: Sequence[float]
    ends_s: Sequence[float]
    is_relative: bool = False


@dataclass(frozen=True)
class Flushed:
    """All audio of one more clause of the context has come."""

    context: str


@dataclass(frozen=True)
class Finished:
    """No more audio will come for the context."""

    context: str


@dataclass(frozen=True)
class Failed:
    """Something went wrong; `context` is None when the provider does not say with which, and
    `is_last` when it will close the connection."""

    fault: ProviderFault
    context: str | None = None
    is_last: bool = False


@dataclass(frozen=True)
class Unknown:
    """A message of a kind we do not know."""


Event = Sound | Timing | Flushed | Finished | Failed | Unknown


class Dialect(Protocol):
    """A vendor's language, without I/O."""

    origin: Origin
    keepalive_s: float
    """A silent connection is kept alive this often; 0 for a vendor without such a message."""
    renew_s: float
    """An idle connection older than this is replaced before the vendor closes it; 0 never."""
    context_life_s: float
    """A context without audio for this long may be gone, and is not gone on with; 0 = stays."""

    def address(self) -> Address:
        """Where to dial."""

    def speak(self, context: str, text: str, *, is_first: bool) -> list[str]:
        """Say a clause, at once, in a context."""

    def finish(self, context: str) -> list[str]:
        """Nothing more will be said in the context."""

    def cancel(self, context: str) -> list[str]:
        """Stop the context."""

    def keepalive(self, contexts: Sequence[str]) -> str | None:
        """What keeps an idle connection and its open contexts alive."""

    def read(self, text: str) -> list[Event]:
        """A message of the vendor. Raises ValueError, TypeError or LookupError on garbage."""


class Ear(Protocol):
    """Who listens to a voice."""

    def hear(self, event: Event) -> None:
        """An event, in the order it came."""


class Voice:
    """A voice that can be spoken through."""

    def __init__(
        self,
        dialect: Dialect,
        *,
        connect_timeout_s: float,
        recorder: Recorder,
        spares: Spares | None = None,
    ) -> None:
        self.provider = dialect.origin.provider
        self.origin = dialect.origin
        self.context_life_s = dialect.context_life_s
        self._dialect = dialect
        self._connect_timeout_s = connect_timeout_s
        self._recorder = recorder
        self._ear: Ear | None = None
        self._contexts: dict[str, None] = {}  # open ones, oldest first
        self._used_at = time.monotonic()
        self._last = ""  # message, as it came
        self._garbage = 0  # messages in a row
        # With nothing to send, `keepalive` is where an idle connection's age is looked at, too.
        self._channel = Channel(
            self,
            origin=dialect.origin,
            care=Care(
                connect_timeout_s=connect_timeout_s,
                keepalive_s=dialect.keepalive_s or dialect.renew_s / 4,
                ping_s=_PING_S,
            ),
            spares=spares,
        )

    @property
    def is_connected(self) -> bool:
        """A connection stands."""
        return self._channel.is_open

    def keep(self) -> Keep:
        """How a connection waits for a call that will speak through this voice."""
        return Keep(
            self.provider,
            self._dialect.address(),
            connect_timeout_s=self._connect_timeout_s,
            keepalive=self._dialect.keepalive(()) or "",
            keepalive_s=self._dialect.keepalive_s,
            life_s=self._dialect.renew_s or float("inf"),
        )

    def open(self, ear: Ear) -> None:
        """Start connecting; clauses may be spoken at once, they wait for the connection."""
        self._ear = ear
        self._channel.dial()

    def speak(self, context: str, text: str) -> None:
        """Say a clause; the first one opens the context."""
        is_first = context not in self._contexts
        self._contexts[context] = None
        self._say(self._dialect.speak(context, text, is_first=is_first))

    def finish(self, context: str) -> None:
        """Nothing more will be said in the context."""
        if context in self._contexts:
            self._say(self._dialect.finish(context))

    def cancel(self, context: str) -> None:
        """Stop the context; what still comes for it is dropped."""
        if context in self._contexts:
            del self._contexts[context]
            self._say(self._dialect.cancel(context))

    async def close(self) -> None:
        """Hang up."""
        self._ear = None
        await self._channel.close()

    def _say(self, messages: list[str]) -> None:
        self._used_at = time.monotonic()
        self._channel.dial()
        for message in messages:
            self._channel.send(message)

    # ── the channel's listener ───────────────────────────────────────────────────────

    def address(self) -> Address:
        """Where to dial."""
        return self._dialect.address()

    def keepalive(self) -> str | None:
        """What keeps an idle connection alive; an old one is replaced instead."""
        idle_s = time.monotonic() - self._used_at
        if self._dialect.renew_s and idle_s >= self._dialect.renew_s and not self._contexts:
            self._used_at = time.monotonic()
            self._channel.leave()
            self._channel.dial()
            return None
        return self._dialect.keepalive(tuple(self._contexts))

    def opened(self, heard_bytes: int) -> None:
        """What was queued meanwhile is being sent."""

    async def lost(self, fault: ProviderFault, *, uptime_s: float) -> None:
        """Every open context is over; a connection that stood is replaced at once.

        One that hardly stood waits for the next clause: whoever speaks decides how often to try.
        """
        was_idle = not self._contexts
        self._contexts.clear()
        self._channel.forget()
        if uptime_s >= _STABLE_S:
            self._channel.dial()
        if not (was_idle and uptime_s > 0):  # losing an idle connection is nobody's trouble
            self._tell(Failed(fault))

    async def received(self, text: str) -> None:
        """Read one message; what cannot be read is counted, and survived unless it goes on."""
        self._used_at = time.monotonic()
        if text == self._last:
            return  # the same sound once more would be heard twice
        self._last = text
        try:
            events = self._dialect.read(text)
        except (ValueError, TypeError, LookupError, AttributeError):
            self._unreadable()
            return
        self._garbage = 0
        for event in events:
            self._pass(event)

    def _unreadable(self) -> None:
        self._recorder.count(PROVIDER_GARBAGE, provider=self.provider)
        self._garbage += 1
        if self._garbage >= _GARBAGE:
            self._garbage = 0
            self._channel.drop(self.origin.broke("unreadable messages"))

    def _pass(self, event: Event) -> None:
        match event:
            case Unknown():
                self._recorder.count(PROVIDER_UNKNOWN, provider=self.provider)
            case Failed() as failed:
                self._fail(failed)
            case Finished(context=context):
                if context in self._contexts:
                    del self._contexts[context]
                    self._tell(event)
            case _:
                if event.context in self._contexts:  # else: late sound of what was cancelled
                    self._tell(event)

    def _fail(self, failed: Failed) -> None:
        was_idle = not self._contexts
        if failed.is_last:
            self._channel.leave()  # rather than speak into a connection that is about to close
            self._channel.forget()
            if not was_idle:
                self._channel.dial()
        if failed.is_last or failed.context is None:
            self._contexts.clear()
            if not (was_idle and isinstance(failed.fault, ProviderSlow)):
                self._tell(Failed(failed.fault))
            # else "you said nothing for a while" to an idle connection: nobody's trouble
        elif failed.context in self._contexts:
            del self._contexts[failed.context]
            self._tell(failed)

    def _tell(self, event: Event) -> None:
        if self._ear is not None:
            self._ear.hear(event)
