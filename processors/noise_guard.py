"""A steady sound without words does not keep the caller's turn open."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from pipecat.frames.frames import (
    Frame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    UserSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)

from call.measures import NOISE, NullRecorder, Recorder
from call.noise import (
    CallItNoise,
    Fact,
    HearingBack,
    HearingLost,
    Noise,
    SoundBegan,
    SoundCeased,
    WordlessSound,
    WordsHeard,
)
from frames.floor import VoiceOnsetFrame, VoicePauseFrame
from frames.recovery import HearingBackFrame, HearingLostFrame
from processors.deciding import DecidingProcessor, Leaving, Upstream


class NoiseGuard(DecidingProcessor):
    """Hosts `call.noise.WordlessSound`; stands behind the recogniser and ahead of the turn.

    For noise it says, both ways, what the voice detector says when the caller falls silent: so the
    recogniser settles its words and the turn is decided, though the sound goes on. From then on
    what the detector says of the noise goes no further.
    """

    def __init__(
        self,
        settings: Noise | None = None,
        recorder: Recorder | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(clock=clock, is_direct=True)
        self._rule = WordlessSound(settings or Noise())
        self._recorder = recorder or NullRecorder()

    def decide(self, frame: Frame, now: float) -> Leaving | None:
        """Everything passes but the signs of noise."""
        fact = _fact(frame)
        if fact is not None:
            self._rule.decide(fact, now)
        return () if self._rule.is_noise and isinstance(frame, _SIGNS_OF_SOUND) else None

    def next_deadline(self) -> float | None:
        """When the sound has gone on for too long."""
        return self._rule.next_deadline()

    def on_deadline(self, now: float) -> Leaving:
        """The sound is over, as far as the conversation is concerned."""
        return self._frames(self._rule.on_deadline(now))

    def _frames(self, actions: Sequence[CallItNoise]) -> Leaving:
        if not actions:
            return ()
        self._recorder.count(NOISE)
        onward, back = VADUserStoppedSpeakingFrame(), VADUserStoppedSpeakingFrame()
        onward.broadcast_sibling_id, back.broadcast_sibling_id = back.id, onward.id
        return (onward, Upstream(back))


_SIGNS_OF_SOUND = (
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
    UserSpeakingFrame,
    VoiceOnsetFrame,
    VoicePauseFrame,
)


def _fact(frame: Frame) -> Fact | None:
    match frame:
        case VADUserStartedSpeakingFrame():
            return SoundBegan()
        case VADUserStoppedSpeakingFrame():
            return SoundCeased()
        case TranscriptionFrame() | InterimTranscriptionFrame() if frame.text.strip():
            return WordsHeard()
        case HearingLostFrame():
            return HearingLost()
        case HearingBackFrame():
            return HearingBack(frame.behind_s)
    return None
