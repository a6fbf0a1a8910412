"""Calls as their records tell them, made up for the console's tests: round figures, known sums."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

NOW = datetime(2026, 3, 2, 12, 0, 0, tzinfo=UTC)
PATH = {"stt": 0.04, "endpoint": 0.06, "llm": 0.06, "tts": 0.04}


def turn(number: int, **changes: Any) -> dict[str, Any]:
    """A turn of 200 ms; a stage's seconds given by name change its path, other names its fields."""
    path = {**PATH, **{stage: changes.pop(stage) for stage in list(changes) if stage in PATH}}
    total_s = round(sum(path.values()), 6)
    return {
        "turn": number,
        "caller_text": "Do you have parking?",
        "confidence": 0.97,
        "agent_text": "Yes, behind the building.",
        "heard_text": "Yes, behind the building.",
        "interrupted": False,
        "speculated": False,
        "kept_speculation": False,
        "models": [],
        "provider_by_clause": [],
        "endpoint_s": path["stt"] + path["endpoint"],
        "stt_final_s": path["stt"],
        "llm_first_token_s": path["llm"],
        "tts_first_byte_s": path["tts"],
        "end_to_end_s": total_s,
        "critical_path": [[stage, seconds] for stage, seconds in path.items()],
        "slowest": max(path, key=lambda stage: path[stage]),
        "silence_s": total_s + 0.2,
        "at_s": 9.0 * number,
        **changes,
    }


def call(call_id: str, turns: Sequence[dict[str, Any]] = (), **changes: Any) -> dict[str, Any]:
    """A call of one minute that began an hour before `NOW`."""
    started = changes.pop("started", NOW - timedelta(hours=1))
    duration_s = changes.get("duration_s", 60.0)
    return {
        "version": 1,
        "call_id": call_id,
        "provider_call_id": "CA" + call_id,
        "wire": "twilio",
        "from": "+*********42",
        "to": "+*********00",
        "language": "en",
        "started_at": started.isoformat(),
        "ended_at": (started + timedelta(seconds=duration_s)).isoformat(),
        "duration_s": duration_s,
        "ending": "caller_hung_up",
        "fault_party": None,
        "opening_text": "Harbour Dental, this is Mia. How can I help you?",
        "turns": list(turns),
        "counters": {"interruptions": 1},
        "tools": [],
        **changes,
    }


def a_day() -> list[dict[str, Any]]:
    """51 calls, newest last: 304 turns of which 10 are slow, 6 by the model, 4 by the voice."""
    calls = []
    for number in range(50):
        turns = [
            turn(
                place,
                llm=0.06 + 0.001 * ((7 * number + place) % 30),
                tts=0.04 + 0.0005 * ((3 * number + place) % 40),
            )
            for place in range(1, 7)
        ]
        if number % 10 == 9:
            turns[2] = turn(3, llm=0.62 + number / 1000)
        if number in (20, 30, 40):
            turns[4] = turn(5, tts=0.55)
        if number == 33:
            turns[1] = turn(2, llm=0.9)
        ending, party = _ENDINGS.get(number, ("agent_said_goodbye", None))
        calls.append(
            call(
                f"01a1fde8-2258-769c-8ee4-{number:012d}",
                turns,
                started=NOW - timedelta(minutes=6 * (50 - number)),
                duration_s=float(_LENGTHS_S[number % len(_LENGTHS_S)]),
                ending=ending,
                fault_party=party,
                cost_usd=0.04,
                cost_by_provider_usd={"twilio": 0.02, "anthropic": 0.015, "elevenlabs": 0.005},
            )
        )
    calls.append(story())
    return calls


_ENDINGS = {
    **dict.fromkeys(range(0, 50, 4), ("caller_hung_up", None)),
    13: ("handed_off", None),
    27: ("voicemail", None),
    41: ("fault", "tts"),
}
_LENGTHS_S = (8, 24, 55, 90, 130, 210, 330)
STORY_ID = "01a1fde8-2258-769c-8ee4-2d715a7b3cf2"


def story() -> dict[str, Any]:
    """The newest call: a tool, an interruption, a slow turn, a fault, personal data taken out."""
    hidden = {
        "caller_text": "My phone number is [PHONE_1].",
        "agent_text": "That's [PHONE_1]. Is that right?",
        "heard_text": "That's [PHONE_1]. Is that right?",
    }
    price = "A cleaning is 90 dollars. We take most dental plans, and send the claim for you."
    turns = [
        turn(1, caller_text="Can I book an appointment for Tuesday?", kept_speculation=True),
        turn(2, llm=0.118, **hidden),
        turn(3, tts=0.42, caller_text="How much is a cleaning?", agent_text=price,
             heard_text="A cleaning is 90 dollars.", interrupted=True,
             provider_by_clause=["elevenlabs", "cartesia"]),
        turn(4, caller_text="Sorry, wait, do you have parking?"),
    ]  # fmt: skip
    return call(
        STORY_ID,
        turns,
        started=NOW - timedelta(minutes=2),
        duration_s=48.0,
        ending="agent_said_goodbye",
        cost_usd=0.0312,
        cost_by_provider_usd={"twilio": 0.0112, "anthropic": 0.012, "elevenlabs": 0.008},
        counters={"interruptions": 1, "failovers": 1, "tool_calls.ok": 1},
        tools=[{"name": "find_slots", "outcome": "ok", "seconds": 0.007, "at_s": 10.2}],
        faults=[{"provider": "elevenlabs", "kind": "Slow", "at_s": 27.3}],
    )
