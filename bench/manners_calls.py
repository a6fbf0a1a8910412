"""The half of the table that is measured through the real socket: barge-in, backchannels, speed
with speculation, and what the record says was heard against what the carrier played.

Every lane is a bot and a lab of its own, so that a lab's log belongs to one call at a time.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import aiohttp

from bench.latency import QUESTIONS as PLAIN
from bench.latency import Peer, peers
from bench.loop_steps import FILE as STEPS_FILE
from bench.loop_steps import Steps, read
from bench.manners_heard import (
    Reply,
    Sound,
    behind,
    heard,
    heard_words,
    replies,
    word_error,
    words,
    written,
)
from lab.caller import Caller
from lab.dialling import Phone
from lab.measures import AFTER_CLEAR_S, figures
from lab.mouth import Clips
from lab.plan import Plan
from lab.script import HangUp, Interrupt, Say, Script, Step, WaitAgent, WaitEnd, load, script_file
from lab.timeline import Timeline, Utterance

BACKCHANNELS = ("uh_huh", "mm_hmm", "yeah", "right", "okay", "i_see", "sure", "got_it")
INTERRUPTIONS = ("wait_parking", "hold_on", "wait_cost", "stop", "actually", "excuse_me")
QUESTIONS = ("price", "insurance", "cleaning")  # long answers
TURN_WITHIN_S = 1.5  # of the caller's end a turn has begun, or none does
FRAME_S = 0.02
READY_S = 0.03  # sound this soon behind the decision lay ready, and waited for it
RECORD_WITHIN_S = 10.0


@dataclass
class Found:
    """What the calls showed."""

    problems: list[str] = field(default_factory=list)
    calls: int = 0
    onset_to_clear_s: list[float] = field(default_factory=list)
    not_cleared: int = 0
    backchannels: int = 0
    survived: int = 0
    interruptions: int = 0
    yielded: int = 0
    lost: list[str] = field(default_factory=list)
    off_speech: int = 0
    resume_gap_s: list[float] = field(default_factory=list)
    after_voice_s: list[float] = field(default_factory=list)
    frames_after_clear: float = 0.0
    behind_clears: dict[str, int] = field(default_factory=dict)
    clears: int = 0
    first_audio_s: list[float] = field(default_factory=list)
    kept_first_audio_s: list[float] = field(default_factory=list)
    word_errors: list[int] = field(default_factory=list)
    whole: int = 0
    whole_wrong: int = 0
    thinking: int = 0
    cut_in: list[str] = field(default_factory=list)
    counters: dict[str, float] = field(default_factory=dict)
    lag: list[float] = field(default_factory=lambda: [0.0, 0.0])
    steps: int = 0
    long_steps: list[tuple[float, str]] = field(default_factory=list)  # CPU seconds, what
    ready_s: list[float] = field(default_factory=list)  # first audio where patience came last
    prompt_s: list[float] = field(default_factory=list)  # first audio where the answer did

    def add_steps(self, steps: Steps) -> None:
        """What the loop did."""
        self.steps += steps.total
        self.long_steps += [(cpu_s, what) for _, cpu_s, what in steps.long]


def script(nth: int) -> Script:
    """The bench's own call, denser: two signs of listening and a real interruption per answer."""
    listening = islice(cycle(BACKCHANNELS), nth * 5, None)
    taking = islice(cycle(INTERRUPTIONS), nth * 3, None)
    steps: list[Step] = [WaitAgent()]
    for i, question in enumerate(QUESTIONS):
        steps.append(Say(question, pause_s=0.4))
        steps += [Interrupt(next(listening), after_s=1.2) for _ in range(2 if i < 2 else 1)]
        steps += [Interrupt(next(taking), after_s=1.2 + 0.3 * i), WaitAgent()]
    return Script(f"manners {nth}", (*steps, Say("goodbye"), WaitEnd(15.0)), seed=nth)


def plain_questions(nth: int) -> Script:
    """Whole questions and nothing else: how fast can it be?"""
    steps: list[Step] = [WaitAgent()]
    for i in range(len(PLAIN)):
        steps += [Say(PLAIN[(nth + i) % len(PLAIN)], pause_s=0.3), WaitAgent(quiet_s=0.7)]
    return Script(f"questions {nth}", tuple(steps), seed=nth)


