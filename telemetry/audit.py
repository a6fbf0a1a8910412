"""The day's sampled calls, and what in them somebody should look at.

The sample is drawn from the call ids alone: the same day gives the same calls, whoever asks, and
nobody can choose which. Every text in a record is redacted already.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SAMPLE_CALLS = 10
UNSURE_BELOW = 0.7
LONG_REPLY_WORDS = 60  # about 24 s of speech; callers interrupt or drift off
FILLER_TWICE = 2
_FILLERS = re.compile(
    r"\b(one moment|just a (moment|second)|let me (check|see|look)|bear with me|hold on)\b", re.I
)
_QUESTION = re.compile(r"[?؟]\s*$")
_STOOD_IN = ("voice_switches", "fillers", "llm_retries", "voicemail")


@dataclass(frozen=True)
class Flag:
    """One thing to look at; `turn` is 0 for the whole call."""

    turn: int
    kind: str
    detail: str

    def __str__(self) -> str:
        where = f"turn {self.turn}: " if self.turn else ""
        return f"{where}{self.kind}, {self.detail}"


def sample(
    calls: Iterable[Mapping[str, Any]], *, limit: int = SAMPLE_CALLS
) -> list[Mapping[str, Any]]:
    """At most `limit` of the calls that had a turn, oldest first."""
    spoken = [call for call in calls if call.get("turns")]
    drawn = sorted(spoken, key=lambda call: _lot(str(call.get("call_id"))))[:limit]
    return sorted(drawn, key=lambda call: str(call.get("started_at")))


def _lot(call_id: str) -> str:
    return hashlib.sha256(call_id.encode()).hexdigest()


def flags(call: Mapping[str, Any]) -> list[Flag]:
    """Everything about one call that somebody should look at."""
    turns: Sequence[Mapping[str, Any]] = call.get("turns") or ()
    found = [flag for turn in turns for flag in _of_turn(turn)]
    fillers = Counter(
        phrase.group(1).lower()
        for turn in turns
        for phrase in _FILLERS.finditer(str(turn.get("agent_text") or ""))
    )
    found += [
        Flag(0, "repeated filler", f"“{phrase}” {count} times")
        for phrase, count in fillers.items()
        if count >= FILLER_TWICE
    ]
    if call.get("fault_party"):
        found.append(Flag(0, "ended badly", f"fault of {call['fault_party']}"))
    found += [
        Flag(0, "stood in", f"{name} {n:g}")
        for name, n in (call.get("counters") or {}).items()
        if n and name.startswith(_STOOD_IN)
    ]
    found += [Flag(0, "unsteady", detail) for detail in call.get("flags") or ()]
    return found


def _of_turn(turn: Mapping[str, Any]) -> list[Flag]:
    number, found = int(turn.get("turn") or 0), []
    confidence = turn.get("confidence")
    if confidence is not None and confidence < UNSURE_BELOW:
        found.append(Flag(number, "unsure words", f"confidence {confidence:.2f}"))
    words = len(str(turn.get("agent_text") or "").split())
    if words > LONG_REPLY_WORDS:
        found.append(Flag(number, "long reply", f"{words} words"))
    if _QUESTION.search(str(turn.get("caller_text") or "")) and not turn.get("heard_text"):
        said = "cut off before a word was heard" if turn.get("interrupted") else "nothing was heard"
        found.append(Flag(number, "unanswered question", said))
    return found
