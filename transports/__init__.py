"""The wire to the caller.

What enters is a carrier's or a browser's audio; what leaves are frames, and the other way round.
Each wire offers `input()`, `output()` and `close()` and nothing vendor-specific; `transport()` is
the switchboard. May import Pipecat, FastAPI's WebSocket, `frames` and `call`.
"""

from __future__ import annotations

from typing import TypeVar

from call.errors import MisuseError
from call.measures import Recorder
from transports.wire import CallerWire, Wire

Door = TypeVar("Door")


def transport(settings: Wire, door: object, *, recorder: Recorder) -> CallerWire:
    """The wire that `wire.kind` names, for a caller waiting at `door`.

    A wire is imported when it is chosen: a telephone bot need not load a browser's stack.
    """
    if settings.kind == "twilio":
        from transports.twilio.transport import TwilioDoor, TwilioTransport

        return TwilioTransport(_its(door, TwilioDoor), settings=settings, recorder=recorder)
    if settings.kind == "webrtc":
        from transports.webrtc import BrowserTransport, SmallWebRTCConnection

        return BrowserTransport(
            _its(door, SmallWebRTCConnection), settings=settings, recorder=recorder
        )
    from transports.daily import DailyDoor, RoomTransport

    return RoomTransport(_its(door, DailyDoor), settings=settings, recorder=recorder)


def _its(door: object, kind: type[Door]) -> Door:
    if not isinstance(door, kind):
        raise MisuseError(f"a {kind.__name__} was expected, not a {type(door).__name__}")
    return door
