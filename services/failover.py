"""The station that speaks: clauses in, audio out, in the order a listener needs, by whichever voice
can.

For a reply it passes on `LLMFullResponseStartFrame`, then each `ClauseFrame` right before its
sound, `TTSStartedFrame`, the audio with a `PlayheadFrame` behind each word and clause,
`TTSStoppedFrame` and `LLMFullResponseEndFrame`. Frames that are not the reply's and come behind its
end wait for it. Nothing here waits for a provider: clauses go to a voice at once, its events come
back through `hear`, and one task pushes what is ready. Every reply ends: spoken, interrupted, or
given up when no voice is left. Faults go upstream as `ErrorFrame`s; the one by which a reply is
lost carries the remedy of the table, the others have been dealt with.
docs/decisions/0002-voice-station.md and the page on voices that take over say why.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    EndFrame,
    ErrorFrame,
    Frame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    StopFrame,
    SystemFrame,
    TTSAudioRawFrame,
)
from pipecat.processors.frame_processor import (
    FrameDirection,
    FrameProcessor,
    FrameProcessorSetup,
)

from call.audio import pcm_seconds
from call.errors import ProviderFault, ProviderRefused
from call.lateness import reading_s
from call.recovery import Recovery, Stage, Trouble
from frames.recovery import settle
from frames.speculation import guess_of, is_withdrawn
from frames.speech import ClauseFrame, PlayedToFrame, PlayheadFrame
from services.cast import Cast, Member
from services.fault import category
from services.lead import Lead
from services.reply import Reply
from services.voice import Event, Failed

_ROUNDED_S = 0.001  # a loop that counts milliseconds may ring so early
_SOONER_S = 0.1  # the reckoning may be this far out before the timer is set anew


class _Ear:
    """Listens to one voice on the station's behalf."""

    def __init__(self, station: FailoverTTS, member: Member) -> None:
        self._station = station
        self._member = member

    def hear(self, event: Event) -> None:
        """An event, in the order it came."""
        self._station.hear(self._member, event)


