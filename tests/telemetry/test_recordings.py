"""Recordings: sealed, silenced, bounded, and gone when they are to be."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

import pytest
import uuid6

from call.audio import RATE_HZ
from call.errors import SettingsError
from call.measures import RECORDING_FAILED, RECORDING_SHED, NullRecorder
from call.mixdown import NoRecording
from telemetry import recordings
from telemetry.recordings import Recordings, RecordingSettings

pytestmark = [pytest.mark.rule, pytest.mark.timeout(60)]

KEY = "k" * 40
LOUD = (8000).to_bytes(2, "little", signed=True)
ROOT = Path(__file__).resolve().parents[2]


class Counts(NullRecorder):
    """Remembers what was counted."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def count(self, measure, amount=1, **labels):
        self.seen.append(measure.name)


def on(folder: Path) -> RecordingSettings:
    """Recordings into a folder."""
    return RecordingSettings(enabled=True, folder=str(folder), hold_back_s=5)


def listen(path: Path, out: Path) -> tuple[list[int], list[int], bool]:
    """Samples of both sides, and whether it was ended."""
    _, is_whole = recordings.play_out(path, out, key=KEY)
    with wave.open(str(out)) as wav:
        assert (wav.getnchannels(), wav.getframerate()) == (2, RATE_HZ)
        raw = memoryview(wav.readframes(wav.getnframes())).cast("h")
    return list(raw[0::2]), list(raw[1::2]), is_whole


def test_a_call_is_recorded_and_its_secrets_are_not(tmp_path: Path):
    """Caller left, agent right, silence from where a secret began to what had come in by then."""
    desk = Recordings(on(tmp_path), key=KEY)
    desk.start()
    call_id, began_at = str(uuid6.uuid7()), time.monotonic()
    tape = desk.open(call_id, began_at=began_at)
    tape.caller(LOUD * RATE_HZ, began_at + 1.0)
    tape.agent(LOUD * 4000, began_at + 0.25)
    tape.cut(began_at + 0.5)
    tape.secret(began_at + 0.5, began_at + 0.75)
    desk.over(call_id)
    desk.close()
    path = recordings.path_of(tmp_path, call_id)
    left, right, is_whole = listen(path, tmp_path / "out.wav")
    assert is_whole
    quarters = range(0, RATE_HZ, 2000)
    assert [any(left[at : at + 2000]) for at in quarters] == [True, True, False, False]
    assert [any(right[at : at + 2000]) for at in quarters] == [False, True, False, False]
    assert LOUD * 20 not in path.read_bytes()


def test_off_there_is_no_recording_no_file_and_no_key_is_asked_for(tmp_path: Path):
    """The default."""
    desk = Recordings(RecordingSettings(folder=str(tmp_path / "none")))
    desk.start()
    assert isinstance(desk.open(str(uuid6.uuid7()), began_at=0.0), NoRecording)
    desk.over("nobody")
    desk.close()
    assert not desk.is_on
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(("key", "problem"), [("", "not set"), ("short", "shorter than 32")])
def test_without_a_good_key_nothing_starts(tmp_path: Path, key: str, problem: str):
    """One line that says how to make one, and does not repeat it."""
    with pytest.raises(SettingsError, match=problem) as refused:
        Recordings(on(tmp_path), key=key)
    assert "token_urlsafe" in str(refused.value)
    assert "short\n" not in str(refused.value)


