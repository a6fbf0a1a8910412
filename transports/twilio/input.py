"""From the carrier: the caller's audio, bounded; keys, played marks, and the end of the call."""

from __future__ import annotations

import asyncio
import time

from loguru import logger
from pipecat.frames.frames import (
    CancelWorkerFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    StartFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.transports.base_transport import BaseTransport
from pipecat.transports.websocket.fastapi import (
    FastAPIWebsocketInputTransport,
    FastAPIWebsocketParams,
)
from starlette.websockets import WebSocketDisconnect

from call.audio import pcm_seconds
from call.backlog import Backlog
from call.measures import WIRE_SHED
from frames.speech import PlayedToFrame
from frames.wire import WireStartedFrame, WireStoppedFrame
from transports.twilio.line import Line
from transports.twilio.serializer import mark_name

CREDIT = 2  # audio frames the next station may have in hand; the rest waits here, where it is shed
NORMAL_CLOSE = (1000, 1001, 1005)  # RFC 6455 §7.4.1: done, going away, no code given


class TwilioInput(FastAPIWebsocketInputTransport):
    """Audio, keys, played marks and the end of the call, from the carrier."""

    def __init__(
        self, transport: BaseTransport, line: Line, params: FastAPIWebsocketParams
    ) -> None:
        super().__init__(transport, line, params, name="TwilioInput")
        self._line = line
        self._waiting: Backlog[InputAudioRawFrame] = Backlog(self._line.settings.inbound_backlog_s)
        self._in_hand = 0  # audio frames the next station has not finished
        self._handed_at = 0.0  # when the last one was handed over
        self._messages = 0  # from the carrier, ever
        self._watch_task: asyncio.Task[None] | None = None

    async def start(self, frame: StartFrame) -> None:
        """Say whose call it is, then listen."""
        start = self._line.start
        await self.broadcast_frame(
            WireStartedFrame,
            stream_id=start.stream_id,
            provider_call_id=start.call_id,
            parameters=dict(start.parameters),
        )
        await super().start(frame)
        if self._watch_task is None:
            self._watch_task = self.create_task(self._watch())

    async def stop(self, frame: EndFrame) -> None:
        """Go on listening: the output is still speaking, and its marks must be heard."""

    async def _stop_tasks(self) -> None:
        await super()._stop_tasks()
        if self._watch_task:
            await self.cancel_task(self._watch_task)
            self._watch_task = None

    def _create_audio_task(self) -> None:
        """Nothing: audio is handed on by whoever has it, not through an unbounded queue."""

    # ── caller audio ────────────────────────────────────────────────────────────────

    async def push_audio_frame(self, frame: InputAudioRawFrame) -> None:
        """Hand on, or let wait while the next station is late; what waits too long is shed."""
        now = time.monotonic()
        # A station that raises never reports back; a frame in hand for that long counts as lost,
        # so that one error does not make the call deaf.
        is_late = self._in_hand >= CREDIT
        if is_late and now - self._handed_at < self._line.settings.inbound_backlog_s:
            shed = self._waiting.add(frame, pcm_seconds(len(frame.audio)))
            if shed:
                self._line.recorder.count(WIRE_SHED, shed)
            return
        if len(self._waiting):
            self._waiting.add(frame, pcm_seconds(len(frame.audio)))
            frame = self._waiting.take() or frame
        await self._hand_on(frame, now)

    async def _hand_on(self, frame: InputAudioRawFrame, now: float) -> None:
        if self._next is None:
            return
        self._in_hand = min(self._in_hand + 1, CREDIT)
        self._handed_at = now
        await self._next.queue_frame(frame, FrameDirection.DOWNSTREAM, self._taken)

    async def _taken(self, _station: FrameProcessor, _frame: Frame, _way: FrameDirection) -> None:
        self._in_hand = max(self._in_hand - 1, 0)
        waiting = self._waiting.take()
        if waiting is not None:
            await self._hand_on(waiting, time.monotonic())

    # ── the socket ──────────────────────────────────────────────────────────────────

    async def _receive_messages(self) -> None:
        try:
            while True:
                message = await self._line.hear()
                self._messages += 1
                frame = await self._line.serializer.deserialize(message)
                if frame is not None:
                    await self._route(frame)
        except WebSocketDisconnect as gone:
            await self._line.ended("closed" if gone.code in NORMAL_CLOSE else "vanished")
        except RuntimeError as exc:  # Starlette: receive() after the disconnect was delivered
            logger.debug(f"media socket: {exc}")
            await self._line.ended("closed")

    async def _route(self, frame: Frame) -> None:
        if isinstance(frame, InputAudioRawFrame):
            await self.push_audio_frame(frame)
        elif isinstance(frame, PlayedToFrame):
            self._line.echoed(mark_name(frame), frame.at)
            await self.broadcast_frame(
                PlayedToFrame,
                clause_id=frame.clause_id,
                chars=frame.chars,
                is_end=frame.is_end,
                at=frame.at,
            )
        elif isinstance(frame, WireStoppedFrame):
            await self._line.ended(frame.reason)
        else:
            await self.push_frame(frame)

    async def _watch(self) -> None:
        """Notice a silent carrier, a blocked send and an end nobody acted on.

        Counts its own rounds instead of reading a clock: when our loop stands still, so does this,
        and the carrier is not blamed.
        """
        settings = self._line.settings
        period_s = min(
            0.25,
            settings.silence_timeout_s / 4,
            settings.send_timeout_s / 4,
            settings.teardown_s / 4,
        )
        silent = blocked = ended = 0
        messages, sending_since = self._messages, self._line.sending_since
        while True:
            await asyncio.sleep(period_s)
            silent = silent + 1 if messages == self._messages else 0
            messages = self._messages
            since = self._line.sending_since
            blocked = blocked + 1 if since is not None and since == sending_since else 0
            sending_since = since
            if self._line.reason:
                ended += 1
                if ended * period_s >= settings.teardown_s / 2:
                    logger.warning("the call outlived its wire; cancelling its pipeline")
                    await self.push_frame(
                        CancelWorkerFrame(reason=self._line.reason), FrameDirection.UPSTREAM
                    )
                    return
            elif silent * period_s >= settings.silence_timeout_s:
                logger.warning(f"carrier silent for {settings.silence_timeout_s:g} s")
                await self._line.ended("vanished")
            elif blocked * period_s >= settings.send_timeout_s:
                logger.warning(f"carrier has read nothing for {settings.send_timeout_s:g} s")
                await self._line.ended("vanished")
