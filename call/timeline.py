"""One turn after another: who said what, and the five numbers of each turn.

The numbers are taken on one clock from moments stamped where they happened. t0 is the voice
detector's stop that the turn ended on: speech that goes on within the turn withdraws the stop
before it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from call.measures import Moment, Recorder
from call.turn import Standing, TurnState
from call.waterfall import critical_path

# What is said before anybody's turn, even if it sounds later than that.
_OPENING = frozenset({"disclosure", "greeting"})
# Said beside an answer, not for one: the turn's own reply is still to come.
_BESIDE = frozenset({"emergency"})
# Said to a caller who waits for the end of their turn, and may never see it.
_AMID = frozenset({"hard_of_hearing", "catching_up", "way_out"})
_REPLIES_KEPT = 8  # heard, being heard, and on their way
# What an answer begun early does before the turn is decided.
_AHEAD = frozenset(
    {Moment.LLM_REQUEST, Moment.LLM_FIRST_TOKEN, Moment.CLAUSE_SENT, Moment.TTS_FIRST_BYTE}
)

_REPLY_OVER = (Moment.REPLY_HEARD, Moment.REPLY_CUT, Moment.FILLER_HEARD)


@dataclass(frozen=True)
class TurnRecord:
    """One turn of the call record; seconds on one clock, None where a moment never came."""

    turn: int
    caller_text: str = ""
    confidence: float | None = None
    agent_text: str = ""
    heard_text: str = ""
    interrupted: bool = False
    speculated: bool = False
    kept_speculation: bool = False
    models: tuple[str, ...] = ()
    provider_by_clause: tuple[str, ...] = ()
    endpoint_s: float | None = None
    stt_final_s: float | None = None
    llm_first_token_s: float | None = None
    tts_first_byte_s: float | None = None
    end_to_end_s: float | None = None
    critical_path: tuple[tuple[str, float], ...] = ()
    slowest: str | None = None
    silence_s: float | None = None
    at_s: float | None = None
    """t0, counted from the start of the call"""

    def document(self) -> dict[str, Any]:
        """The turn as it stands in the call record."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        fields["critical_path"] = [list(part) for part in self.critical_path]
        fields["models"] = list(self.models)
        fields["provider_by_clause"] = list(self.provider_by_clause)
        return fields


@dataclass
class _Turn:
    """A turn in the making."""

    number: int | None = None
    stopped_at: float | None = None  # t0
    moments: list[tuple[float, Moment]] = field(default_factory=list)
    caller: list[tuple[str, float | None]] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    heard: list[str] = field(default_factory=list)
    models: list[str] = field(default_factory=list)
    voices: list[str] = field(default_factory=list)
    interrupted: bool = False
    is_told: bool = False  # what was heard of it when it was interrupted
    sounding: set[int] = field(default_factory=set)  # its replies that are not heard to their end
    speculated: bool = False
    kept_speculation: bool = False
    ahead: list[tuple[float, Moment]] | None = None  # of an answer begun early, in hand
    models_ahead: list[str] = field(default_factory=list)  # that were asked for it

    def first(self, moment: Moment, *, since: float = float("-inf")) -> float | None:
        """The first time of a moment, from `since` on."""
        return min((at for at, m in self.moments if m is moment and at >= since), default=None)

    def last(self, moment: Moment, *, until: float = float("inf")) -> float | None:
        """The last time of a moment, up to `until`."""
        return max((at for at, m in self.moments if m is moment and at <= until), default=None)

    def count(self, moment: Moment) -> int:
        """How often a moment came."""
        return sum(1 for _, m in self.moments if m is moment)

    @property
    def is_answered(self) -> bool:
        """Every request has become speech, and no tool is at work."""
        if self.count(Moment.TOOL_STARTED) > self.count(Moment.TOOL_ENDED):
            return False
        spoke = self.last(Moment.CLAUSE_SENT) or self.last(Moment.FIRST_AUDIO) or float("-inf")
        asked = self.last(Moment.LLM_REQUEST) or float("-inf")
        tooled = self.last(Moment.TOOL_ENDED) or float("-inf")
        return tooled <= asked <= spoke


