"""What a hold takes back: every sample the ear did not get, once, and the places in it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pipecat.frames.frames import OutputAudioRawFrame

from frames.speech import PlayheadFrame
from transports.twilio.pace import Pace
from transports.twilio.playout import FADE_SAMPLES, Piece, Playout

pytestmark = pytest.mark.rule

LEAD_S = 0.08


def sound(start: int, samples: int) -> OutputAudioRawFrame:
    """Samples that tell their own place: never 0, so that a fade shows."""
    values = (1 + (start + i) % 30000 for i in range(samples))
    return OutputAudioRawFrame(b"".join(v.to_bytes(2, "little") for v in values), 8000, 1)


def places(audio: bytes) -> list[int]:
    """The values of samples."""
    return [
        int.from_bytes(audio[i : i + 2], "little", signed=True) for i in range(0, len(audio), 2)
    ]


class Ear:
    """A carrier: plays at once and without gaps, forgets at a clear; on a clock of its own."""

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.marks: list[tuple[str, int]] = []  # (name, samples heard before it)
        self._buffer: list[int | str] = []
        self._at = 0.0

    def listen(self, until: float) -> None:
        """Play up to an instant."""
        budget = round((until - self._at) * 8000)
        while self._buffer and (budget > 0 or isinstance(self._buffer[0], str)):
            item = self._buffer.pop(0)
            if isinstance(item, str):
                self.marks.append((item, len(self.heard)))
            else:
                self.heard.append(item)
                budget -= 1
        self._at = until

    def take(self, piece: Piece) -> None:
        """A message arrives."""
        if isinstance(piece, PlayheadFrame):
            self._buffer.append(f"{piece.chars}")
        else:
            self._buffer += places(piece.audio)

    def clear(self) -> None:
        """Throw away what is not played."""
        self._buffer.clear()


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(1, 320), min_size=1, max_size=25),
    holds=st.lists(st.integers(0, 30), max_size=5, unique=True),
    head_every=st.integers(1, 4),
)
def test_every_sample_is_heard_once_whenever_a_hold_comes(
    sizes: list[int], holds: list[int], head_every: int
) -> None:
    """Only the fade's few samples are quieter; each place is passed behind its own sample."""
    queue: list[Piece] = []
    total = 0
    for number, size in enumerate(sizes):
        queue.append(sound(total, size))
        total += size
        if number % head_every == 0:
            queue.append(PlayheadFrame("1.1", total))
    playout, pace, ear, now, step = Playout(), Pace(LEAD_S), Ear(), 1.0, 0
    ear.listen(now)
    reported: list[tuple[str, int]] = []
    while queue or playout.taken_back:
        if step in holds:
            now += 0.0125
            ear.listen(now)
            ear.clear()
            pace.cleared(now)
            head = playout.take_back(now)
            if head is not None:
                reported.append((f"{head.chars}", len(ear.heard)))
            now += 0.3
            ear.listen(now)
        step += 1
        if not queue and not playout.taken_back:
            break
        piece = playout.taken_back.popleft() if playout.taken_back else queue.pop(0)
        if isinstance(piece, OutputAudioRawFrame):
            now += pace.wait_s(now)
            ear.listen(now)
            ear.take(piece)
            pace.sent(len(piece.audio) / 16000, now)
        else:
            ear.take(piece)
        playout.sent(piece, until=max(pace.ends_at, now), now=now)
    ear.listen(now + 1)
    assert len(ear.heard) == total
    faded = sum(a != 1 + i % 30000 for i, a in enumerate(ear.heard))
    assert faded <= FADE_SAMPLES * len(holds)
    assert all(int(name) == at for name, at in ear.marks)
    assert all(int(name) <= at for name, at in reported)  # never more than was heard


def test_a_barge_in_forgets_what_was_taken_back() -> None:
    """But not what must be heard."""
    playout = Playout()
    spared = sound(0, 80)
    spared.interruptible = False
    playout.sent(sound(0, 80), until=1.0, now=0.0)
    playout.sent(spared, until=2.0, now=0.0)
    playout.take_back(0.5)
    assert len(playout.taken_back) == 2
    playout.forget()
    assert [piece.interruptible for piece in playout.taken_back] == [False]


def test_places_close_together_share_a_mark() -> None:
    """The ends of clauses always have their own."""
    playout = Playout()
    inside = [PlayheadFrame("1.1", n, is_end=False) for n in range(3)]
    assert playout.wants_mark(inside[0], 1.0)
    assert not playout.wants_mark(inside[1], 1.2)
    assert playout.wants_mark(inside[2], 1.3)
    assert playout.wants_mark(PlayheadFrame("1.1", 9), 1.31)
