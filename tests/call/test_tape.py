"""The caller's voice on tape: kept, played again no faster than allowed, and placed right."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.tape import Tape

pytestmark = pytest.mark.rule

PIECE = 160


def tape(*, keep_s: float = 5.0, rate: float = 1.25, burst_s: float = 0.4) -> Tape:
    return Tape(keep_s=keep_s, rate=rate, burst_s=burst_s)


def pieces(count: int, *, first: int = 0) -> list[bytes]:
    """Pieces that can be told apart."""
    return [bytes([number % 256]) * PIECE for number in range(first, first + count)]


def play(tape: Tape, now: float, *, until: int | None = None) -> list[bytes]:
    """Everything that may be played at this instant."""
    heard = []
    while (piece := tape.next(now, until=until)) is not None:
        heard.append(piece)
    return heard


def test_a_listener_that_is_there_hears_each_piece_as_it_comes() -> None:
    """Live, nothing waits."""
    voice = tape()
    voice.play(0.0)
    for number, piece in enumerate(pieces(300)):
        assert voice.take(piece) == 0
        assert play(voice, number * 0.02) == [piece]
    assert voice.behind_s == 0
    assert voice.next_at() is None


def test_nobody_hears_anything_before_there_is_a_listener() -> None:
    """It waits on the tape."""
    voice = tape()
    for piece in pieces(10):
        voice.take(piece)
    assert voice.next(0.0) is None
    assert voice.next_at() is None
    assert voice.behind_s == pytest.approx(0.2)
    voice.play(1.0)
    assert play(voice, 1.0) == pieces(10)


def test_a_new_listener_hears_again_what_was_not_told_for_good() -> None:
    """From the very sample on."""
    voice = tape()
    voice.play(0.0)
    for number, piece in enumerate(pieces(20)):
        voice.take(piece)
        play(voice, number * 0.02)
    voice.let_go(10 * PIECE + 40)
    assert voice.stop() == 0
    voice.play(1.0)
    again = b"".join(play(voice, 1.0))
    assert again == b"".join(pieces(20))[10 * PIECE + 40 :]
    assert voice.place(0.0) == 10 * PIECE + 40
    assert voice.place(0.1) == 10 * PIECE + 40 + 800


def test_what_does_not_fit_is_lost_oldest_first_and_counted() -> None:
    """Without a listener each piece is a loss."""
    voice = tape(keep_s=0.1)
    assert [voice.take(piece) for piece in pieces(8)] == [0, 0, 0, 0, 0, 1, 1, 1]
    voice.play(0.0)
    assert play(voice, 0.0) == pieces(5, first=3)


def test_what_was_heard_and_not_told_is_lost_only_when_the_listener_goes() -> None:
    """A long sentence is longer than the tape."""
    voice = tape(keep_s=0.1)
    voice.play(0.0)
    for number, piece in enumerate(pieces(8)):
        assert voice.take(piece) == 0
        play(voice, number * 0.02)
    assert voice.stop() == 3 * PIECE
    voice.play(1.0)
    assert play(voice, 1.0) == pieces(5, first=3)
    assert voice.stop() == 0


def test_a_listener_that_cannot_follow_is_moved_on() -> None:
    """What left the tape before it was played is lost, and the clock of what follows is right."""
    voice = tape(keep_s=0.1, burst_s=0.02)
    voice.play(0.0)
    lost = sum(voice.take(piece) + 0 * len(play(voice, 0.0)) for piece in pieces(10))
    assert lost == 4  # the first was played at once
    assert play(voice, 10.0) == pieces(1, first=5)
    assert voice.place(0.02) == PIECE
    assert voice.place(0.04) == 6 * PIECE
    assert voice.stop() == 0


def test_what_nobody_needs_is_skipped() -> None:
    """A listener that is behind jumps over it, and its clock shows the jump."""
    voice = tape(burst_s=0.02)
    for piece in pieces(10):
        voice.take(piece)
    voice.play(0.0)
    assert play(voice, 0.0) == pieces(1)
    voice.let_go(7 * PIECE + 80)
    assert voice.at == 7 * PIECE + 80
    assert play(voice, 1.0) == [pieces(1, first=7)[0][80:]]
    assert voice.place(0.02) == PIECE
    assert voice.place(0.03) == 8 * PIECE


def test_it_stops_short_of_a_place_when_asked_to() -> None:
    """Something else is to be said there."""
    voice = tape()
    for piece in pieces(10):
        voice.take(piece)
    voice.play(0.0)
    assert play(voice, 0.0, until=4 * PIECE) == pieces(4)
    assert play(voice, 0.0) == pieces(6, first=4)


def test_no_place_is_beyond_what_was_played() -> None:
    """Whatever the listener claims, it has not heard the future, nor anything before its time."""
    voice = tape()
    for piece in pieces(10):
        voice.take(piece)
    voice.let_go(2 * PIECE)
    voice.play(0.0)
    play(voice, 0.0, until=6 * PIECE)
    for claim in (99.0, math.inf):
        assert voice.place(claim) == 6 * PIECE
    for claim in (-1.0, 0.0, math.nan, -math.inf):
        assert voice.place(claim) == 2 * PIECE


def test_what_a_listener_heard_before_is_not_the_callers() -> None:
    """A connection that waited was given some silence, and counts it."""
    voice = tape()
    voice.take(pieces(1)[0])
    voice.play(0.0, heard=160)
    play(voice, 0.0)
    assert voice.place(0.01) == voice.place(0.02) == 0
    assert voice.place(0.03) == 80
    assert voice.place(9.0) == 160


def test_a_piece_longer_than_a_burst_is_played_all_the_same() -> None:
    """It costs its time afterwards."""
    voice = tape(burst_s=0.02)
    voice.take(bytes(1600))
    voice.take(bytes(160))
    voice.play(0.0)
    assert len(play(voice, 0.0)) == 1
    assert voice.next_at() == pytest.approx(0.2 / 1.25)
    assert play(voice, 0.15) == []
    assert len(play(voice, 0.161)) == 1


@given(
    backlog=st.integers(0, 250),
    rate=st.floats(1.05, 4.0),
    burst_s=st.floats(0.02, 0.5),
    steps=st.lists(st.tuples(st.floats(0.0, 0.3), st.integers(0, 10)), max_size=60),
)
def test_no_stretch_is_played_faster_than_allowed(
    backlog: int, rate: float, burst_s: float, steps: list[tuple[float, int]]
) -> None:
    """In any window: the rate, and one burst (and the piece that began within it)."""
    voice = tape(rate=rate, burst_s=burst_s)
    for piece in pieces(backlog):
        voice.take(piece)
    now, sent = 0.0, 0
    voice.play(now)
    history = [(now, 0)]  # what had been sent before this instant
    for wait_s, count in steps:
        history.append((now, sent))
        for piece in pieces(count):
            voice.take(piece)
        sent += sum(map(len, play(voice, now)))
        for since, before in history:
            assert sent - before <= (now - since) * rate * 8000 + burst_s * 8000 + PIECE
        due_at = voice.next_at()
        now = max(now, due_at) if due_at is not None and wait_s < 0.1 else now + wait_s
        if due_at is not None and now >= due_at:
            assert voice.next(now) is not None  # who comes when told is not sent away
            sent += PIECE


@given(
    moves=st.lists(
        st.tuples(st.sampled_from(["take", "next", "let_go", "stop", "play"]), st.integers(1, 400)),
        max_size=120,
    )
)
def test_whatever_happens_a_listener_hears_the_tape_in_order_and_places_are_true(
    moves: list[tuple[str, int]],
) -> None:
    """Each sample heard is the one that lies at the place the tape says."""
    voice = tape(keep_s=0.5, burst_s=100.0)
    record = bytearray()
    heard = bytearray()
    placed: list[int] = []
    is_playing = False
    for move, size in moves:
        if move == "take":
            piece = bytes((len(record) + i) // 7 % 256 for i in range(size))
            record += piece
            voice.take(piece)
        elif move == "let_go":
            voice.let_go(len(record) - size)
        elif move == "play" and not is_playing:
            is_playing = True
            heard.clear()
            placed.clear()
            voice.play(0.0)
        elif move == "stop" and is_playing:
            is_playing = False
            voice.stop()
        elif (piece_ := voice.next(0.0)) is not None:
            heard += piece_
            end = voice.place(len(heard) / 8000)
            placed += range(end - len(piece_), end)
        assert voice.end == len(record)
        assert 0 <= voice.behind_s <= len(record) / 8000
    assert placed == sorted(set(placed))
    assert [record[place] for place in placed] == list(heard)