class Timeline:
    """Numbers the turns of one call and hands out each `TurnRecord` when the turn is over."""

    def __init__(
        self,
        *,
        on_turn: Callable[[TurnRecord], None] | None = None,
        began_at: float | None = None,
        stop_lag_s: float = 0.15,
        recorder: Recorder | None = None,
        strict: bool = False,
    ) -> None:
        """`stop_lag_s`: how long after the voice the detector stops, for `silence_s`."""
        self.records: list[TurnRecord] = []
        self._on_turn = on_turn
        self._began_at = began_at
        self._stop_lag_s = stop_lag_s
        self._standing = Standing(recorder, strict=strict)
        self._numbered = 0
        self._hearing: _Turn | None = None  # the caller's turn
        self._answering: _Turn | None = None  # the turn the agent answers
        self._opening = _Turn()  # what the agent says before anybody's turn
        self._owners: dict[int, _Turn] = {}  # of the latest replies: whose turn they belong to
        self._told_of: _Turn | None = None  # the owner of the reply in hand
        self._told: tuple[int, str] = (0, "")  # its number and kind
        self._parting: list[_Turn] = []  # over, but what was heard of them is still to be told

    @property
    def state(self) -> TurnState:
        """Where the conversation stands."""
        return self._standing.state

    @property
    def opening_text(self) -> str:
        """What the caller heard before the first turn: disclosure and greeting."""
        return " ".join(self._opening.heard)

    @property
    def opening_written(self) -> str:
        """What the agent set out to say before the first turn."""
        return " ".join(self._opening.written)

    def moment(self, moment: Moment, at: float) -> None:
        """Stamp an instant."""
        self._standing.moment(moment)
        match moment:
            case Moment.SPEECH_STARTED:
                self._caller().stopped_at = None
            case Moment.SPEECH_STOPPED:
                turn = self._caller()
                turn.stopped_at = at if turn.stopped_at is None else turn.stopped_at
            case Moment.STT_FINAL:
                if self._hearing is not None:
                    self._hearing.moments.append((at, moment))
            case Moment.TURN_DECIDED:
                self._decided(at)
            case Moment.GUESSED | Moment.GUESS_KEPT | Moment.GUESS_WITHDRAWN:
                self._guess(moment)
            case _ if moment in _AHEAD and self._hearing and self._hearing.ahead is not None:
                self._hearing.ahead.append((at, moment))
            case _:
                self._answer(moment, at)

    def words(self, party: str, text: str, *, final: bool, confidence: float | None = None) -> None:
        """Words of a party, as a `Recorder` hears them."""
        if party == "caller":
            if final:
                self._caller().caller.append((text.strip(), confidence))
            return
        turn = self._told_of or self._answering or self._opening
        (turn.heard if final else turn.written).append(text.strip())

    def reply(self, number: int, kind: str) -> None:
        """What is told of the agent next belongs to this reply: to the turn in which it began to
        sound. 0 is a reply that never did."""
        self._told = (number, kind)
        if number and number not in self._owners:
            owner = self._owners[number] = self._owner(kind)
            owner.sounding.add(number)
            if len(self._owners) > _REPLIES_KEPT:
                del self._owners[next(iter(self._owners))]
        self._told_of = self._owners.get(number)

    def _owner(self, kind: str) -> _Turn:
        """Whose turn a reply is said in that begins to sound."""
        if kind in _OPENING:
            return self._opening
        is_amid = kind in _BESIDE | _AMID  # it does not wait for the end of the caller's turn
        hearing = self._hearing if is_amid else None
        return self._answering or hearing or self._opening

    def switched(self, voice: str) -> None:
        """Another voice goes on inside the clause."""
        voices = (self._answering or self._opening).voices
        if voices:
            voices[-1] += f"+{voice}"

    def used(self, *, model: str = "", voice: str = "") -> None:
        """Which model answers, which voice speaks the next clause."""
        turn, hearing = self._answering or self._opening, self._hearing
        is_ahead = hearing is not None and hearing.ahead is not None
        models = hearing.models_ahead if hearing is not None and is_ahead else turn.models
        if model and model not in models:
            models.append(model)
        if voice:
            turn.voices.append(voice)

    def close(self) -> None:
        """The call is over: so is every turn."""
        self._part()
        self._finish_answer()
        self._part()
        if self._hearing is not None and (self._hearing.caller or self._hearing.heard):
            self._answering, self._hearing = self._hearing, None
            self._finish_answer()
        self._part()

    def _caller(self) -> _Turn:
        if self._hearing is None:
            self._hearing = _Turn()
        return self._hearing

    def _decided(self, at: float) -> None:
        turn, self._hearing = self._hearing or _Turn(), None
        if not (turn.caller or turn.written) and self._answering is not None:
            return  # noise beside an answer that goes on
        self._part()
        self._finish_answer()
        if turn.caller:
            self._number(turn)
        turn.moments.append((at, Moment.TURN_DECIDED))
        self._answering = turn

    def _guess(self, moment: Moment) -> None:
        """What is done ahead belongs to the turn only if it is kept."""
        turn = self._caller()
        if moment is Moment.GUESSED:
            turn.speculated, turn.ahead, turn.models_ahead = True, [], []
            return
        if moment is Moment.GUESS_KEPT:
            turn.kept_speculation = True
            turn.moments += turn.ahead or []
            turn.models += [name for name in turn.models_ahead if name not in turn.models]
        turn.ahead = None

    def _answer(self, moment: Moment, at: float) -> None:
        if moment in _REPLY_OVER and self._told_of is not None:
            self._told_of.sounding.discard(self._told[0])
        if moment is Moment.REPLY_CUT:
            self._cut()
            return
        turn = self._answering
        if turn is None:
            return
        if moment is Moment.INTERRUPTED:
            turn.interrupted = True  # the last words heard of it are still to be told
            return
        turn.moments.append((at, moment))
        is_answer = self._told_of in (None, turn) and self._told[1] not in _BESIDE
        if moment is Moment.REPLY_HEARD and is_answer and turn.is_answered and not turn.sounding:
            self._finish_answer()

    def _cut(self) -> None:
        """All that was heard of an interrupted reply has been told."""
        if self._told_of is not None:
            self._told_of.is_told = True
        self._part(told_only=True)

    def _part(self, *, told_only: bool = False) -> None:
        """Hand out turns that are over, once what was heard of them is known."""
        parting, self._parting = self._parting, []
        for turn in parting:
            if told_only and not turn.is_told:
                self._parting.append(turn)
            else:
                self._hand_out(turn)

    def _number(self, turn: _Turn) -> int:
        if turn.number is None:
            self._numbered += 1
            turn.number = self._numbered
        return turn.number

    def _finish_answer(self) -> None:
        """The turn is over; one that was cut short may have to wait for its last words."""
        turn, self._answering = self._answering, None
        if turn is None:
            return
        is_sounding = any(owner is turn for owner in self._owners.values())
        if turn.interrupted and is_sounding and not turn.is_told:
            self._parting.append(turn)
        else:
            self._hand_out(turn)

    def _hand_out(self, turn: _Turn) -> None:
        """One without words of either side leaves no record."""
        if not (turn.caller or turn.written):
            return
        record = self._record(turn)
        self.records.append(record)
        if self._on_turn is not None:
            self._on_turn(record)

    def _record(self, turn: _Turn) -> TurnRecord:
        path = critical_path(turn.stopped_at, turn.moments)
        first_audio = turn.first(Moment.FIRST_AUDIO)
        zero, began = turn.stopped_at, self._began_at
        total_us = sum(us for _, us in path)
        return TurnRecord(
            turn=self._number(turn),
            caller_text=" ".join(text for text, _ in turn.caller),
            confidence=_confidence(turn.caller),
            agent_text=" ".join(turn.written),
            heard_text=" ".join(turn.heard),
            interrupted=turn.interrupted,
            speculated=turn.speculated,
            kept_speculation=turn.kept_speculation,
            models=tuple(turn.models),
            provider_by_clause=tuple(turn.voices),
            endpoint_s=_apart(zero, turn.first(Moment.TURN_DECIDED)),
            stt_final_s=_wait(zero, turn.last(Moment.STT_FINAL)),
            llm_first_token_s=_first_token_s(turn),
            tts_first_byte_s=_first_byte_s(turn),
            end_to_end_s=total_us / 1e6 if path else None,
            critical_path=tuple((stage, us / 1e6) for stage, us in path),
            slowest=max(path, key=lambda part: part[1])[0] if path else None,
            silence_s=_apart(zero, first_audio, add_s=self._stop_lag_s) if path else None,
            at_s=None if zero is None or began is None else _apart(began, zero),
        )


