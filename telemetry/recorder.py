"""The recorder of one call: what stations report becomes its time line, its counters and events."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any
from weakref import proxy

from call.measures import (
    CLAUSES,
    LLM_REQUESTS,
    MOUTH_TO_EAR,
    OVERLAPS,
    TOOL_SECONDS,
    VOICE_SWITCHES,
    WIRE_MARK_ROUND_TRIP,
    Measure,
    Moment,
)
from call.timeline import Timeline, TurnRecord
from call.turn import TurnState
from telemetry.events import EventHub
from telemetry.metrics import Metrics
from telemetry.traces import CallTrace

# What a moment looks like to whoever watches the call.
_MOMENT_EVENTS = {
    Moment.SPEECH_STARTED: "caller.speaking",
    Moment.SPEECH_STOPPED: "caller.silent",
    Moment.FIRST_AUDIO: "agent.speaking",
    Moment.REPLY_HEARD: "agent.silent",
    Moment.FILLER_HEARD: "agent.silent",
    Moment.INTERRUPTED: "interruption",
    Moment.HELD: "agent.held",
    Moment.RESUMED: "agent.speaking",
}
_HOLDING = (Moment.HELD, Moment.RESUMED)  # told only where there was something to hold

# A provider that is down for an hour does not fill the record.
MOST_FAULTS = 100


class CallRecorder:
    """Implements `call.measures.Recorder` for one call; `clock` is monotonic."""

    def __init__(
        self,
        call_id: str,
        *,
        hub: EventHub,
        metrics: Metrics | None = None,
        trace: CallTrace | None = None,
        on_turn: Callable[[TurnRecord], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`metrics` are the process's and `trace` the call's, fed along; `on_turn` is told when a
        turn is over."""
        self.call_id = call_id
        self._metrics = metrics
        self._trace = trace
        self._on_turn = on_turn
        self.veil: Callable[..., str] | None = None
        """hides what is personal in the agent's own words (`call.privacy_veil.Veil.shown`)"""
        self._round_trip_s: float | None = None
        self.counters: defaultdict[str, float] = defaultdict(float)
        self.observed: defaultdict[str, list[float]] = defaultdict(list)
        self._hub = hub
        self._clock = clock
        self.tools: list[dict[str, Any]] = []
        self.faults: list[dict[str, Any]] = []
        self._started_at = clock()
        me: CallRecorder = proxy(self)  # what a recorder holds does not hold it in turn
        self.timeline = Timeline(
            on_turn=lambda record: me._turn_over(record), began_at=self._started_at, recorder=me
        )
        self._overlap = _Overlap(me)

    def count(self, measure: Measure, amount: float = 1, **labels: str) -> None:
        """Add to the call's counter of this measure, labels joined to its name."""
        self.counters[_short(measure, labels)] += amount
        if measure is CLAUSES:
            self.timeline.used(voice=labels["voice"])
        elif measure is LLM_REQUESTS:
            self.timeline.used(model=labels["model"])
        elif measure is VOICE_SWITCHES:
            self.timeline.switched(labels["voice"])
        if self._metrics is not None:
            self._metrics.count(measure, amount, **labels)

    def observe(self, measure: Measure, value: float, **labels: str) -> None:
        """Keep one observation of the call."""
        self.observed[_short(measure, labels)].append(value)
        if measure is WIRE_MARK_ROUND_TRIP:
            self._round_trip_s = value
        if self._metrics is not None:
            self._metrics.observe(measure, value, **labels)

    def moment(self, moment: Moment, at: float) -> None:
        """Stamp the time line and tell who watches."""
        before = self.timeline.state
        self._overlap.moment(moment, state=before)
        self.timeline.moment(moment, at)
        kind = _MOMENT_EVENTS.get(moment)
        is_idle = moment in _HOLDING and self.timeline.state is before
        if kind is not None and not is_idle:
            self.event(kind, at=at)

    def words(self, party: str, text: str, *, final: bool, confidence: float | None = None) -> None:
        """Words of the caller (interim, final), or of the agent (said; `final` once heard)."""
        if party == "agent" and self.veil is not None:
            text = self.veil(text, final=final)
        self.timeline.words(party, text, final=final, confidence=confidence)
        if party == "caller":
            self.event("caller.words", text=text, final=final, confidence=confidence)
        else:
            self.event("agent.heard" if final else "agent.clause", text=text)

    def reply(self, number: int, kind: str) -> None:
        """What is told of the agent next belongs to this reply."""
        self.timeline.reply(number, kind)

    def tool(self, name: str, *, outcome: str, seconds: float) -> None:
        """A tool call is over."""
        self.observe(TOOL_SECONDS, seconds)
        began_s = max(0.0, self._clock() - self._started_at - seconds)
        done: dict[str, Any] = {"name": name, "outcome": outcome, "seconds": round(seconds, 3)}
        self.tools.append({**done, "at_s": round(began_s, 3)})
        self.event("tool", **done)

    def fault(self, provider: str, kind: str, *, remedy: str = "") -> None:
        """Something went wrong at a provider, and what was done about it; it stands on the call's
        time line."""
        at_s = round(self._clock() - self._started_at, 3)
        if len(self.faults) < MOST_FAULTS:
            self.faults.append({"at_s": at_s, "provider": provider, "kind": kind, "remedy": remedy})
        self.event("fault", provider=provider, fault=kind, remedy=remedy)

    def _turn_over(self, record: TurnRecord) -> None:
        document = record.document()
        if record.silence_s is not None and self._round_trip_s is not None:
            self.observe(MOUTH_TO_EAR, record.silence_s + self._round_trip_s)
        if self._metrics is not None:
            self._metrics.turn(document, call_id=self.call_id)
        if self._trace is not None:
            self._trace.turn(document)
        self.event("turn", turn=document)
        if self._on_turn is not None:
            self._on_turn(record)

    def over(self, record: dict[str, Any]) -> None:
        """The call is over: tell the process's figures, the trace, and who watches."""
        if self._metrics is not None:
            self._metrics.call(record)
        if self._trace is not None:
            self._trace.end(record)
        self.event("call.ended", record=record)

    def event(self, kind: str, *, at: float | None = None, **fields: Any) -> None:
        """Publish one live event of this call."""
        if self._hub.has_readers:
            now = self._clock() if at is None else at
            self._hub.publish(
                {
                    "type": kind,
                    "call_id": self.call_id,
                    "t": round(now - self._started_at, 4),
                    **fields,
                }
            )


class _Overlap:
    """The caller's voice over the agent's: does the agent yield?"""

    def __init__(self, recorder: CallRecorder) -> None:
        self._recorder = recorder
        self._is_over_agent = False

    def moment(self, moment: Moment, *, state: TurnState) -> None:
        """Follow one moment; `state` is the conversation's before it."""
        match moment:
            case Moment.SPEECH_STARTED:
                self._is_over_agent = self._is_over_agent or state is TurnState.SPEAKING
            case Moment.INTERRUPTED:
                self._settle("yielded")
            case Moment.REPLY_HEARD:
                self._settle("kept_talking")

    def _settle(self, outcome: str) -> None:
        if self._is_over_agent:
            self._is_over_agent = False
            self._recorder.count(OVERLAPS, outcome=outcome)


def _short(measure: Measure, labels: dict[str, str]) -> str:
    """`offhook_wire_malformed_total{rule=x}` is `wire_malformed.x` in a call's record."""
    name = measure.name.removeprefix("offhook_").removesuffix("_total").removesuffix("_seconds")
    return ".".join([name, *labels.values()])
