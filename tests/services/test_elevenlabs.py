"""ElevenLabs' messages, by vectors: ours as it wants them, its own in every spelling."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from call.errors import ProviderBusy, ProviderRefused, ProviderSlow
from services.elevenlabs import ElevenLabs, ElevenLabsDialect
from services.voice import Failed, Finished, Sound, Timing, Unknown

pytestmark = pytest.mark.rule

AUDIO = base64.b64encode(b"\xff\x00").decode()


def dialect(**knobs: Any) -> ElevenLabsDialect:
    return ElevenLabsDialect(ElevenLabs(**knobs), "secret", voice="a/b", language="en-GB")


def test_the_address_asks_for_the_telephones_own_format() -> None:
    """The key is in a header, and in no text that is shown."""
    address = dialect().address()
    parts = urlsplit(address.url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert parts.path == "/v1/text-to-speech/a%2Fb/multi-stream-input"
    assert query["output_format"] == "ulaw_8000"
    assert query["auto_mode"] == "true"
    assert query["language_code"] == "en"
    assert address.headers == {"xi-api-key": "secret"}
    assert "secret" not in repr(address)
    assert "language_code" not in dialect(model="eleven_multilingual_v2").address().url


def test_voice_settings_go_with_the_first_message_of_a_context_only() -> None:
    """The vendor closes the socket otherwise."""
    opening, first = map(json.loads, dialect(speed=1.1).speak("c1", "Hello. ", is_first=True))
    (second,) = map(json.loads, dialect().speak("c1", "There.", is_first=False))
    assert opening["voice_settings"]["speed"] == 1.1
    assert "voice_settings" not in first
    assert first == {"text": "Hello. ", "context_id": "c1", "flush": True}
    assert second == {"text": "There. ", "context_id": "c1", "flush": True}


def test_a_context_is_closed_to_finish_and_to_cancel() -> None:
    """The vendor knows one word for both."""
    closing = [json.dumps({"context_id": "c1", "close_context": True})]
    assert dialect().finish("c1") == dialect().cancel("c1") == closing


def test_idle_contexts_and_sockets_are_kept_alive() -> None:
    """An empty text."""
    assert json.loads(dialect().keepalive(()) or "") == {"text": ""}
    assert json.loads(dialect().keepalive(("c1", "c2")) or "") == {"text": "", "context_id": "c2"}


@pytest.mark.parametrize("context", ["contextId", "context_id"])
@pytest.mark.parametrize("durations", ["charDurationsMs", "charsDurationsMs"])
def test_sound_comes_with_its_letters_in_either_spelling(context: str, durations: str) -> None:
    """The vendor's pages disagree."""
    alignment = {"chars": ["H", "i"], "charStartTimesMs": [0, 30], durations: [30, 40]}
    message = {"audio": AUDIO, context: "c1", "alignment": alignment, "normalizedAlignment": None}
    assert dialect().read(json.dumps(message)) == [
        Timing("c1", ["H", "i"], [0.0, 0.03], [0.03, 0.07], is_relative=True),
        Sound("c1", b"\xff\x00"),
    ]


@pytest.mark.parametrize("flag", ["isFinal", "is_final"])
def test_the_end_of_a_context_is_read_in_either_spelling(flag: str) -> None:
    """With and without audio beside it."""
    assert dialect().read(json.dumps({flag: True, "contextId": "c1"})) == [Finished("c1")]
    both = dialect().read(json.dumps({flag: True, "contextId": "c1", "audio": AUDIO}))
    assert both == [Sound("c1", b"\xff\x00"), Finished("c1")]
    assert dialect().read(json.dumps({flag: None, "contextId": "c1", "audio": None})) == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("quota_exceeded", ProviderRefused),
        ("too_many_concurrent_requests", ProviderBusy),
        ("input_timeout_exceeded", ProviderSlow),
    ],
)
def test_an_error_is_typed_by_its_name(name: str, kind: type[Exception]) -> None:
    """Pipecat's own service ignores them."""
    message = {"message": "what was said: 555 0142", "error": name, "code": 1008}
    (event,) = dialect().read(json.dumps(message))
    assert isinstance(event, Failed)
    assert type(event.fault) is kind
    assert event.context is None
    assert event.is_last  # the close with that code follows
    assert "0142" not in str(event.fault)


def test_an_unknown_message_is_known_as_such() -> None:
    """Counted by whoever reads."""
    assert dialect().read('{"type": "news"}') == [Unknown()]


@settings(deadline=None)
@given(st.text() | st.from_type(type(None)).map(json.dumps) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["audio", "alignment", "chars", "contextId", "isFinal", "error", "x"]),
        inner,
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
    for wrong in ({"speed": 2.0}, {"stability": -0.1}, {"text_normalization": "x"}):
        with pytest.raises(ValueError, match=str(next(iter(wrong.values())))):
            ElevenLabs(**wrong)
