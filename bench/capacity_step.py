"""One bot at one load, and the rule by which a load is carried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from lab.measures import figures, percentiles

TURNS = 5  # a call
# recogniser final, first token, first byte: the medians of the co-located profile
STEADY_S = 0.070 + 0.110 + 0.100
FALLBACK_S = 2.5  # an answer this late waited for stock smart-turn's 3 s
WORSE_S = 0.100
UNDERRUNS_A_MINUTE = 1.0
BUSY = 0.9  # of a core: beyond it, whoever runs there is late by itself


@dataclass
class Step:
    """One bot at one load."""

    bot: str
    calls: int
    asked: int = 0
    lost: int = 0
    added: list[float] = field(default_factory=list)
    waited: int = 0
    """turns left out because they waited for a fallback"""
    greetings: list[float] = field(default_factory=list)
    underruns: int = 0
    talk_s: float = 0.0
    cpu_share: float = 0.0
    """of a core, while all calls went on"""
    cpu_s: float = 0.0
    """processor time from the first ring to the end of the last call"""
    lab_share: float = 0.0
    """of the cores that lab and callers have, meanwhile"""
    callers_share: float = 0.0
    scores: int | None = None
    """turn scores that came before their turn was decided; none for stock, which waits for each"""
    start_s: float = 0.0
    """from the command to the bot's line that it answers"""
    rss_bytes: int = 0
    idle_rss_bytes: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def underruns_a_minute(self) -> float:
        """As one caller hears them."""
        return self.underruns / self.talk_s * 60 if self.talk_s else 0.0

    @property
    def scores_a_turn(self) -> float | None:
        """A busy core answers more turns by words and silence alone; this tells how many."""
        return None if self.scores is None or not self.asked else self.scores / self.asked

    @property
    def mb_a_call(self) -> float:
        """Resident memory beyond the idle process, for each call."""
        return (self.rss_bytes - self.idle_rss_bytes) / 1e6 / self.calls

    @property
    def cpu_a_call(self) -> float:
        """Processor time for each second of a call, its beginning and end included."""
        return self.cpu_s / self.talk_s if self.talk_s else 0.0

    @property
    def is_judged(self) -> bool:
        """Whether lab and callers had a core to spare."""
        return self.lab_share + self.callers_share <= BUSY

    def is_carried(self, alone_p95_s: float) -> bool:
        """Whether the load is carried, by the rule of this page."""
        p95 = percentiles(self.added).p95
        return (
            self.is_judged
            and not self.lost
            and not self.problems
            and p95 is not None
            and p95 <= alone_p95_s + WORSE_S
            and self.underruns_a_minute <= UNDERRUNS_A_MINUTE
        )


def book(step: Step, outcome: Any) -> None:
    """One call's turns."""
    found = figures(outcome.timeline)
    step.talk_s += found.talk_s
    step.underruns += len(found.underruns)
    if outcome.problem:
        step.problems.append(outcome.problem)
    if found.greeting_s is not None:
        step.greetings.append(found.greeting_s)
    for turn in found.turns:
        step.asked += 1
        step.lost += not turn.is_answered
        if turn.latency_s is None:
            continue
        if turn.latency_s > FALLBACK_S and step.bot == "stock":
            step.waited += 1
        else:
            step.added.append(turn.latency_s - STEADY_S)


def carried(steps: Sequence[Step]) -> dict[str, int]:
    """The largest load each bot carried, without one below it that it did not."""
    most: dict[str, int] = {}
    for name in dict.fromkeys(step.bot for step in steps):
        own = sorted((s for s in steps if s.bot == name), key=lambda step: step.calls)
        alone = percentiles(own[0].added).p95 or 0.0
        most[name] = 0
        for step in own:
            if not step.is_carried(alone):
                break
            most[name] = step.calls
    return most


def is_beyond(steps: Sequence[Step], name: str) -> bool:
    """Whether a bot was rung at two loads above what it carries: more would tell nothing."""
    most = carried(steps).get(name, 0)
    return sum(step.bot == name and step.calls > most for step in steps) >= 2
