"""`GET /console` and what is below it: pages made from call records, and the files they load."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse, HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from call.budgets import Budgets
from telemetry.console import drawing
from telemetry.console.figures import LENGTHS, overview, slowest_turn
from telemetry.console.writing import FILTERS
from telemetry.live import OTHER_COLOUR, STAGE_COLOURS
from telemetry.report import heard_split

CallDocument = dict[str, Any]
HERE = Path(__file__).parent
STATIC = {"console.css": "text/css", "console.js": "text/javascript", "icon.svg": "image/svg+xml"}
# Figures are over this many calls: about 4000 turns, enough for p99.9, for 0.1 s of CPU.
FIGURE_CALLS = 500
NEWEST_CALLS = 15
LISTED_CALLS = 200
# What a call is doing, as `call.turn.TurnState` names it, in the reader's words.
STATES = {
    "listening": "listening",
    "deciding": "is the caller done?",
    "thinking": "thinking",
    "speaking": "agent speaks",
    "held": "agent held: uh-huh, or an interruption?",
}


class Calls(Protocol):
    """Where call records come from; both may block."""

    def get(self, call_id: str) -> CallDocument | None:
        """One call, running or over."""
        ...

    def newest(self, limit: int = 100) -> list[CallDocument]:
        """The newest calls that are over, newest first."""
        ...


@dataclass(frozen=True)
class LiveCall:
    """A call that goes on, at a glance: no words of it, they are redacted when it is recorded."""

    call_id: str
    wire: str
    started: datetime
    state: str
    turns: Sequence[dict[str, Any]] = ()

    @property
    def doing(self) -> str:
        """Who speaks, or who is waited for."""
        return STATES.get(self.state, self.state)

    @property
    def answered(self) -> dict[str, Any] | None:
        """The last turn that was answered."""
        heard = [turn for turn in self.turns if turn.get("end_to_end_s") is not None]
        return heard[-1] if heard else None

    def lasted_s(self, now: datetime) -> float:
        """How long the call has been going on."""
        return max(0.0, (now - self.started).total_seconds())


Living = Callable[[], Awaitable[Sequence[LiveCall]]]
"""The calls that go on now, wherever they do."""


def console(
    records: Calls,
    *,
    budgets: Budgets,
    living: Living,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> APIRouter:
    """The router of the console; `living` tells which calls go on now."""
    pages = Pages(records, budgets=budgets, living=living, clock=clock)
    router = APIRouter(prefix="/console", default_response_class=HTMLResponse)
    router.get("")(pages.overview)
    router.get("/live")(pages.live)
    router.get("/calls")(pages.calls)
    router.get("/calls/{call_id}")(pages.call)
    router.get("/static/{name}", response_class=FileResponse)(static)
    return router


async def static(name: str) -> FileResponse:
    """A file the pages load; only those that are listed."""
    if name not in STATIC:
        raise HTTPException(404, "no such file")
    headers = {"cache-control": "no-cache"}  # asked for again each time, sent when changed
    return FileResponse(HERE / "static" / name, media_type=STATIC[name], headers=headers)


class Pages:
    """Every page of the console. Records are read and pages written off the loop of the calls."""

    def __init__(
        self,
        records: Calls,
        *,
        budgets: Budgets,
        living: Living,
        clock: Callable[[], datetime],
    ) -> None:
        self._records = records
        self._budgets = budgets
        self._living = living
        self._clock = clock
        self._templates = _templates()

    async def overview(self) -> HTMLResponse:
        """Live calls, percentiles beside budgets, newest calls, tail, hang-ups, cost."""
        return await self._page(self._overview, await self._living())

    async def live(self) -> HTMLResponse:
        """Only the calls that go on now, for the script: cheap, whatever is stored."""
        return await self._page(self._live, await self._living())

    async def calls(self, ending: str = "") -> HTMLResponse:
        """The newest calls, all or of one ending."""
        return await self._page(self._calls, ending)

    async def call(self, call_id: str) -> HTMLResponse:
        """One call, turn by turn; 404 when nothing is kept of it."""
        living = next((call for call in await self._living() if call.call_id == call_id), None)
        return await self._page(self._call, call_id, living)

    async def _page(self, write: Callable[..., HTMLResponse], *about: Any) -> HTMLResponse:
        answer = await asyncio.to_thread(write, *about)
        answer.headers["cache-control"] = "no-store"  # transcripts stay out of the browser's cache
        return answer

    def _overview(self, living: Sequence[LiveCall]) -> HTMLResponse:
        calls = self._records.newest(FIGURE_CALLS)
        return self._write(
            "overview",
            living=living,
            overview=overview(calls, self._budgets),
            calls=calls[:NEWEST_CALLS],
            lengths=LENGTHS,
        )

    def _live(self, living: Sequence[LiveCall]) -> HTMLResponse:
        return self._write("live", living=living)

    def _calls(self, ending: str) -> HTMLResponse:
        newest = self._records.newest(FIGURE_CALLS)
        shown = [call for call in newest if not ending or call.get("ending") == ending]
        return self._write(
            "calls",
            calls=shown[:LISTED_CALLS],
            found=len(shown),
            searched=len(newest),
            ending=ending,
            endings=sorted({str(call.get("ending")) for call in newest}),
        )

    def _call(self, call_id: str, living: LiveCall | None) -> HTMLResponse:
        record = self._records.get(call_id)
        if record is None and living is None:
            return self._write("missing", status=404, call_id=call_id)
        record = dict(record or {"call_id": call_id})
        if living is not None:
            record["duration_s"] = living.lasted_s(self._clock())
        turns = [
            {**turn, "segments": drawing.waterfall(turn), "split": heard_split(turn)}
            for turn in record.get("turns") or ()
        ]
        length_s = _length_s(record)
        return self._write(
            "call",
            record=record,
            turns=turns,
            is_running=record.get("ending") is None,
            living=living,
            scale_ms=drawing.scale_ms(turns),
            grid_ms=drawing.GRID_MS,
            slow_ms=self._budgets.slow_turn_s * 1000,
            marks=drawing.marks(record, length_s),
            ticks=drawing.ticks(length_s),
            line_width=drawing.LINE_WIDTH,
            record_json=json.dumps(record, indent=2, ensure_ascii=False),
        )

    def _write(self, name: str, *, status: int = 200, **what: Any) -> HTMLResponse:
        template = self._templates.get_template(f"{name}.html.j2")
        return HTMLResponse(template.render(now=self._clock(), **what), status_code=status)


def _length_s(record: CallDocument) -> float:
    """The length of the time line: the call, or what is known of it so far."""
    instants = [
        float(entry["at_s"])
        for part in ("turns", "tools", "faults")
        for entry in record.get(part) or ()
        if entry.get("at_s") is not None
    ]
    return max(float(record.get("duration_s") or 0.0), *instants, 0.0)


def _templates() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    environment.globals.update(
        slowest_turn=slowest_turn, colours=STAGE_COLOURS, other_colour=OTHER_COLOUR
    )
    return environment
