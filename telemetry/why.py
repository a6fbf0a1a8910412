"""`offhook why CALL_ID`: one call's story in ten lines or so, from its record.

What was slow and through whom, what failed, what the caller did not hear, what it cost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from call.budgets import Budgets
from telemetry.rollups import Rollups, SlowTurn, of_calls

MOST_LINES = 10
_MOST_SLOW = 3
_MOST_WORDS = 48
_ENDINGS = {
    "caller_hung_up": "the caller hung up",
    "agent_said_goodbye": "the agent said goodbye",
    "handed_off": "handed to a person",
    "voicemail": "went to voicemail",
    "drained": "the process was taken down",
    "refused": "was refused",
    "fault": "broke",
}
_PARTIES = {
    "caller": "the caller",
    "carrier": "the carrier",
    "stt": "the recogniser",
    "llm": "the model",
    "tts": "the voice",
    "us": "us",
}


@dataclass(frozen=True)
class Story:
    """The lines, and the figures they were made of."""

    lines: tuple[str, ...]
    document: Mapping[str, Any]


def why(record: Mapping[str, Any], budgets: Budgets, *, usual: Rollups | None = None) -> Story:
    """Tell the call; `usual` are the figures of other calls, to judge what was out of the way."""
    slow = _slow(record, budgets, usual)
    lines = [_head(record)]
    lines += _answers(record, budgets, slow)
    lines += [_slow_line(record, turn, usual) for turn in slow[:_MOST_SLOW]]
    lines += [
        line
        for line in (_faults(record), _unheard(record), _tools(record), _behind(record))
        if line
    ]
    lines.append(_counters(record))
    lines.append(_cost(record))
    document = {
        "call_id": record.get("call_id"),
        "ending": record.get("ending"),
        "fault_party": record.get("fault_party"),
        "slow_turns": [asdict(turn) for turn in slow],
        "figures": of_calls([record], budgets).document(),
        "faults": record.get("faults") or [],
        "transfer": record.get("transfer"),
        "voicemail_url": record.get("voicemail_url"),
        "cost_usd": record.get("cost_usd"),
        "story": lines[:MOST_LINES],
    }
    return Story(tuple(lines[:MOST_LINES]), document)


def _slow(record: Mapping[str, Any], budgets: Budgets, usual: Rollups | None) -> list[SlowTurn]:
    """Slowest first; each stage is judged by its usual share in all calls known."""
    rollups = usual if usual is not None else Rollups(budgets)
    turns = record.get("turns") or ()
    found = [rollups.judge(turn, call_id=str(record.get("call_id"))) for turn in turns]
    return sorted((s for s in found if s is not None), key=lambda s: s.end_to_end_s, reverse=True)


def _head(record: Mapping[str, Any]) -> str:
    ending = record.get("ending")
    how = "is still going on" if ending is None else _ENDINGS.get(str(ending), str(ending))
    party = record.get("fault_party")
    blame = f", the fault of {_PARTIES.get(str(party), party)}" if party else ""
    turns = len(record.get("turns") or ())
    return (
        f"Call {record.get('call_id')}, {record.get('wire') or 'unknown wire'}, "
        f"{float(record.get('duration_s') or 0.0):.0f} s, {turns} turns: {how}{blame}."
    )


def _answers(record: Mapping[str, Any], budgets: Budgets, slow: list[SlowTurn]) -> list[str]:
    figures = of_calls([record], budgets)
    wait = figures.figure("end_to_end_s")
    if not wait.n or wait.p50 is None:
        return ["No turn of this call was answered with sound."]
    worst = max(turn["end_to_end_s"] for turn in record["turns"] if turn.get("end_to_end_s"))
    causes = Counter(turn.cause for turn in slow).most_common()
    blamed = ", ".join(f"{stage} {count}x" for stage, count in causes)
    tail = f"{len(slow)} over {_ms(budgets.slow_turn_s)} ({blamed})" if slow else "none was slow"
    return [f"Answered {wait.n} turns: half within {_ms(wait.p50)}, slowest {_ms(worst)}; {tail}."]


def _behind(record: Mapping[str, Any]) -> str:
    """What came behind the stream."""
    transfer, url = record.get("transfer"), record.get("voicemail_url")
    told = [f"the transfer ended as {transfer}"] if transfer else []
    told += [f"a message of {record.get('voicemail_s') or 0} s was left: {url}"] if url else []
    return f"Behind the call {' and '.join(told)}." if told else ""


def _slow_line(record: Mapping[str, Any], slow: SlowTurn, usual: Rollups | None) -> str:
    turn = next(t for t in record["turns"] if t.get("turn") == slow.turn)
    shares: Counter[str] = Counter()
    for stage, seconds in turn.get("critical_path") or ():
        shares[stage] += seconds
    path = " + ".join(f"{stage} {seconds * 1000:.0f}" for stage, seconds in shares.items())
    known = usual.usual().get(slow.cause) if usual is not None else None
    against = f", usually {_ms(known)}" if known is not None else ""
    return (
        f"Turn {slow.turn} took {_ms(slow.end_to_end_s)} because of {slow.cause} "
        f"({_ms(shares[slow.cause])}{against}): {path}."
    )


def _faults(record: Mapping[str, Any]) -> str:
    faults = record.get("faults") or []
    shown = [f"{f['provider']} {f['kind']} at {f['at_s']:.1f} s" for f in faults[:3]]
    more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
    flags = [f"{', '.join(shown)}{more}"] if shown else []
    flags += record.get("flags") or []
    return f"Went wrong: {'; '.join(flags)}." if flags else ""


def _unheard(record: Mapping[str, Any]) -> str:
    """What the agent said and the caller did not hear."""
    cut = []
    for turn in record.get("turns") or ():
        said, heard = str(turn.get("agent_text") or ""), str(turn.get("heard_text") or "")
        if turn.get("interrupted") and said != heard:
            rest = said[len(heard) :].strip() if said.startswith(heard) else said
            cut.append(f"turn {turn.get('turn')} “{_short(rest)}”" if rest else "")
    cut = [words for words in cut if words]
    return f"Interrupted; the caller did not hear {'; '.join(cut[:2])}." if cut else ""


def _tools(record: Mapping[str, Any]) -> str:
    tools = record.get("tools") or []
    shown = [f"{t['name']} {t['outcome']} in {_ms(float(t['seconds']))}" for t in tools[:4]]
    return f"Tools: {', '.join(shown)}." if shown else ""


def _counters(record: Mapping[str, Any]) -> str:
    skipped = ("llm_tokens.", "speculation", "tts_characters.", "stt_audio.", "turns_decided.")
    counters = record.get("counters") or {}
    shown = [f"{name} {n:g}" for name, n in counters.items() if n and not name.startswith(skipped)]
    return f"Counted: {', '.join(shown[:8])}." if shown else "Counted: nothing out of the way."


def _cost(record: Mapping[str, Any]) -> str:
    usd = float(record.get("cost_usd") or 0.0)
    minutes = float(record.get("duration_s") or 0.0) / 60
    parts = (record.get("cost_by_provider_usd") or {}).items()
    shown = ", ".join(f"{name} {part:.4f}" for name, part in parts)
    a_minute = f", {usd / minutes:.3f} a minute" if minutes else ""
    unpriced = record.get("unpriced") or []
    more = f"; without a price: {', '.join(unpriced)}" if unpriced else ""
    return f"Cost ${usd:.4f}{a_minute} ({shown or 'nothing used'}){more}."


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"


def _short(words: str) -> str:
    return words if len(words) <= _MOST_WORDS else f"{words[:_MOST_WORDS].rstrip()}…"
