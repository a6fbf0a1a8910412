"""Media Streams messages to frames and back; the audio is looked up in a table, never resampled."""

from __future__ import annotations

import time
from collections.abc import Callable

from pipecat.audio.dtmf.types import KeypadEntry
from pipecat.frames.frames import (
    AudioRawFrame,
    Frame,
    InputAudioRawFrame,
    InputDTMFFrame,
    InterruptionFrame,
)
from pipecat.serializers.base_serializer import FrameSerializer

from call.audio import RATE_HZ, mulaw_from_pcm, pcm_from_mulaw
from call.measures import WIRE_MALFORMED, WIRE_UNKNOWN_EVENTS, Recorder
from frames.floor import HoldFrame
from frames.speech import PlayedToFrame, PlayheadFrame
from frames.wire import WireStoppedFrame
from transports.twilio.events import (
    AudioArrived,
    Event,
    KeyPressed,
    MarkPlayed,
    RuleBroken,
    StreamStopped,
    UnknownEvent,
)
from transports.twilio.protocol import MediaStream

KEYS = {entry.value: entry for entry in KeypadEntry}


def mark_name(playhead: PlayheadFrame | PlayedToFrame) -> str:
    """The mark that stands for a playhead: "3.2:25:e" is clause 3.2 up to its 25th character."""
    return f"{playhead.clause_id}:{playhead.chars}:{'e' if playhead.is_end else 'p'}"


def played_to(name: str, at: float) -> PlayedToFrame | None:
    """The inverse of `mark_name`; None for a mark that is not one of ours."""
    parts = name.split(":")
    if len(parts) != 3 or not parts[1].isdecimal() or parts[2] not in ("e", "p"):
        return None
    return PlayedToFrame(clause_id=parts[0], chars=int(parts[1]), is_end=parts[2] == "e", at=at)


def count(event: Event, recorder: Recorder) -> None:
    """Count an event that is no good to anybody."""
    if isinstance(event, RuleBroken):
        recorder.count(WIRE_MALFORMED, rule=event.rule.value)
    elif isinstance(event, UnknownEvent):
        recorder.count(WIRE_UNKNOWN_EVENTS)


class TwilioSerializer(FrameSerializer):
    """Speaks `MediaStream` on behalf of a Pipecat transport, for 8 kHz mono frames."""

    def __init__(
        self,
        stream: MediaStream,
        *,
        recorder: Recorder,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._stream = stream
        self._recorder = recorder
        self._clock = clock

    async def serialize(self, frame: Frame) -> str | bytes | None:
        """Text for the frames the carrier understands; None for every other."""
        if isinstance(frame, AudioRawFrame):
            return self._stream.media(mulaw_from_pcm(frame.audio)) if frame.audio else None
        if isinstance(frame, PlayheadFrame):
            return self._stream.mark(mark_name(frame))
        if isinstance(frame, InterruptionFrame | HoldFrame):
            return self._stream.clear()
        return None

    async def deserialize(self, data: str | bytes) -> Frame | None:
        """The frame a message means, if any; what is malformed or unknown is counted."""
        heard = None
        for event in self._stream.receive(data):
            if isinstance(event, AudioArrived):  # fifty a second, so asked first
                heard = self._audio(event)
            else:
                count(event, self._recorder)
                heard = self._other(event) or heard
        return heard

    def _audio(self, event: AudioArrived) -> Frame:
        return InputAudioRawFrame(
            audio=pcm_from_mulaw(event.mulaw), sample_rate=RATE_HZ, num_channels=1
        )

    def _other(self, event: Event) -> Frame | None:
        if isinstance(event, MarkPlayed):
            return played_to(event.name, self._clock())
        if isinstance(event, KeyPressed) and event.digit in KEYS:  # A to D have no frame
            return InputDTMFFrame(button=KEYS[event.digit])
        if isinstance(event, StreamStopped):
            return WireStoppedFrame(reason="stop")
        return None
