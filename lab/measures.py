"""What a call was like for the caller, computed from its time line: delays, overlaps, silences.

Everything is in seconds on the caller's one clock; the agent counts when it is *played* and can be
*heard*. Percentiles always come with how many values they were taken from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np

from lab.timeline import Timeline, Utterance

JOIN_S = 0.35  # a shorter pause does not end what the agent is saying
SLACK_S = 0.05  # a clip's end is known to within this
OVERLAP_S = 0.5  # after an interruption begins, this much of the old reply is not a new start
UNDERRUN_MIN_S = 0.01  # half a packet: shorter gaps vanish in the carrier's own buffering
UNDERRUN_MAX_S = 1.0  # a longer gap is a pause the bot made, counted as dead air
AFTER_CLEAR_S = 0.1  # sound arriving this soon behind a clear was already on its way

Spans = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Turn:
    """One turn of the caller and what came of it."""

    turn: int
    clips: tuple[str, ...]
    words: str
    is_interruption: bool
    said_s: float
    """True end of the caller's speech."""
    latency_s: float | None
    """True end of speech → first audible agent sound played; none when it never came or came
    before the caller had finished."""
    is_answered: bool
    cut_in_s: float | None
    """How long before the caller's end the agent started, when it did."""
    stop_s: float | None
    """Interruption: caller's onset → last sound of the old reply; none when nothing overlapped."""
    clear_s: float | None
    """Interruption: caller's onset → `clear` received."""
    dead_air_s: float
    """Longest silence while it was the agent's turn."""


@dataclass(frozen=True)
class Figures:
    """One call in numbers."""

    greeting_s: float | None
    turns: tuple[Turn, ...]
    underruns: tuple[tuple[float, float], ...]
    """(when, how long) the buffer ran dry inside a reply."""
    after_clear_s: float
    """Seconds of sound that arrived within 100 ms behind a clear."""
    agent_speech_s: float
    talk_s: float
    """Length of the stream."""

    def as_json(self) -> dict[str, object]:
        """For the report."""
        return asdict(self)


@dataclass(frozen=True)
class Percentiles:
    """p50, p95, p99 and the largest of `n` values; none of them when n is 0."""

    n: int
    p50: float | None = None
    p95: float | None = None
    p99: float | None = None
    longest: float | None = None


@dataclass(frozen=True)
class _Group:
    """Utterances the script did not wait between: one turn."""

    said: list[Utterance] = field(default_factory=list)

    @property
    def starts_s(self) -> float:
        return self.said[0].speech_start_s

    @property
    def ends_s(self) -> float:
        return self.said[-1].speech_end_s


def percentiles(values: Iterable[float | None]) -> Percentiles:
    """Linear interpolation between the two nearest values."""
    known = [value for value in values if value is not None]
    if not known:
        return Percentiles(0)
    p50, p95, p99 = (float(p) for p in np.percentile(known, [50, 95, 99]))
    return Percentiles(len(known), p50, p95, p99, max(known))


def joined(spans: Spans, *, join_s: float) -> list[tuple[float, float]]:
    """Spans nearer than `join_s` made one."""
    result: list[tuple[float, float]] = []
    for start, end in spans:
        if result and start - result[-1][1] <= join_s:
            result[-1] = (result[-1][0], end)
        else:
            result.append((start, end))
    return result


def figures(timeline: Timeline) -> Figures:
    """Everything measured of one call."""
    groups = _groups(timeline.utterances)
    spans = joined(timeline.agent_spans, join_s=JOIN_S)
    ends = [group.starts_s for group in groups[1:]] + [timeline.duration_s]
    turns = [
        _turn(i, group, until_s=end, spans=spans, timeline=timeline)
        for i, (group, end) in enumerate(zip(groups, ends, strict=False), start=1)
    ]
    greeting_s = spans[0][0] if spans else None
    if groups and greeting_s is not None and greeting_s > groups[0].starts_s:
        greeting_s = None  # the caller spoke first: that is an answer
    return Figures(
        greeting_s=greeting_s,
        turns=tuple(turns),
        underruns=tuple(_underruns(timeline)),
        after_clear_s=_after_clear(timeline),
        agent_speech_s=sum(end - start for start, end in timeline.agent_spans),
        talk_s=timeline.duration_s,
    )


def longest_silence(
    timeline: Timeline, from_s: float, until_s: float, *, is_complete: bool
) -> float:
    """The longest time without the agent's sound between two instants, pauses between words
    included. What lies behind its last sound counts unless the agent `is_complete`: had said all.
    """
    silent_since, longest = from_s, 0.0
    for start, end in timeline.agent_spans:
        if end <= from_s:
            continue
        if start >= until_s:
            break
        longest = max(longest, start - silent_since)
        silent_since = max(silent_since, end)
    if not is_complete or silent_since == from_s:
        longest = max(longest, until_s - silent_since)
    return longest


