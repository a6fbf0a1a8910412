"""What was sent and is not heard yet: kept for a moment, so that a hold can take it back."""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass

from pipecat.frames.frames import OutputAudioRawFrame

from call.audio import RATE_HZ
from frames.speech import PlayheadFrame

Piece = OutputAudioRawFrame | PlayheadFrame

SAMPLE_BYTES = 2  # PCM16
FADE_SAMPLES = 64  # 8 ms: too short to be heard as a fade, long enough not to click
MARK_EVERY_S = 0.25  # places closer to the last mark than this are remembered, not marked


@dataclass(frozen=True)
class _Sent:
    piece: Piece
    until: float  # when all of it has been played


class Playout:
    """The pieces under way to the ear, and those a hold took back."""

    def __init__(self) -> None:
        self.taken_back: deque[Piece] = deque()  # to be sent again, in order
        self._under_way: deque[_Sent] = deque()
        self._heard: PlayheadFrame | None = None  # the last place certainly played
        self._marked_at = float("-inf")  # instant of the last mark's audio

    def wants_mark(self, playhead: PlayheadFrame, due_at: float) -> bool:
        """Whether the carrier is to echo this place; the ends of clauses always."""
        if not playhead.is_end and due_at - self._marked_at < MARK_EVERY_S:
            return False
        self._marked_at = due_at
        return True

    def sent(self, piece: Piece, *, until: float, now: float) -> None:
        """A piece has left; it will have been played at `until`."""
        while self._under_way and self._under_way[0].until <= now:
            self._pass(self._under_way.popleft().piece)
        self._under_way.append(_Sent(piece, until))

    def take_back(self, now: float) -> PlayheadFrame | None:
        """What is not played at `now` will be sent again; the last place that was played."""
        back: list[Piece] = []
        for sent in self._under_way:
            if sent.until <= now:
                self._pass(sent.piece)
            elif isinstance(sent.piece, PlayheadFrame):
                back.append(sent.piece)
            else:
                back.append(_rest(sent.piece, seconds=sent.until - now))
        self._under_way.clear()
        self._marked_at = float("-inf")
        first = next((at for at, p in enumerate(back) if isinstance(p, OutputAudioRawFrame)), None)
        if first is not None:
            back[first] = _faded_in(back[first])
        self.taken_back.extendleft(reversed(back))
        heard, self._heard = self._heard, None
        return heard

    def forget(self) -> None:
        """A barge-in: nothing of it is wanted any more, but what must be heard."""
        self.taken_back = deque(piece for piece in self.taken_back if not piece.interruptible)

    def _pass(self, piece: Piece) -> None:
        if isinstance(piece, PlayheadFrame):
            self._heard = piece


def _rest(piece: OutputAudioRawFrame, *, seconds: float) -> OutputAudioRawFrame:
    """The last `seconds` of a piece."""
    size = min(len(piece.audio), round(seconds * RATE_HZ) * SAMPLE_BYTES)
    return _with(piece, piece.audio[len(piece.audio) - size :])


def _faded_in(piece: Piece) -> Piece:
    """The same, rising from silence: a voice cut on a wave's crest would click."""
    if not isinstance(piece, OutputAudioRawFrame):
        return piece
    samples = list(struct.unpack(f"<{len(piece.audio) // SAMPLE_BYTES}h", piece.audio))
    for at in range(min(FADE_SAMPLES, len(samples))):
        samples[at] = samples[at] * at // FADE_SAMPLES
    return _with(piece, struct.pack(f"<{len(samples)}h", *samples))


def _with(piece: OutputAudioRawFrame, audio: bytes) -> OutputAudioRawFrame:
    other = OutputAudioRawFrame(audio, piece.sample_rate, piece.num_channels)
    other.interruptible = piece.interruptible
    return other
