"""The recorder of one call: what stations report becomes its time line, its counters and events."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from call.measures import Measure, Moment
from call.turn import Timeline, TurnRecord
from telemetry.events import EventHub

# What a moment looks like to whoever watches the call.
_MOMENT_EVENTS = {
    Moment.SPEECH_STARTED: "caller.speaking",
    Moment.SPEECH_STOPPED: "caller.silent",
    Moment.FIRST_AUDIO: "agent.speaking",
    Moment.REPLY_HEARD: "agent.silent",
    Moment.INTERRUPTED: "interruption",
}


class CallRecorder:
    """Implements `call.measures.Recorder` for one call; `clock` is monotonic."""

    def __init__(
        self, call_id: str, *, hub: EventHub, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.call_id = call_id
        self.counters: defaultdict[str, float] = defaultdict(float)
        self.observed: defaultdict[str, list[float]] = defaultdict(list)
        self._hub = hub
        self._clock = clock
        self.tools: list[dict[str, Any]] = []
        self._started_at = clock()
        self.timeline = Timeline(on_turn=self._turn_over, began_at=self._started_at, recorder=self)

    def count(self, measure: Measure, amount: float = 1, **labels: str) -> None:
        """Add to the call's counter of this measure, labels joined to its name."""
        self.counters[_short(measure, labels)] += amount

    def observe(self, measure: Measure, value: float, **labels: str) -> None:
        """Keep one observation of the call."""
        self.observed[_short(measure, labels)].append(value)

    def moment(self, moment: Moment, at: float) -> None:
        """Stamp the time line and tell who watches."""
        self.timeline.moment(moment, at)
        kind = _MOMENT_EVENTS.get(moment)
        if kind is not None:
            self.event(kind, at=at)

    def words(self, party: str, text: str, *, final: bool, confidence: float | None = None) -> None:
        """Words of the caller (interim, final), or of the agent (said; `final` once heard)."""
        self.timeline.words(party, text, final=final, confidence=confidence)
        if party == "caller":
            self.event("caller.words", text=text, final=final, confidence=confidence)
        else:
            self.event("agent.heard" if final else "agent.clause", text=text)

    def tool(self, name: str, *, outcome: str, seconds: float) -> None:
        """A tool call is over."""
        self.tools.append({"name": name, "outcome": outcome, "seconds": round(seconds, 3)})
        self.event("tool", name=name, outcome=outcome, seconds=round(seconds, 3))

    def _turn_over(self, record: TurnRecord) -> None:
        self.event("turn", turn=record.document())

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


def _short(measure: Measure, labels: dict[str, str]) -> str:
    """`offhook_wire_malformed_total{rule=x}` is `wire_malformed.x` in a call's record."""
    name = measure.name.removeprefix("offhook_").removesuffix("_total").removesuffix("_seconds")
    return ".".join([name, *labels.values()])