def warm_up() -> Script:
    """The first call of a fresh process is not a fair one."""
    return Script("warm up", (WaitAgent(), Say("parking"), WaitAgent(), HangUp()), seed=99)


async def measure(options: argparse.Namespace, *, folder: Path) -> Found:
    """All calls, shared out over the lanes."""
    if options.quick:
        scripts = [script(0)]
        lanes = 1
    else:
        thinking = load(script_file("bench_thinking"))
        plain = load(script_file("bench_manners"))
        scripts = [plain, *(script(options.seed + i) for i in range(options.calls - 1))]
        scripts += [
            Script(thinking.name, thinking.steps, seed=options.seed + i)
            for i in range(options.thinking)
        ]
        scripts += [plain_questions(options.seed + i) for i in range(options.plain)]
        lanes = options.together
    found = Found()
    names = ["ours"] * lanes
    async with (
        peers(names, profile="co-located", seed=options.seed, folder=folder) as houses,
        aiohttp.ClientSession() as http,
    ):
        waiting = list(scripts)

        async def lane(house: Peer) -> None:
            await place(Found(), house, warm_up(), http=http)
            while waiting:
                await place(found, house, waiting.pop(0), http=http)
                sys.stderr.write(f"calls: {found.calls} of {len(scripts)}\n")
            await _metrics(found, house, http=http)

        await asyncio.gather(*(lane(house) for house in houses))
    found.add_steps(await weigh(script(0), folder=folder))
    return found


async def weigh(steps_of: Script, *, folder: Path) -> Steps:
    """One more call, on a bot whose event loop is weighed step by step."""
    file = folder / "steps.jsonl"
    os.environ[STEPS_FILE] = str(file)
    async with (
        peers(
            ["ours"], profile="co-located", seed=1, folder=folder, ours="bench.loop_steps"
        ) as houses,
        aiohttp.ClientSession() as http,
    ):
        await place(Found(), houses[0], warm_up(), http=http)
        since = time.monotonic()
        await place(Found(), houses[0], steps_of, http=http)
    return read(file, since=since)


async def place(
    found: Found, house: Peer, plan_script: Script, *, http: aiohttp.ClientSession
) -> None:
    """One call and all that can be known of it."""
    clips = Clips()
    plan = Plan(
        plan_script,
        {name: clips[name] for name in plan_script.clips()},
        phone=Phone(auth_token=house.auth_token),
    )
    since = (await _get(http, f"{house.lab_url}/control/log?since={1 << 60}"))["last"]
    outcome = await Caller(plan).call(house.url)
    found.calls += 1
    if outcome.problem:
        found.problems.append(outcome.problem)
        return
    log = (await _get(http, f"{house.lab_url}/control/log?since={since}"))["entries"]
    record = await _record(http, house, outcome.timeline.call_sid)
    if record is None:
        found.problems.append(f"no record of {outcome.timeline.call_sid}")
        return
    book(found, outcome.timeline, record, log, sound=outcome.recording.samples()[:, 1])


async def _record(http: aiohttp.ClientSession, house: Peer, sid: str) -> dict[str, Any] | None:
    base = house.url.removesuffix("/twilio/voice")
    for _ in range(int(RECORD_WITHIN_S / 0.2)):
        for call in await _get(http, f"{base}/api/calls"):
            if call["provider_call_id"] == sid and call.get("ended_at"):
                return dict(call)
        await asyncio.sleep(0.2)
    return None


async def _get(http: aiohttp.ClientSession, url: str) -> Any:
    async with http.get(url) as answer:
        return await answer.json()


# ── one call ─────────────────────────────────────────────────────────────────────────
def book(
    found: Found,
    line: Timeline,
    record: Mapping[str, Any],
    log: Sequence[Mapping[str, Any]],
    *,
    sound: Sound,
) -> None:
    """Add one call to the figures; `sound` is the agent's, as played."""
    measured = figures(line)
    said_by_voice = replies(log)
    _behind_clears(found, line, said_by_voice, sound)
    for said in line.utterances:
        if said.kind == "interrupt":
            _overlap(found, line, said, record["turns"])
        elif said.clip.startswith("pause_"):
            found.thinking += 1
    found.cut_in += [
        turn.words
        for turn in measured.turns
        if turn.cut_in_s is not None and not turn.is_interruption
    ]
    for turn in record["turns"]:
        if turn["end_to_end_s"] is not None:
            found.first_audio_s.append(turn["end_to_end_s"])
            if turn["kept_speculation"]:
                found.kept_first_audio_s.append(turn["end_to_end_s"])
            waited = turn["end_to_end_s"] - (turn["endpoint_s"] or 0.0) <= READY_S
            (found.ready_s if waited else found.prompt_s).append(turn["end_to_end_s"])
        _heard(found, line, turn, said_by_voice, sound)
    for name, amount in record["counters"].items():
        found.counters[name] = found.counters.get(name, 0) + amount


