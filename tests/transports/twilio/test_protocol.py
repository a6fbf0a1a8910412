"""The protocol by vectors, one conversation per situation, and by all a peer could think of."""

from __future__ import annotations

import base64
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from call.errors import MisuseError
from transports.twilio.events import Event, MarkCleared, MarkPlayed, RuleBroken, StreamStarted
from transports.twilio.protocol import FORGIVEN, MARKS_REMEMBERED, TRANSITIONS, MediaStream, State

pytestmark = pytest.mark.wire

VECTORS = sorted((Path(__file__).parents[2] / "vectors" / "twilio").glob("*.json"))


def as_data(event: Event) -> list[Any]:
    """An event as the vectors write it."""
    values = asdict(event)
    if "mulaw" in values:
        values["mulaw"] = values["mulaw"].hex()
    if "tracks" in values:
        values["tracks"] = list(values["tracks"])
    return [type(event).__name__, values]


def ask(stream: MediaStream, step: dict[str, Any]) -> str:
    """Carry out the intent of a step."""
    if "media" in step:
        return stream.media(bytes.fromhex(step["media"]))
    if "mark" in step:
        return stream.mark(step["mark"])
    return stream.clear()


def received(stream: MediaStream, step: dict[str, Any]) -> tuple[Event, ...]:
    """Feed what a step receives."""
    if "receive_binary" in step:
        return stream.receive(bytes.fromhex(step["receive_binary"]))
    if "receive_long" in step:
        return stream.receive(json.dumps({"event": "x" * step["receive_long"]}))
    if "receive_deep" in step:
        return stream.receive("[" * step["receive_deep"])
    message = step["receive"]
    return stream.receive(message if isinstance(message, str) else json.dumps(message))


@pytest.mark.parametrize("path", VECTORS, ids=lambda path: path.stem)
def test_conversation(path: Path) -> None:
    """Each recorded conversation means what the vector says, message by message."""
    stream = MediaStream()
    for number, step in enumerate(json.loads(path.read_text())["steps"]):
        where = f"{path.stem}, step {number}"
        if "misuse" in step:
            intents = {
                "media": {"media": "ff"},
                "mark": {"mark": step.get("name", "x")},
                "clear": {},
            }
            with pytest.raises(MisuseError):
                ask(stream, intents[step["misuse"]])
        elif "sends" in step:
            assert json.loads(ask(stream, step)) == step["sends"], where
        else:
            assert [as_data(event) for event in received(stream, step)] == step["events"], where
        if "state" in step:
            assert stream.state == step["state"], where
        if "pending" in step:
            assert stream.marks_pending == step["pending"], where


def opened() -> MediaStream:
    """A stream that has started."""
    stream = MediaStream()
    start = json.loads((VECTORS[0].parent / "a_whole_call.json").read_text())["steps"][:2]
    for step in start:
        received(stream, step)
    assert stream.state is State.STREAMING
    return stream


def test_every_code_survives_the_way_out() -> None:
    """The payload is the audio, for every byte and every remainder of three."""
    stream = opened()
    for audio in (bytes(range(256)), b"\xff", b"\xff\x00", b""):
        message = json.loads(stream.media(audio))
        assert base64.b64decode(message["media"]["payload"]) == audio


def test_a_stream_name_cannot_break_out_of_its_message() -> None:
    """A stream named with quotes still makes valid JSON."""
    stream = MediaStream()
    name = 'MZ"},"event":"clear'
    body = {"streamSid": name, "callSid": "CA1"}
    stream.receive(json.dumps({"event": "start", "streamSid": name, "start": body}))
    assert json.loads(stream.media(b"\xff"))["streamSid"] == name
    assert stream.stream_id == name


def test_remembers_only_so_many_marks() -> None:
    """A carrier that never echoes does not fill our memory; the oldest mark is forgotten."""
    stream = opened()
    for number in range(MARKS_REMEMBERED + 1):
        stream.mark(str(number))
    assert stream.marks_pending == MARKS_REMEMBERED
    echo = {"event": "mark", "sequenceNumber": "2", "streamSid": stream.stream_id}
    events = stream.receive(json.dumps({**echo, "mark": {"name": "0"}}))
    assert [event.rule for event in events if isinstance(event, RuleBroken)] == ["unknown_mark"]


def test_the_tables_do_not_contradict_each_other() -> None:
    """What is in order is not forgiven as well, nothing leads back, a stop is always followed."""
    assert not TRANSITIONS.keys() & FORGIVEN.keys()
    order = list(State)
    for (state, _), after in (TRANSITIONS | FORGIVEN).items():
        assert order.index(after) >= order.index(state)
    for state in order[:-1]:
        assert (TRANSITIONS | FORGIVEN)[state, "stop"] is State.STOPPED


NAMES = st.sampled_from(
    "event streamSid sequenceNumber start media dtmf mark stop track payload timestamp digit name"
    " callSid accountSid mediaFormat encoding sampleRate channels customParameters tracks".split()
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=True),
    st.text(max_size=12),
    st.sampled_from(
        ["connected", "start", "media", "dtmf", "mark", "stop", "1", "/w==", "inbound"]
    ),
)
BODIES = st.recursive(
    LEAVES, lambda inner: st.dictionaries(NAMES, inner, max_size=6) | st.lists(inner), max_leaves=6
)
KINDS = st.sampled_from(["connected", "start", "media", "dtmf", "mark", "stop", "else"])


@st.composite
def messages(draw: st.DrawFn) -> str | bytes:
    """From nonsense to nearly right."""
    shape = draw(st.integers(0, 3))
    if shape == 0:
        return draw(st.text(max_size=60))
    if shape == 1:
        return draw(st.binary(max_size=60))
    kind = draw(KINDS)
    body = {"event": kind, **draw(st.dictionaries(NAMES, BODIES, max_size=3))}
    if shape == 3:
        body["event"] = kind
        body[kind] = draw(st.dictionaries(NAMES, BODIES, max_size=4))
    text = json.dumps(body)
    return text[: draw(st.integers(0, len(text)))] if draw(st.booleans()) else text


@settings(max_examples=150, deadline=None)
@given(st.lists(messages(), max_size=6), st.booleans())
def test_no_message_ever_raises(conversation: list[str | bytes], is_open: bool) -> None:
    """Whatever arrives, in whatever order, the stream answers and can go on."""
    stream = opened() if is_open else MediaStream()
    for message in conversation:
        events = stream.receive(message)
        assert events
        assert sum(not isinstance(event, RuleBroken) for event in events) <= 1
        if any(isinstance(event, StreamStarted) for event in events):
            assert json.loads(stream.media(b"\xff"))["streamSid"] == stream.stream_id


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["send", "clear", "echo"]), max_size=60))
def test_a_mark_is_played_unless_a_clear_came_between(steps: list[str]) -> None:
    """For every order of marks, clears and echoes: played exactly when no clear followed it."""
    stream = opened()
    pending: list[tuple[str, bool]] = []
    sequence = 1
    for number, step in enumerate(steps):
        if step == "send":
            stream.mark(str(number))
            pending.append((str(number), False))
        elif step == "clear":
            stream.clear()
            pending = [(name, True) for name, _ in pending]
        elif pending:
            name, is_cleared = pending.pop(0)
            sequence += 1
            echo = {"event": "mark", "sequenceNumber": str(sequence), "mark": {"name": name}}
            events = stream.receive(json.dumps({**echo, "streamSid": stream.stream_id}))
            assert events == ((MarkCleared if is_cleared else MarkPlayed)(name),)
    assert stream.marks_pending == len(pending)
