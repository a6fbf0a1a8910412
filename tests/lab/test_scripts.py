"""The scripts that come with the lab: valid, and spoken with clips that exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import script
from tests.lab.audio import CLIPS

pytestmark = pytest.mark.provider

SCRIPTS = sorted((Path(script.__file__).parent / "scripts").glob("*.json"))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_can_be_followed(path: Path) -> None:
    """It parses under its own name and says only clips there are."""
    parsed = script.load(path)
    assert parsed.name == path.stem
    assert set(parsed.clips()) <= CLIPS.keys()


def test_the_demo_shows_everything_and_is_spoken_by_one_caller() -> None:
    """Hours, a booking, a number, an interruption, a goodbye; one voice throughout."""
    demo = script.load(Path(script.__file__).parent / "scripts" / "demo.json")
    clips = demo.clips()
    assert {"hours", "book_tuesday", "phone", "yes_right", "wait_parking", "goodbye"} <= {*clips}
    assert {CLIPS[clip]["speaker"] for clip in clips} == {"rms"}
    assert any(isinstance(step, script.Interrupt) for step in demo.steps)
    assert isinstance(demo.steps[-1], script.WaitEnd)
