"""What the caller's wire tells the call besides audio."""

from __future__ import annotations

from dataclasses import dataclass, field

from pipecat.frames.frames import SystemFrame


@dataclass
class WireStartedFrame(SystemFrame):
    """The carrier's stream has begun: identifiers and custom parameters of its start message."""

    stream_id: str = ""
    provider_call_id: str = ""
    parameters: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass
class WireStoppedFrame(SystemFrame):
    """The carrier's stream is over: `reason` is "stop" (the carrier said so), "closed",
    "vanished" (a dead socket) or "too_fast" (a peer that is no telephone)."""

    reason: str = "stop"
