"""Cartesia's messages, by vectors: ours as it wants them, its own of both API generations."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from call.errors import ProviderBusy, ProviderDown
from services.cartesia import Cartesia, CartesiaDialect
from services.voice import Failed, Finished, Flushed, Sound, Timing, Unknown

pytestmark = pytest.mark.rule

VARIABLE = {"transcript", "continue", "flush"}


def dialect(**knobs: Any) -> CartesiaDialect:
    return CartesiaDialect(Cartesia(**knobs), "secret", voice="v1", language="en-GB")


def test_key_and_version_are_shown_at_the_door() -> None:
    """In headers, and in no text that is shown."""
    address = dialect().address()
    assert address.headers == {"X-API-Key": "secret", "Cartesia-Version": "2026-03-01"}
    assert "secret" not in repr(address) + address.url


def test_a_clause_is_sent_and_flushed() -> None:
    """µ-law at 8 kHz, with times, and without the vendor's buffer."""
    say, flush = map(json.loads, dialect().speak("c1", "Hello.", is_first=True))
    assert say["transcript"] == "Hello. "
    assert say["continue"] is True
    assert say["output_format"] == {
        "container": "raw",
        "encoding": "pcm_mulaw",
        "sample_rate": 8000,
    }
    assert say["add_timestamps"] is True
    assert say["max_buffer_delay_ms"] == 0
    assert say["language"] == "en"
    assert (flush["transcript"], flush["flush"], flush["continue"]) == ("", True, True)


def test_everything_but_the_text_stays_the_same_within_a_context() -> None:
    """The vendor refuses a change."""
    voice = dialect(emotion="calm")
    sent = [*voice.speak("c1", "A", is_first=True), *voice.speak("c1", "B", is_first=False)]
    sent += voice.finish("c1")
    fixed = [{k: v for k, v in json.loads(m).items() if k not in VARIABLE} for m in sent]
    assert all(message == fixed[0] for message in fixed)
    assert json.loads(sent[-1])["continue"] is False
    assert json.loads(voice.cancel("c1")[0]) == {"context_id": "c1", "cancel": True}


def test_sound_times_and_ends_are_read() -> None:
    """One message each."""
    times = {"words": ["Hi"], "start": [0.0], "end": [0.3]}
    data = base64.b64encode(b"\xff").decode()
    read = dialect().read
    vectors = [
        ({"type": "chunk", "context_id": "c1", "data": data}, Sound("c1", b"\xff")),
        (
            {"type": "timestamps", "context_id": "c1", "word_timestamps": times},
            Timing("c1", ["Hi"], [0.0], [0.3]),
        ),
        ({"type": "flush_done", "context_id": "c1", "flush_id": 1}, Flushed("c1")),
        ({"type": "done", "context_id": "c1", "status_code": 200}, Finished("c1")),
        ({"type": "news"}, Unknown()),
    ]
    for message, event in vectors:
        assert read(json.dumps(message)) == [event]
    assert read('{"type": "phoneme_timestamps", "context_id": "c1"}') == []


def test_errors_of_both_generations_are_typed() -> None:
    """With a context or without one, which Pipecat's own service does not survive."""
    old = {"type": "error", "context_id": "c1", "status_code": 500, "done": True, "error": "0142"}
    new = {
        "type": "error",
        "done": True,
        "status_code": 429,
        "error_code": "concurrency_limited",
        "message": "0142",
        "request_id": "r1",
    }
    (first,) = dialect().read(json.dumps(old))
    (second,) = dialect().read(json.dumps(new))
    assert isinstance(first, Failed)
    assert isinstance(second, Failed)
    assert (type(first.fault), first.context) == (ProviderDown, "c1")
    assert (type(second.fault), second.context) == (ProviderBusy, None)
    assert second.fault.request_id == "r1"
    assert "0142" not in f"{first.fault}{second.fault}"


@settings(deadline=None)
@given(st.text() | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["type", "data", "context_id", "word_timestamps", "words", "status_code"]),
        inner | st.sampled_from(["chunk", "timestamps", "error", "done"]),
        max_size=5,
    ),
).map(json.dumps))  # fmt: skip
def test_garbage_raises_nothing_that_the_reader_does_not_expect(text: str) -> None:
    """Whatever comes, the connection lives."""
    try:
        dialect().read(text)
    except (ValueError, TypeError, LookupError, AttributeError):
        pass


def test_settings_refuse_what_cannot_work() -> None:
    """A sentence names the value."""
    for wrong in ({"speed": 2.0}, {"volume": 0.1}, {"renew_s": 0.0}):
        with pytest.raises(ValueError, match=str(next(iter(wrong.values())))):
            Cartesia(**wrong)  # type: ignore[arg-type]
