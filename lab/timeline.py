"""What happened in one call, in seconds since the stream started: the truth a report is made of."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Utterance:
    """Something the caller said; `speech_start_s` to `speech_end_s` is where the clip has voice."""

    clip: str
    words: str
    kind: str  # "say" or "interrupt"
    follows_on: bool  # the same turn as the utterance before: the script did not wait between
    start_s: float
    speech_start_s: float
    speech_end_s: float
    end_s: float


@dataclass(frozen=True)
class Echo:
    """A mark of the bot: when it came, when it was echoed and why ("played", "empty", "clear")."""

    name: str
    received_s: float
    echoed_s: float
    by: str


@dataclass
class Timeline:
    """One call."""

    call_sid: str
    began_at: float = 0.0
    """The stream's start on this machine's monotonic clock, to line it up with others' logs."""
    duration_s: float = 0.0
    ended_by: str = ""
    utterances: list[Utterance] = field(default_factory=list)
    agent_spans: list[tuple[float, float]] = field(default_factory=list)
    """Where the agent could be heard, to 10 ms; nothing is joined."""
    agent_runs: list[tuple[float, float]] = field(default_factory=list)
    """Where the playout buffer had sound without a break, audible or not."""
    arrivals: list[tuple[float, float]] = field(default_factory=list)
    """(when, how many seconds) of each media message of the bot."""
    clears: list[float] = field(default_factory=list)
    undated: list[float] = field(default_factory=list)
    """Of the clears, those that were read late, because we slept: nobody knows when they came."""
    marks: list[Echo] = field(default_factory=list)
    keys: list[tuple[float, str]] = field(default_factory=list)
    agent_done: list[float] = field(default_factory=list)
    """When the caller took the agent's turn to be over."""
    gave_up: list[tuple[float, str]] = field(default_factory=list)
    """(when, step) of each wait that timed out."""
    events: list[dict[str, object]] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """For `--truth`."""
        return asdict(self)
