"""The call record, assembled."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.errors import Ending, Party
from call.measures import Moment
from call.receipt import masked, receipt
from call.timeline import Timeline

pytestmark = pytest.mark.rule

START = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def test_the_record_has_the_contracts_fields_and_closes_the_last_turn() -> None:
    """Version 1; numbers masked; plain JSON."""
    timeline = Timeline()
    timeline.words("agent", "Welcome.", final=True)
    timeline.words("caller", "Hello?", final=True)
    timeline.moment(Moment.TURN_DECIDED, 1.0)
    record = receipt(
        timeline,
        call_id="c1",
        provider_call_id="CA1",
        wire="twilio",
        caller="+15550100142",
        called="+1 555 010 0199",
        language="en",
        started=START,
        ended=START + timedelta(seconds=12.3456),
        ending=Ending.FAULT,
        fault_party=Party.TTS,
        counters={"interruptions": 2.0, "waste_usd": 0.25, "tts_characters.cartesia": 100.0},
    )
    assert json.loads(json.dumps(record)) == record
    assert [turn["caller_text"] for turn in record.pop("turns")] == ["Hello?"]
    assert record == {
        "version": 1,
        "call_id": "c1",
        "provider_call_id": "CA1",
        "wire": "twilio",
        "from": "+*********42",
        "to": "+* *** *** **99",
        "language": "en",
        "started_at": "2026-03-04T05:06:07+00:00",
        "ended_at": "2026-03-04T05:06:19.345600+00:00",
        "duration_s": 12.346,
        "ending": "fault",
        "fault_party": "tts",
        "opening_text": "Welcome.",
        "tools": [],
        "faults": [],
        "flags": [],
        "voicemail_url": None,
        "usage": {
            "llm_tokens": {},
            "tts_characters": {"cartesia": 100},
            "stt_seconds": {},
            "carrier": "twilio",
            "carrier_seconds": 12.346,
            "carrier_minutes": 1,
        },
        "cost_usd": 0.0164,
        "cost_by_provider_usd": {"cartesia": 0.0039, "twilio": 0.0125},
        "unpriced": [],
        "prices_as_of": "2025-11-01",
        "counters": {"interruptions": 2, "tts_characters.cartesia": 100, "waste_usd": 0.25},
    }


def test_a_call_that_goes_on_has_no_end_and_keeps_its_turn_open() -> None:
    """The record is written after each turn; writing it changes nothing."""
    timeline = Timeline()
    timeline.words("caller", "Hello?", final=True)
    timeline.moment(Moment.TURN_DECIDED, 1.0)
    record = receipt(
        timeline, call_id="c", started=START, ended=START + timedelta(seconds=3), ending=None
    )
    assert (record["ending"], record["ended_at"], record["duration_s"]) == (None, None, 3.0)
    assert record["turns"] == []
    timeline.close()
    assert len(timeline.records) == 1


def test_a_quiet_call_has_an_empty_record() -> None:
    """Nobody at fault, nothing counted."""
    record = receipt(
        Timeline(), call_id="c", started=START, ended=START, ending=Ending.CALLER_HUNG_UP
    )
    assert (record["fault_party"], record["counters"], record["turns"]) == (None, {}, [])
    assert record["from"] == ""


@pytest.mark.parametrize(
    ("number", "shown"),
    [("", ""), ("12", "***"), ("anonymous", "***"), ("sip:joe@example.com", "***"), ("123", "*23")],
)
def test_a_number_is_masked(number: str, shown: str) -> None:
    """Two digits stay; what is no number is hidden whole."""
    assert masked(number) == shown


@given(st.text(alphabet="0123456789+-(). ", max_size=24))
def test_at_most_two_digits_are_ever_shown(number: str) -> None:
    """Whatever the shape."""
    assert sum(c.isdigit() for c in masked(number)) <= 2


@pytest.mark.parametrize(("reconnects", "flagged"), [(0, False), (2, False), (3, True)])
def test_a_recogniser_that_was_connected_again_three_times_is_worth_a_look(
    reconnects: int, flagged: bool
) -> None:
    """Once or twice is a vendor's restart."""
    record = receipt(
        Timeline(),
        call_id="c1",
        started=START,
        ended=START,
        ending=Ending.CALLER_HUNG_UP,
        counters={"stt_reconnects": float(reconnects)},
    )
    assert record["flags"] == (["the recogniser was connected again 3 times"] if flagged else [])
