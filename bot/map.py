"""The map of the house, drawn from what it shows: who imports whom, and the table of turn states.

`offhook map` prints docs/map.md; a test compares the two.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from bot.settings import HOME
from call.measures import Moment
from call.turn import TRANSITIONS, TurnState

ROOMS = (
    "bench", "bot", "transports", "processors", "services", "telemetry", "frames", "call", "lab",
)  # fmt: skip

_PAGE = """\
# The map

`offhook map > docs/map.md` draws this page from the code: the rooms from their imports, the states
from the table in `call/turn.py`. Do not edit it by hand.

## Rooms

Who imports whom; an arrow includes what lies behind it. `make check` holds everybody to it.

```mermaid
flowchart TD
{rooms}
```

| room | what it is |
| --- | --- |
{signs}

The lab is a process of its own: nobody but the bench imports it, and the bot reaches it by URL.

## States of a turn

```mermaid
stateDiagram-v2
{states}
```

Every moment that can move the conversation, and where it leads from each state; `·` is not listed:
it changes nothing, is counted as `offhook_turn_unlisted_transitions_total`, and fails a test.

| moment | {columns} |
| --- |{rule}
{table}
"""


def page(home: Path = HOME) -> str:
    """docs/map.md as it has to be."""
    return _PAGE.format(
        rooms="\n".join(f"    {one} --> {other}" for one, other in _arrows(_imports(home))),
        signs="\n".join(f"| `{room}/` | {_sign(home / room)} |" for room in ROOMS),
        states="\n".join(_drawn()),
        columns=" | ".join(TurnState),
        rule=" --- |" * len(TurnState),
        table="\n".join(_rows()),
    )


# ── rooms ────────────────────────────────────────────────────────────────────────────
def _imports(home: Path) -> dict[str, set[str]]:
    """The rooms each room imports."""
    found: dict[str, set[str]] = {}
    for room in ROOMS:
        files = (home / room).rglob("*.py")
        named = {name.split(".")[0] for file in files for name in _modules(file)}
        found[room] = named & set(ROOMS) - {room}
    return found


def _modules(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def _arrows(imports: Mapping[str, set[str]]) -> list[tuple[str, str]]:
    """The imports that no other import includes."""
    return [
        (room, other)
        for room in ROOMS
        for other in ROOMS
        if other in imports[room]
        and not any(other in _reached(via, imports) for via in imports[room] - {other})
    ]


def _reached(room: str, imports: Mapping[str, set[str]]) -> set[str]:
    """Every room one gets to from `room`; who imports in a circle is found by `make check`."""
    reached: set[str] = set()
    waiting = [room]
    while waiting:
        fresh = imports[waiting.pop()] - reached
        reached |= fresh
        waiting += fresh
    return reached


def _sign(room: Path) -> str:
    """The first paragraph on the door."""
    sign = ast.get_docstring(ast.parse((room / "__init__.py").read_text("utf-8"))) or ""
    return " ".join(sign.split("\n\n")[0].split())


# ── states ───────────────────────────────────────────────────────────────────────────
def _drawn() -> Iterator[str]:
    """An arrow for each pair of states, with the moments that lead along it."""
    yield f"    [*] --> {next(iter(TurnState))}"
    for before in TurnState:
        for after in TurnState:
            along = [m for (s, m), to in TRANSITIONS.items() if s is before and to is after]
            if along and before is not after:
                yield f"    {before} --> {after} : {', '.join(map(_plain, along))}"


def _rows() -> Iterator[str]:
    for moment in dict.fromkeys(moment for _, moment in TRANSITIONS):
        leads = (TRANSITIONS.get((state, moment), "·") for state in TurnState)
        yield f"| {_plain(moment)} | {' | '.join(leads)} |"


def _plain(moment: Moment) -> str:
    return moment.value.replace("_", " ")
