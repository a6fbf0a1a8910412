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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import aiohttp

from bench.latency import Peer, peers
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
from bench.manners_report import Goal, met, ms, quantile, table
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


def warm_up() -> Script:
    """The first call of a fresh process is not a fair one."""
    return Script("warm up", (WaitAgent(), Say("parking"), WaitAgent(), HangUp()), seed=99)


async def measure(options: argparse.Namespace, *, folder: Path) -> dict[str, Any]:
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
    return document(found)


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


# ── the page ─────────────────────────────────────────────────────────────────────────
def document(found: Found) -> dict[str, Any]:
    """Figures, and every single value they are made of."""
    kept = found.counters.get("speculations.kept", 0)
    withdrawn = found.counters.get("speculations.withdrawn", 0)
    return {
        **vars(found),
        "load": os.getloadavg()[0],
        "speculations": {"kept": kept, "withdrawn": withdrawn},
        "wasted": {
            name.removeprefix("speculation_waste."): amount
            for name, amount in found.counters.items()
            if name.startswith("speculation_waste.")
        },
        "tokens": {
            name.removeprefix("llm_tokens."): amount
            for name, amount in found.counters.items()
            if name.startswith("llm_tokens.")
        },
    }


def goals(document: Mapping[str, Any]) -> list[Goal]:
    """Each goal of the calls' half."""
    first = [quantile(document["first_audio_s"], p) for p in (50, 95, 99)]
    clear = [quantile(document["onset_to_clear_s"], p) for p in (50, 95)]
    gap = [quantile(document["resume_gap_s"], p) for p in (50, 100)]
    errors = sorted(document["word_errors"])
    survived = share(document["survived"], document["backchannels"])
    yielded = share(document["yielded"], document["interruptions"])
    middle = errors[len(errors) // 2] if errors else None
    return [
        (
            "first VAD signal → first agent audio, with speculation",
            "p50 < 220, p95 < 320, p99 < 380 ms",
            f"{ms(first[0])} / {ms(first[1])} / {ms(first[2])} "
            f"(n {len(document['first_audio_s'])})",
            met((first[0], 220), (first[1], 320), (first[2], 380)),
        ),
        (
            "speech onset → clear on the socket",
            "p50 < 120, p95 < 220 ms",
            f"{ms(clear[0])} / {ms(clear[1])} (n {len(document['onset_to_clear_s'])}, "
            f"{document['not_cleared']} without)",
            met((clear[0], 120), (clear[1], 220)),
        ),
        (
            f"audio of the old reply within {AFTER_CLEAR_S * 1000:.0f} ms behind a clear",
            "0 frames",
            f"{document['frames_after_clear']:.0f} ({document['clears']} clears; behind "
            f"{document['behind_clears'].get('same', 0)} it went on, behind "
            f"{document['behind_clears'].get('next', 0)} the next one began)",
            met((document["frames_after_clear"], 1)),
        ),
        (
            "backchannels survived",
            "≥ 95 %",
            f"{document['survived']}/{document['backchannels']}",
            met((None if survived is None else 1 - survived, 0.05 + 1e-9)),
        ),
        (
            "real interruptions yielded to",
            "≥ 97 %",
            f"{document['yielded']}/{document['interruptions']}",
            met((None if yielded is None else 1 - yielded, 0.03 + 1e-9)),
        ),
        (
            "resume gap: silence in the agent's voice around a backchannel",
            "< 500 ms",
            f"p50 {ms(gap[0])}, longest {ms(gap[1])} (n {len(document['resume_gap_s'])})",
            met((gap[1], 500)),
        ),
        (
            "heard text against the carrier's truth, interrupted replies",
            "median 0, maximum 1 word",
            f"median {'–' if middle is None else middle}, maximum "
            f"{errors[-1] if errors else '–'} (n {len(errors)})",
            met((None if middle is None else float(middle), 1), (_last(errors), 2)),
        ),
        (
            "event loop late by more than 10 ms",
            "never",
            f"{document['lag'][1] - document['lag'][0]:.0f} of {document['lag'][1]:.0f} timers",
            met((document["lag"][1] - document["lag"][0], 1)),
        ),
    ]


def share(part: int, whole: int) -> float | None:
    """None of nothing."""
    return part / whole if whole else None


def _last(errors: Sequence[int]) -> float | None:
    return float(errors[-1]) if errors else None


def section(document: Mapping[str, Any]) -> list[str]:
    """What stands behind the goals."""
    guesses = document["speculations"]
    total = guesses["kept"] + guesses["withdrawn"]
    kept = [quantile(document["kept_first_audio_s"], p) for p in (50, 95, 99)]
    after = [quantile(document["after_voice_s"], p) for p in (50, 100)]
    rows = [
        ("calls", document["calls"]),
        (
            "first signal → first audio of turns whose guess was kept, p50 / p95 / p99 (ms)",
            f"{ms(kept[0])} / {ms(kept[1])} / {ms(kept[2])} "
            f"(n {len(document['kept_first_audio_s'])})",
        ),
        ("speculations kept", f"{guesses['kept']:.0f} of {total:.0f}"),
        ("wasted on the others", _amounts(document["wasted"])),
        ("tokens in all", _amounts(document["tokens"])),
        (
            "end of the caller's sound → agent again, p50 / longest (ms)",
            f"{ms(after[0])} / {ms(after[1])}",
        ),
        ("voices that fell into a pause of the agent's (not counted)", document["off_speech"]),
        ("judged wrongly", ", ".join(document["lost"]) or "none"),
        (
            "thinking pauses of the lab's callers cut into",
            f"{len(document['cut_in'])} of {document['thinking']}",
        ),
        (
            "replies heard to the end and recorded otherwise",
            f"{document['whole_wrong']} of {document['whole']}",
        ),
        ("load of the machine at the end", f"{document['load']:.1f}"),
    ]
    return [
        "## Calls through the socket",
        "",
        *table(("what", "figure"), rows),
        "",
        "### How",
        "",
        "- Whole calls by the lab's simulated caller, through the signed webhook and a real Media "
        "Streams socket, providers at the lab's co-located delays; the first call of each process "
        "is not counted. Scripts: `bench_manners`, denser ones like it over all "
        f"{len(BACKCHANNELS)} signs of listening and {len(INTERRUPTIONS)} interruptions, "
        "`bench_thinking`. Lanes are a bot and a lab each, on one machine.",
        "- *Onset* is the clip's first energy, *clear* its arrival at the carrier, both on the "
        "caller's clock. A backchannel survives if no turn of the caller's begins with it; an "
        "interruption is yielded to if one does.",
        "- The resume gap is the whole silence from the last sound before the hold to the first "
        "behind it, so it contains the hold's listening time.",
        "- First signal → first audio is `end_to_end_s` of the turn records (all turns, tool "
        "calls too).",
        "- Truth of what was heard: seconds the carrier played before the clear, against the times "
        "the lab's voice gave its words; a word counts if its middle was played, a number if all "
        "its spoken words were; both in the model's own words. Marks are echoed on time here: "
        "lost, late and reordered ones are in `tests/call/test_heard.py`, not in this figure.",
    ]


def _amounts(amounts: Mapping[str, float]) -> str:
    shown = (f"{amount:.4g} {name}" for name, amount in sorted(amounts.items()))
    return ", ".join(shown) or "nothing"
