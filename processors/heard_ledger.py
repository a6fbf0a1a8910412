"""Which words reached the ear: only those enter the conversation.

Stands between the wire's output, which passes each clause on as its sound begins to leave, and the
assistant's half of the context. Clauses stop here; a clause comes out again as text when the wire
reports it played, and the reply's end when its last clause was.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    FunctionCallCancelFrame,
    FunctionCallInProgressFrame,
    FunctionCallResultFrame,
    FunctionCallsStartedFrame,
    InterimTranscriptionFrame,
    InterruptionFrame,
    LLMAssistantPushAggregationFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMMessagesTransformFrame,
    SystemFrame,
    TextFrame,
    TranscriptionFrame,
)
from pipecat.processors.frame_processor import FrameDirection

from call.floor import Floor
from call.heard import (
    Action,
    CallEnded,
    CallerInterrupted,
    ClauseCut,
    ClausePlayed,
    ClauseSpoken,
    CloseReply,
    CommitReply,
    Fact,
    HeardLog,
    InsertText,
    NoteHeard,
    OpenReply,
    ReplyBegan,
    ReplySpoken,
    TakeText,
    ToolCalled,
)
from call.measures import CLAUSES, MARKS_MISSED, VOICE_SWITCHES, Moment, NullRecorder, Recorder
from call.pardon import LastWords
from call.phrases import FILLER, REPLY
from call.tongue import Tongue, tongue_of
from frames.speech import (
    ClauseCutFrame,
    ClauseFrame,
    PlayedToFrame,
    ReplyHeardFrame,
    VoiceSwitchedFrame,
)
from processors.deciding import DecidingProcessor


@dataclass
class HeardTextFrame(SystemFrame, TextFrame):
    """Words that were heard, for the conversation.

    A system frame, so that an interruption right behind it can neither overtake nor drop it.
    """

    text: str = field(default="", repr=False)


class HeardLedger(DecidingProcessor):
    """Hosts `call.heard.HeardLog` behind the wire's output."""

    def __init__(
        self,
        heard: HeardLog | None = None,
        recorder: Recorder | None = None,
        *,
        floor: Floor | None = None,
        last_words: LastWords | None = None,
        tongue: Tongue | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(clock=clock)
        self._log = heard or HeardLog()
        self._recorder = recorder or NullRecorder()
        self._floor = floor or Floor()
        self._last_words = last_words or LastWords()
        self._tongue = tongue or tongue_of(None)
        self._tools: set[str] = set()  # running
        self._answer_owed = False  # a result came, and no reply has begun since
        self._news: deque[ReplyHeardFrame] = deque()  # copies for those upstream

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Decide on what comes from the wire; the other direction only passes."""
        if direction is FrameDirection.UPSTREAM:
            await super(DecidingProcessor, self).process_frame(frame, direction)
            await self.push_frame(frame, direction)
            return
        await super().process_frame(frame, direction)
        while self._news:
            await self.push_frame(self._news.popleft(), FrameDirection.UPSTREAM)

    def decide(self, frame: Frame, now: float) -> Sequence[Frame] | None:
        """What leaves for what came; the ledger's own frames go ahead of the one that caused
        them."""
        match frame:
            case PlayedToFrame():
                return self._played(frame, now)
            case ClauseFrame() | VoiceSwitchedFrame() | ClauseCutFrame():
                return self._spoken(frame, now)
            case TranscriptionFrame() | InterimTranscriptionFrame():
                return None
            case TextFrame():
                return ()  # what was sent to the voice is not what was heard
            case LLMFullResponseStartFrame():
                self._answer_owed = False
                self._floor.agent_began()
                return self._tell(ReplyBegan(), now)
            case LLMFullResponseEndFrame():
                return self._tell(ReplySpoken(), now)
            case InterruptionFrame():
                return [*self._interrupted(now), frame]
            case EndFrame() | CancelFrame():
                return [*self._tell(CallEnded(), now), frame]
        return self._tool(frame, now)

    def next_deadline(self) -> float | None:
        """When marks are overdue."""
        return self._log.next_deadline()

    def on_deadline(self, now: float) -> Sequence[Frame]:
        """Marks that never came."""
        return self._frames(self._log.on_deadline(now), now)

    def _played(self, frame: PlayedToFrame, now: float) -> Sequence[Frame] | None:
        self._floor.heard_to(frame.clause_id, frame.chars)
        fact = _played(frame)
        if fact is None:
            return None
        self._last_words.played(fact.reply, fact.clause, is_end=fact.is_end)
        return [*self._tell(fact, now), frame]

    def _spoken(
        self, frame: ClauseFrame | VoiceSwitchedFrame | ClauseCutFrame, now: float
    ) -> Sequence[Frame]:
        """A clause begins to leave; another voice goes on in it; nobody can."""
        match frame:
            case ClauseFrame():
                return self._clause(frame, now)
            case VoiceSwitchedFrame():
                self._recorder.count(VOICE_SWITCHES, voice=frame.voice)
                return ()
        cut = _cut(frame)
        return () if cut is None else self._tell(cut, now)

    def _interrupted(self, now: float) -> Sequence[Frame]:
        if self._tools or self._answer_owed:
            self._last_words.answer_lost()
        self._answer_owed = False
        self._tools.clear()
        ours = self._tell(CallerInterrupted(), now)
        if self._log.is_empty:
            self._floor.agent_ended()
        return ours

    def _clause(self, frame: ClauseFrame, now: float) -> Sequence[Frame]:
        is_protected = not frame.interruptible
        self._floor.clause_began(
            frame.reply,
            frame.written,
            is_protected=is_protected,
            now=now,
            spoken=frame.text,
            clause_id=frame.clause_id,
        )
        if frame.kind == REPLY:
            self._tongue.answered(frame.written)
        self._last_words.began(frame.reply, frame.clause, kind=frame.kind)
        self._recorder.reply(frame.reply, frame.kind)
        self._recorder.words("agent", frame.written, final=False)
        if frame.voice:
            self._recorder.count(CLAUSES, voice=frame.voice)
        fact = ClauseSpoken(
            frame.reply,
            frame.clause,
            frame.written,
            kind=frame.kind,
            is_protected=is_protected,
            form=frame.form,
        )
        return self._tell(fact, now)

    def _tool(self, frame: Frame, now: float) -> Sequence[Frame] | None:
        """Tools pass; while one runs, or its result is unanswered, the floor is the agent's."""
        match frame:
            case FunctionCallsStartedFrame():
                self._floor.agent_began()
                self._tools.update(call.tool_call_id for call in frame.function_calls)
            case FunctionCallInProgressFrame():
                return [*self._tell(ToolCalled(frame.tool_call_id), now), frame]
            case FunctionCallResultFrame():
                self._floor.agent_began()
                self._tools.discard(frame.tool_call_id)
                self._answer_owed = True
            case FunctionCallCancelFrame():
                self._tools.discard(frame.tool_call_id)
        return None

    def _tell(self, fact: Fact, now: float) -> list[Frame]:
        return self._frames(self._log.decide(fact, now), now)

    def _frames(self, actions: Sequence[Action], now: float) -> list[Frame]:
        frames: list[Frame] = []
        for action in actions:
            match action:
                case OpenReply():
                    frames.append(LLMFullResponseStartFrame())
                case NoteHeard():
                    self._recorder.reply(action.reply, action.kind)
                    self._recorder.words("agent", action.text, final=True)
                case TakeText():
                    frames.append(HeardTextFrame(text=action.text))
                case CommitReply():
                    frames.append(LLMAssistantPushAggregationFrame())
                case InsertText():
                    frames.append(_insertion(action))
                case CloseReply():
                    frames.extend(self._close(action, now))
        return frames

    def _close(self, reply: CloseReply, now: float) -> Sequence[Frame]:
        if reply.by_bound:
            self._recorder.count(MARKS_MISSED)
        is_filler = reply.kind == FILLER  # an answer is still to come
        self._recorder.reply(reply.reply, reply.kind)
        if reply.interrupted:
            self._recorder.moment(Moment.REPLY_CUT, now)
        elif reply.heard:
            heard = Moment.FILLER_HEARD if is_filler else Moment.REPLY_HEARD
            self._recorder.moment(heard, now)
        self._floor.reply_ended(reply.reply)
        is_all = self._log.is_empty and not self._tools and not self._answer_owed
        if is_all and not is_filler:
            self._floor.agent_ended()
        told, copy = (
            ReplyHeardFrame(
                reply=reply.reply,
                kind=reply.kind,
                interrupted=reply.interrupted,
                heard=reply.heard,
            )
            for _ in range(2)
        )
        told.broadcast_sibling_id, copy.broadcast_sibling_id = copy.id, told.id
        self._news.append(copy)
        return (LLMFullResponseEndFrame(), told)


def _played(frame: PlayedToFrame) -> ClausePlayed | None:
    """Which clause a mark names; None for a name that is not ours."""
    name = _numbers(frame.clause_id)
    return name and ClausePlayed(*name, is_end=frame.is_end, chars=frame.chars)


def _cut(frame: ClauseCutFrame) -> ClauseCut | None:
    name = _numbers(frame.clause_id)
    return name and ClauseCut(*name, chars=frame.chars)


def _numbers(clause_id: str) -> tuple[int, int] | None:
    """Reply and clause of a name; None for one that is not ours."""
    reply, _, clause = clause_id.partition(".")
    if not (reply.isdigit() and clause.isdigit()):
        return None
    return int(reply), int(clause)


def _insertion(action: InsertText) -> Frame:
    """Puts words in front of a tool call: what was said before it is heard after it began."""

    def transform(messages: list[Any]) -> list[Any]:
        for index, message in enumerate(messages):
            calls = message.get("tool_calls") if isinstance(message, dict) else None
            if calls and any(call.get("id") == action.tool_call_id for call in calls):
                return _spoken_before(messages, index, action.text)
        return messages

    frame = LLMMessagesTransformFrame(transform=transform)
    frame.interruptible = False  # the interruption that ends a reply must not lose its words
    return frame


def _spoken_before(messages: list[Any], index: int, text: str) -> list[Any]:
    """The same messages with `text` said by the agent in front of `index`."""
    before = messages[index - 1] if index else None
    if isinstance(before, dict) and before.get("role") == "assistant" and before.get("content"):
        joined = {**before, "content": f"{before['content']} {text}"}
        return [*messages[: index - 1], joined, *messages[index:]]
    return [*messages[:index], {"role": "assistant", "content": text}, *messages[index:]]
