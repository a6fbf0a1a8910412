"""What was sent and is not heard yet: kept for a moment, so that a hold can take it back.

What goes on after a hold begins with the word the ear did not get whole, not in its middle; a
silence the hold fell into is not played again.
"""

from __future__ import annotations

import struct
from collections import deque
from dataclasses import dataclass

from pipecat.frames.frames import OutputAudioRawFrame

from call.audio import FRAME_S, RATE_HZ, loudest, pcm_seconds
from frames.speech import PlayheadFrame

Piece = OutputAudioRawFrame | PlayheadFrame

SAMPLE_BYTES = 2  # PCM16
FADE_SAMPLES = 64  # 8 ms: too short to be heard as a fade, long enough not to click
WORD_AT_MOST_S = 0.8  # of sound without a place in it: no word, but a voice that tells none
SILENT = 164  # of 32768, -46 dBFS: less is no part of a word
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
        self._word: deque[OutputAudioRawFrame] = deque()  # played since the last place
        self._heard: PlayheadFrame | None = None  # the last place certainly played
        self._marked_at = float("-inf")  # instant of the last mark's audio

    def wants_mark(self, playhead: PlayheadFrame, due_at: float) -> bool:
        """Whether the carrier is to echo this place; the ends of clauses always, the middles of
        words never: a moment later the word's end proves more."""
        if playhead.is_within:
            return False
        if not playhead.is_end and due_at - self._marked_at < MARK_EVERY_S:
            return False
        self._marked_at = due_at
        return True

    def sent(self, piece: Piece, *, until: float, now: float) -> None:
        """A piece has left; it will have been played at `until`."""
        self._let_pass(now)
        self._under_way.append(_Sent(piece, until))

    def take_back(self, now: float) -> PlayheadFrame | None:
        """What is not played at `now`, and the word in which it ends, will be sent again; the last
        place that was played."""
        self._let_pass(now)
        back: list[Piece] = [sent.piece for sent in self._under_way]
        if back and isinstance(back[0], OutputAudioRawFrame):  # a place stands behind its sound
            back = self._from_a_word_on(back[0], back[1:], unheard_s=self._under_way[0].until - now)
            self._word.clear()  # else the word goes on with what is sent next
        self._under_way.clear()
        self._marked_at = float("-inf")
        self.taken_back.extendleft(reversed(back))
        heard, self._heard = self._heard, None
        return heard

    def _from_a_word_on(
        self, cut: OutputAudioRawFrame, behind: list[Piece], *, unheard_s: float
    ) -> list[Piece]:
        """All of the word that was under way when `cut` had `unheard_s` left, or if none was, what
        comes after the silence; and what stands behind it."""
        rest = _rest(cut, seconds=unheard_s)
        played = [*self._word, _with(cut, cut.audio[: len(cut.audio) - len(rest.audio)])]
        begun = next((at for at, piece in enumerate(played) if not _is_silent(piece)), None)
        if begun is None or sum(pcm_seconds(len(p.audio)) for p in played) > WORD_AT_MOST_S:
            back = _without_silence([rest, *behind])
        else:
            back = [*played[begun:-1], cut, *behind]
        return _faded_in(back)

    def forget(self) -> None:
        """A barge-in: nothing of it is wanted any more, but what must be heard."""
        self.taken_back = deque(piece for piece in self.taken_back if not piece.interruptible)

    def _let_pass(self, now: float) -> None:
        """What has been played by now."""
        while self._under_way and self._under_way[0].until <= now:
            piece = self._under_way.popleft().piece
            if isinstance(piece, PlayheadFrame):
                self._heard = piece
                if not piece.is_within:
                    self._word.clear()
            elif len(self._word) <= WORD_AT_MOST_S / FRAME_S:
                self._word.append(piece)


def _is_silent(piece: Piece) -> bool:
    return isinstance(piece, OutputAudioRawFrame) and loudest(piece.audio) < SILENT


def _without_silence(back: list[Piece]) -> list[Piece]:
    """The same, beginning with its first sound; the places before it stay."""
    quiet = [isinstance(p, PlayheadFrame) or _is_silent(p) for p in back]
    first = next((at for at, is_quiet in enumerate(quiet) if not is_quiet), 0)
    places = [p for p in back[:first] if isinstance(p, PlayheadFrame)]
    return [*places, *back[first:]]


def _rest(piece: OutputAudioRawFrame, *, seconds: float) -> OutputAudioRawFrame:
    """The last `seconds` of a piece."""
    size = min(len(piece.audio), round(seconds * RATE_HZ) * SAMPLE_BYTES)
    return _with(piece, piece.audio[len(piece.audio) - size :])


def _faded_in(back: list[Piece]) -> list[Piece]:
    """The same, rising from silence: a voice cut on a wave's crest would click."""
    first = next(at for at, piece in enumerate(back) if isinstance(piece, OutputAudioRawFrame))
    return [*back[:first], _rising(back[first]), *back[first + 1 :]]


def _rising(piece: Piece) -> Piece:
    assert isinstance(piece, OutputAudioRawFrame)
    samples = list(struct.unpack(f"<{len(piece.audio) // SAMPLE_BYTES}h", piece.audio))
    for at in range(min(FADE_SAMPLES, len(samples))):
        samples[at] = samples[at] * at // FADE_SAMPLES
    return _with(piece, struct.pack(f"<{len(samples)}h", *samples))


def _with(piece: OutputAudioRawFrame, audio: bytes) -> OutputAudioRawFrame:
    other = OutputAudioRawFrame(audio, piece.sample_rate, piece.num_channels)
    other.interruptible = piece.interruptible
    return other
