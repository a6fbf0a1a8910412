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
from call.measures import BARGE_IN, HELD_SECONDS, WIRE_UNDERRUNS, Moment
from call.mixdown import NoRecording, Recording
from frames.floor import HoldFrame, ResumeFrame
from frames.speech import PlayedToFrame, PlayheadFrame
from transports.twilio.line import Line
from transports.twilio.pace import Pace
from transports.twilio.playout import Playout
from transports.twilio.sender import PacedSender
from transports.twilio.serializer import mark_name

TRANSIT_S = 0.1  # the carrier plays this much later than we reckon, at most
EPOCH = "wire_epoch"
FAREWELL_S = 0.02
HELD_AT_MOST_S = 3.0  # whoever holds says within 0.7 s how it ends; the agent is not lost for one


class TwilioOutput(FastAPIWebsocketOutputTransport):
    """The agent's audio, in order with its marks; silenced by a barge-in."""

    recording: Recording = NoRecording()

    def __init__(
        self, transport: BaseTransport, line: Line, params: FastAPIWebsocketParams
    ) -> None:
        super().__init__(transport, line, params, name="TwilioOutput")
        self._line = line
        self._pace = Pace(line.lead)
        self._memory = Playout()
        self._flowing = asyncio.Event()  # cleared by a hold
        self._flowing.set()
        self._held_at = 0.0
        self._hold_ends: asyncio.TimerHandle | None = None  # should nobody end it
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
            try:
                await super().process_frame(frame, direction)
            finally:
                self._flow()  # only now the framework's queue is empty
            return
        if isinstance(frame, HoldFrame):
            await self._hold(frame)
        elif isinstance(frame, ResumeFrame):
            await self._resume()
        elif frame.metadata.get(EPOCH, self.epoch) != self.epoch and frame.interruptible:
            return  # said before the caller took the floor
        await super().process_frame(frame, direction)

    async def cleanup(self) -> None:
        """Hold nothing over the end."""
        self._flow()
        await super().cleanup()
        self._media_senders.clear()  # each holds us

    async def _write_frame(self, frame: Frame) -> bool:
        """Nothing: the base would send its own `clear`, and what else it sends is no business of
        the carrier's."""
        return True

    # ── what the sender asks for ────────────────────────────────────────────────────

    async def speak(self, frame: OutputAudioRawFrame, *, epoch: int, is_first: bool) -> bool:
        """Send one chunk when its time has come; False when it was not sent."""
        sent_at = await self._in_turn(frame, epoch)
        if sent_at is None:
            return False
        if is_first:
            self._line.recorder.moment(Moment.FIRST_AUDIO, sent_at)
        return True

    async def mark(self, playhead: PlayheadFrame, *, epoch: int) -> None:
        """Ask to be told when everything up to here has been played."""
        await self._in_turn(playhead, epoch)

    async def catch_up(self) -> None:
        """Wait out a hold, and send again what it took back."""
        await self._in_turn(None, self.epoch)

    async def _in_turn(self, frame: OutputAudioRawFrame | PlayheadFrame | None, epoch: int) -> Any:
        """Send what a hold took back, then `frame`; when it was sent, or None if it was not."""
        while self._line.is_alive:
            await self._flowing.wait()
            again = self._memory.taken_back
            item = again[0] if again else frame
            if isinstance(item, OutputAudioRawFrame):
                now = time.monotonic()
                wait_s = self._pace.wait_s(now)
                if wait_s:
                    await self._line.beat.sleep(wait_s)
                    self._pace.woke(now + wait_s, time.monotonic())
            async with self._line.turn:
                if not self._flowing.is_set() or item is not (again[0] if again else frame):
                    continue  # a hold or a barge-in came between
                if item is None or (item is frame and self._is_stale(item, epoch)):
                    return None
                if again:
                    again.popleft()
                sent_at = await self._put(item)
                if item is frame or sent_at is None:
                    return sent_at
        return None

    async def _put(self, item: OutputAudioRawFrame | PlayheadFrame) -> float | None:
        """Send one piece and remember it until it is heard; hold the line's turn."""
        if isinstance(item, PlayheadFrame):
            now = time.monotonic()
            due_at = max(self._pace.ends_at, now)
            if self._memory.wants_mark(item, due_at):
                self._line.marks_due[mark_name(item)] = due_at
                if not await self._send(item):
                    return None
            self._memory.sent(item, until=due_at, now=now)
            return now
        if not await self._send(item):
            return None
        now = time.monotonic()
        dry_s = self._pace.sent(pcm_seconds(len(item.audio)), now)
        self._memory.sent(item, until=self._pace.ends_at, now=now)
        self.recording.agent(item.audio, self._pace.ends_at - pcm_seconds(len(item.audio)))
        if not item.interruptible:
            self._protected_until = self._pace.ends_at
        if dry_s and self._is_speaking:
            self._line.recorder.count(WIRE_UNDERRUNS)
        self._is_speaking = True
        return now

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
        """The caller takes the floor: silence, and the truth about how far they heard."""
        async with self._line.turn:
            was_held = not self._flowing.is_set()
            # A clear spares nothing; while a phrase that must be heard is playing, the little
            # interruptible audio around it is heard as well.
            if not self._line.is_alive or self._is_protected():
                return
            self._flowing.clear()
            self._is_speaking = False
            if was_held:  # it is silent already, and has told
                self._memory.forget()
                return
            heard = await self._silence(frame)
            self._memory.forget()
        await self._tell(heard)

    async def _hold(self, frame: HoldFrame) -> None:
        """Quiet at once; what the ear did not get is kept."""
        async with self._line.turn:
            if not self._flowing.is_set() or not self._line.is_alive or self._is_protected():
                return
            self._flowing.clear()
            heard = await self._silence(frame)
            self._held_at = time.monotonic()
            loop = asyncio.get_running_loop()
            self._hold_ends = loop.call_later(HELD_AT_MOST_S, self._flow)
            self._is_speaking = False
            if frame.onset_at:
                self._line.recorder.observe(BARGE_IN, max(0.0, self._held_at - frame.onset_at))
        await self._tell(heard)

    async def _resume(self) -> None:
        """Go on from where the ear left off."""
        if self._flowing.is_set():
            return
        self._line.recorder.observe(HELD_SECONDS, time.monotonic() - self._held_at)
        self._flow()
        sender = self._media_senders.get(None)
        if isinstance(sender, PacedSender):
            await sender.nudge(ResumeFrame())

    def _flow(self) -> None:
        """No hold any more."""
        if self._hold_ends is not None:
            self._hold_ends.cancel()
            self._hold_ends = None
        self._flowing.set()

    def _is_protected(self) -> bool:
        return time.monotonic() < self._protected_until + TRANSIT_S

    async def _silence(self, frame: Frame) -> PlayheadFrame | None:
        """Take back what is not played yet; the last place that was. Hold the line's turn."""
        if await self._send(frame):
            self._line.recorder.moment(Moment.CLEAR_SENT, time.monotonic())
        now = time.monotonic()
        self.recording.cut(now)
        self._pace.cleared(now)
        self._line.marks_due.clear()
        return self._memory.take_back(now)

    async def _tell(self, heard: PlayheadFrame | None) -> None:
        """Say how far the ear got: the echoes of these marks no longer count.

        What was sent has been played by now, by the carrier's own clock: it plays at once, and
        without gaps. The way there is as long for the sound as for the clear.
        """
        if heard is not None:
            await self.tell_played(
                PlayedToFrame(
                    heard.clause_id, heard.chars, is_end=heard.is_end, at=time.monotonic()
                )
            )

    async def tell_played(self, frame: PlayedToFrame) -> None:
        """Tell both ways that the ear has heard everything up to a place."""
        await self.broadcast_frame(
            PlayedToFrame,
            clause_id=frame.clause_id,
            chars=frame.chars,
            is_end=frame.is_end,
            at=frame.at,
        )

    async def _send(self, frame: Frame) -> bool:
        """Serialize and send, holding the socket's turn; False when the socket is dead, or the
        stream over: the caller may hang up while this waited for its turn."""
        if self._line.reason or self._line.is_closing:
            return False
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
