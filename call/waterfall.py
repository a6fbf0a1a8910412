"""Where a turn's time went: stages that tile the time from t0 to the first agent audio.

    t0 ─ stt ─ endpoint ─ context ─ llm ─ [tool ─ llm] ─ clause ─ tts ─ wire ─ first agent audio

Each stage ends at the moment it is named by, in whatever order the moments come, so the stages sum
up to the whole, to the microsecond. "stt" is the wait until the words were final, "endpoint" the
patience after it. What ran before the turn was decided ran beside that wait, and counts only what
it left to do behind it.
"""

from __future__ import annotations

from call.measures import Moment

# The stage that ends at a moment.
_STAGES = {
    Moment.STT_FINAL: "stt",
    Moment.TURN_DECIDED: "endpoint",
    Moment.LLM_REQUEST: "context",
    Moment.LLM_FIRST_TOKEN: "llm",
    Moment.TOOL_STARTED: "llm",
    Moment.TOOL_ENDED: "tool",
    Moment.CLAUSE_SENT: "clause",
    Moment.TTS_FIRST_BYTE: "tts",
    Moment.FIRST_AUDIO: "wire",
}
# Once a clause is on its way to the voice, what the model and its tools do delays nothing.
_BEFORE_THE_VOICE = frozenset(
    {Moment.LLM_REQUEST, Moment.LLM_FIRST_TOKEN, Moment.TOOL_STARTED, Moment.TOOL_ENDED}
)
_AHEAD = _BEFORE_THE_VOICE | {Moment.CLAUSE_SENT, Moment.TTS_FIRST_BYTE}
_ONCE = (Moment.TURN_DECIDED, Moment.CLAUSE_SENT, Moment.TTS_FIRST_BYTE, Moment.FIRST_AUDIO)


def critical_path(zero: float | None, moments: list[tuple[float, Moment]]) -> list[tuple[str, int]]:
    """Stages and their microseconds from `zero` to the first agent audio; empty if either is
    missing. Neighbours of one name are one stage."""
    heard_at = min((at for at, m in moments if m is Moment.FIRST_AUDIO), default=None)
    if zero is None or heard_at is None or heard_at < zero:
        return []
    decided_at = min((at for at, m in moments if m is Moment.TURN_DECIDED), default=zero)
    path: list[tuple[str, int]] = []
    seen: set[Moment] = set()
    before_us = 0
    for at, moment in _up_to_first_audio(moments):
        if at < zero or moment not in _STAGES or (moment in _ONCE and moment in seen):
            continue
        if moment in _AHEAD and at < decided_at:
            seen.add(moment)
            continue
        if moment in _BEFORE_THE_VOICE and Moment.CLAUSE_SENT in seen:
            continue
        stage = _STAGES[moment]
        if moment is Moment.CLAUSE_SENT and _is_unanswered(seen):
            stage = "llm"  # a holding phrase: the model was waited for
        seen.add(moment)
        at_us = round((at - zero) * 1e6)
        took_us = at_us - before_us
        before_us = at_us
        if path and path[-1][0] == stage:
            path[-1] = (stage, path[-1][1] + took_us)
        else:
            path.append((stage, took_us))
    return path


def _is_unanswered(seen: set[Moment]) -> bool:
    return Moment.LLM_REQUEST in seen and Moment.LLM_FIRST_TOKEN not in seen


def _up_to_first_audio(moments: list[tuple[float, Moment]]) -> list[tuple[float, Moment]]:
    """In order of time; the sort is stable, so equal times keep the order they came in."""
    ordered = sorted(moments, key=lambda stamped: stamped[0])
    last = next(i for i, (_, moment) in enumerate(ordered) if moment is Moment.FIRST_AUDIO)
    return ordered[: last + 1]
