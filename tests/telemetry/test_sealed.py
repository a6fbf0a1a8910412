"""A sealed file opens for its key as far as it was written; what was done to it is noticed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from telemetry.sealed import MAGIC, SealedError, SealedReader, SealedWriter, key_id

pytestmark = pytest.mark.rule

KEY = "k" * 40
CHUNKS = [b"four five three nine", b"one four eight eight", b"the end"]


def sealed(folder: Path, chunks: list[bytes] = CHUNKS, *, ended: bool = True) -> Path:
    """A file with these chunks."""
    path = folder / "deep" / "a.sealed"
    writer = SealedWriter(path, key=KEY, about={"call_id": "a"})
    for chunk in chunks:
        writer.write(chunk, is_last=ended and chunk is chunks[-1])
    writer.close()
    return path


def opened(path: Path, key: str = KEY) -> tuple[list[bytes], bool]:
    """What is in it, and whether it was ended."""
    reader = SealedReader(path, key=key)
    try:
        return list(reader.chunks()), reader.is_whole
    finally:
        reader.close()


def test_what_was_written_is_read_and_nothing_of_it_shows(tmp_path: Path):
    """Chunk by chunk; only the first line is plain, and nobody else may read the file."""
    path = sealed(tmp_path)
    assert opened(path) == (CHUNKS, True)
    raw = path.read_bytes()
    assert all(chunk not in raw for chunk in CHUNKS)
    assert json.loads(raw.split(b"\n")[1])["call_id"] == "a"
    assert KEY.encode() not in raw
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0


def test_a_killed_writer_loses_its_last_chunk_only(tmp_path: Path):
    """Cut anywhere, the chunks before are there, and it is known that an end is missing."""
    path = sealed(tmp_path)
    raw = path.read_bytes()
    for length in range(len(raw) - 28, len(raw)):
        path.write_bytes(raw[:length])
        assert opened(path) == (CHUNKS[:2], False)
    assert opened(sealed(tmp_path / "b", ended=False)) == (CHUNKS, False)


def test_every_change_is_noticed(tmp_path: Path):
    """One bit anywhere, a chunk left out, doubled, moved, or taken for the last."""
    path = sealed(tmp_path)
    raw = path.read_bytes()
    head = len(MAGIC) + raw[len(MAGIC) :].index(b"\n") + 1
    parts, at = [], head
    while at < len(raw):
        size = 5 + int.from_bytes(raw[at : at + 4], "big")
        parts.append(raw[at : at + size])
        at += size
    for forged in (
        raw[:head] + parts[1] + parts[2],
        raw[:head] + parts[0] + parts[0] + parts[1] + parts[2],
        raw[:head] + parts[1] + parts[0] + parts[2],
        raw[:head] + parts[0][:4] + b"\x01" + parts[0][5:],
        raw[:head] + b"\xff\xff\xff\xff\x00" + raw[head + 5 :],
        raw.replace(b'"call_id":"a"', b'"call_id":"b"'),
    ):
        path.write_bytes(forged)
        with pytest.raises(SealedError, match="damaged"):
            opened(path)


@settings(
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.binary(max_size=400), st.integers(0, 400))
def test_no_file_raises_anything_else(tmp_path: Path, noise: bytes, at: int):
    """Noise, and noise within a good file."""
    path, kept = tmp_path / "deep" / "a.sealed", tmp_path / "kept"
    if not kept.exists():
        kept.write_bytes(sealed(tmp_path).read_bytes())
    raw = kept.read_bytes()
    for forged in (noise, raw[:at] + noise, MAGIC + noise, raw[:at] + noise + raw[at:]):
        path.write_bytes(forged)
        try:
            chunks, _ = opened(path)
        except SealedError:
            continue
        assert chunks == CHUNKS[: len(chunks)]


def test_another_key_is_told_apart(tmp_path: Path):
    """Without a look at what is sealed."""
    with pytest.raises(SealedError, match="another key"):
        opened(sealed(tmp_path), key="o" * 40)
    assert key_id(KEY) != key_id("o" * 40)


def test_one_plain_text_is_sealed_differently_each_time(tmp_path: Path):
    """Every file has a key of its own."""
    one, other = sealed(tmp_path / "1").read_bytes(), sealed(tmp_path / "2").read_bytes()
    assert one[-40:] != other[-40:]


def test_a_file_is_never_written_over(tmp_path: Path):
    """A second writer of the same name fails."""
    sealed(tmp_path)
    with pytest.raises(FileExistsError):
        sealed(tmp_path)