class FailoverTTS(FrameProcessor):
    """Speaks through the first voice of its cast that can."""

    def __init__(self, cast: Cast, *, stall_s: float) -> None:
        super().__init__(name="tts")
        self.cast = cast
        self._stall_s = stall_s
        self._line: deque[Reply | Frame] = deque()  # what leaves, in order
        self._open: Reply | None = None  # the reply that is being written
        self._lead = Lead()
        self._lost: list[ProviderFault] = []  # by these, replies could not be said
        self._recovery = Recovery()
        self._work = asyncio.Event()
        self._mouth: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = 0.0  # by the loop's clock; the handle of a timer due now cannot tell
        self._read_until = 0.0  # the loop's clock: what came while we slept is being read

    @property
    def is_asking(self) -> bool:
        """A voice is at work on something."""
        return any(reply.attempts for reply in self._replies())

    # ── life ─────────────────────────────────────────────────────────────────────────

    async def setup(self, setup: FrameProcessorSetup) -> None:  # type: ignore[override]
        """Start connecting, without waiting: a first clause waits for the socket by itself."""
        await super().setup(setup)
        for member in self.cast.members:
            member.voice.open(_Ear(self, member))
        self._mouth = self.create_task(self._push_ready(), name="mouth")

    async def cleanup(self) -> None:
        """Hang up on the voices."""
        await super().cleanup()
        if self._timer is not None:
            self._timer.cancel()
        mouth, self._mouth = self._mouth, None
        if mouth is not None:
            await self.cancel_task(mouth)
        await asyncio.gather(*(member.voice.close() for member in self.cast.members))

    # ── frames ───────────────────────────────────────────────────────────────────────

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """System frames and what goes upstream pass; the rest takes its place in the line."""
        await super().process_frame(frame, direction)
        if isinstance(frame, SystemFrame) or direction is FrameDirection.UPSTREAM:
            match frame:
                case InterruptionFrame():
                    self._interrupt()
                case EagerEndOfTurnCancelFrame():
                    self._withdraw()
                case PlayedToFrame():
                    self._played(frame)
            await self.push_frame(frame, direction)
            return
        if is_withdrawn(frame):
            return
        self._take(frame, time.monotonic())
        self._stir()

    def _played(self, frame: PlayedToFrame) -> None:
        """The wire knows when the ear runs dry; a voice that is waited for may be late by that."""
        reckoned = self._lead.dry_at
        self._lead.played(frame, time.monotonic())
        if self._timer is not None and self._lead.dry_at < reckoned - _SOONER_S:
            self._stir()

    def _take(self, frame: Frame, now: float) -> None:
        match frame:
            case LLMFullResponseStartFrame():
                self._begin(frame, now)
            case ClauseFrame():
                (self._open or self._begin(None, now)).add(frame, now)
            case LLMFullResponseEndFrame() if self._open is not None:
                self._close(frame, now)
            case _ if self._open is not None and not isinstance(frame, EndFrame | StopFrame):
                self._open.ready.append(frame)
            case _:
                self._close(None, now)
                self._line.append(frame)

    def _begin(self, frame: Frame | None, now: float) -> Reply:
        self._close(None, now)  # a reply whose end was lost upstream
        reply = Reply(
            self.cast,
            stall_s=self._stall_s,
            is_protected=frame is not None and not frame.interruptible,
            guess=None if frame is None else guess_of(frame),
        )
        if frame is not None:
            reply.ready.append(frame)
        self._line.append(reply)
        self._open = reply
        return reply

    def _close(self, end: Frame | None, now: float) -> None:
        """Nothing more will be written for the open reply."""
        if self._open is not None:
            reply, self._open = self._open, None
            reply.close(end, now)

    def _interrupt(self) -> None:
        """Stop what may be stopped, here and at the providers, before anybody else hears of it."""
        self._lead.cleared(time.monotonic())
        self._keep(
            lambda item: item.is_protected if isinstance(item, Reply) else not item.interruptible
        )

    def _withdraw(self) -> None:
        """Stop what was begun early for nothing, here and at the providers."""
        self._keep(
            lambda item: (
                not isinstance(item, Reply) or item.guess is None or not item.guess.is_withdrawn
            )
        )
        self._stir()

    def _keep(self, is_kept: Callable[[Reply | Frame], bool]) -> None:
        kept: deque[Reply | Frame] = deque()
        for item in self._line:
            if is_kept(item):
                kept.append(item)
            elif isinstance(item, Reply):
                item.abandon()
                if item is self._open:
                    self._open = None
        self._line = kept

    # ── from the voices ──────────────────────────────────────────────────────────────

    def hear(self, member: Member, event: Event) -> None:
        """An event of a voice; never waits."""
        now = time.monotonic()
        if isinstance(event, Failed):
            self._failed(member, event, now)
        elif not self._heard(member, event, now):
            return  # of a context that is over
        self._stir()

    def _heard(self, member: Member, event: Event, now: float) -> bool:
        context = getattr(event, "context", None)
        for reply in self._replies():
            for attempt in reply.attempts:
                if attempt.context == context and attempt.member is member:
                    reply.hear(attempt, event, now)
                    return True
        return False

    def _failed(self, member: Member, event: Failed, now: float) -> None:
        """Every reply that the voice was at work on goes on without it."""
        lost = [
            (reply, attempt)
            for reply in self._replies()
            for attempt in list(reply.attempts)
            if attempt.member is member and event.context in (None, attempt.context)
        ]
        owed = [reply.lose(attempt, event.fault, now) for reply, attempt in lost]
        if any(owed) or not lost or isinstance(event.fault, ProviderRefused):
            self.cast.blame(member, event.fault)

    def _replies(self) -> list[Reply]:
        return [item for item in self._line if isinstance(item, Reply)]

    # ── out ──────────────────────────────────────────────────────────────────────────

    def _stir(self) -> None:
        """Something happened: look after the replies, and let out what is ready."""
        self._look()
        self._work.set()

    async def _push_ready(self) -> None:
        """The only task that pushes what is in the line, so that it leaves in order."""
        while True:
            await self._work.wait()
            self._work.clear()
            await self._tell_faults()
            while (frame := self._next_ready()) is not None:
                self._note(frame)
                await self.push_frame(frame)

    async def _tell_faults(self) -> None:
        while self.cast.faults or self._lost:
            fault = self.cast.faults.popleft() if self.cast.faults else self._lost[0]
            error = ErrorFrame(str(fault), exception=fault, category=category(fault))
            error.processor = self
            if fault in self._lost:
                self._lost.remove(fault)
                settle(error, self._recovery.met(Stage.SPEAK, Trouble.GONE))
            await self.push_error_frame(error)

    def _note(self, frame: Frame) -> None:
        if isinstance(frame, TTSAudioRawFrame):
            seconds = pcm_seconds(len(frame.audio))
            self._lead.handed(seconds, time.monotonic(), guess_of(frame))
        elif isinstance(frame, PlayheadFrame):
            self._lead.passed(frame, guess_of(frame))

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

    def _look(self) -> None:
        """See to voices that are late, and come back when the next one may be."""
        if self._is_reading():
            return
        now = time.monotonic()
        self._lead.settle(now)
        due, ahead_s = [], 0.0
        for reply in self._replies():
            ahead_s += reply.ready_s
            due_at = reply.tick(now, self._lead.dry_after(ahead_s, now))
            if due_at is not None:
                due.append(due_at)
            if reply.lost is not None:
                fault, reply.lost = reply.lost, None
                self._lose(reply, fault)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due and min(due) < float("inf"):
            loop = asyncio.get_running_loop()
            self._rings_at = loop.time() + max(0.0, min(due) - now)
            self._timer = loop.call_at(self._rings_at, self._stir)

    def _lose(self, reply: Reply, fault: ProviderFault) -> None:
        """A reply cannot be said; of one begun early, only if it was to be said."""
        guess = reply.guess
        if guess is None:
            self._lost.append(fault)
            return

        def tell() -> None:
            if guess.is_kept:
                self._lost.append(fault)
                self._work.set()

        guess.when_settled(tell)

    def _is_reading(self) -> bool:
        """Whether the timer is so late that the sound may be here, and has to be read first."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if self._timer is None:
            return False
        has_read = self._rings_at == self._read_until  # once, however late that was again
        if not has_read and (wait_s := reading_s(now - self._rings_at)):
            self._timer.cancel()
            self._rings_at = self._read_until = now + wait_s
            self._timer = loop.call_at(self._rings_at, self._stir)
        return now < self._read_until - _ROUNDED_S
