"""Between the model's clauses and the voice: the only speaker of the agent's own phrases.

A phrase is said at once: also while the model is busy, late or stalled, for it comes as a system
frame. Only a reply that is being spoken is let finish, and only while its clauses keep coming. When
the model, or a tool, leaves the caller in silence for too long (`call/first_token.py`), the guard
says a holding phrase, and tells the model's station that it is late.

Replies get their numbers here, in the order they are said, because a phrase may come before a reply
that was begun earlier.

Frames leave from two tasks, those of system frames and of the rest. A decision is pushed without
giving way (the next station only queues), so no reply is begun inside another.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pipecat.frames.frames import (
    EagerEndOfTurnCancelFrame,
    Frame,
    FunctionCallCancelFrame,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.utils.text.base_text_aggregator import TextType

from call.clauses import ClauseCutter, Clauses
from call.first_token import (
    AllHeard,
    AnswerEnded,
    Asked,
    BreakSilence,
    CallerInterrupted,
    CallerSilent,
    CallerSpeaks,
    ClauseArrived,
    Fact,
    FirstClauseTimes,
    FirstTokenPatience,
    Patience,
    ToolEnded,
    ToolStarted,
    TurnConfirmed,
    filler,
)
from call.measures import FILLERS, NullRecorder, Recorder
from call.phrases import CATCHING_UP, FILLER, Phrases
from call.recovery import Line, Recovery, Stage, Trouble
from call.speculation import Guess
from call.spoken import language_of
from call.tongue import Tongue, tongue_of
from frames.recovery import ModelLateFrame, WayOutFrame
from frames.speculation import guess_of, is_withdrawn, mark
from frames.speech import ClauseFrame, PlayedToFrame, ReplyHeardFrame, SpeakNowFrame
from processors.deciding import DecidingProcessor

_HELD_PHRASES = 8  # phrases that wait for a reply to end; there is rarely more than one


@dataclass(frozen=True)
class Holding:
    """What the guard breaks a silence with: the agent's phrases, what each tool has to say for
    itself, and how fast answers are in this process."""

    phrases: Phrases | Tongue = Phrases()
    by_tool: Mapping[str, str] = field(default_factory=dict)
    times: FirstClauseTimes = field(default_factory=FirstClauseTimes)


class FirstTokenGuard(DecidingProcessor):
    """Clauses pass, phrases become replies of their own, silences are broken."""

    def __init__(
        self,
        patience: Patience,
        clauses: Clauses,
        *,
        language: str,
        holding: Holding | None = None,
        recovery: Recovery | None = None,
        recorder: Recorder | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(clock=clock)
        self._clauses = replace(clauses, first_words=0)  # a phrase is known to its end
        self._language = language
        self._holding = holding or Holding()
        self._tongue = tongue_of(self._holding.phrases)
        self._recovery = recovery or Recovery()
        self._recorder = recorder or NullRecorder()
        self._stall_s = patience.stall_s
        self._patience = FirstTokenPatience(patience, self._holding.times)
        self._last = (0, 0)  # reply and clause that left last
        self._is_open = False  # the model's reply: begun, and not ended
        self._start: Frame | None = None  # of that reply, held until its first clause
        self._is_resumed = False  # that start is of its second part, behind a phrase
        self._guess: Guess | None = None  # what it was begun on
        self._clause_at = 0.0  # its last clause
        self._held: deque[SpeakNowFrame] = deque(maxlen=_HELD_PHRASES)
        self._filler = ""  # the last one of the call
        self._spared: SpeakNowFrame | None = None  # said only if the guess in hand is withdrawn
        self._rising: deque[Frame] = deque()  # what goes upstream
        self._interruption_id = -1  # frames made before it belong to what was interrupted
        self._is_left = False  # the call is given up: the model has nothing more to say

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Decide, let go; then tell the model's station what it has to know."""
        await super().process_frame(frame, direction)
        while self._rising:
            await self.push_frame(self._rising.popleft(), FrameDirection.UPSTREAM)

    def decide(self, frame: Frame, now: float) -> Sequence[Frame] | None:
        """What leaves for what came."""
        fact = self._fact(frame)
        if fact is not None:
            self._patience.decide(fact, now)
        match frame:
            case SpeakNowFrame():
                return self._say(frame, now)
            case InterruptionFrame():
                return (frame, *self._interrupt(frame, now))
            case EagerEndOfTurnCancelFrame():
                return (frame, *self._abandon(now))
            case WayOutFrame():
                self._is_left = True
            case PlayedToFrame():
                return ()  # told from the wire upwards, several times a second; nobody above asks
            case _ if is_withdrawn(frame):
                return self._abandon(now)
            case FunctionCallInProgressFrame():
                return (*self._begin(), frame)  # the tool belongs to the reply that called it
        return self._reply(frame, now)

    def next_deadline(self) -> float | None:
        """When a silence is to be broken, or a phrase has waited long enough."""
        silent_at, free_at = self._patience.next_deadline(), self._free_at
        return free_at if silent_at is None else min(silent_at, free_at or silent_at)

    def on_deadline(self, now: float) -> Sequence[Frame]:
        """The reply has stalled: say what waits; the rest of the reply is one of its own."""
        silence = self._patience.on_deadline(now)
        if silence is not None:
            return self._break(silence, now)
        return () if self._free_at is None or now < self._free_at else self._cut_in(now)

    @property
    def _free_at(self) -> float | None:
        """When what waits need not wait for the open reply any longer."""
        return self._clause_at + self._stall_s if self._held and self._is_spoken else None

    def _fact(self, frame: Frame) -> Fact | None:
        """What the frame means for the caller's silence, replies left out."""
        match frame:
            case UserStoppedSpeakingFrame():
                return TurnConfirmed()
            case VADUserStartedSpeakingFrame():
                return CallerSpeaks()
            case VADUserStoppedSpeakingFrame():
                return CallerSilent()
            case InterruptionFrame() | WayOutFrame():
                return CallerInterrupted()
            case FunctionCallInProgressFrame():
                return ToolStarted(frame.tool_call_id, frame.function_name)
            case FunctionCallResultFrame():
                is_told = frame.properties is None or frame.properties.run_llm is not False
                return ToolEnded(frame.tool_call_id, is_told)
            case FunctionCallCancelFrame():
                return ToolEnded(frame.tool_call_id, is_told=False)
            case PlayedToFrame() if frame.is_end and frame.clause_id == "{}.{}".format(*self._last):
                return AllHeard()
            case ReplyHeardFrame() if frame.reply >= self._last[0]:
                return AllHeard()
        return None

    def _break(self, silence: BreakSilence, now: float) -> Sequence[Frame]:
        """Say a holding phrase, and whose silence it was."""
        stage = Stage.TOOL if silence.tool else Stage.THINK
        remedy = self._recovery.met(stage, Trouble.LATE)
        if stage is Stage.THINK:
            self._rising.append(ModelLateFrame(remedy))
        if remedy.line is not Line.FILLER:
            return ()
        self._recorder.count(FILLERS, stage=stage.value)
        by_tool = self._holding.by_tool if self._tongue.is_home else {}  # in the agent's language
        said = filler(silence, self._tongue.phrases, by_tool, last=self._filler)
        self._filler = said
        self._held.append(SpeakNowFrame(said, FILLER))
        return self._cut_in(now) if self._is_spoken else self._release(now)

    # ── the model's reply ────────────────────────────────────────────────────────────
    @property
    def _is_spoken(self) -> bool:
        """A reply of the model is open, and some of it has left."""
        return self._is_open and self._start is None

    @property
    def _is_ready(self) -> bool:
        """An answer begun early has words, which wait for the end of the caller's turn."""
        return self._guess is not None and self._guess.is_pending and self._start is None

    def _reply(self, frame: Frame, now: float) -> Sequence[Frame] | None:
        match frame:
            case LLMFullResponseStartFrame():
                return self._open(frame, now)
            case ClauseFrame():
                return self._pass(frame, now)
            case LLMFullResponseEndFrame():
                return self._close(frame, now)
        return None

    def _open(self, start: LLMFullResponseStartFrame, now: float) -> Sequence[Frame]:
        if self._is_left or start.id < self._interruption_id:
            return ()
        ended = self._end() if self._is_spoken else []
        self._is_open, self._start, self._guess = True, start, guess_of(start)
        self._is_resumed, self._spared = False, None
        guess = self._guess
        is_guess = guess is not None and guess.is_pending
        self._patience.decide(Asked(is_guess), now)
        if guess is not None and is_guess:
            guess.when_settled(lambda: self._settled(guess))
        return ended

    def _settled(self, guess: Guess) -> None:
        """The verdict on an answer begun early, should the end of the turn have passed before its
        start."""
        if guess.is_kept and guess is self._guess and self._is_open:
            now = self._clock()
            self._patience.decide(TurnConfirmed(), now)
            self._rearm(now)

    def _pass(self, clause: ClauseFrame, now: float) -> Sequence[Frame]:
        if self._is_left or not self._is_open:
            return ()
        self._clause_at = now
        clause.silent_since = self._patience.silent_since
        self._patience.decide(ClauseArrived(), now)
        began = self._begin()
        clause.reply = self._last[0]
        self._last = (clause.reply, clause.clause)
        return (*began, clause)

    def _begin(self) -> list[Frame]:
        """The start of the reply, if it is still held."""
        start, self._start = self._start, None
        if start is None:
            return []
        self._number()
        return [start]

    def _number(self) -> int:
        """The number of the next reply."""
        self._last = (self._last[0] + 1, 0)
        return self._last[0]

    def _close(self, end: LLMFullResponseEndFrame, now: float) -> Sequence[Frame]:
        if self._is_left or not self._is_open:
            return ()
        self._is_open = False
        self._patience.decide(AnswerEnded(), now)
        if self._start is not None and self._is_resumed:
            self._start = None  # nothing was left of it when a phrase cut in
            return self._release(now)
        return (*self._begin(), end, *self._release(now))

    def _end(self) -> list[Frame]:
        """The end of a reply that has none yet."""
        end = LLMFullResponseEndFrame()
        mark(end, self._guess)
        return [end]

    def _abandon(self, now: float) -> Sequence[Frame]:
        """Forget the last reply if it was withdrawn; what waited for its end goes on."""
        if self._guess is None or not self._guess.is_withdrawn:
            return ()
        self._is_open, self._start, self._guess = False, None, None
        if self._spared is not None:
            self._held.append(self._spared)
            self._spared = None
        self._patience.decide(AnswerEnded(is_withdrawn=True), now)
        return self._release(now)

    def _interrupt(self, frame: InterruptionFrame, now: float) -> Sequence[Frame]:
        self._interruption_id = frame.id
        self._is_open, self._start, self._spared = False, None, None
        kept = [say for say in self._held if not say.interruptible]
        self._held = deque(kept, maxlen=_HELD_PHRASES)
        return self._release(now)

    # ── the agent's own phrases ──────────────────────────────────────────────────────
    def _say(self, phrase: SpeakNowFrame, now: float) -> Sequence[Frame]:
        if is_withdrawn(phrase):
            return ()
        if phrase.kind == CATCHING_UP and self._is_ready:
            self._spared = phrase  # the answer itself is about to break the silence
            return ()
        self._held.append(phrase)
        return () if self._is_spoken else self._release(now)

    def _release(self, now: float) -> list[Frame]:
        """Phrases that waited, each as a reply of its own."""
        frames: list[Frame] = []
        while self._held:
            frames += self._said(self._held.popleft(), now)
        return frames

    def _cut_in(self, now: float) -> list[Frame]:
        """The phrases between two parts of the open reply."""
        ended = self._end()
        self._start, self._is_resumed = LLMFullResponseStartFrame(), True
        mark(self._start, self._guess)
        return [*ended, *self._release(now)]

    def _said(self, say: SpeakNowFrame, now: float) -> list[Frame]:
        written = self._cut(say)
        if not written:
            return []
        self._patience.decide(ClauseArrived(is_phrase=True), now)
        reply = self._number()
        self._last = (reply, len(written))
        clauses = [
            ClauseFrame(
                text, TextType.SENTENCE, written=text, reply=reply, clause=number, kind=say.kind
            )
            for number, text in enumerate(written, 1)
        ]
        frames = [LLMFullResponseStartFrame(), *clauses, LLMFullResponseEndFrame()]
        for frame in frames:
            frame.interruptible = say.interruptible
            mark(frame, guess_of(say))
        return frames

    def _cut(self, say: SpeakNowFrame) -> list[str]:
        """A holding phrase is one clause: its sound lies ready in one piece."""
        if say.kind == FILLER:
            return [say.text]
        language = language_of(say.text, otherwise=self._language)
        cutter = ClauseCutter(self._clauses, language=language)
        return [*cutter.feed(say.text, 0.0), *cutter.flush()]
