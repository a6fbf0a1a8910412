"""Whom our turn ends are compared with: a plain voice detector, and stock smart-turn."""

from __future__ import annotations

from collections.abc import Sequence

from bench.manners_audio import Talk
from bench.manners_endpoint import (
    ANSWER_S,
    KEPT_BYTES,
    SCORE_S,
    Decision,
    Outcome,
    Score,
    VoiceEvent,
    judge,
)
from call.audio import RATE_HZ
from processors.vad import WINDOW_S


def plain(talks: Sequence[Talk], voiced: dict[str, list[bool]], *, silence_s: float) -> Outcome:
    """A voice detector that answers after so much silence; words are waited for by nobody."""
    outcome = Outcome()
    for talk in talks:
        judge(outcome, talk, _silences(voiced[talk.name], silence_s=silence_s))
    return outcome


def _silences(voiced: Sequence[bool], *, silence_s: float) -> list[Decision]:
    need, run, spoken = max(1, round(silence_s / WINDOW_S)), 0, 0
    found: list[Decision] = []
    for i, is_voice in enumerate(voiced):
        spoken, run = (spoken + 1, 0) if is_voice else (spoken, run + 1)
        if spoken >= 6 and run == need:  # 0.2 s of voice make a turn
            now = (i + 1) * WINDOW_S
            found.append(Decision(now, "silence", now + ANSWER_S))
            spoken = 0
    return found


def stock(
    talks: Sequence[Talk],
    heard: dict[str, list[VoiceEvent]],
    *,
    score: Score,
    threshold: float = 0.5,
    stop_s: float = 3.0,
) -> Outcome:
    """Stock smart-turn: one score at the detector's stop decides, or 3 s of silence do."""
    outcome = Outcome()
    for talk in talks:
        judge(outcome, talk, _stock(talk, heard[talk.name], score, threshold, stop_s))
    return outcome


def _stock(
    talk: Talk, events: Sequence[VoiceEvent], score: Score, threshold: float, stop_s: float
) -> list[Decision]:
    found: list[Decision] = []
    turn_from: int | None = None
    speech = [event for event in events if event.kind in ("started", "stopped")]
    for i, event in enumerate(speech):
        if event.kind == "started":
            if turn_from is None:
                turn_from = max(0, int((event.at - 0.7) * RATE_HZ) * 2)
            continue
        if turn_from is None:
            continue
        upto = int(event.at * RATE_HZ) * 2
        p = score(talk, max(turn_from, upto - KEPT_BYTES), upto)
        due = event.at + (SCORE_S if p > threshold else stop_s - 0.2)
        if i + 1 < len(speech) and speech[i + 1].at <= due:
            continue
        found.append(Decision(due, "stock", due + ANSWER_S))
        turn_from = None
    return found
