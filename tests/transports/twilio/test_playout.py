"""What a hold takes back: every sample the ear did not get and the word it belongs to, and the
places in it."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pipecat.frames.frames import OutputAudioRawFrame

from call.lead import Bounds, Lead
from frames.speech import PlayheadFrame
from transports.twilio.pace import Pace
from transports.twilio.playout import (
    FADE_SAMPLES,
    WORD_AT_MOST_S,
    Piece,
    Playout,
)

pytestmark = pytest.mark.rule

LEAD_S = 0.08
FIRST = 1000  # the value of the first sample


def sound(start: int, samples: int) -> OutputAudioRawFrame:
    """Samples that tell their own place, none of them silent."""
    values = (FIRST + (start + i) % 30000 for i in range(samples))
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
        self.marks: list[tuple[str, int]] = []  # (name, place of the last sample heard before it)
        self._buffer: list[int | str] = []
        self._at = 0.0

    def listen(self, until: float) -> None:
        """Play up to an instant."""
        budget = round((until - self._at) * 8000)
        while self._buffer and (budget > 0 or isinstance(self._buffer[0], str)):
            item = self._buffer.pop(0)
            if isinstance(item, str):
                self.marks.append((item, self.place))
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

    @property
    def place(self) -> int:
        """Behind the last sample heard."""
        return self.heard[-1] - FIRST + 1 if self.heard else 0

    def clear(self) -> None:
        """Throw away what is not played."""
        self._buffer.clear()


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(1, 320), min_size=1, max_size=25),
    holds=st.lists(st.integers(0, 30), max_size=5, unique=True),
    head_every=st.integers(1, 4),
)
@patch("transports.twilio.playout.FADE_SAMPLES", 0)
def test_every_sample_is_heard_in_order_and_only_begun_words_twice(
    sizes: list[int], holds: list[int], head_every: int
) -> None:
    """Whenever a hold comes: it goes on where the ear stopped, or a word earlier; each place is
    passed behind its own sample."""
    queue: list[Piece] = []
    total = 0
    for number, size in enumerate(sizes):
        queue.append(sound(total, size))
        total += size
        if number % head_every == 0:
            queue.append(PlayheadFrame("1.1", total))
    everything = list(queue)
    playout, pace, ear, now, step = (
        Playout(),
        Pace(Lead(Bounds(LEAD_S, LEAD_S, LEAD_S))),
        Ear(),
        1.0,
        0,
    )
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
                reported.append((f"{head.chars}", ear.place))
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
    heard = [value - FIRST for value in ear.heard]
    assert heard[0] == 0 and heard[-1] == total - 1
    heads = {0, *(piece.chars for piece in everything if isinstance(piece, PlayheadFrame))}
    jumps = [(a, b) for a, b in zip(heard, heard[1:], strict=False) if b != a + 1]
    assert len(jumps) <= len(holds)
    for before, after in jumps:
        assert after in heads and after <= before < after + 8000 * WORD_AT_MOST_S
        assert not any(after < head <= before for head in heads)
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
    assert not playout.wants_mark(PlayheadFrame("1.1", 12, is_end=False, is_within=True), 9.0)


def audio(value: int, packets: int) -> list[OutputAudioRawFrame]:
    """Packets of one value."""
    one = value.to_bytes(2, "little") * 160
    return [OutputAudioRawFrame(one, 8000, 1) for _ in range(packets)]


def held(*pieces: Piece, at_s: float) -> list[Piece]:
    """What a hold at `at_s` takes back of pieces played without a gap from 0 on."""
    playout, until = Playout(), 0.0
    for piece in pieces:
        if isinstance(piece, OutputAudioRawFrame):
            until += len(piece.audio) / 16000
        playout.sent(piece, until=until, now=0.0)
    playout.take_back(at_s)
    return list(playout.taken_back)


def sounds(pieces: list[Piece]) -> list[bytes]:
    """The audio among them."""
    return [piece.audio for piece in pieces if isinstance(piece, OutputAudioRawFrame)]


def test_a_word_that_was_begun_is_said_again_rising_from_silence() -> None:
    """From its first sound, behind the silence before it."""
    place = PlayheadFrame("1.1", 4, is_end=False)
    word, rest = audio(5000, 5), audio(6000, 2)
    again = held(*audio(4000, 2), place, *audio(0, 3), *word, *rest, at_s=0.165)
    assert len(again) == 7
    first, *others = sounds(again)
    assert places(first)[0] == 0 and places(first)[FADE_SAMPLES // 2] == 2500
    assert places(first)[FADE_SAMPLES:] == [5000] * (160 - FADE_SAMPLES)
    assert others == [piece.audio for piece in (*word[1:], *rest)]


def test_a_word_of_which_half_was_played_counts_and_is_said_again_all_the_same() -> None:
    """From its beginning: nobody follows a voice that goes on in a word's middle."""
    place = PlayheadFrame("1.1", 4, is_end=False)
    half = PlayheadFrame("1.1", 7, is_end=False, is_within=True)
    pieces: list[Piece] = [*audio(4000, 1), place, *audio(5000, 2), half, *audio(6000, 2)]
    for at_s, told, again in ((0.055, place, 5), (0.065, half, 4)):
        playout, until = Playout(), 0.0
        for piece in pieces:
            if isinstance(piece, OutputAudioRawFrame):
                until += 0.02
            playout.sent(piece, until=until, now=0.0)
        assert playout.take_back(at_s) is told
        assert len(playout.taken_back) == again
        assert places(sounds(list(playout.taken_back))[1])[0] == 5000


def test_a_silence_is_not_played_again() -> None:
    """A hold between two words goes on with the next one; the place between them stays."""
    place = PlayheadFrame("1.1", 4, is_end=False)
    again = held(*audio(4000, 2), place, *audio(0, 4), *audio(5000, 2), at_s=0.065)
    assert [len(places(sound)) for sound in sounds(again)] == [160, 160]
    later = PlayheadFrame("1.1", 9)
    again = held(*audio(4000, 1), place, *audio(0, 3), later, *audio(5000, 1), at_s=0.03)
    assert again[0] is later and len(again) == 2
    assert len(held(*audio(0, 3), at_s=0.03)) == 2  # nothing but silence: it stays as it was


def test_a_voice_that_tells_no_words_goes_on_where_the_ear_stopped() -> None:
    """A second of sound without a place is no word."""
    again = held(*audio(4000, 60), at_s=1.0)
    assert len(again) == 10
