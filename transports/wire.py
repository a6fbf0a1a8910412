"""What every wire to the caller offers, and the knobs of all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # settings are read without loading the framework
    from pipecat.processors.frame_processor import FrameProcessor

    from call.mixdown import Recording

KINDS = ("twilio", "daily", "webrtc")
_ABOVE_ZERO = (
    "inbound_backlog_s", "start_timeout_s", "max_ahead_s", "max_messages_per_s",
    "silence_timeout_s", "send_timeout_s",
)  # fmt: skip


@dataclass(frozen=True)
class Wire:
    """Section `[wire]`: how the caller reaches us."""

    kind: str = "twilio"
    """Which wire: twilio (a telephone), daily (a room) or webrtc (a browser). The only change
    needed to move from one to another."""

    public_url: str = ""
    """URL the carrier reaches us at (https://…, no path); TwiML and signature checks are built
    from it."""

    verify_signature: bool = True
    """Refuse a webhook or media socket that the carrier has not signed. False only on loopback."""

    inbound_backlog_s: float = 0.4
    """Seconds of caller audio that may wait for a late pipeline; older audio is shed. More would
    make the agent answer the past."""

    lead_s: float = 0.08
    """Seconds the agent's audio is sent ahead of the caller's ear as a call begins. A stall of ours
    shorter than this is not heard; all of it is thrown away at a barge-in, so it stays small."""

    lead_least_s: float = 0.04
    """The lead narrows to this while wake-ups are on time: one piece of audio."""

    lead_most_s: float = 0.12
    """The lead widens to this after late wake-ups or on a shaky way; more would be thrown away at
    each barge-in."""

    start_timeout_s: float = 5.0
    """Seconds a new media socket may take to send its `start`."""

    max_message_bytes: int = 65536
    """Longest message accepted from the carrier, in bytes; its own are about 300."""

    max_ahead_s: float = 15.0
    """Seconds of caller audio that may come ahead of real time before the socket is ended; three
    times what a stalled network can hold back before it counts as gone."""

    max_messages_per_s: int = 200
    """Messages a second, on the average of max_ahead_s, before the socket is ended; the carrier
    sends 50, and an echo for each mark."""

    silence_timeout_s: float = 5.0
    """Seconds without any message after which the carrier counts as gone; it sends 50 a second,
    also while the caller is silent."""

    send_timeout_s: float = 2.0
    """Seconds one send may be blocked before the socket counts as dead."""

    teardown_s: float = 2.0
    """Seconds from the end of a stream to the end of everything that served it."""

    browser_buffer_s: float = 0.06
    """Seconds a browser holds audio before it is heard; what is played is reckoned from it on
    wires that do not say (daily, webrtc)."""

    ice_servers: tuple[str, ...] = ()
    """STUN or TURN servers for browsers behind a router (stun:…, turn:…); none on loopback."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"wire.kind is {self.kind!r}; choose one of {', '.join(KINDS)}")
        if self.public_url and not self.public_url.startswith(("https://", "http://")):
            raise ValueError(
                f"wire.public_url is {self.public_url!r}; write it with https:// in front"
            )
        for name in _ABOVE_ZERO:
            if getattr(self, name) <= 0:
                raise ValueError(f"wire.{name} is {getattr(self, name)}; use a number above 0")
        self._check_lead()
        if not 0.2 <= self.teardown_s <= 10:
            raise ValueError(f"wire.teardown_s is {self.teardown_s}; use 0.2 to 10 seconds")
        if self.browser_buffer_s < 0:
            raise ValueError(f"wire.browser_buffer_s is {self.browser_buffer_s}; use 0 or more")
        if self.max_message_bytes < 1024:
            raise ValueError(
                f"wire.max_message_bytes is {self.max_message_bytes}; the carrier needs 1024"
            )

    def _check_lead(self) -> None:
        if not 0 <= self.lead_s <= 1:
            raise ValueError(f"wire.lead_s is {self.lead_s}; use 0 to 1 second")
        if not 0 <= self.lead_least_s <= self.lead_s:
            raise ValueError(f"wire.lead_least_s is {self.lead_least_s}; use 0 to wire.lead_s")
        if not self.lead_s <= self.lead_most_s <= 1:
            raise ValueError(f"wire.lead_most_s is {self.lead_most_s}; use wire.lead_s to 1 second")


class CallerWire(Protocol):
    """A wire to the caller: two stations of the list and a way to end it."""

    kind: str

    def input(self) -> FrameProcessor:
        """The station the caller's audio, keys and what was played come out of."""

    def output(self) -> FrameProcessor:
        """The station the agent's audio goes into."""

    def record(self, recording: Recording) -> None:
        """Tell a recording what is heard on both sides; before the call begins."""

    async def close(self) -> None:
        """End the wire, whatever state it is in; may be called twice."""