def _groups(utterances: Sequence[Utterance]) -> list[_Group]:
    groups: list[_Group] = []
    for utterance in utterances:
        if groups and utterance.follows_on:
            groups[-1].said.append(utterance)
        else:
            groups.append(_Group([utterance]))
    return groups


def _turn(turn: int, group: _Group, *, until_s: float, spans: Spans, timeline: Timeline) -> Turn:
    is_interruption = group.said[0].kind == "interrupt"
    cut_in_s = _cut_in(group, spans, is_interruption=is_interruption)
    replies = [
        span for span in spans if group.ends_s - SLACK_S <= span[0] < until_s
    ]  # what began after the caller's end
    reply_s = replies[0][0] if replies else None
    latency_s = None if reply_s is None or cut_in_s is not None else reply_s - group.ends_s
    stop_s, clear_s = _stopped(group, timeline) if is_interruption else (None, None)
    # a sign of listening: the agent spoke on before it was over, and has nothing to answer
    goes_on = is_interruption and any(start < group.ends_s < end for start, end in spans)
    done_s = next((at for at in timeline.agent_done if at > group.ends_s), until_s)
    return Turn(
        turn=turn,
        clips=tuple(said.clip for said in group.said),
        words=" ".join(said.words for said in group.said if said.words),
        is_interruption=is_interruption,
        said_s=group.ends_s,
        latency_s=latency_s,
        is_answered=reply_s is not None or cut_in_s is not None or goes_on,
        cut_in_s=cut_in_s,
        stop_s=stop_s,
        clear_s=clear_s,
        dead_air_s=_dead_air(spans, group.ends_s, min(until_s, done_s)),
    )


def _cut_in(group: _Group, spans: Spans, *, is_interruption: bool) -> float | None:
    from_s = group.starts_s + (OVERLAP_S if is_interruption else 0.0)
    starts = [start for start, _ in spans if from_s < start < group.ends_s - SLACK_S]
    return group.ends_s - starts[0] if starts else None


def _stopped(group: _Group, timeline: Timeline) -> tuple[float | None, float | None]:
    """How the old reply ended when the caller spoke over it."""
    onset_s = group.starts_s
    clear_at = next((at for at in timeline.clears if onset_s <= at <= group.ends_s + 1.0), None)
    clear_s = None if clear_at is None else clear_at - onset_s
    if clear_at is not None:
        old = [end for start, end in timeline.agent_spans if start <= clear_at and end > onset_s]
        return (max(old) - onset_s if old else None), clear_s
    # without a clear a pause between two sentences must not pass for stopping
    spans = joined(timeline.agent_spans, join_s=0.8)
    old = [end for start, end in spans if start <= onset_s < end]
    return (old[0] - onset_s if old else None), None


def _dead_air(spans: Spans, from_s: float, until_s: float) -> float:
    longest, silent_since = 0.0, from_s
    for start, end in spans:
        if end <= from_s:
            continue
        if start >= until_s:
            break
        longest = max(longest, start - silent_since)
        silent_since = max(silent_since, end)
    if silent_since == from_s:  # nothing was said at all
        return max(longest, until_s - from_s)
    return longest


def _underruns(timeline: Timeline) -> list[tuple[float, float]]:
    """Gaps between runs inside a reply: not where a clear or the caller's turn lies between."""
    found: list[tuple[float, float]] = []
    runs = timeline.agent_runs
    breaks = [*timeline.clears, *(said.speech_end_s for said in timeline.utterances)]
    for (_, dry_s), (again_s, _) in zip(runs, runs[1:], strict=False):
        gap_s = again_s - dry_s
        if not UNDERRUN_MIN_S <= gap_s <= UNDERRUN_MAX_S:
            continue
        if any(dry_s - SLACK_S <= at <= again_s for at in breaks):
            continue
        if _is_heard(timeline, dry_s) and _is_heard(timeline, again_s):
            found.append((dry_s, gap_s))
    return found


def _is_heard(timeline: Timeline, at_s: float) -> bool:
    """The agent can be heard within a syllable of this instant."""
    return any(start - 0.3 <= at_s <= end + 0.3 for start, end in timeline.agent_spans)


def _after_clear(timeline: Timeline) -> float:
    dated = set(timeline.clears) - set(timeline.undated)
    return sum(
        length
        for at, length in timeline.arrivals
        if any(clear < at < clear + AFTER_CLEAR_S for clear in dated)
    )
