"""Messages to frames and back, without a pipeline."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InputDTMFFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
    OutputTransportMessageFrame,
    TextFrame,
)

from call.audio import pcm_from_mulaw
from frames.speech import PlayedToFrame, PlayheadFrame
from frames.wire import WireStoppedFrame
from tests.wire import STREAM, Notebook, start_body
from transports.twilio.protocol import MediaStream
from transports.twilio.serializer import TwilioSerializer, mark_name, played_to

pytestmark = pytest.mark.wire


def spoken() -> tuple[TwilioSerializer, Notebook]:
    """A serializer whose stream has started; its clock stands at 7."""
    stream = MediaStream()
    stream.receive(json.dumps({"event": "start", "streamSid": STREAM, "start": start_body()}))
    notebook = Notebook()
    return TwilioSerializer(stream, recorder=notebook, clock=lambda: 7.0), notebook


async def heard(serializer: TwilioSerializer, event: str, **body: object) -> Frame | None:
    """One message in."""
    message = {"event": event, "streamSid": STREAM, "sequenceNumber": "1", **body}
    return await serializer.deserialize(json.dumps(message))


async def test_audio_is_looked_up_not_resampled() -> None:
    """All codes, both ways, sample for sample."""
    serializer, _ = spoken()
    codes = bytes(range(256)).replace(b"\x7f", b"\xff")
    text = await serializer.serialize(OutputAudioRawFrame(pcm_from_mulaw(codes), 8000, 1))
    message = json.loads(str(text))
    media = {**message["media"], "timestamp": "0"}
    frame = await heard(serializer, "media", media=media)
    assert isinstance(frame, InputAudioRawFrame)
    assert (frame.sample_rate, frame.num_channels) == (8000, 1)
    assert frame.audio == pcm_from_mulaw(codes)


async def test_what_is_played_is_told_with_its_time() -> None:
    """A mark of ours comes back as the place in the clause; after a clear it comes back as
    nothing."""
    serializer, _ = spoken()
    for is_cleared in (False, True):
        await serializer.serialize(PlayheadFrame("3.2", 25))
        if is_cleared:
            assert json.loads(str(await serializer.serialize(InterruptionFrame())))["event"] == (
                "clear"
            )
        frame = await heard(serializer, "mark", mark={"name": "3.2:25:e"})
        if is_cleared:
            assert frame is None
        else:
            assert isinstance(frame, PlayedToFrame)
            assert (frame.clause_id, frame.chars, frame.is_end, frame.at) == ("3.2", 25, True, 7.0)


async def test_the_other_messages() -> None:
    """Keys, the stop, and what is counted."""
    serializer, notebook = spoken()
    key = await heard(serializer, "dtmf", dtmf={"digit": "*"})
    assert isinstance(key, InputDTMFFrame) and key.button.value == "*"
    assert await heard(serializer, "dtmf", dtmf={"digit": "A"}) is None
    assert await heard(serializer, "surprise") is None
    assert await heard(serializer, "media", media={"payload": "?"}) is None
    stop = await heard(serializer, "stop", stop={})
    assert isinstance(stop, WireStoppedFrame) and stop.reason == "stop"
    assert notebook.counts["offhook_wire_unknown_events_total"] == 1
    assert notebook.broken()["bad_base64"] == 1


@pytest.mark.parametrize(
    "frame",
    [
        TextFrame("hello"),
        OutputTransportMessageFrame(message={"event": "clear"}),
        OutputAudioRawFrame(b"", 8000, 1),
    ],
)
async def test_what_is_not_for_the_carrier_is_not_said(frame: Frame) -> None:
    """Frames the carrier has no message for, and audio without a sample."""
    serializer, _ = spoken()
    assert await serializer.serialize(frame) is None


@given(st.integers(1, 999), st.integers(1, 99), st.integers(0, 999), st.booleans())
def test_a_mark_names_its_place(reply: int, clause: int, chars: int, is_end: bool) -> None:
    """Every place in every clause survives the way to the carrier and back."""
    frame = played_to(mark_name(PlayheadFrame(f"{reply}.{clause}", chars, is_end)), 1.5)
    assert frame is not None
    assert (frame.clause_id, frame.chars, frame.is_end) == (f"{reply}.{clause}", chars, is_end)


@pytest.mark.parametrize("name", ["", "x", "1.1:2", "1.1:x:e", "1.1:2:q", "1:2:e:3"])
def test_a_name_that_is_not_ours_means_nothing(name: str) -> None:
    """Names of any other shape are let go."""
    assert played_to(name, 0.0) is None