def _overlap(
    found: Found, line: Timeline, said: Utterance, turns: Sequence[Mapping[str, Any]]
) -> None:
    """A voice over the agent's: how fast was it quiet, and was it right about it?"""
    onset, end = said.speech_start_s, said.speech_end_s
    if not any(a - 0.1 <= onset <= b + 0.1 for a, b in line.agent_spans):
        found.off_speech += 1  # it fell into a pause of the agent's
        return
    clear = next((at for at in line.clears if onset <= at <= end + 1.0), None)
    if clear is None:
        found.not_cleared += 1
    else:
        found.onset_to_clear_s.append(clear - onset)
    took = any(t["at_s"] is not None and onset < t["at_s"] < end + TURN_WITHIN_S for t in turns)
    if said.clip in BACKCHANNELS:
        found.backchannels += 1
        found.survived += not took
        if took:
            found.lost.append(said.clip)
        elif clear is not None:
            _resumed(found, line, clear, voice_end=end)
    else:
        found.interruptions += 1
        found.yielded += took
        if not took:
            found.lost.append(said.clip)


def _resumed(found: Found, line: Timeline, clear: float, *, voice_end: float) -> None:
    before = max((b for _, b in line.agent_spans if b <= clear + 0.03), default=None)
    after = min((a for a, _ in line.agent_spans if a > clear), default=None)
    if before is not None and after is not None:
        found.resume_gap_s.append(after - before)
        found.after_voice_s.append(after - voice_end)


def _behind_clears(
    found: Found, line: Timeline, said_by_voice: Sequence[Reply], sound: Sound
) -> None:
    """Whose sound comes right behind a clear, and how many frames of the old reply's do."""
    for clear in line.clears:
        found.clears += 1
        whose = behind(sound, line.agent_runs, said_by_voice, clear_s=clear, within_s=AFTER_CLEAR_S)
        if whose:
            found.behind_clears[whose] = found.behind_clears.get(whose, 0) + 1
        if whose == "old":
            arrived = (s for at, s in line.arrivals if clear < at < clear + AFTER_CLEAR_S)
            found.frames_after_clear += sum(arrived) / FRAME_S


def _heard(
    found: Found,
    line: Timeline,
    turn: Mapping[str, Any],
    said_by_voice: Sequence[Reply],
    sound: Sound,
) -> None:
    """The record's words against the words whose middle the carrier has played."""
    if not turn["interrupted"]:
        if turn["agent_text"]:
            found.whole += 1
            found.whole_wrong += words(turn["heard_text"]) != words(turn["agent_text"])
        return
    if turn["at_s"] is None:
        return
    began = next((a for a, _ in line.agent_runs if a > turn["at_s"]), None)
    taker = next(
        (
            said
            for said in line.utterances
            if began is not None and said.speech_start_s > began and said.clip not in BACKCHANNELS
        ),
        None,
    )
    if began is None or taker is None:
        return
    until = next((at for at in line.clears if at >= taker.speech_start_s), None)
    if until is None:
        return
    got = heard(sound, line.agent_runs, said_by_voice, from_s=began, until_s=until)
    if got:
        true = written(turn["agent_text"], spoken_words=len(heard_words(got)))
        found.word_errors.append(word_error(words(turn["heard_text"]), true))


async def _metrics(found: Found, house: Peer, *, http: aiohttp.ClientSession) -> None:
    """How often the event loop woke more than 10 ms late."""
    url = house.url.replace("/twilio/voice", "/metrics")
    async with http.get(url) as answer:
        text = await answer.text()
    for i, bound in enumerate(("0.01", r"\+Inf")):
        line = re.search(rf'offhook_loop_lag_seconds_bucket{{le="{bound}"}} (\S+)', text)
        found.lag[i] += float(line.group(1)) if line else 0.0
