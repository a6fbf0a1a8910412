"""One or many calls as a report: a document for machines, tables for people, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lab.caller import Outcome
from lab.conformance import Conformance
from lab.measures import Figures, Percentiles, figures, percentiles


@dataclass(frozen=True)
class Report:
    """What the calls showed, together."""

    url: str
    outcomes: Sequence[Outcome]
    figures: Sequence[Figures]
    conformance: Conformance

    @property
    def problems(self) -> list[str]:
        """Everything that makes the calls bad, one line each."""
        found = [outcome.problem for outcome in self.outcomes if outcome.problem]
        for outcome, figure in zip(self.outcomes, self.figures, strict=True):
            name = outcome.timeline.call_sid
            found += [
                f"{name}: turn {turn.turn} was not answered ({turn.words or turn.clips[0]})"
                for turn in figure.turns
                if not turn.is_answered
            ]
            if not outcome.problem and not figure.agent_speech_s:
                found.append(f"{name}: the agent was never heard")
        return found

    @property
    def is_good(self) -> bool:
        """Every rule kept and every turn answered."""
        return self.conformance.is_good and not self.problems

    def percentiles(self) -> dict[str, Percentiles]:
        """Over all calls, by measure."""
        turns = [turn for figure in self.figures for turn in figure.turns]
        return {
            "greeting_s": percentiles(figure.greeting_s for figure in self.figures),
            "latency_s": percentiles(turn.latency_s for turn in turns),
            "interruption_stop_s": percentiles(turn.stop_s for turn in turns),
            "interruption_clear_s": percentiles(turn.clear_s for turn in turns),
            "dead_air_s": percentiles(turn.dead_air_s for turn in turns),
        }

    def counts(self) -> dict[str, float]:
        """Over all calls."""
        turns = [turn for figure in self.figures for turn in figure.turns]
        talk_s = sum(figure.talk_s for figure in self.figures)
        underruns = sum(len(figure.underruns) for figure in self.figures)
        return {
            "calls": len(self.outcomes),
            "turns": len(turns),
            "unanswered": sum(not turn.is_answered for turn in turns),
            "cut_ins": sum(turn.cut_in_s is not None for turn in turns),
            "underruns": underruns,
            "underruns_per_minute": round(underruns / talk_s * 60, 2) if talk_s else 0.0,
            "after_clear_s": round(sum(figure.after_clear_s for figure in self.figures), 3),
        }

    def as_json(self) -> dict[str, object]:
        """The whole report."""
        return {
            "url": self.url,
            "good": self.is_good,
            "problems": self.problems,
            "counts": self.counts(),
            "percentiles": {name: asdict(p) for name, p in self.percentiles().items()},
            "conformance": [verdict.as_json() for verdict in self.conformance.verdicts()],
            "calls": [
                {
                    "call_sid": outcome.timeline.call_sid,
                    "ended_by": outcome.timeline.ended_by,
                    "problem": outcome.problem,
                    "lost_messages": outcome.lost_messages,
                    "gave_up": outcome.timeline.gave_up,
                    "verbs": [verb.as_json() for verb in outcome.verbs],
                    "led_to": outcome.led_to,
                    "after": [deed.as_json() for deed in outcome.deeds],
                    **figure.as_json(),
                }
                for outcome, figure in zip(self.outcomes, self.figures, strict=True)
            ],
        }


def report(url: str, outcomes: Sequence[Outcome]) -> Report:
    """Judge the calls together."""
    together = Conformance().add(outcome.conformance for outcome in outcomes)
    return Report(url, outcomes, [figures(each.timeline) for each in outcomes], together)


_MEASURES = {
    "greeting_s": "stream start → greeting heard",
    "latency_s": "end of speech → agent heard",
    "interruption_stop_s": "caller speaks over → agent silent",
    "interruption_clear_s": "caller speaks over → clear received",
    "dead_air_s": "longest silence of a turn",
}
_OUTCOMES = {"pass": "[green]pass[/]", "fail": "[red]FAIL[/]", "not seen": "[dim]not seen[/]"}


def show(result: Report, console: Console) -> None:
    """Print the tables."""
    rules = Table(title="Conformance", title_justify="left", box=box.SIMPLE_HEAD)
    rules.add_column("", no_wrap=True)
    rules.add_column("rule")
    rules.add_column("error", justify="right")
    rules.add_column("seen")
    for verdict in result.conformance.verdicts():
        seen = f"{verdict.failures} ×: {escape(verdict.example)}" if verdict.failures else ""
        error = str(verdict.rule.error or "")
        rules.add_row(_OUTCOMES[verdict.outcome], verdict.rule.sentence, error, seen)
    console.print(rules)
    delays = Table(title="Delays, milliseconds", title_justify="left", box=box.SIMPLE_HEAD)
    for column in ("", "n", "p50", "p95", "p99", "longest"):
        delays.add_column(column, justify="left" if not column else "right")
    for name, p in result.percentiles().items():
        cells = (_milliseconds(value) for value in (p.p50, p.p95, p.p99, p.longest))
        delays.add_row(_MEASURES[name], str(p.n), *cells)
    console.print(delays)
    counts = result.counts()
    console.print(
        "{calls} calls · {turns} turns · {unanswered} unanswered · {cut_ins} cut-ins · "
        "{underruns} underruns ({underruns_per_minute}/min) · "
        "{after_clear_s} s of sound after a clear".format(**counts)
    )
    for outcome in result.outcomes:
        for deed in outcome.deeds:
            told = ", ".join(f"{name} {value}" for name, value in deed.told.items())
            console.print(f"  carrier: {deed.did} {told}".rstrip(), markup=False)
    for problem in result.problems:
        console.print(problem, style="red", markup=False, highlight=False)


def _milliseconds(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds * 1000:.0f}"
