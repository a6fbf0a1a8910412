"""What callers meet of the agent's file: opening hours, a person, what the model is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.persona import WEEKDAYS, Hours, Persona, situation

pytestmark = pytest.mark.rule


CLINIC = Persona(
    name="Mia",
    prompt="p",
    greeting="g",
    time_zone="Europe/London",
    hours=Hours(
        **dict.fromkeys(WEEKDAYS[:5], ("08:00-12:00", "13:00-18:00")),
        saturday=("09:00-13:00",),
        closed_on=(datetime(2026, 11, 23).date(),),
    ),
)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-11-20T09:30", "Friday, 20 November 2026, 09:30 (Europe/London). It is open now"),
        ("2026-11-20T08:00", "open now and closes at 12:00"),
        ("2026-11-20T12:00", "closed now and opens today at 13:00"),
        ("2026-11-20T18:00", "closed now and opens tomorrow at 09:00"),
        ("2026-11-20T07:59", "closed now and opens today at 08:00"),
        ("2026-11-21T13:00", "closed now and opens Tuesday, 24 November at 08:00"),
        # summer time: 07:30 in Greenwich is 08:30 in London
        ("2026-07-01T07:30", "Wednesday, 1 July 2026, 08:30 (Europe/London). It is open now"),
    ],
)
def test_the_model_is_told_the_time_of_the_agents_own_zone_and_whether_it_is_open(now, expected):
    """Holidays are skipped; "next week" questions need the weekday."""
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert expected in situation(CLINIC, now=at)


def test_the_callers_number_is_told_only_where_the_persona_allows_it():
    """A number is personal data; the number that was dialled is not."""
    now = datetime(2026, 11, 20, tzinfo=UTC)
    text = situation(CLINIC, now=now, caller="+442079460001", called="+442079460000")
    assert "+442079460001" not in text and "dialled +442079460000" in text
    allowed = replace(CLINIC, model_sees_caller_number=True)
    assert "+442079460001" in situation(allowed, now=now, caller="+442079460001")


def test_an_agent_without_hours_is_neither_open_nor_closed():
    """Nothing is claimed that nobody wrote."""
    bare = Persona(name="Mia", prompt="p", greeting="g")
    text = situation(bare, now=datetime(2026, 11, 20, tzinfo=UTC))
    assert "open" not in text and "closed" not in text


@given(st.datetimes(datetime(2024, 1, 1), datetime(2028, 1, 1)))
def test_every_minute_of_the_year_has_a_situation(now):
    """No clock change and no leap day is left out: open or closed, never both or neither."""
    text = situation(CLINIC, now=now.replace(tzinfo=UTC))
    assert ("It is open now and closes" in text) != ("It is closed now and opens" in text)


@pytest.mark.parametrize(
    ("minute", "knobs", "answers"),
    [
        (9 * 60, {}, True),
        (8 * 60 - 1, {}, False),
        (18 * 60, {}, False),
        (20 * 60, {"handoff_when_closed": True}, True),
        (20 * 60, {"hours": Hours()}, True),
        (9 * 60, {"handoff_number": ""}, False),
    ],
)
def test_a_person_answers_within_the_hours(minute: int, knobs: dict[str, object], answers: bool):
    """By the agent's own clock, unless somebody is always there or no hours are known."""
    plain = Persona(
        name="Mia",
        prompt="You help.",
        greeting="Hello.",
        time_zone="America/New_York",
        handoff_number="+12125550142",
        hours=Hours(monday=("08:00-18:00",)),
    )
    monday = datetime(2026, 3, 2, tzinfo=ZoneInfo("America/New_York"))
    now = (monday + timedelta(minutes=minute)).astimezone(UTC)
    assert replace(plain, **knobs).person_answers(now) is answers  # type: ignore[arg-type]
