"""What a bad line does to sound, from a seed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.impairments import Impairments, Line, Packet, parse

pytestmark = pytest.mark.rule

FRAMES = [bytes([i % 256]) * 160 for i in range(500)]  # ten seconds


def sent(bad: Impairments, *, seed: int = 1) -> list[Packet]:
    """Everything that arrives, in order of arrival."""
    line = Line(bad, seed=seed)
    for frame in FRAMES:
        line.put(frame)
    return line.due(1e9)


def test_a_good_line_delivers_every_frame_at_its_end() -> None:
    """20 ms of sound is complete 20 ms after it began."""
    packets = sent(Impairments())
    assert [p.sound for p in packets] == FRAMES
    assert packets[0].from_s == 0.0
    assert packets[0].due_s == pytest.approx(0.02)
    assert packets[499].due_s == pytest.approx(10.0)


def test_a_packet_is_not_given_before_it_is_due() -> None:
    """The clock decides."""
    line = Line(Impairments(), seed=1)
    line.put(FRAMES[0])
    assert line.next_due_s == pytest.approx(0.02)
    assert line.due(0.019) == []
    assert len(line.due(0.02)) == 1


def test_jitter_delays_but_keeps_order() -> None:
    """Up to what was asked, never early."""
    packets = sent(Impairments(jitter_s=0.05))
    assert [p.sound for p in packets] == FRAMES
    lateness = [p.due_s - p.from_s - 0.02 for p in packets]
    assert min(lateness) >= -1e-9
    assert 0.02 < max(lateness) <= 0.05 + 1e-9


def test_loss_takes_its_share_in_runs_as_long_as_asked() -> None:
    """A quarter lost, four in a row on average, and time still runs on."""
    line = Line(Impairments(loss=0.25, loss_run=4), seed=3)
    for _ in range(20):
        for frame in FRAMES:
            line.put(frame)
    packets = line.due(1e9)
    assert line.lost + len(packets) == 10_000
    assert 0.2 < line.lost / 10_000 < 0.3
    holes = [b.from_s - a.from_s for a, b in zip(packets, packets[1:], strict=False)]
    runs = [round(hole / 0.02) - 1 for hole in holes if hole > 0.03]
    assert 3.3 < sum(runs) / len(runs) < 4.7


def test_a_dead_line_delivers_nothing() -> None:
    """loss=1."""
    assert sent(Impairments(loss=1.0)) == []


def test_bursts_arrive_together() -> None:
    """Every 200 ms, ten frames at once."""
    packets = sent(Impairments(bursts_s=0.2))
    assert [p.sound for p in packets] == FRAMES
    assert len({round(p.due_s, 6) for p in packets}) in (50, 51)


def test_a_stall_holds_everything_and_then_lets_all_of_it_go() -> None:
    """Nothing is due between second 2 and 3.5."""
    packets = sent(Impairments(stall=(2.0, 1.5)))
    assert [p.sound for p in packets] == FRAMES
    assert not [p for p in packets if 2.0 <= p.due_s < 3.5]
    assert len([p for p in packets if p.due_s == 3.5]) >= 75


def test_reordered_packets_are_overtaken_and_none_is_lost() -> None:
    """Same sound, another order."""
    packets = sent(Impairments(reorder=0.1))
    assert [p.sound for p in packets] != FRAMES
    assert sorted(p.from_s for p in packets) == [i * 160 / 8000 for i in range(500)]


@pytest.mark.parametrize("size", [320, 480, 0, 33])
def test_odd_chunks_carry_the_same_sound(size: int) -> None:
    """Whatever the cut, the bytes and their places agree."""
    packets = sent(Impairments(chunk_bytes=size))
    joined = b"".join(p.sound for p in packets)
    assert joined == b"".join(FRAMES)[: len(joined)]
    assert len(joined) > 79_000
    place = 0
    for packet in packets:
        assert packet.from_s == pytest.approx(place / 8000)
        place += len(packet.sound)


@given(st.integers(0, 1000))
def test_the_same_seed_draws_the_same_line(seed: int) -> None:
    """Every bot meets the same trouble."""
    bad = Impairments(jitter_s=0.1, loss=0.1, loss_run=3, reorder=0.05, chunk_bytes=0)
    assert sent(bad, seed=seed) == sent(bad, seed=seed)


def test_the_command_line_names_every_trouble() -> None:
    """name=value."""
    specs = ["jitter=0.03", "loss=0.02", "loss_run=3", "bursts=0.1", "stall=5:1.5"]
    specs += ["reorder=0.01", "chunk=odd", "vanish=20", "slow_reader=10:2"]
    assert parse(specs) == Impairments(
        jitter_s=0.03,
        loss=0.02,
        loss_run=3,
        bursts_s=0.1,
        stall=(5.0, 1.5),
        reorder=0.01,
        chunk_bytes=0,
        vanish_s=20.0,
        slow_reader=(10.0, 2.0),
    )
    assert parse(["chunk=320"]).chunk_bytes == 320
    assert parse(["echo=0.12:18"]).echo == (0.12, 18.0)


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        ("jitter=x", "--impair jitter=x: write jitter=SECONDS"),
        ("loss=2", "--impair loss=2: write loss=SHARE, 0 to 1"),
        ("loss=nan", "--impair loss=nan: write loss=SHARE, 0 to 1"),
        ("stall=5", "--impair stall=5: write stall=AT:FOR in seconds"),
        ("chunk=many", "--impair chunk=many: write chunk=BYTES or chunk=odd"),
        ("loss_run=0", "--impair loss_run=0: write loss_run=MESSAGES, 1 or more"),
        ("echo=0.1", "--impair echo=0.1: write echo=SECONDS:DB, such as 0.12:18"),
        ("echo=0.1:-3", "--impair echo=0.1:-3: write echo=SECONDS:DB, such as 0.12:18"),
        ("rain=1", "--impair rain=1: unknown; use one of bursts, chunk, echo, jitter, loss"),
    ],
)
def test_a_wrong_trouble_is_one_line_with_the_remedy(spec: str, line: str) -> None:
    """And exit 2 for the caller."""
    with pytest.raises(ValueError) as caught:
        parse([spec])
    assert str(caught.value).startswith(line)
