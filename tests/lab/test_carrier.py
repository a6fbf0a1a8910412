"""Twilio's side of the protocol, message by message."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.carrier import CallIds, Carrier, Cleared, MarkSent, Sound
from lab.conformance import Conformance

pytestmark = pytest.mark.rule

IDS = CallIds("AC1", "CA1", "MZ1")


def started() -> tuple[Carrier, Conformance]:
    """A carrier whose stream has begun."""
    book = Conformance()
    carrier = Carrier(IDS, book, parameters={"token": "t"})
    carrier.start()
    return carrier, book


def failed(book: Conformance) -> set[str]:
    """The rules that were broken."""
    return {v.rule.name for v in book.verdicts() if v.outcome == "fail"}


def media(payload: object = "//8=", **more: object) -> dict[str, Any]:
    """A bot's media message."""
    return {"event": "media", "streamSid": "MZ1", "media": {"payload": payload}, **more}


def test_messages_come_in_the_carriers_words_with_every_number_a_string() -> None:
    """connected has no sequence; sequence counts all from start; chunk counts media."""
    carrier = Carrier(IDS, Conformance(), parameters={"token": "t"})
    assert json.loads(carrier.connected()) == {
        "event": "connected",
        "protocol": "Call",
        "version": "1.0.0",
    }
    start = json.loads(carrier.start())
    assert start["sequenceNumber"] == "1"
    assert start["streamSid"] == start["start"]["streamSid"] == "MZ1"
    assert start["start"] == {
        "accountSid": "AC1",
        "streamSid": "MZ1",
        "callSid": "CA1",
        "tracks": ["inbound"],
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"token": "t"},
    }
    first = json.loads(carrier.media(b"\xff\x00", timestamp_ms=0))
    assert first["sequenceNumber"] == "2"
    assert first["media"] == {
        "track": "inbound",
        "chunk": "1",
        "timestamp": "0",
        "payload": b64encode(b"\xff\x00").decode(),
    }
    key = json.loads(carrier.dtmf("#"))
    assert (key["sequenceNumber"], key["dtmf"]) == ("3", {"track": "inbound_track", "digit": "#"})
    assert json.loads(carrier.media(b"\xff", timestamp_ms=20))["media"]["chunk"] == "2"
    mark = json.loads(carrier.mark('a"b'))
    assert (mark["sequenceNumber"], mark["mark"]) == ("5", {"name": 'a"b'})
    stop = json.loads(carrier.stop())
    assert (stop["sequenceNumber"], stop["stop"]) == ("6", {"accountSid": "AC1", "callSid": "CA1"})


def test_what_the_bot_wants_is_understood() -> None:
    """media, mark, clear; and every rule they touch is booked as kept."""
    carrier, book = started()
    assert carrier.receive(json.dumps(media())) == Sound(b"\xff\xff")
    mark = {"event": "mark", "streamSid": "MZ1", "mark": {"name": "m"}}
    assert carrier.receive(json.dumps(mark)) == MarkSent("m")
    assert carrier.receive(json.dumps({"event": "clear", "streamSid": "MZ1"})) == Cleared()
    assert book.is_good
    passed = {v.rule.name for v in book.verdicts() if v.outcome == "pass"}
    assert passed >= {"text-only", "json-object", "known-event", "stream-sid", "media-payload"}


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        (b'{"event":"clear","streamSid":"MZ1"}', "text-only"),
        ('{"event":"clear","streamSid":', "json-object"),
        ("[]", "json-object"),
        ('{"event":7}', "json-object"),
        ("[" * 100_000, "json-object"),
        (json.dumps({"event": "dance", "streamSid": "MZ1"}), "known-event"),
        (json.dumps({"event": "clear", "streamSid": "MZ2"}), "stream-sid"),
        (json.dumps({"event": "clear"}), "stream-sid"),
        (json.dumps(media("no base64!")), "media-payload"),
        (json.dumps(media("A")), "media-payload"),
        (json.dumps(media("é")), "media-payload"),
        (json.dumps(media(7)), "media-payload"),
        (json.dumps({"event": "media", "streamSid": "MZ1", "media": "x"}), "media-payload"),
        (json.dumps(media(b64encode(b"RIFF0000WAVE").decode())), "raw-ulaw"),
        (json.dumps({"event": "mark", "streamSid": "MZ1", "mark": {"name": ""}}), "mark-name"),
        (json.dumps({"event": "mark", "streamSid": "MZ1", "mark": {"name": 3}}), "mark-name"),
        (json.dumps({"event": "mark", "streamSid": "MZ1"}), "mark-name"),
        (json.dumps(media(sequenceNumber=4)), "string-numbers"),
    ],
)
def test_each_rule_notices_its_own_breach(message: str | bytes, rule: str) -> None:
    """One wrong message, one broken rule, and the next good one is taken."""
    carrier, book = started()
    carrier.receive(message)
    assert failed(book) == {rule}
    assert carrier.receive(json.dumps(media())) == Sound(b"\xff\xff")


def test_a_message_before_start_is_a_breach() -> None:
    """The bot cannot know the streamSid yet."""
    book = Conformance()
    Carrier(IDS, book).receive(json.dumps(media()))
    assert failed(book) == {"after-start"}


def test_examples_are_short_and_the_first_is_kept() -> None:
    """A megabyte of nonsense does not fill the report."""
    carrier, book = started()
    carrier.receive("x" * 100_000)
    carrier.receive("y")
    verdict = next(v for v in book.verdicts() if v.rule.name == "json-object")
    assert verdict.failures == 2
    assert "xxx" in verdict.example
    assert len(verdict.example) <= 160


@given(
    st.one_of(
        st.text(),
        st.binary(),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: (
                st.lists(inner)
                | st.dictionaries(
                    st.sampled_from(["event", "streamSid", "media", "mark", "payload", "name"])
                    | st.text(),
                    inner | st.sampled_from(["media", "mark", "clear", "MZ1"]),
                )
            ),
        ).map(json.dumps),
    )
)
def test_nothing_the_bot_sends_stops_the_carrier(message: str | bytes) -> None:
    """Any text, bytes or JSON is judged, never raised."""
    carrier, _ = started()
    carrier.receive(message)
    assert carrier.receive(json.dumps(media())) == Sound(b"\xff\xff")
