"""Deepgram nova-3: words while they are spoken, and a sure end of them.

Audio goes up as µ-law through a bounded queue of its own, so that a stalled socket delays neither
the VAD nor a barge-in; it ends here and is not passed on. Each VAD stop sends Finalize, and every
answer to it, also an empty one, pushes an `STTFinalizedFrame`; a short bound settles it when no
answer comes. Why this is not Pipecat's own service: docs/decisions/0003-recogniser-socket.md.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

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
from pipecat.transcriptions.language import Language
from pipecat.utils.time import time_now_iso8601

from call.audio import FRAME_S, RATE_HZ, mulaw_from_pcm, mulaw_seconds
from call.errors import ProviderFault, ProviderRefused
from call.measures import (
    PROVIDER_GARBAGE,
    PROVIDER_UNKNOWN,
    STT_AUDIO,
    STT_CONFIDENCE,
    STT_RECONNECTS,
    STT_SHED,
    Moment,
    Recorder,
)
from frames.turns import STTFinalizedFrame
from services.channel import Address, Care, Channel
from services.fault import Origin, from_name, report

_ORIGIN = Origin("deepgram", "hear")
_REDIAL_S = (0.0, 0.1, 0.2, 0.4, 1.0)  # pauses before each attempt; the last one repeats
_BUSY_S = 0.5  # most that a vendor's own "retry after" adds: a caller is on the line
_STABLE_S = 5.0  # a connection that lived this long starts the pauses again
_POSITION_SLACK_S = 0.25  # how far an answer's end may lie before the audio it answers for


@dataclass(frozen=True)
class Deepgram:
    """The `[deepgram]` section: where the recogniser is and how it listens."""

    url: str = "wss://api.deepgram.com"
    """Base URL; the path is appended."""
    model: str = "nova-3"
    """Any streaming model of the v1 API."""
    endpointing_ms: int = 300
    """Silence after which the recogniser ends a segment by itself; longer than the VAD's stop, so
    that the answer to Finalize normally carries the words. 0 switches it off."""
    smart_format: bool = False
    """Written forms for dates, money and the like; off, because the model reads words well and
    formatting waits for more audio."""
    numerals: bool = False
    """Digits instead of number words."""
    punctuate: bool = True
    """Punctuation helps the model and the turn detector's text."""
    keyterms: tuple[str, ...] = ()
    """Words the recogniser should expect: names, products, streets."""
    redact: tuple[str, ...] = ()
    """The vendor's own redaction (pci, ssn, numbers …); off, because it destroys what has to be
    read back or given to a tool. For kinds that neither privacy.speak nor a tool needs."""
    mip_opt_out: bool = False
    """Keep the audio out of the vendor's model improvement programme (changes the price)."""
    backlog_s: float = 1.0
    """Seconds of audio kept while the socket stalls or reconnects; the oldest is shed beyond it."""
    connect_timeout_s: float = 3.0
    """The opening handshake may take this long."""
    keepalive_s: float = 4.0
    """KeepAlive after this long without audio; the vendor closes after 10 s."""
    finalize_timeout_s: float = 0.35
    """An unanswered Finalize counts as answered after this long: the vendor does not promise an
    answer when nothing is buffered, and its slowest 1 % of answers come within 0.13 s."""
    stall_s: float = 2.5
    """The caller speaks and nothing comes back for this long: the connection is replaced."""
    ttfs_p99_s: float = 0.35
    """Speech end to final transcript, slowest 1 %; turn strategies wait no longer than this."""

    def __post_init__(self) -> None:
        if self.endpointing_ms < 0:
            raise ValueError(f"endpointing_ms {self.endpointing_ms} is negative; use 0 for off")
        for name in ("backlog_s", "connect_timeout_s", "finalize_timeout_s", "stall_s"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} {getattr(self, name)} must be above 0 seconds")
        if not 0 < self.keepalive_s < 10:
            raise ValueError(f"keepalive_s {self.keepalive_s} must lie between 0 and 10 seconds")

    def query(self, language: str, keyterms: Sequence[str]) -> str:
        """The query string of the upgrade, every choice explicit."""
        pairs: list[tuple[str, str]] = [
            ("model", self.model),
            ("language", language),
            ("encoding", "mulaw"),
            ("sample_rate", str(RATE_HZ)),
            ("channels", "1"),
            ("interim_results", "true"),
            ("endpointing", str(self.endpointing_ms) if self.endpointing_ms else "false"),
            ("punctuate", _flag(self.punctuate)),
            ("smart_format", _flag(self.smart_format)),
            ("numerals", _flag(self.numerals)),
        ]
        pairs.extend(("redact", kind) for kind in self.redact)
        if self.mip_opt_out:
            pairs.append(("mip_opt_out", "true"))
        if self.model.startswith("nova-3"):  # older models refuse them
            pairs.extend(("keyterm", term) for term in dict.fromkeys((*self.keyterms, *keyterms)))
        return urlencode(pairs)


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
    ) -> None:
        super().__init__(
            name="stt",
            audio_passthrough=False,
            sample_rate=RATE_HZ,
            ttfs_p99_latency=settings.ttfs_p99_s,
            settings=STTSettings(model=settings.model, language=language),
        )
        self._deepgram = settings
        self._recorder = recorder
        self._language = _language(language)
        self._address = Address(
            f"{settings.url.rstrip('/')}/v1/listen?{settings.query(language, keyterms)}",
            {"Authorization": f"Token {key}"},
        )
        care = Care(
            connect_timeout_s=settings.connect_timeout_s,
            capacity=max(1, round(settings.backlog_s / FRAME_S)),
            keepalive_s=settings.keepalive_s,
        )
        self._channel = Channel(self, origin=_ORIGIN, care=care)
        self._attempt = 0
        self._connection_sent_s = 0.0  # audio handed to the present connection
        self._billed_s = 0.0  # of it, what has been reported
        self._finalizes: list[float] = []  # positions in that audio of unanswered Finalizes
        self._bound: asyncio.Task[None] | None = None
        self._is_speaking = False
        self._quiet_since = 0.0  # last answer, or the speech's onset if later

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
        await self._forget_bound()
        await self._channel.close(farewell='{"type":"CloseStream"}')

    # ── frames ───────────────────────────────────────────────────────────────────────

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Watch the VAD; everything else is the base's."""
        await super().process_frame(frame, direction)
        if isinstance(frame, VADUserStartedSpeakingFrame):
            await self._forget_bound()
            self._is_speaking = True
            self._quiet_since = time.monotonic()
        elif isinstance(frame, VADUserStoppedSpeakingFrame):
            self._is_speaking = False
            await self._finalize()

    async def process_audio_frame(
        self, frame: InputAudioRawFrame, direction: FrameDirection
    ) -> None:
        """Hand 20 ms to the sender; nothing is awaited."""
        if self.is_muted or not self.is_usable or not frame.audio:
            return
        mulaw = mulaw_from_pcm(frame.audio)
        self._record_stt_audio_usage(frame.audio)
        self._channel.send(mulaw)
        self._connection_sent_s += mulaw_seconds(len(mulaw))
        if self._is_speaking and self._channel.is_open:
            self._check_stall()

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        """Unused: audio goes straight to the sender."""
        yield None

    def _bill(self) -> None:
        """Report the audio sent since the last report: once a pause, not for each 20 ms."""
        self._recorder.count(
            STT_AUDIO, self._connection_sent_s - self._billed_s, provider=_ORIGIN.provider
        )
        self._billed_s = self._connection_sent_s

    async def _finalize(self) -> None:
        """Ask for everything said so far, and bound the wait for the answer."""
        self._bill()
        self._finalizes.append(self._connection_sent_s)
        self._channel.send('{"type":"Finalize"}')
        await self._forget_bound()
        self._bound = self.create_task(self._settle_late(), name="finalize bound")

    async def _settle_late(self) -> None:
        await asyncio.sleep(self._deepgram.finalize_timeout_s)
        self._bound = None
        self._finalizes.clear()
        await self.push_frame(STTFinalizedFrame())

    async def _forget_bound(self) -> None:
        bound, self._bound = self._bound, None
        if bound is not None:
            await self.cancel_task(bound)

    def _check_stall(self) -> None:
        if time.monotonic() - self._quiet_since > self._deepgram.stall_s:
            self._quiet_since = time.monotonic()
            self._channel.drop(_ORIGIN.slow("silent while the caller speaks"))

    # ── the channel's listener ───────────────────────────────────────────────────────

    def address(self) -> Address:
        """Where to dial."""
        self._bill()
        self._billed_s = 0.0
        self._connection_sent_s = 0.0  # positions count from the connection's first sample
        self._finalizes.clear()
        return self._address

    def keepalive(self) -> str | None:
        """What keeps an idle connection alive."""
        return '{"type":"KeepAlive"}'

    def shed(self, count: int) -> None:
        """Audio was dropped before a stalled socket."""
        self._recorder.count(STT_SHED, count)

    async def lost(self, fault: ProviderFault, *, uptime_s: float) -> None:
        """Report, and dial again; what is still queued goes to the next connection."""
        if uptime_s >= _STABLE_S:
            self._attempt = 0
        await report(self, fault, self._recorder)
        if isinstance(fault, ProviderRefused):
            return  # asking again would be refused again
        self._recorder.count(STT_RECONNECTS)
        self._quiet_since = time.monotonic()
        pause_s = _REDIAL_S[min(self._attempt, len(_REDIAL_S) - 1)]
        self._channel.dial(after_s=max(pause_s, min(fault.retry_after_s or 0.0, _BUSY_S)))
        self._attempt += 1

    async def received(self, text: str) -> None:
        """Read one message; what cannot be read is counted and survived."""
        self._quiet_since = time.monotonic()
        try:
            message = json.loads(text)
            kind = message["type"]
            if kind == "Results":
                await self._results(message)
            elif kind == "Error":
                await report(self, from_name(_ORIGIN, _word(message)), self._recorder)
            elif kind not in ("Metadata", "SpeechStarted", "UtteranceEnd"):
                self._recorder.count(PROVIDER_UNKNOWN, provider="deepgram")
        except (ValueError, TypeError, LookupError, AttributeError):
            self._recorder.count(PROVIDER_GARBAGE, provider="deepgram")

    async def _results(self, message: dict[str, Any]) -> None:
        best = message["channel"]["alternatives"][0]
        transcript = str(best["transcript"])
        is_final = bool(message.get("is_final"))
        answers = is_final and bool(message.get("from_finalize"))
        end_s = float(message.get("start", 0.0)) + float(message.get("duration", 0.0))
        settles = answers and self._settles(end_s)
        if transcript and is_final:
            await self._push_final(message, best, transcript, settles=settles)
        elif transcript:
            interim = InterimTranscriptionFrame(
                transcript, self._user_id, time_now_iso8601(), self._language, _attributes(message)
            )
            await self.push_frame(interim)
        if settles:
            await self._forget_bound()
            self._recorder.moment(Moment.STT_FINAL, time.monotonic())
            await self.push_frame(STTFinalizedFrame())

    async def _push_final(
        self, message: dict[str, Any], best: dict[str, Any], transcript: str, *, settles: bool
    ) -> None:
        confidence = best.get("confidence")
        if isinstance(confidence, int | float):
            self._recorder.observe(STT_CONFIDENCE, float(confidence))
        self._recorder.moment(Moment.STT_FINAL, time.monotonic())
        frame = TranscriptionFrame(
            transcript,
            self._user_id,
            time_now_iso8601(),
            _language(next(iter(best.get("languages") or ()), None)) or self._language,
            _attributes(message),
            finalized=settles,
        )
        frame.interruptible = False  # the caller's words outlive the interruption they cause
        await self.push_frame(frame)

    def _settles(self, end_s: float) -> bool:
        """Whether an answer that covers the audio up to `end_s` is the one that is waited for.

        Finalizes may go unanswered, so answers cannot be counted; with several open, the position
        tells which one this is.
        """
        were_open = len(self._finalizes)
        while self._finalizes and self._finalizes[0] <= end_s + _POSITION_SLACK_S:
            self._finalizes.pop(0)
        if were_open > 1 and self._finalizes:
            return False
        self._finalizes.clear()
        return self._bound is not None and not self._is_speaking


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _word(message: dict[str, Any]) -> str:
    return str(message.get("variant") or message.get("code") or "")


def _language(code: str | None) -> Language | None:
    try:
        return Language(code) if code else None
    except ValueError:
        return None  # "multi", or a code Pipecat does not know


def _attributes(value: Any) -> Any:
    """A message as the vendor's client shows it: `result.channel.alternatives[0].confidence`."""
    if isinstance(value, dict):
        return SimpleNamespace(**{str(name): _attributes(item) for name, item in value.items()})
    if isinstance(value, list):
        return [_attributes(item) for item in value]
    return value
