"""The semantic detector's station: how finished does the caller's turn sound?

Stands before the recogniser, because it needs the audio. Every frame passes at once; the scoring
runs beside it and its answer follows as a `TurnProbabilityFrame`.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from call.audio import RATE_HZ
from call.measures import SMART_TURN_SECONDS, SMART_TURN_SHED, NullRecorder, Recorder
from call.waits import Endpoint
from frames.turns import TurnProbabilityFrame
from processors.smart_turn import SmartTurn

_BYTES_PER_S = 2 * RATE_HZ
KEPT_S = 8.0  # the model hears no more


class TurnDetector(FrameProcessor):
    """Keeps the turn's audio and scores it at each silence, again as the silence grows."""

    def __init__(
        self,
        smart_turn: SmartTurn,
        settings: Endpoint | None = None,
        *,
        recorder: Recorder | None = None,
    ) -> None:
        super().__init__(enable_direct_mode=True)
        self._smart_turn = smart_turn
        self._settings = settings or Endpoint()
        self._recorder = recorder or NullRecorder()
        self._audio = bytearray()  # the last KEPT_S seconds
        self._turn_bytes: int | None = None  # how much of it belongs to the turn; None: no turn
        self._scoring: asyncio.Task[None] | None = None

    async def queue_frame(
        self,
        frame: Frame,
        direction: FrameDirection = FrameDirection.DOWNSTREAM,
        callback: Any = None,
    ) -> None:
        """The caller's audio goes by without what surrounds other frames, as at the VAD."""
        if isinstance(frame, InputAudioRawFrame) and self._next is not None:
            self._keep(frame.audio)
            await self._next.queue_frame(frame, direction)
        else:
            await super().queue_frame(frame, direction, callback)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Pass the frame, then look at it."""
        await super().process_frame(frame, direction)
        await self.push_frame(frame, direction)
        match frame:
            case VADUserStartedSpeakingFrame():
                self._stop_scoring()
                if self._turn_bytes is None:
                    lead_s = self._settings.lead_s + frame.start_secs
                    self._turn_bytes = int(lead_s * RATE_HZ) * 2
            case VADUserStoppedSpeakingFrame():
                self._stop_scoring()
                self._scoring = self.create_task(
                    self._score(time.monotonic(), frame.stop_secs), "score"
                )
            case UserStoppedSpeakingFrame():
                self._stop_scoring()
                self._turn_bytes = None
            case EndFrame() | CancelFrame():
                self._stop_scoring()

    async def cleanup(self) -> None:
        """Let a score under way go."""
        self._stop_scoring()
        await super().cleanup()

    def _keep(self, pcm: bytes) -> None:
        self._audio += pcm
        excess = len(self._audio) - int(KEPT_S * _BYTES_PER_S)
        if excess > 0:
            del self._audio[:excess]
        if self._turn_bytes is not None:
            self._turn_bytes += len(pcm)

    def _turn_audio(self) -> bytes:
        kept = len(self._audio) if self._turn_bytes is None else self._turn_bytes
        return bytes(self._audio[-kept:])

    async def _score(self, spoken_at: float, stop_s: float) -> None:
        """Score now and at each later checkpoint, until the caller speaks or the turn is over."""
        for after_s in self._settings.score_at_s:
            await asyncio.sleep(max(0.0, spoken_at + after_s - time.monotonic()))
            asked_at = time.monotonic()
            probability = await self._smart_turn.score(self._turn_audio())
            if probability is None:
                self._recorder.count(SMART_TURN_SHED)
                continue
            self._recorder.observe(SMART_TURN_SECONDS, time.monotonic() - asked_at)
            verdict = TurnProbabilityFrame(
                probability=probability,
                silence_s=stop_s + asked_at - spoken_at,
                spoken_at=spoken_at,
            )
            await self.push_frame(verdict)

    def _stop_scoring(self) -> None:
        """Cancel without waiting: the task holds nothing that needs closing."""
        if self._scoring is not None:
            self._scoring.cancel()
            self._scoring = None
