"""Callers on rough lines: their sounds, made or read, and many of them in one process."""

from __future__ import annotations

import asyncio
import wave
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import soxr
from numpy.typing import NDArray

from lab.caller import Caller, Outcome
from lab.dialling import Phone
from lab.impairments import parse as impaired
from lab.loudness import RATE_HZ, encode
from lab.mouth import Clip, Clips, clip
from lab.plan import Plan
from lab.script import parse
from tests.calls.house import House

Sound = NDArray[np.float64]


# ── sounds ───────────────────────────────────────────────────────────────────────────
def at_level(sound: Sound, dbfs: float) -> bytes:
    """As a telephone brings it, its loud parts at this level."""
    loud = np.sort(np.abs(sound))[-len(sound) // 3 :]
    rms = float(np.sqrt(np.mean(loud**2))) or 1.0
    return encode(np.clip(sound * (10 ** (dbfs / 20) * 32768 / rms), -32124, 32124))


def tones(seconds: float, *parts: tuple[float, float]) -> Sound:
    """A sum of (Hz, strength)."""
    t = np.arange(int(seconds * RATE_HZ)) / RATE_HZ
    return sum((k * np.sin(2 * np.pi * hz * t) for hz, k in parts), np.zeros(len(t)))


def hum(seconds: float) -> Sound:
    """Mains and its overtones."""
    return tones(seconds, (50, 0.6), (100, 1.0), (150, 0.5), (200, 0.4), (300, 0.2))


def music(seconds: float) -> Sound:
    """A tune with chords: a note every quarter of a second, its overtones dying away."""
    tune = (262, 330, 392, 523, 440, 349, 294, 392)
    t = np.arange(RATE_HZ // 4) / RATE_HZ
    notes = []
    for at in range(int(seconds * 4)):
        hz = tune[at % len(tune)]
        note = sum(np.sin(2 * np.pi * hz * k * t) / k for k in (1, 2, 3, 4))
        chord = sum(np.sin(2 * np.pi * hz * ratio / 2 * t) for ratio in (1, 1.26, 1.5))
        notes.append((note + 0.6 * chord) * np.exp(-4 * t))
    return np.concatenate(notes)


def recorded(file: Path, *, seconds: float | None = None) -> Sound:
    """A recording, at the telephone's rate."""
    with wave.open(str(file)) as sound:
        rate = sound.getframerate()
        samples = np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(np.float64)
    if rate != RATE_HZ:
        samples = soxr.resample(samples, rate, RATE_HZ)
    return samples if seconds is None else samples[: int(seconds * RATE_HZ)]


def joined(*sounds: bytes) -> bytes:
    """One behind the other."""
    return b"".join(sounds)


def said(name: str) -> bytes:
    """The voice of one of the lab's clips, without the quiet around it."""
    clip = Clips()[name]
    return clip.sound[round(clip.starts_s * RATE_HZ) : round(clip.ends_s * RATE_HZ)]


# ── callers ──────────────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Rough:
    """One caller: what they do, what is wrong with the line, what is heard behind them."""

    steps: Sequence[dict[str, Any]]
    clips: Mapping[str, bytes] = field(default_factory=dict)
    line: Sequence[str] = ()
    background: bytes = b""


@dataclass
class Told:
    """What caller and bot know of a call afterwards."""

    outcome: Outcome
    record: dict[str, Any]

    @property
    def turns(self) -> list[dict[str, Any]]:
        """The turns of the record."""
        turns: list[dict[str, Any]] = self.record["turns"]
        return turns

    @property
    def caller_words(self) -> str:
        """Everything the caller was heard saying."""
        said = [turn["caller_text"] for turn in self.turns]
        return " ".join(words for words in said if words).lower()

    @property
    def agent_words(self) -> str:
        """Everything the agent was heard saying, in order."""
        return " ".join([self.record["opening_text"], *(turn["heard_text"] for turn in self.turns)])

    def count(self, name: str) -> float:
        """A counter of the record, over all its labels."""
        counters = self.record["counters"]
        return float(sum(n for key, n in counters.items() if f"{key}.".startswith(f"{name}.")))

    @property
    def unlisted(self) -> list[str]:
        """Moments that came in a state for which call/turn.py does not list them."""
        counters = self.record["counters"]
        return [name for name in counters if name.startswith("turn_unlisted_transitions")]

    @property
    def broken_rules(self) -> list[str]:
        """Rules of the wire that the bot broke."""
        verdicts = self.outcome.conformance.verdicts()
        return [verdict.rule.name for verdict in verdicts if verdict.outcome == "fail"]


def ring_all(
    house: House, callers: Mapping[str, Rough], *, spread_s: float = 2.0
) -> dict[str, Told]:
    """All of them at the same time, on a loop of their own."""
    outcomes = asyncio.run(_ring(house, callers, spread_s))
    return {
        name: Told(outcome, house.record(outcome.timeline.call_sid))
        for name, outcome in outcomes.items()
    }


async def _ring(house: House, callers: Mapping[str, Rough], spread_s: float) -> dict[str, Outcome]:
    async def one(number: int, caller: Rough) -> Outcome:
        await asyncio.sleep(number * spread_s / len(callers))
        token = house.environ["TWILIO_AUTH_TOKEN"]
        plan = replace(
            _plan(caller, seed=number + 1, token=token),
            closing_s=20.0,
            watch_url=f"{house.url}/api/events",
        )
        return await Caller(plan).call(f"{house.url}/twilio/voice")

    done = await asyncio.gather(*(one(i, caller) for i, caller in enumerate(callers.values())))
    return dict(zip(callers, done, strict=True))


def _plan(caller: Rough, *, seed: int, token: str) -> Plan:
    script = replace(parse({"steps": list(caller.steps)}), seed=seed)
    folder = Clips()
    clips: dict[str, Clip] = {
        name: clip(name, caller.clips[name]) if name in caller.clips else folder[name]
        for name in script.clips()
    }
    return Plan(
        script=script,
        clips=clips,
        phone=Phone(auth_token=token),
        impairments=impaired(caller.line),
        background=caller.background,
        max_call_s=90.0,
    )
