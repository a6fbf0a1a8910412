"""A call as it happens, in the terminal: who speaks, the words, one waterfall bar a turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from telemetry.events import Event

# One colour a stage, the same in the terminal and in the report.
STAGE_COLOURS = {
    "endpoint": "#8a8f98",
    "stt": "#4c9be8",
    "llm": "#b277e0",
    "tool": "#d96fa8",
    "clause": "#e0c05c",
    "tts": "#5cc48d",
    "wire": "#e88b5a",
}
OTHER_COLOUR = "#707070"
# A terminal cell of a waterfall bar stands for this much; 1 s is then 50 cells.
CELL_S = 0.020
BAR_CELLS = 60
SHOWN_LINES = 14


@dataclass
class Line:
    """One utterance on the screen."""

    party: str
    text: str
    at_s: float
    is_final: bool = True
    is_heard: bool = True


@dataclass
class CallView:
    """What is known of the call on the screen; `apply` takes one live event."""

    call_id: str = ""
    clock_s: float = 0.0
    caller_speaks: bool = False
    agent_speaks: bool = False
    ended: bool = False
    lines: list[Line] = field(default_factory=list)
    turns: list[dict[str, Any]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def apply(self, event: Event) -> None:
        """Change the view by one event; an unknown kind changes nothing."""
        self.clock_s = max(self.clock_s, float(event.get("t", 0.0)))
        change = _CHANGES.get(event["type"])
        if change is not None:
            change(self, event)

    def started(self, event: Event) -> None:
        """The call is on."""
        self.call_id = str(event.get("call_id", ""))

    def caller_words(self, event: Event) -> None:
        """Interim words replace each other; a final ends the line."""
        last = self.lines[-1] if self.lines else None
        if last is not None and last.party == "caller" and not last.is_final:
            last.text, last.is_final = event["text"], bool(event["final"])
        else:
            self.lines.append(
                Line("caller", event["text"], self.clock_s, is_final=bool(event["final"]))
            )

    def agent_clause(self, event: Event) -> None:
        """A clause goes to the voice: grey until heard."""
        self.lines.append(Line("agent", event["text"], self.clock_s, is_heard=False))

    def agent_heard(self, event: Event) -> None:
        """The mark of a clause came back: the caller has heard it."""
        said = (line for line in self.lines if line.party == "agent" and not line.is_heard)
        line = next((line for line in said if line.text == event["text"]), None)
        if line is not None:
            line.is_heard = True

    def speaking(self, event: Event) -> None:
        """Somebody begins or stops."""
        party, verb = str(event["type"]).split(".")
        setattr(self, f"{party}_speaks", verb == "speaking")

    def turn(self, event: Event) -> None:
        """A turn's five numbers are known."""
        self.turns.append(dict(event["turn"]))

    def interruption(self, event: Event) -> None:
        """The caller took the floor."""
        self.lines.append(Line("note", "the caller interrupts: the agent goes quiet", self.clock_s))

    def tool(self, event: Event) -> None:
        """A tool ran."""
        text = f"tool {event.get('name', '?')}: {event.get('outcome', '')}"
        self.lines.append(Line("note", text, self.clock_s))

    def fault(self, event: Event) -> None:
        """Something went wrong at a provider."""
        self.faults.append(f"{event.get('provider', '?')}: {event.get('fault', '?')}")

    def call_ended(self, event: Event) -> None:
        """The call is over."""
        self.ended = True
        self.caller_speaks = self.agent_speaks = False


_CHANGES: dict[str, Callable[[CallView, Event], None]] = {
    "call.started": CallView.started,
    "call.ended": CallView.call_ended,
    "caller.words": CallView.caller_words,
    "caller.speaking": CallView.speaking,
    "caller.silent": CallView.speaking,
    "agent.speaking": CallView.speaking,
    "agent.silent": CallView.speaking,
    "agent.held": CallView.speaking,
    "agent.clause": CallView.agent_clause,
    "agent.heard": CallView.agent_heard,
    "turn": CallView.turn,
    "interruption": CallView.interruption,
    "tool": CallView.tool,
    "fault": CallView.fault,
}


def render(view: CallView) -> RenderableType:
    """The whole screen of one call."""
    return Group(
        _header(view),
        Panel(_transcript(view), title="conversation", title_align="left", border_style="dim"),
        Panel(_waterfalls(view), title="turns", title_align="left", border_style="dim"),
        *([Text("faults: " + ", ".join(view.faults[-5:]), style="red")] if view.faults else []),
    )


