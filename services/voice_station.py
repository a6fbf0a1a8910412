"""The station that speaks: clauses in, audio out, in the order a listener needs.

For a reply it passes on `LLMFullResponseStartFrame` and each `ClauseFrame` as it comes, then
`TTSStartedFrame`, the audio with a `PlayheadFrame` right behind each clause's last sample,
`TTSStoppedFrame` and `LLMFullResponseEndFrame`. Frames that are not the reply's and come behind its
end wait for it. Nothing here waits for a provider: clauses go to the voice at once, its events come
back through `hear`, and one task pushes what is ready. Every reply ends: spoken, interrupted, or
given up with a fault. docs/decisions/0002-voice-station.md says why this is not Pipecat's service.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    EndFrame,
    Frame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    StopFrame,
    SystemFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
)
from pipecat.processors.frame_processor import (
    FrameDirection,
    FrameProcessor,
    FrameProcessorSetup,
)

from call.audio import RATE_HZ, pcm_from_mulaw
from call.errors import ProviderFault, ProviderRefused
from call.measures import TTS_CHARACTERS, Moment, Recorder
from call.speculation import Guess
from frames.speculation import guess_of, is_withdrawn, mark
from frames.speech import ClauseFrame, PlayheadFrame
from services.fault import report
from services.track import ClauseEnd, Track
from services.voice import Event, Failed, Finished, Flushed, Sound, Timing, Voice

_ENDLESS_S = 180.0  # no reply is this long; a voice that goes on would fill the memory
_LOOK_S = 0.1  # how often replies are looked at for a voice gone silent
_REST_S = 0.2  # after this silence, the last letter's audio ends its clause
_GRACE_S = 0.5  # a spoken reply waits this long for the voice to say that it is complete


@dataclass(eq=False)
class _Reply:
    """One reply on its way through the voice."""

    is_protected: bool = False  # survives an interruption
    guess: Guess | None = None  # what it was begun on, before the turn was decided
    context: str = ""  # the voice's open context; a pause of the model may need several
    track: Track = field(default_factory=Track)
    ready: deque[Frame] = field(default_factory=deque)  # may leave now
    end: Frame | None = None  # waits for the last sample
    is_sounding: bool = False  # TTSStartedFrame is out, TTSStoppedFrame is not
    has_sent: bool = False
    has_failed: bool = False
    is_over: bool = False
    sent_at: float = 0.0  # last clause handed to the voice
    heard_at: float = 0.0  # last sign of life of the voice


class VoiceStation(FrameProcessor):
    """Speaks through one voice."""

    def __init__(self, voice: Voice, *, recorder: Recorder, stall_s: float) -> None:
        super().__init__(name="tts")
        self._voice = voice
        self._recorder = recorder
        self._stall_s = stall_s
        self._line: deque[_Reply | Frame] = deque()  # what leaves, in order
        self._open: _Reply | None = None  # the reply that is being written
        self._speaking: dict[str, _Reply] = {}  # by the voice's context
        self._contexts = 0
        self._faults: deque[ProviderFault] = deque(maxlen=16)
        self._work = asyncio.Event()
        self._mouth: asyncio.Task[None] | None = None
        self._watch: asyncio.TimerHandle | None = None

    # ── life ─────────────────────────────────────────────────────────────────────────

    async def setup(self, setup: FrameProcessorSetup) -> None:  # type: ignore[override]
        """Start connecting, without waiting: a first clause waits for the socket by itself."""
        await super().setup(setup)
        self._voice.open(self)
        self._mouth = self.create_task(self._push_ready(), name="mouth")

    async def cleanup(self) -> None:
        """Hang up on the voice."""
        await super().cleanup()
        if self._watch is not None:
            self._watch.cancel()
        mouth, self._mouth = self._mouth, None
        if mouth is not None:
            await self.cancel_task(mouth)
        await self._voice.close()

    # ── frames ───────────────────────────────────────────────────────────────────────

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """System frames and what goes upstream pass; the rest takes its place in the line."""
        await super().process_frame(frame, direction)
        if isinstance(frame, SystemFrame) or direction is FrameDirection.UPSTREAM:
            if isinstance(frame, InterruptionFrame):
                self._interrupt()
            elif isinstance(frame, EagerEndOfTurnCancelFrame):
                self._withdraw()
            await self.push_frame(frame, direction)
            return
        if is_withdrawn(frame):
            return
        match frame:
            case LLMFullResponseStartFrame():
                self._begin(frame)
            case ClauseFrame():
                self._speak(frame)
            case LLMFullResponseEndFrame():
                self._end(frame)
            case _ if self._open is not None and not isinstance(frame, EndFrame | StopFrame):
                self._open.ready.append(frame)
            case _:
                if self._open is not None:
                    self._close(self._open)
                self._line.append(frame)
        self._work.set()

    def _begin(self, frame: Frame | None) -> _Reply:
        if self._open is not None:
            self._close(self._open)  # a reply whose end was lost upstream
        reply = _Reply()
        if frame is not None:
            reply.is_protected = not frame.interruptible
            reply.guess = guess_of(frame)
            reply.ready.append(frame)
        self._line.append(reply)
        self._open = reply
        return reply

    def _speak(self, frame: ClauseFrame) -> None:
        reply = self._open or self._begin(None)
        reply.is_protected = reply.is_protected or not frame.interruptible
        reply.ready.append(frame)
        if reply.has_failed:
            return  # its rest cannot be heard; the end is all that is missing
        self._leave_stale(reply)
        reply.track.add(frame.clause_id, frame.text)
        if frame.text.strip():
            self._send(reply, frame.text)
        else:
            self._emit(reply, reply.track.settle())

    def _end(self, frame: Frame) -> None:
        if self._open is None:
            self._line.append(frame)
            return
        self._open.end = frame
        self._close(self._open)

    def _close(self, reply: _Reply) -> None:
        """Nothing more will be written for this reply."""
        self._open = None
        self._leave_stale(reply)
        if reply.context:
            self._voice.finish(reply.context)
            reply.sent_at = reply.heard_at = time.monotonic()
            self._watch_out()
        else:
            self._conclude(reply)

    def _interrupt(self) -> None:
        """Stop what may be stopped, here and at the provider, before anybody else hears of it."""
        for item in self._line:
            if isinstance(item, _Reply) and not item.is_protected and item.context:
                self._voice.cancel(item.context)
                self._speaking.pop(item.context, None)
        if self._open is not None and not self._open.is_protected:
            self._open = None
        self._line = deque(
            item
            for item in self._line
            if (item.is_protected if isinstance(item, _Reply) else not item.interruptible)
        )

    def _withdraw(self) -> None:
        """Stop what was begun early for nothing, here and at the provider."""
        self._line = deque(item for item in self._line if not self._is_void(item))
        self._work.set()

    def _is_void(self, item: _Reply | Frame) -> bool:
        if isinstance(item, Frame) or item.guess is None or not item.guess.is_withdrawn:
            return False
        if item.context:
            self._voice.cancel(item.context)
            self._speaking.pop(item.context, None)
        if item is self._open:
            self._open = None
        return True

    # ── to the voice ─────────────────────────────────────────────────────────────────

    def _leave_stale(self, reply: _Reply) -> None:
        """Let go of a context that the voice may have forgotten: the model paused for too long."""
        life_s = self._voice.context_life_s
        if not (life_s and reply.context and reply.track.has_sound) or reply.track.unheard():
            return
        if time.monotonic() - reply.heard_at >= life_s:
            self._voice.cancel(reply.context)
            del self._speaking[reply.context]
            self._detach(reply)

    def _send(self, reply: _Reply, text: str) -> None:
        now = time.monotonic()
        if not reply.context:
            self._contexts += 1
            reply.context = f"r{self._contexts}"
            self._speaking[reply.context] = reply
        if not reply.has_sent:
            reply.has_sent = True
            self._recorder.moment(Moment.CLAUSE_SENT, now)
        self._recorder.count(TTS_CHARACTERS, len(text), provider=self._voice.provider)
        if reply.guess is not None:
            reply.guess.spend("characters", len(text))
        self._voice.speak(reply.context, text)
        reply.sent_at = now
        self._watch_out()

    # ── from the voice ───────────────────────────────────────────────────────────────

    def hear(self, event: Event) -> None:
        """An event of the voice; never waits."""
        match event:
            case Failed(fault=fault, context=context):
                self._fail(fault, context)
            case Sound(context=context) | Timing(context=context) if context in self._speaking:
                self._advance(self._speaking[context], event)
            case Flushed(context=context) if context in self._speaking:
                reply = self._speaking[context]
                self._emit(reply, reply.track.flush())
            case Finished(context=context) if context in self._speaking:
                self._finished(self._speaking.pop(context))
            case _:
                return  # of a context that is over
        self._work.set()

    def _advance(self, reply: _Reply, event: Event) -> None:
        reply.heard_at = time.monotonic()
        track = reply.track
        match event:
            case Sound(mulaw=mulaw):
                if not track.has_sound and not reply.is_sounding:
                    self._recorder.moment(Moment.TTS_FIRST_BYTE, reply.heard_at)
                self._emit(reply, track.hear(mulaw))
                if track.sound_s > _ENDLESS_S:
                    self._voice.cancel(reply.context)
                    self._fail(self._voice.origin.broke("endless sound"), reply.context)
            case Timing() as timing:
                place = track.time_next if timing.is_relative else track.time
                place(timing.pieces, timing.starts_s, timing.ends_s)
                self._emit(reply, track.settle())

    def _finished(self, reply: _Reply) -> None:
        """The voice closed the context: the reply is spoken, or was only waited for too long."""
        reply.context = ""
        self._emit(reply, reply.track.finish())
        unheard = reply.track.unheard()
        if reply is self._open:
            # The model pauses longer than the voice keeps a context: go on in a new one.
            reply.track = Track()
            for clause_id, text in unheard:
                reply.track.add(clause_id, text)
                self._send(reply, text)
        elif unheard:
            self._give_up(reply, self._voice.origin.broke("finished without sound"))
        else:
            self._conclude(reply)

    def _fail(self, fault: ProviderFault, context: str | None) -> None:
        contexts = [context] if context is not None else list(self._speaking)
        replies = [self._speaking.pop(name) for name in contexts if name in self._speaking]
        spoken = [reply for reply in replies if self._can_go_on(reply)]
        if len(spoken) < len(replies) or not replies or isinstance(fault, ProviderRefused):
            self._faults.append(fault)
        for reply in replies:
            if reply in spoken:
                self._detach(reply)
            else:
                self._give_up(reply, None)

    def _can_go_on(self, reply: _Reply) -> bool:
        """Whether nothing is lost with the context: all is spoken, and the model writes on."""
        self._emit(reply, reply.track.rest())
        return reply is self._open and reply.track.is_spoken and reply.track.has_sound

    def _detach(self, reply: _Reply) -> None:
        """Leave the context behind; the next clause goes into a new one."""
        self._emit(reply, reply.track.finish())
        reply.context = ""
        reply.track = Track()

    def _give_up(self, reply: _Reply, fault: ProviderFault | None) -> None:
        """End a reply that cannot be spoken to its end; what was spoken of it stays."""
        if fault is not None:
            self._faults.append(fault)
        reply.has_failed = True
        reply.context = ""
        spoken = reply.track.spoken_chars()
        if spoken is not None:
            self._append(reply, PlayheadFrame(clause_id=spoken[0], chars=spoken[1], is_end=False))
        if reply is self._open:
            self._stop_sounding(reply)  # its end is still to come, and ends it
        else:
            self._conclude(reply)

    # ── out ──────────────────────────────────────────────────────────────────────────

    def _emit(self, reply: _Reply, pieces: Iterable[bytes | ClauseEnd]) -> None:
        for piece in pieces:
            if isinstance(piece, ClauseEnd):
                self._append(reply, PlayheadFrame(piece.clause_id, piece.chars, piece.is_end))
                continue
            if not reply.is_sounding:
                reply.is_sounding = True
                self._append(reply, TTSStartedFrame())
            self._append(reply, TTSAudioRawFrame(pcm_from_mulaw(piece), RATE_HZ, 1))

    def _append(self, reply: _Reply, frame: Frame) -> None:
        frame.interruptible = not reply.is_protected
        mark(frame, reply.guess)
        reply.ready.append(frame)

    def _stop_sounding(self, reply: _Reply) -> None:
        if reply.is_sounding:
            reply.is_sounding = False
            self._append(reply, TTSStoppedFrame())

    def _conclude(self, reply: _Reply) -> None:
        self._stop_sounding(reply)
        if reply.end is not None:
            reply.ready.append(reply.end)
        reply.is_over = True
        self._work.set()

    async def _push_ready(self) -> None:
        """The only task that pushes what is in the line, so that it leaves in order."""
        while True:
            await self._work.wait()
            self._work.clear()
            while self._faults:
                await report(self, self._faults.popleft(), self._recorder)
            while (frame := self._next_ready()) is not None:
                await self.push_frame(frame)

    def _next_ready(self) -> Frame | None:
        while self._line:
            item = self._line[0]
            if isinstance(item, Frame):
                self._line.popleft()
                return item
            if item.ready:
                return item.ready.popleft()
            if not item.is_over:
                return None
            self._line.popleft()
        return None

    # ── patience ─────────────────────────────────────────────────────────────────────

    def _watch_out(self) -> None:
        if self._watch is None:
            loop = asyncio.get_running_loop()
            self._watch = loop.call_later(min(_LOOK_S, self._stall_s / 4), self._look_for_stalls)

    def _look_for_stalls(self) -> None:
        """End replies whose voice has been silent for too long since it was last asked."""
        self._watch = None
        now = time.monotonic()
        for context, reply in list(self._speaking.items()):
            quiet_s = now - max(reply.sent_at, reply.heard_at)
            if quiet_s >= _REST_S:
                self._emit(reply, reply.track.rest())
                self._work.set()
            if reply is not self._open and reply.track.is_spoken:
                if quiet_s >= _GRACE_S:  # all of it came; only the voice's full stop did not
                    self._voice.cancel(context)
                    self._finished(self._speaking.pop(context))
            elif quiet_s >= self._stall_s and (
                reply is not self._open or reply.heard_at <= reply.sent_at
            ):
                self._voice.cancel(context)
                self._fail(self._voice.origin.slow("no sound"), context)
                self._work.set()
        if self._speaking:
            self._watch_out()
