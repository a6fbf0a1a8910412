"""Where Claude is: its settings, the warm clients of a process, and which model is asked first."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

import httpx2
from anthropic import APIError, AsyncAnthropic, DefaultAsyncHttpxClient

from call.recovery import StandIn

_LAST_S = 240.0  # idle connections are closed after `keepalive_s`; this is surely before


@dataclass(frozen=True)
class Anthropic:
    """The `[anthropic]` section: where the model is, and how long it may take."""

    url: str = "https://api.anthropic.com"
    """Base URL."""
    connect_timeout_s: float = 2.0
    """TCP and TLS handshake."""
    write_timeout_s: float = 5.0
    """Sending the request."""
    stall_s: float = 8.0
    """Longest time without a word of the model, the first included; pings do not count."""
    keepalive_s: float = 300.0
    """Idle connections are kept this long, so that a turn after a pause needs no handshake."""
    cache_ttl: str = "5m"
    """Life of the cached prompt, "5m" or "1h"; an hour costs twice the input price to write."""
    temperature: float = -1.0
    """Sampling temperature 0 to 1; -1 leaves it out, as newer models ask."""

    def __post_init__(self) -> None:
        for name in ("connect_timeout_s", "write_timeout_s", "stall_s", "keepalive_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} {getattr(self, name)} must be above 0 seconds")
        if self.cache_ttl not in ("5m", "1h"):
            raise ValueError(f'cache_ttl "{self.cache_ttl}" must be "5m" or "1h"')
        if self.temperature != -1.0 and not 0 <= self.temperature <= 1:
            raise ValueError(f"temperature {self.temperature} must lie in 0 to 1, or be -1 for off")


def claude_client(settings: Anthropic, key: str) -> AsyncAnthropic:
    """The one client of a process. It never retries: a hidden retry is a second of dead air."""
    timeout = httpx2.Timeout(
        connect=settings.connect_timeout_s,
        write=settings.write_timeout_s,
        read=settings.stall_s,
        pool=settings.connect_timeout_s,
    )
    limits = httpx2.Limits(
        max_connections=1000,
        max_keepalive_connections=100,
        keepalive_expiry=settings.keepalive_s,
    )
    return AsyncAnthropic(
        api_key=key,
        base_url=settings.url,
        max_retries=0,
        timeout=timeout,
        http_client=DefaultAsyncHttpxClient(timeout=timeout, limits=limits),
    )


async def warm(client: AsyncAnthropic) -> bool:
    """Open a connection before the first caller needs it, with a look-up that costs nothing.

    The vendor's client builds its parsers when it first meets an event, which blocks the loop for
    0.2 s; a canned answer makes it do so now. True when the vendor answered at all: any answer
    leaves an open connection behind.
    """
    await _rehearse()
    return await look_up(client)


async def look_up(client: AsyncAnthropic) -> bool:
    """Ask for something that costs nothing; look-ups at the same time open a connection each."""
    with suppress(APIError, httpx2.HTTPError, OSError):
        await client.get("/v1/models?limit=1", cast_to=httpx2.Response)
        return True
    return False


async def _rehearse() -> None:
    """Read a canned answer, without a network, through the code that reads real ones."""
    canned = b"".join(b"event: %b\ndata: %b\n\n" % event for event in _CANNED)
    reply = httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=canned)
    http_client = httpx2.AsyncClient(transport=httpx2.MockTransport(lambda _: reply))
    async with AsyncAnthropic(
        api_key="none", base_url="http://rehearsal", max_retries=0, http_client=http_client
    ) as client:
        stream = await client.messages.create(
            model="none", max_tokens=1, stream=True, messages=[{"role": "user", "content": "-"}]
        )
        async for _ in stream:
            pass


_CANNED = (
    (
        b"message_start",
        b'{"type":"message_start","message":{"id":"m","type":"message","role":"assistant",'
        b'"content":[],"model":"none","stop_reason":null,"stop_sequence":null,'
        b'"usage":{"input_tokens":1,"output_tokens":1}}}',
    ),
    (
        b"content_block_delta",
        b'{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"-"}}',
    ),
    (b"message_stop", b'{"type":"message_stop"}'),
)


@dataclass(frozen=True)
class Model:
    """One model, behind one client."""

    name: str
    client: AsyncAnthropic = field(repr=False)


@dataclass
class Models:
    """The models of a process: the one that answers, and the one that does when it cannot."""

    first: Model
    stand_in: Model | None = None
    rule: StandIn = field(default_factory=lambda: StandIn(keep_s=60.0))
    _opened_for: int = 0  # calls at the same time for which connections were opened
    _opened_at: float = float("-inf")

    async def warm(self) -> bool:
        """Open a connection to each; True when the first one's vendor answers."""
        is_well = await warm(self.first.client)
        if self.stand_in is not None and self.stand_in.client is not self.first.client:
            await warm(self.stand_in.client)
        return is_well

    async def expect(self, calls: int, now: float) -> None:
        """So many calls will be going on: open one more connection if they were never as many
        while connections last."""
        if now - self._opened_at > _LAST_S:
            self._opened_for = 0
        if calls > self._opened_for:
            self._opened_for, self._opened_at = calls, now
            await look_up(self.first.client)

    async def close(self) -> None:
        """Hang up."""
        await self.first.client.close()
        if self.stand_in is not None:
            await self.stand_in.client.close()
