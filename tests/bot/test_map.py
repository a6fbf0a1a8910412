"""The map shows the house as it is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from bot.map import ROOMS, page
from call.turn import TRANSITIONS, TurnState

pytestmark = pytest.mark.rule

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_current() -> None:
    """After a change of rooms or states: `offhook map > docs/map.md`."""
    assert (ROOT / "docs" / "map.md").read_text("utf-8") == page()


def test_every_room_is_on_it() -> None:
    """The same rooms as the import contracts know."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    assert set(ROOMS) == set(contracts["root_packages"])
    drawn = page()  # reads every file
    assert all(f"| `{room}/` | " in drawn for room in ROOMS)


def test_an_arrow_includes_what_lies_behind_it(tmp_path: Path) -> None:
    """Only imports that no other includes are drawn."""
    sources = {
        "bench": "import lab.call\nfrom bot.map import page",
        "bot": "from processors.vad import Vad\nimport call.turn\nimport asyncio",
        "processors": "import call.heard",
    }
    for room in ROOMS:
        (tmp_path / room).mkdir()
        (tmp_path / room / "__init__.py").write_text(f'"""The {room}.\n\nMore."""\n')
        (tmp_path / room / "one.py").write_text(sources.get(room, "from . import two"))
    drawn = re.findall(r"^    (\w+) --> (\w+)$", page(tmp_path), re.MULTILINE)
    assert drawn == [
        ("bench", "bot"),
        ("bench", "lab"),
        ("bot", "processors"),
        ("processors", "call"),
    ]
    assert "| `lab/` | The lab. |" in page(tmp_path)


def test_the_states_drawing_shows_every_change_of_state() -> None:
    """Each listed transition stands on its arrow and in the table."""
    drawing = page().split("stateDiagram-v2", 1)[1]
    for (before, moment), after in TRANSITIONS.items():
        words = moment.value.replace("_", " ")
        if before is not after:
            assert re.search(rf"^    {before} --> {after} : .*{words}", drawing, re.MULTILINE)
        row = re.search(rf"^\| {words} \| (.*) \|$", drawing, re.MULTILINE)
        assert row is not None
        assert row[1].split(" | ")[list(TurnState).index(before)] == after
