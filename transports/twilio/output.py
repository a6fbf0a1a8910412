"""To the carrier: the agent's audio in order with its marks, paced; silenced by a barge-in."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from loguru import logger
from pipecat.frames.frames import (
    Frame,
    InterruptionFrame,
    OutputAudioRawFrame,
    OutputTransportReadyFrame,
    StartFrame,
    SystemFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.transports.base_transport import BaseTransport
from pipecat.transports.websocket.fastapi import (
    FastAPIWebsocketOutputTransport,
    FastAPIWebsocketParams,
)

from call.audio import pcm_seconds
from call.errors import PeerVanished
from call.measures import WIRE_UNDERRUNS, Moment
from frames.speech import PlayheadFrame
from transports.twilio.line import Line
from transports.twilio.pace import Pace
from transports.twilio.sender import PacedSender
from transports.twilio.serializer import mark_name

TRANSIT_S = 0.1  # the carrier plays this much later than we reckon, at most
EPOCH = "wire_epoch"
FAREWELL_S = 0.02


class TwilioOutput(FastAPIWebsocketOutputTransport):
    """The agent's audio, in order with its marks; silenced by a barge-in."""

    def __init__(
        self, transport: BaseTransport, line: Line, params: FastAPIWebsocketParams
    ) -> None:
        super().__init__(transport, line, params, name="TwilioOutput")
        self._line = line
        self._pace = Pace(line.settings.lead_s)
        self._is_speaking = False  # mid-speech; only then is a dry ear an underrun
        self._protected_until = float("-inf")  # uninterruptible audio is being played until then
        self.epoch = 0

    async def set_transport_ready(self, frame: StartFrame) -> None:
        """One sender, ours, for the one destination there is."""
        sender = PacedSender(self, mouth=self, params=self._params)
        self._media_senders[None] = sender
        await sender.start(frame)
        await self.push_frame(OutputTransportReadyFrame(), FrameDirection.UPSTREAM)

    async def queue_frame(
        self,
        frame: Frame,
        direction: FrameDirection = FrameDirection.DOWNSTREAM,
        callback: Any = None,
    ) -> None:
        """Note on which side of a barge-in a frame arrived.

        Inside, an interruption overtakes audio that arrived before it; without this note that
        audio would be played after the `clear`.
        """
        if isinstance(frame, InterruptionFrame):
            self.epoch += 1
        elif not isinstance(frame, SystemFrame) and frame.interruptible:
            frame.metadata[EPOCH] = self.epoch
        await super().queue_frame(frame, direction, callback)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Clear first, then let the framework drop what it holds."""
        if isinstance(frame, InterruptionFrame):
            await self._clear(frame)
        elif frame.metadata.get(EPOCH, self.epoch) != self.epoch and frame.interruptible:
            return  # said before the caller took the floor
        await super().process_frame(frame, direction)

    async def _write_frame(self, frame: Frame) -> bool:
        """Nothing: the base would send its own `clear`, and what else it sends is no business of
        the carrier's."""
        return True

    # ── what the sender asks for ────────────────────────────────────────────────────

    async def speak(self, frame: OutputAudioRawFrame, *, epoch: int, is_first: bool) -> bool:
        """Send one chunk when its time has come; False when it was not sent."""
        if not self._line.is_alive:
            return False
        wait_s = self._pace.wait_s(time.monotonic())
        if wait_s:
            await asyncio.sleep(wait_s)
        async with self._line.turn:
            if self._is_stale(frame, epoch) or not await self._send(frame):
                return False
            now = time.monotonic()
            seconds = pcm_seconds(len(frame.audio))
            dry_s = self._pace.sent(seconds, now)
        if not frame.interruptible:
            self._protected_until = self._pace.ends_at
        if dry_s and self._is_speaking:
            self._line.recorder.count(WIRE_UNDERRUNS)
        self._is_speaking = True
        if is_first:
            self._line.recorder.moment(Moment.FIRST_AUDIO, now)
        return True

    async def mark(self, playhead: PlayheadFrame, *, epoch: int) -> None:
        """Ask to be told when everything up to here has been played."""
        async with self._line.turn:
            if self._line.is_alive and not self._is_stale(playhead, epoch):
                self._line.marks_due[mark_name(playhead)] = max(
                    self._pace.ends_at, time.monotonic()
                )
                await self._send(playhead)

    async def play_out(self) -> None:
        """Wait until the ear has heard what was sent: closing the socket would cut it off."""
        wait_s = self._pace.ends_at - time.monotonic()
        if wait_s > 0 and self._line.is_alive:
            await asyncio.sleep(wait_s + TRANSIT_S)

    def rest(self) -> None:
        """The voice has come to an end; a dry ear is no accident now."""
        self._is_speaking = False

    # ── sending ─────────────────────────────────────────────────────────────────────

    def _is_stale(self, frame: Frame, epoch: int) -> bool:
        return epoch != self.epoch and frame.interruptible

    async def _clear(self, frame: InterruptionFrame) -> None:
        async with self._line.turn:
            now = time.monotonic()
            # A clear spares nothing; while a phrase that must be heard is playing, the little
            # interruptible audio around it is heard as well.
            if not self._line.is_alive or now < self._protected_until + TRANSIT_S:
                return
            if await self._send(frame):
                now = time.monotonic()
                self._line.recorder.moment(Moment.CLEAR_SENT, now)
            self._pace.cleared(now)
            self._line.marks_due.clear()
        self._is_speaking = False

    async def _send(self, frame: Frame) -> bool:
        """Serialize and send, holding the socket's turn; False when the socket is dead."""
        text = await self._line.serializer.serialize(frame)
        if text is None:
            return False
        try:
            await self._line.send(text)
        except PeerVanished as fault:
            await asyncio.sleep(FAREWELL_S)  # a close may be on its way in, and says more than this
            if not self._line.reason:
                logger.warning(f"caller's wire: {fault}")
                await self._line.ended("vanished")
            return False
        return True
