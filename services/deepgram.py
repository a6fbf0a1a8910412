"""Deepgram nova-3: words while they are spoken, and a sure end of them.

Audio goes up as µ-law from a tape that keeps what has not been told for good, so that a connection
that drops loses nothing; it ends here and is not passed on, and a stalled socket delays neither the
VAD nor a barge-in. Each VAD stop sends Finalize, and every answer to it, also an empty one, pushes
an `STTFinalizedFrame`. What is decided stands in `call/hearing.py`; why this is not Pipecat's own
service, in docs/decisions/0003-recogniser-socket.md.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from typing import Any

from pipecat.frames.frames import (
    CancelFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessorSetup
from pipecat.services.settings import STTSettings
from pipecat.services.stt_service import STTService
from pipecat.utils.time import time_now_iso8601

from call.audio import FRAME_S, FRAME_SAMPLES, RATE_HZ, mulaw_from_pcm, mulaw_seconds
from call.endpoint import VoiceBegan, VoiceEbbed
from call.errors import ProviderFault, ProviderRefused
from call.hearing import Hearing, Patience
from call.hearing_facts import (
    Action,
    Alive,
    Connected,
    Disconnected,
    Fact,
    Forgotten,
    Garbled,
    Lose,
    Pass,
    Recover,
    Replace,
    Settle,
    SpeechBegan,
    SpeechEnded,
)
from call.measures import (
    PROVIDER_GARBAGE,
    PROVIDER_UNKNOWN,
    STT_AUDIO,
    STT_CONFIDENCE,
    STT_GONE,
    STT_RECONNECTS,
    STT_SHED,
    Moment,
    Recorder,
)
from call.tape import Tape
from frames.floor import VoiceEbbFrame, VoiceOnsetFrame
from frames.recovery import HearingBackFrame, HearingLostFrame
from frames.turns import STTFinalizedFrame
from services.channel import Address, Care, Channel, Spares
from services.deepgram_address import KEEPALIVE, Deepgram
from services.deepgram_words import Trouble, Words, language_of, read
from services.fault import Origin, from_name, report

_TOGETHER = 5  # pieces of 20 ms in one message while nobody speaks
_ORIGIN = Origin("deepgram", "hear")
_REDIAL_S = (0.0, 0.1, 0.2, 0.4, 1.0)  # pauses before each attempt; the last one repeats
_BUSY_S = 0.5  # most that a vendor's own "retry after" adds: a caller is on the line
_STABLE_S = 0.5  # a connection that lived this long starts the pauses again
_BURST_S = 0.4  # audio sent at once at most: a burst of the caller's wire is no replay


class DeepgramSTT(STTService):
    """The recogniser's station: caller audio in, transcripts and `STTFinalizedFrame` out."""

    def __init__(
        self,
        settings: Deepgram,
        key: str,
        *,
        recorder: Recorder,
        language: str,
        keyterms: Sequence[str] = (),
        spares: Spares | None = None,
    ) -> None:
        super().__init__(
            name="stt",
            audio_passthrough=False,
            sample_rate=RATE_HZ,
            ttfs_p99_latency=settings.ttfs_p99_s,
            settings=STTSettings(model=settings.model, language=language),
            enable_direct_mode=True,  # nothing here waits
        )
        self._recorder = recorder
        self._language = language_of(language)
        self._address = settings.address(key, language=language, keyterms=keyterms)
        care = Care(
            connect_timeout_s=settings.connect_timeout_s,
            capacity=max(1, round(settings.stall_s / FRAME_S)),
            keepalive_s=settings.keepalive_s,
            ping_s=settings.keepalive_s,
        )
        self._channel = Channel(self, origin=_ORIGIN, care=care, spares=spares)
        self._hearing = Hearing(
            Tape(keep_s=settings.backlog_s, rate=settings.replay_rate, burst_s=_BURST_S),
            Patience(
                answer_s=settings.finalize_timeout_s,
                stall_s=settings.stall_s,
                gone_s=settings.gone_s,
            ),
            longest_replay_s=settings.backlog_s / settings.replay_rate,
        )
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._late: set[asyncio.Task[None]] = set()  # what the timer set off
        self._attempt = 0
        self._has_stood = False  # a connection, at least once
        self._held_back = 0  # pieces of audio that wait for more
        self._unbilled_s = 0.0  # audio sent and not reported yet
        self._unsure: TranscriptionFrame | None = None  # the last interim's words, as a final

    # ── life ─────────────────────────────────────────────────────────────────────────

    async def setup(self, setup: FrameProcessorSetup) -> None:  # type: ignore[override]
        """Start connecting; the call does not wait for it, audio queues up meanwhile."""
        await super().setup(setup)
        self._channel.dial()

    async def cancel(self, frame: CancelFrame) -> None:
        """Stop listening at once."""
        await super().cancel(frame)
        await self._close()

    async def cleanup(self) -> None:
        """Close the connection."""
        await super().cleanup()
        await self._close()

    async def _close(self) -> None:
        self._bill()
        self._disarm()
        for task in list(self._late):
            await self.cancel_task(task)
        await self._channel.close(farewell='{"type":"CloseStream"}')

    # ── frames ───────────────────────────────────────────────────────────────────────

    async def queue_frame(
        self,
        frame: Frame,
        direction: FrameDirection = FrameDirection.DOWNSTREAM,
        callback: Any = None,
    ) -> None:
        """The caller's audio ends here, and is spared what surrounds other frames."""
        if isinstance(frame, InputAudioRawFrame):
            await self.process_audio_frame(frame, direction)
        else:
            await super().queue_frame(frame, direction, callback)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Watch the VAD; everything else is the base's."""
        await super().process_frame(frame, direction)
        if isinstance(frame, VADUserStartedSpeakingFrame):
            await self._tell(SpeechBegan())
        elif isinstance(frame, VADUserStoppedSpeakingFrame):
            await self._tell(SpeechEnded())
            self._bill()
        elif direction is FrameDirection.DOWNSTREAM:  # the other half of a broadcast is its copy
            if isinstance(frame, VoiceEbbFrame):
                await self._tell(VoiceEbbed())
            elif isinstance(frame, VoiceOnsetFrame):
                await self._tell(VoiceBegan())

    async def process_audio_frame(
        self, frame: InputAudioRawFrame, direction: FrameDirection
    ) -> None:
        """Record 20 ms and send what is due; nothing is awaited. While nobody speaks several go
        together: a message costs a system call, and no word waits for it.

        Pipecat's `is_usable` is not asked: it is lost for good with one refusal, and the connection
        behind a refused one may stand."""
        if self.is_muted or not frame.audio:
            return
        self._record_stt_audio_usage(frame.audio)
        now = time.monotonic()
        if shed := self._hearing.take(mulaw_from_pcm(frame.audio), now):
            self._recorder.count(STT_SHED, shed)
        self._held_back += 1
        if self._held_back >= _TOGETHER or self._hearing.is_urgent:
            self._send_due(now)

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        """Unused: audio goes straight to the sender."""
        yield None

    def _bill(self) -> None:
        """Report the audio sent since the last report: once a pause, not for each 20 ms."""
        self._recorder.count(STT_AUDIO, self._unbilled_s, provider=_ORIGIN.provider)
        self._unbilled_s = 0.0

    # ── decide, re-arm, then act ─────────────────────────────────────────────────────

    async def _tell(self, fact: Fact) -> None:
        now = time.monotonic()
        actions = self._hearing.decide(fact, now)
        self._send_due(now)
        if Settle() in actions:
            self._recorder.moment(Moment.STT_FINAL, now)
        await self._act(actions)

    def _send_due(self, now: float) -> None:
        self._held_back = 0
        pieces: list[bytes] = []
        for due in self._hearing.due(now):
            if isinstance(due, bytes):
                pieces.append(due)
                continue
            self._send_audio(pieces)
            self._channel.send('{"type":"Finalize"}')
        self._send_audio(pieces)
        due_at = self._hearing.next_deadline()
        if self._timer is not None and (due_at is None or due_at < self._timer_at):
            self._disarm()
        if self._timer is None and due_at is not None:  # an early timer asks again when it rings
            self._timer_at = due_at
            self._timer = self.get_event_loop().call_later(max(0.0, due_at - now), self._ring)

    def _send_audio(self, pieces: list[bytes]) -> None:
        if pieces:
            audio = b"".join(pieces)
            pieces.clear()
            self._unbilled_s += mulaw_seconds(len(audio))
            self._channel.send(audio)

    def _ring(self) -> None:
        self._timer = None
        now = time.monotonic()
        actions = self._hearing.on_deadline(now)
        self._send_due(now)
        if actions:
            task = self.create_task(self._act(actions), "deadline")
            self._late.add(task)
            task.add_done_callback(self._late.discard)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _act(self, actions: Sequence[Action]) -> None:
        for action in actions:
            match action:
                case Settle(keeps_unsure=keeps):
                    await self._settle(self._unsure if keeps else None)
                case Replace(reason=reason, is_garbled=is_garbled):
                    self._channel.drop(
                        _ORIGIN.broke(reason) if is_garbled else _ORIGIN.slow(reason)
                    )
                case Lose(is_final=is_final):
                    await self.broadcast_frame(
                        HearingLostFrame, lost_at=time.monotonic(), is_final=is_final
                    )
                case Recover(gone_s=gone_s, behind_s=behind_s):
                    self._recorder.observe(STT_GONE, gone_s)
                    await self.broadcast_frame(HearingBackFrame, gone_s=gone_s, behind_s=behind_s)
                case Forgotten(samples=samples):
                    self._recorder.count(STT_SHED, -(-samples // FRAME_SAMPLES))

    async def _settle(self, words: TranscriptionFrame | None) -> None:
        if words is not None:
            words.finalized = True
            await self._push_final(words)
        await self.push_frame(STTFinalizedFrame())

    # ── the channel's listener ───────────────────────────────────────────────────────

    def address(self) -> Address:
        """Where to dial."""
        return self._address

    def opened(self, heard_bytes: int) -> None:
        """A connection stands: it hears first what the one before it had not told."""
        if self._has_stood:
            self._recorder.count(STT_RECONNECTS)
        self._has_stood = True
        now = time.monotonic()
        self._hearing.decide(Connected(heard_bytes), now)
        self._send_due(now)

    def keepalive(self) -> str | None:
        """What keeps an idle connection alive."""
        return KEEPALIVE

    async def lost(self, fault: ProviderFault, *, uptime_s: float) -> None:
        """Dial again, and report."""
        self._channel.forget()  # it is on tape
        if uptime_s >= _STABLE_S:
            self._attempt = 0
        # asking again would be refused again; a key that was good a moment ago still may be
        is_final = isinstance(fault, ProviderRefused) and not self._has_stood
        if not is_final:
            pause_s = _REDIAL_S[min(self._attempt, len(_REDIAL_S) - 1)]
            self._channel.dial(after_s=max(pause_s, min(fault.retry_after_s or 0.0, _BUSY_S)))
            self._attempt += 1
        await self._tell(Disconnected(is_final))
        await report(self, fault, self._recorder)

    async def received(self, text: str) -> None:
        """Read one message; what cannot be read is counted and survived."""
        try:
            message = read(text)
        except (ValueError, TypeError, LookupError, AttributeError):
            self._recorder.count(PROVIDER_GARBAGE, provider=_ORIGIN.provider)
            await self._tell(Garbled())
            return
        if isinstance(message, Words):
            await self._words(message)
            return
        await self._tell(Alive())
        if isinstance(message, Trouble):
            await report(self, from_name(_ORIGIN, message.name), self._recorder)
        elif not message.is_known:
            self._recorder.count(PROVIDER_UNKNOWN, provider=_ORIGIN.provider)

    async def _words(self, words: Words) -> None:
        now = time.monotonic()
        result = words.placed(self._hearing.place_s)  # before a final moves the tape on
        actions = self._hearing.decide(words.told, now)
        self._send_due(now)
        for action in actions:
            if isinstance(action, Pass):
                await self._pass(words, result, is_settled=action.is_settled)
        if Settle() in actions:
            self._recorder.moment(Moment.STT_FINAL, now)
        await self._act(actions)

    async def _pass(self, words: Words, result: Any, *, is_settled: bool) -> None:
        frame = TranscriptionFrame(
            words.text,
            self._user_id,
            time_now_iso8601(),
            words.language or self._language,
            result,
            finalized=is_settled,
        )
        frame.interruptible = False  # the caller's words outlive the interruption they cause
        if words.told.is_final:
            self._unsure = None
            await self._push_final(frame)
        else:
            self._unsure = frame
            interim = InterimTranscriptionFrame(
                words.text, self._user_id, frame.timestamp, self._language, result
            )
            await self.push_frame(interim)

    async def _push_final(self, frame: TranscriptionFrame) -> None:
        result: Any = frame.result
        best = result.channel.alternatives[0]
        if isinstance(confidence := getattr(best, "confidence", None), int | float):
            self._recorder.observe(STT_CONFIDENCE, float(confidence))
        self._recorder.moment(Moment.STT_FINAL, time.monotonic())
        await self.push_frame(frame)