def _apart(start: float | None, end: float | None, *, add_s: float = 0.0) -> float | None:
    return None if start is None or end is None else round(end - start + add_s, 6)


def _wait(zero: float | None, until: float | None) -> float | None:
    """Nothing for what had happened before."""
    waited_s = _apart(zero, until)
    return None if waited_s is None else max(0.0, waited_s)


def _first_token_s(turn: _Turn) -> float | None:
    """Of the request that led to the first audio."""
    until = turn.first(Moment.FIRST_AUDIO)
    asked = turn.last(Moment.LLM_REQUEST, until=float("inf") if until is None else until)
    return None if asked is None else _apart(asked, turn.first(Moment.LLM_FIRST_TOKEN, since=asked))


def _first_byte_s(turn: _Turn) -> float | None:
    sent = turn.first(Moment.CLAUSE_SENT)
    return None if sent is None else _apart(sent, turn.first(Moment.TTS_FIRST_BYTE, since=sent))


def _confidence(finals: list[tuple[str, float | None]]) -> float | None:
    """The recogniser's confidence, weighted by how many words it is about."""
    known = [(len(text.split()), c) for text, c in finals if c is not None and text]
    words = sum(count for count, _ in known)
    return round(sum(count * c for count, c in known) / words, 4) if words else None
