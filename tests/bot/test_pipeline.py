"""The list is literal, ordered, and the same on the page a newcomer reads."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from bot import pipeline

pytestmark = pytest.mark.rule

ENTRY = re.compile(r"^ {8}(?=session|[A-Z])", re.MULTILINE)
ROOT = Path(__file__).resolve().parents[2]
STATION = re.compile(r"^ {8}(session\.[a-z.]+(?=[(),])|[A-Z]\w+)", re.MULTILINE)


def listed(text: str) -> list[str]:
    """The stations a text lists, in order."""
    return STATION.findall(text)


def body() -> str:
    return Path(pipeline.__file__).read_text().split("return [", 1)[1]


def test_the_stations_stand_in_this_order():
    """Ears, mind, mouth; what a station needs has passed before it."""
    order = listed(body())
    for before, after in [
        ("session.wire.input", "session.vad"),
        ("session.vad", "session.stt"),
        ("TurnDetector", "session.stt"),
        ("session.stt", "session.emergency"),
        ("session.emergency", "Redactor"),
        ("session.stt", "session.listener"),
        ("session.listener", "ConfidenceGate"),
        ("ConfidenceGate", "session.llm"),
        ("session.listener", "TurnTap"),
        ("TurnTap", "session.llm"),
        ("session.llm", "ClauseChunker"),
        ("ClauseChunker", "SpokenForm"),
        ("SpokenForm", "session.tts"),
        ("session.tts", "session.wire.output"),
        ("session.wire.output", "HeardLedger"),
        ("HeardLedger", "session.speaker"),
    ]:
        assert order.index(before) < order.index(after), (before, after)
    assert order[0] == "session.wire.input" and order[-1] == "session.speaker"
    assert len(order) == len(set(order))


def test_the_readme_shows_the_same_list():
    """A reader of the front page sees what runs."""
    readme = (ROOT / "README.md").read_text()
    shown = readme.split("## The list", 1)[1].split("```", 2)[1]
    assert listed(shown) == listed(body())


def test_every_station_has_its_reason():
    """A station without a reason beside it does not get in."""
    for station in ENTRY.split(body())[1:]:
        assert "#" in station, station


def test_every_station_that_counts_is_given_the_calls_recorder():
    """One without would count into nothing, and nobody would see that its figure is always 0."""
    counting = 0
    for station in ENTRY.split(body())[1:]:
        kind = getattr(pipeline, station.split("(", 1)[0], None)
        if kind is not None and "recorder" in inspect.signature(kind).parameters:
            assert re.search(r"\breport\b", station), station
            counting += 1
    assert counting > 5