def _header(view: CallView) -> Text:
    text = Text()
    text.append(" offhook ", style="bold reverse")
    text.append(f"  call {view.call_id or '…'}   {view.clock_s:5.1f} s   ")
    text.append("● caller ", style="bold cyan" if view.caller_speaks else "dim")
    text.append(" ● agent", style="bold green" if view.agent_speaks else "dim")
    return text


def _transcript(view: CallView) -> Text:
    text = Text()
    for line in view.lines[-SHOWN_LINES:]:
        text.append(f"{line.at_s:6.1f}  ", style="dim")
        if line.party == "note":
            text.append(f"        {line.text}\n", style="yellow italic")
        elif line.party == "caller":
            text.append("caller  ", style="cyan")
            text.append(line.text + ("\n" if line.is_final else " …\n"))
        else:
            text.append("agent   ", style="green")
            text.append(line.text + "\n", style="" if line.is_heard else "dim")
    return text


def _waterfalls(view: CallView) -> RenderableType:
    table = Table.grid(padding=(0, 1))
    for turn in view.turns[-8:]:
        total = turn.get("end_to_end_s")
        label = f"{total * 1000:4.0f} ms" if total is not None else "   –   "
        table.add_row(
            Text(f"{turn.get('turn', '?'):>2}", style="dim"),
            Text(label),
            waterfall(turn),
            Text(str(turn.get("slowest") or ""), style="dim"),
        )
    return Group(table, legend()) if view.turns else Text("no turn yet", style="dim")


def waterfall(turn: dict[str, Any]) -> Text:
    """One bar: each stage of the critical path in its colour, 20 ms a cell."""
    bar = Text()
    for stage, seconds in turn.get("critical_path") or ():
        cells = min(BAR_CELLS, max(1 if seconds > 0 else 0, round(seconds / CELL_S)))
        bar.append("█" * cells, style=STAGE_COLOURS.get(stage, OTHER_COLOUR))
    return bar


def legend() -> Text:
    """Which colour is which stage."""
    text = Text()
    for stage, colour in STAGE_COLOURS.items():
        text.append("█ ", style=colour)
        text.append(f"{stage}  ", style="dim")
    return text


def plain(event: Event) -> str | None:
    """One line for terminals without a screen (pipes, CI); None for events not worth one."""
    kind, at = event["type"], f"{float(event.get('t', 0.0)):6.1f}  "
    if kind == "caller.words" and event["final"]:
        return f"{at}caller  {event['text']}"
    if kind == "agent.clause":
        return f"{at}agent   {event['text']}"
    if kind == "interruption":
        return f"{at}        the caller interrupts: the agent goes quiet"
    if kind == "tool":
        return f"{at}        tool {event.get('name', '?')}: {event.get('outcome', '')}"
    if kind == "fault":
        return f"{at}        fault {event.get('provider', '?')}: {event.get('fault', '')}"
    if kind == "turn" and event["turn"].get("end_to_end_s") is not None:
        path = " + ".join(
            f"{stage} {seconds * 1000:.0f}" for stage, seconds in event["turn"]["critical_path"]
        )
        return f"{at}        answered in {event['turn']['end_to_end_s'] * 1000:.0f} ms = {path}"
    return None


def receipt(record: dict[str, Any]) -> RenderableType:
    """The call in one table: how long, how it ended, the five numbers of each turn."""
    head = Table.grid(padding=(0, 2))
    head.add_row("call", str(record.get("call_id")))
    head.add_row("lasted", f"{record.get('duration_s') or 0:.1f} s")
    head.add_row("ended", str(record.get("ending")))
    counters = record.get("counters") or {}
    # Counters with labels are for the record; a person reads what happened.
    happened = {name: value for name, value in counters.items() if value and "." not in name}
    shown = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in happened.items())
    head.add_row("counted", shown or "nothing out of the ordinary")
    table = Table(title="the five numbers of each turn, milliseconds", title_justify="left")
    for column in (
        "turn",
        "endpoint",
        "final",
        "first token",
        "first byte",
        "end to end",
        "slowest",
    ):
        table.add_column(column, justify="left" if column == "slowest" else "right")
    for turn in record.get("turns") or ():
        names = (
            "endpoint_s",
            "stt_final_s",
            "llm_first_token_s",
            "tts_first_byte_s",
            "end_to_end_s",
        )
        cells = [_milliseconds(turn.get(name)) for name in names]
        table.add_row(str(turn.get("turn")), *cells, str(turn.get("slowest") or ""))
    return Group(Panel(head, title="receipt", title_align="left"), table)


def _milliseconds(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds * 1000:.0f}"
