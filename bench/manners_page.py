"""The page of the calls' half: goals with their figures, and what stands behind them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from bench.loop_steps import LONG_S
from bench.manners_calls import BACKCHANNELS, INTERRUPTIONS, Found
from bench.manners_report import Goal, met, ms, quantile, table
from lab.measures import AFTER_CLEAR_S

LOOP_S = 0.01


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
    long = [cpu_s for cpu_s, _ in document["long_steps"] if cpu_s > LOOP_S]
    longest = _longest_ms(document)
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
            "event loop kept busy for more than 10 ms at a stretch",
            "never",
            f"{len(long)} of {document['steps']} steps, longest {ms(longest)} ms",
            met((longest, 10)),
        ),
    ]


def _longest_ms(document: Mapping[str, Any]) -> float | None:
    """The loop's longest step; below `LONG_S` none is kept."""
    if not document["steps"]:
        return None
    return max((cpu_s for cpu_s, _ in document["long_steps"]), default=LONG_S) * 1000


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
    ready = [quantile(document["ready_s"], p) for p in (50, 95, 99)]
    prompt = [quantile(document["prompt_s"], p) for p in (50, 95, 99)]
    late = document["lag"][1] - document["lag"][0]
    rows = [
        ("calls", document["calls"]),
        (
            "first signal → first audio where the answer was not ready at the decision, "
            "p50 / p95 / p99 (ms)",
            f"{ms(prompt[0])} / {ms(prompt[1])} / {ms(prompt[2])} (n {len(document['prompt_s'])})",
        ),
        (
            "where it lay ready and waited for the decision (patience)",
            f"{ms(ready[0])} / {ms(ready[1])} / {ms(ready[2])} (n {len(document['ready_s'])})",
        ),
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
        (
            "timers of the loop late by more than 10 ms (by us or by the machine)",
            f"{late:.0f} of {document['lag'][1]:.0f}",
        ),
        (
            "steps of the loop of more than 5 ms of its own",
            ", ".join(
                f"{cpu_s * 1000:.0f} ms {what}"
                for cpu_s, what in sorted(document["long_steps"], reverse=True)[:5]
            )
            or "none",
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
        "`bench_thinking`, and calls of ten whole questions. Lanes are a bot and a lab each, "
        "on one machine.",
        "- *Onset* is the clip's first energy, *clear* its arrival at the carrier, both on the "
        "caller's clock. A backchannel survives if no turn of the caller's begins with it; an "
        "interruption is yielded to if one does.",
        "- The resume gap is the whole silence from the last sound before the hold to the first "
        "behind it, so it contains the hold's listening time.",
        "- First signal → first audio is `end_to_end_s` of the turn records (all turns, tool "
        "calls too). The answer is begun before that signal, at the *ebb*: the voice has faded "
        "within speech and its speech probability falls below `[vad] ebbs_below`. The recogniser "
        "is asked for the words then, and those it tells for good are answered; the voice is "
        "asked at the signal, so that no character is spent on a caller who goes on.",
        "- Truth of what was heard: the very samples the carrier played before the clear, found "
        "again in what the lab's voice had said; a word counts if its middle was played, a number "
        "if all its spoken words were; both in the model's own words. By the same samples, sound "
        "behind a clear is the old reply's (which nobody resumed), its resumption, or the next "
        "one's. Marks are echoed on time here: lost, late and reordered ones are in "
        "`tests/calls/test_rough_lines.py` and behind `offhook call --impair marks_lost=0.3`, not "
        "in this figure.",
        "- A step is what the event loop runs between two looks at its clock, weighed in processor "
        "time of its thread, so that the machine's load does not count (one call more, on the "
        "standard library's loop).",
    ]


def _amounts(amounts: Mapping[str, float]) -> str:
    shown = (f"{amount:.4g} {name}" for name, amount in sorted(amounts.items()))
    return ", ".join(shown) or "nothing"
