"""The agent's audio on its way out: cut into 40 ms, kept in order with marks, paced with a lead."""

from __future__ import annotations

import asyncio
from typing import Protocol

from pipecat.frames.frames import (
    EndFrame,
    Frame,
    LLMFullResponseStartFrame,
    OutputAudioRawFrame,
    TTSStoppedFrame,
)
from pipecat.transports.base_output import BOT_VAD_STOP_FALLBACK_SECS, BaseOutputTransport
from pipecat.transports.base_transport import TransportParams

from frames.floor import ResumeFrame
from frames.speech import PlayheadFrame


class Mouth(Protocol):
    """What the sender needs from the station it belongs to.

    `epoch` counts barge-ins: audio and marks taken from the queue in an earlier epoch are dropped
    unless they are uninterruptible.
    """

    epoch: int

    async def speak(self, frame: OutputAudioRawFrame, *, epoch: int, is_first: bool) -> bool:
        """Send audio when its time has come; False when it was not sent."""

    async def mark(self, playhead: PlayheadFrame, *, epoch: int) -> None:
        """Mark this place in what was sent."""

    async def catch_up(self) -> None:
        """Wait out a hold, and send again what it took back."""

    async def play_out(self) -> None:
        """Wait until what was sent has been heard."""

    def rest(self) -> None:
        """The voice has come to an end."""


class PacedSender(BaseOutputTransport.MediaSender):
    """Pipecat's media sender with playheads on the sample, without padding and without a task and
    a timer per frame."""

    def __init__(self, station: BaseOutputTransport, *, mouth: Mouth, params: TransportParams):
        super().__init__(
            station,
            destination=None,
            sample_rate=station.sample_rate,
            audio_chunk_size=station.audio_chunk_size,
            params=params,
        )
        self._bot_speaking_frame_period = float(
            "inf"
        )  # a notice nobody reads, through all stations
        self._mouth = mouth
        self._is_reply_silent = True  # nothing of the current reply has left yet
        self._is_last_interruptible = True  # of the audio cut last

    async def handle_audio_frame(self, frame: OutputAudioRawFrame) -> None:
        """Cut into chunks and queue them."""
        self._is_last_interruptible = frame.interruptible
        await super().handle_audio_frame(frame)

    async def handle_sync_frame(self, frame: Frame) -> None:
        """Queue behind the audio that came before, to the sample."""
        if isinstance(frame, PlayheadFrame):
            await self._enqueue_flushed_audio_buffer()
            # it says where the audio before it was played to, so it lives as long as that
            frame.interruptible = frame.interruptible and self._is_last_interruptible
        await super().handle_sync_frame(frame)

    async def _enqueue_flushed_audio_buffer(self) -> None:
        # Any length is legal on this wire, so the last chunk is short instead of padded.
        while self._audio_runs:
            audio, uninterruptible = self._take_audio_chunk()
            await self._enqueue_audio_chunk(audio, uninterruptible)

    def _clear_audio_buffer(self) -> None:
        """Keep what waits for a full chunk when speech stops: it belongs to the next reply.

        An interruption drops it elsewhere (`handle_interruptions`).
        """

    async def _audio_task_handler(self) -> None:
        while True:
            frame = await self._next()
            if isinstance(frame, ResumeFrame):
                await self._mouth.catch_up()
                continue
            if frame is None:
                await self._bot_stopped_speaking()
                self._mouth.rest()
                continue
            epoch = self._mouth.epoch
            if isinstance(frame, EndFrame):
                await self._mouth.catch_up()
                await self._mouth.play_out()
                return
            if isinstance(frame, OutputAudioRawFrame):
                await self._play(frame, epoch)
                continue  # the caller's ear is the end of the audio
            await self._pass(frame, epoch)

    async def nudge(self, frame: ResumeFrame) -> None:
        """A hold is over: see to what it took back, though nothing new may come."""
        await self._audio_queue.put(frame)

    async def _next(self) -> Frame | None:
        """The next frame, or None when a voice has gone quiet without saying that it stopped."""
        frame: Frame | None = None
        if not self._audio_queue.empty():
            frame = self._audio_queue.get_nowait()
            return frame
        try:
            async with asyncio.timeout(BOT_VAD_STOP_FALLBACK_SECS if self._bot_speaking else None):
                frame = await self._audio_queue.get()
        except TimeoutError:
            pass
        return frame

    async def _play(self, frame: OutputAudioRawFrame, epoch: int) -> None:
        await self._handle_bot_speech(frame)
        if await self._mouth.speak(frame, epoch=epoch, is_first=self._is_reply_silent):
            self._is_reply_silent = False

    async def _pass(self, frame: Frame, epoch: int) -> None:
        if isinstance(frame, PlayheadFrame):  # it is of no use behind the wire
            await self._mouth.mark(frame, epoch=epoch)
            return
        await self._mouth.catch_up()  # what it stands behind has to be out
        await self._handle_frame(frame)
        if isinstance(frame, LLMFullResponseStartFrame):
            self._is_reply_silent = True
        elif isinstance(frame, TTSStoppedFrame):
            self._mouth.rest()
        await self._transport.push_frame(frame)
