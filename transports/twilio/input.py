"""From the carrier: the caller's audio, bounded; keys, played marks, and the end of the call."""

from __future__ import annotations

import asyncio
import time

from loguru import logger
from pipecat.frames.frames import (
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InputDTMFFrame,
    StartFrame,
)
from pipecat.transports.base_transport import BaseTransport
from pipecat.transports.websocket.fastapi import (
    FastAPIWebsocketInputTransport,
    FastAPIWebsocketParams,
)
from starlette.websockets import WebSocketDisconnect

from call.allowance import Allowance
from call.audio import pcm_seconds
from call.measures import WIRE_MALFORMED
from frames.speech import PlayedToFrame
from frames.wire import WireStartedFrame, WireStoppedFrame
from transports.intake import BoundedInput
from transports.twilio.line import Line
from transports.twilio.serializer import mark_name

TOO_FAST = "too_fast"
KEY_TONE_S = 0.5  # a key may be heard as well as told, a little sooner or later
CLOCK_DRIFT = 1.05  # the carrier's clock may be a little faster than ours
NORMAL_CLOSE = (1000, 1001)  # RFC 6455 §7.4.1: done, going away; servers say 1005 for a lost socket


class TwilioInput(BoundedInput, FastAPIWebsocketInputTransport):
    """Audio, keys, played marks and the end of the call, from the carrier."""

    def __init__(
        self, transport: BaseTransport, line: Line, params: FastAPIWebsocketParams
    ) -> None:
        super().__init__(transport, line, params, name="TwilioInput")
        self.bound(line.settings, line.recorder)
        self._line = line
        self._messages = 0  # from the carrier, ever
        most_s, rate = line.settings.max_ahead_s, line.settings.max_messages_per_s
        self._audio_allowed = Allowance(rate=CLOCK_DRIFT, most=most_s)
        self._messages_allowed = Allowance(rate=rate, most=rate * most_s)
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

    # ── the socket ──────────────────────────────────────────────────────────────────

    async def _receive_messages(self) -> None:
        try:
            while True:
                message = await self._line.hear()
                self._messages += 1
                frame = await self._line.serializer.deserialize(message)
                if self._is_too_fast(frame):
                    await self._line.ended(TOO_FAST)
                    return
                if frame is not None:
                    await self._route(frame)
        except WebSocketDisconnect as gone:
            await self._line.ended("closed" if gone.code in NORMAL_CLOSE else "vanished")
        except RuntimeError as exc:  # Starlette: receive() after the disconnect was delivered
            logger.debug(f"media socket: {exc}")
            await self._line.ended("closed")

    def _is_too_fast(self, frame: Frame | None) -> bool:
        """Whether the peer is no telephone: one caller speaks in real time, and a stalled network
        holds back seconds. Every second of audio costs a recogniser's."""
        now = time.monotonic()
        is_paid = self._messages_allowed.pays(1, now=now)
        if is_paid and isinstance(frame, InputAudioRawFrame):
            is_paid = self._audio_allowed.pays(pcm_seconds(len(frame.audio)), now=now)
        if not is_paid:
            self._line.recorder.count(WIRE_MALFORMED, rule=TOO_FAST)
            logger.warning("media socket ended: it sends faster than a telephone can")
        return not is_paid

    async def _route(self, frame: Frame) -> None:
        if isinstance(frame, InputAudioRawFrame):
            await self.push_audio_frame(frame)
            self._line.beat.strike(time.monotonic())
        elif isinstance(frame, PlayedToFrame):
            self._line.echoed(mark_name(frame), frame.at)
            await self._line.tell_played(frame)  # those who want to know sit around the output
        elif isinstance(frame, WireStoppedFrame):
            await self._line.ended(frame.reason)
        else:
            if isinstance(frame, InputDTMFFrame):
                now = time.monotonic()
                self.recording.secret(now - KEY_TONE_S, now + KEY_TONE_S)
            await self.push_frame(frame)

    async def _watch(self) -> None:
        """Notice a silent carrier and a blocked send.

        Counts its own rounds instead of reading a clock: when our loop stands still, so does this,
        and the carrier is not blamed.
        """
        settings = self._line.settings
        period_s = min(0.25, settings.silence_timeout_s / 4, settings.send_timeout_s / 4)
        silent = blocked = 0
        messages, sending_since = self._messages, self._line.sending_since
        while not self._line.reason:
            await asyncio.sleep(period_s)
            silent = silent + 1 if messages == self._messages else 0
            messages = self._messages
            since = self._line.sending_since
            blocked = blocked + 1 if since is not None and since == sending_since else 0
            sending_since = since
            if silent * period_s >= settings.silence_timeout_s:
                logger.warning(f"carrier silent for {settings.silence_timeout_s:g} s")
                await self._line.ended("vanished")
            elif blocked * period_s >= settings.send_timeout_s:
                logger.warning(f"carrier has read nothing for {settings.send_timeout_s:g} s")
                await self._line.ended("vanished")
