"""A browser as the caller, over a peer connection: for talking to the agent without a telephone."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from loguru import logger
from pipecat.transports.base_transport import TransportParams
from pipecat.transports.smallwebrtc.connection import SmallWebRTCConnection
from pipecat.transports.smallwebrtc.transport import (
    SmallWebRTCInputTransport,
    SmallWebRTCOutputTransport,
    SmallWebRTCTransport,
)

from call.audio import RATE_HZ
from call.errors import PeerBroke
from call.measures import Recorder
from call.mixdown import Recording
from frames.wire import WireStartedFrame
from transports.intake import BoundedInput
from transports.send_clock import ClockedOutput
from transports.wire import Wire

__all__ = ["BrowserTransport", "SmallWebRTCConnection", "pick_up", "talk_page"]

TALK_PAGE = Path(__file__).with_name("talk.html")


def talk_page() -> str:
    """The page that talks: self-contained, served at `GET /talk`."""
    return TALK_PAGE.read_text(encoding="utf-8")


async def pick_up(
    offer: Mapping[str, Any], settings: Wire
) -> tuple[dict[str, str], SmallWebRTCConnection]:
    """Answer a browser's offer (`{"sdp", "type"}`).

    Send the first of the two back as JSON and give the second to `transport()` as the door. What is
    no offer raises `PeerBroke`: answer 400.
    """
    sdp = offer.get("sdp")
    if offer.get("type") != "offer" or not isinstance(sdp, str):
        raise PeerBroke("offer", "neither an sdp nor a type of offer")
    if "m=audio" not in sdp:
        raise PeerBroke("offer", "no audio in it")
    if len(sdp) > settings.max_message_bytes:
        raise PeerBroke("offer", "oversized")
    connection = SmallWebRTCConnection(ice_servers=list(settings.ice_servers))
    try:
        async with asyncio.timeout(settings.start_timeout_s):
            await connection.initialize(sdp=sdp, type="offer")
        answer = connection.get_answer()
        if answer is None:
            raise PeerBroke("offer", "no answer could be made")
    except PeerBroke:
        await connection.disconnect()
        raise
    except Exception as exc:  # what aiortc makes of a foreign SDP: any parsing error
        await connection.disconnect()
        raise PeerBroke("offer", type(exc).__name__) from None
    return answer, connection


class BrowserInput(BoundedInput, SmallWebRTCInputTransport):
    """The browser's microphone."""


class BrowserOutput(ClockedOutput, SmallWebRTCOutputTransport):
    """The browser's loudspeaker."""


class BrowserTransport(SmallWebRTCTransport):
    """One browser's wire; the pipeline behind it is 8 kHz like a telephone's."""

    kind = "webrtc"

    def __init__(
        self, connection: SmallWebRTCConnection, *, settings: Wire, recorder: Recorder
    ) -> None:
        params = TransportParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            audio_in_sample_rate=RATE_HZ,
            audio_out_sample_rate=RATE_HZ,
            audio_out_10ms_chunks=2,
            audio_out_end_silence_secs=0,
        )
        super().__init__(connection, params)
        self._connection = connection
        self._has_started = False
        self._has_ended = False
        self._ears = BrowserInput(self._client, params, name="BrowserInput")
        self._ears.bound(settings, recorder)
        self._mouth = BrowserOutput(self._client, params, name="BrowserOutput")
        self._mouth.keep_time(settings.browser_buffer_s, recorder)
        self._input, self._output = self._ears, self._mouth

    def input(self) -> BrowserInput:
        """The station the caller comes out of."""
        return self._ears

    def output(self) -> BrowserOutput:
        """The station the agent goes into."""
        return self._mouth

    def record(self, recording: Recording) -> None:
        """Tell a recording what is heard on both sides."""
        self._ears.recording = self._mouth.recording = recording

    async def close(self) -> None:
        """Close the peer connection, whatever state it is in."""
        self._has_ended = True
        try:
            await self._connection.disconnect()
        except Exception as exc:  # closing a peer that is gone may fail in any way
            logger.debug(f"peer connection did not close cleanly: {type(exc).__name__}")

    async def _on_client_connected(self, webrtc_connection: SmallWebRTCConnection) -> None:
        await super()._on_client_connected(webrtc_connection)
        if not self._has_started:
            self._has_started = True
            peer = webrtc_connection.pc_id
            await self._ears.broadcast_frame(
                WireStartedFrame, stream_id=peer, provider_call_id=peer
            )

    async def _on_client_disconnected(self, webrtc_connection: SmallWebRTCConnection) -> None:
        await super()._on_client_disconnected(webrtc_connection)
        if not self._has_ended:
            self._has_ended = True
            await self._ears.stopped("closed")