def test_a_killed_process_leaves_what_was_written(tmp_path: Path):
    """kill -9 in the middle: the chunks on disk can be heard, and it is said that the end is
    missing."""
    call_id = str(uuid6.uuid7())
    program = f"""
import sys, time
from pathlib import Path
from telemetry.recordings import Recordings, RecordingSettings
settings = RecordingSettings(enabled=True, folder={str(tmp_path)!r}, hold_back_s=5)
desk = Recordings(settings, key={KEY!r})
desk.start()
began = time.monotonic() - 60  # a minute ago: all of it is old enough
tape = desk.open({call_id!r}, began_at=began)
for second in range(40):
    tape.caller({LOUD!r} * 8000, began + second + 1)
    time.sleep(0.05)
print("ready", flush=True)
time.sleep(60)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "ready"
        path = recordings.path_of(tmp_path, call_id)
        for _ in range(2000):
            if path.exists() and path.stat().st_size > 16000 * 20:
                break
            time.sleep(0.025)
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.wait(10)
        if process.stdout is not None:
            process.stdout.close()
    left, _, is_whole = listen(path, tmp_path / "out.wav")
    assert not is_whole
    assert len(left) > 15 * RATE_HZ
    assert any(left)


def test_a_disk_that_refuses_ends_the_recording_and_nothing_else(tmp_path: Path):
    """Counted; the next call is recorded again."""
    counts = Counts()
    desk = Recordings(on(tmp_path / "a"), key=KEY, recorder=counts)
    (tmp_path / "a").write_text("a file where a folder should be")
    desk.start()
    first = str(uuid6.uuid7())
    desk.open(first, began_at=time.monotonic()).caller(LOUD * 80, time.monotonic())
    desk.over(first)
    for _ in range(400):
        if RECORDING_FAILED.name in counts.seen:
            break
        time.sleep(0.01)
    (tmp_path / "a").unlink()
    second = str(uuid6.uuid7())
    desk.open(second, began_at=time.monotonic()).caller(LOUD * 80, time.monotonic())
    desk.close()
    assert counts.seen == [RECORDING_FAILED.name]
    assert recordings.path_of(tmp_path / "a", second).exists()


def test_a_slow_disk_costs_sound_and_no_memory(tmp_path: Path):
    """The oldest pieces go, counted."""
    counts = Counts()
    desk = Recordings(on(tmp_path), key=KEY, recorder=counts)  # not started: nobody writes
    tape = desk.open(str(uuid6.uuid7()), began_at=0.0)
    for _ in range(recordings.WAITING + 5):
        tape.caller(b"", 0.0)
    assert counts.seen == [RECORDING_SHED.name] * 5


def test_forgotten_one_by_one_and_by_age(tmp_path: Path):
    """A call's id tells when it was; other files are not ours."""
    old, new = str(uuid6.uuid7()), str(uuid6.uuid7())
    for call_id in (old, new):
        recordings.path_of(tmp_path, call_id).write_bytes(b"x")
    (tmp_path / "letter.sealed").write_bytes(b"x")
    assert recordings.forget(tmp_path, old)
    assert not recordings.forget(tmp_path, old)
    now = time.time()
    assert recordings.forget_older(tmp_path, 30, now=now + 29 * 86400) == 0
    assert recordings.forget_older(tmp_path, 30, now=now + 31 * 86400) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["letter.sealed"]
    assert recordings.forget_older(tmp_path / "none", 30, now=now) == 0
    with pytest.raises(ValueError, match="badly formed"):
        recordings.path_of(tmp_path, "../secrets")


def test_old_recordings_go_while_the_process_runs_also_when_it_records_no_more(tmp_path: Path):
    """`store.keep_days` counts for both; 0 keeps them."""
    long_ago = "01800000-0000-7000-8000-000000000000"
    recordings.path_of(tmp_path, long_ago).write_bytes(b"x")
    for keep_days, is_there in ((0, True), (30, False)):
        desk = Recordings(RecordingSettings(folder=str(tmp_path)), keep_days=keep_days)
        desk.start()
        desk.close()
        assert recordings.path_of(tmp_path, long_ago).exists() == is_there


@pytest.mark.parametrize(
    "wrong", [{"silence": ("cards",)}, {"folder": " "}, {"hold_back_s": 1}, {"hold_back_s": 90}]
)
def test_settings_are_checked(wrong: dict[str, object]):
    """One line each."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        RecordingSettings(**wrong)  # type: ignore[arg-type]
