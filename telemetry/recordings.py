"""Recordings of calls: off unless switched on, sealed on disk, gone when the records go.

The call only leaves its sound in a queue; one thread mixes, silences, seals and writes for all
calls of the process. When the disk refuses, a recording ends and the call goes on.
"""

from __future__ import annotations

import threading
import time
import wave
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from loguru import logger

from call.audio import RATE_HZ, pcm_from_mulaw
from call.errors import SettingsError
from call.measures import RECORDING_FAILED, RECORDING_SHED, NullRecorder, Recorder
from call.mixdown import Mixdown, NoRecording, Recording
from call.privacy_lexicon import CARD, CODE, KINDS
from telemetry.sealed import LEAST_KEY_CHARS, SealedReader, SealedWriter

SUFFIX = ".sealed"
WAITING = 3000  # pieces of sound, half a minute of both sides; older ones are shed
LOOKS_EVERY_S = 0.5
CHUNK_S = 2.0
SWEEPS_EVERY_S = 3600.0
DAY_S = 86400.0
KEY_NAME = "OFFHOOK_RECORDING_KEY"
_Piece = Callable[[Mixdown], None]


@dataclass(frozen=True)
class RecordingSettings:
    """Whether calls are recorded, where to, and what is never heard in it."""

    enabled: bool = False
    """True records every call: the caller is told at its start, and OFFHOOK_RECORDING_KEY must be
    set. Ask whether you need it: what is not recorded cannot be lost."""
    folder: str = "runs/recordings"
    """Where the sealed files go, one a call; a relative path counts from where the process was
    started. `store.keep_days` and `offhook forget` delete them."""
    silence: tuple[str, ...] = (CARD, CODE)
    """Kinds whose words are silenced, with the rest of the caller's breath; keys always are. The
    agent may not read them back either (privacy.speak)."""
    hold_back_s: float = 20.0
    """Seconds before sound is written: a number is known for a card's only when all of it was
    said. A killed process loses as much."""

    def __post_init__(self) -> None:
        unknown = [kind for kind in self.silence if kind not in KINDS]
        if unknown:
            raise ValueError(f"silence: {unknown[0]!r} is not one of {', '.join(KINDS)}")
        if not self.folder.strip():
            raise ValueError("folder is empty; name the folder of the sealed files")
        if not 5 <= self.hold_back_s <= 60:
            raise ValueError(f"hold_back_s is {self.hold_back_s}; give 5 to 60 seconds")


class CallRecording:
    """One call's queue; implements `call.recording.Recording` and is safe to call from the loop."""

    def __init__(
        self, mix: Mixdown, open_file: Callable[[], SealedWriter], *, recorder: Recorder
    ) -> None:
        self._recorder = recorder
        self._pieces: deque[_Piece] = deque(maxlen=WAITING)
        self._open_file = open_file
        self._file: SealedWriter | None = None
        self.mix = mix
        self.waiting = b""  # mixed, and less than a chunk
        self.is_over = False
        self.has_failed = False

    def caller(self, pcm: bytes, at: float) -> None:
        """The caller's sound came in."""
        self._put(lambda mix: mix.caller(pcm, at))

    def agent(self, pcm: bytes, at: float) -> None:
        """The agent's sound, to be played from `at` on."""
        self._put(lambda mix: mix.agent(pcm, at))

    def cut(self, at: float) -> None:
        """The agent was silenced."""
        self._put(lambda mix: mix.cut(at))

    def secret(self, begin: float, end: float) -> None:
        """To be silenced."""
        self._put(lambda mix: mix.secret(begin, end))

    def _put(self, piece: _Piece) -> None:
        if len(self._pieces) == WAITING:
            self._recorder.count(RECORDING_SHED)
        self._pieces.append(piece)

    # ── in the writer's thread ───────────────────────────────────────────────────────
    def absorb(self) -> None:
        """Mix what came."""
        while self._pieces:
            self._pieces.popleft()(self.mix)

    def write(self, *, is_last: bool) -> None:
        """Seal and write what waits."""
        if self._file is None:
            self._file = self._open_file()
        self._file.write(self.waiting, is_last=is_last)
        self.waiting = b""

    def close(self) -> None:
        """Close its file."""
        if self._file is not None:
            self._file.close()


class Recordings:
    """The recordings of a process."""

    def __init__(
        self,
        settings: RecordingSettings | None = None,
        *,
        key: str = "",
        keep_days: int = 0,
        recorder: Recorder | None = None,
    ) -> None:
        self._settings = settings or RecordingSettings()
        require_key(self._settings, key)
        self._key = key
        self._keep_days = keep_days
        self._recorder = recorder or NullRecorder()
        self._folder = Path(self._settings.folder)
        self._running: dict[str, CallRecording] = {}
        self._changed = threading.Condition()
        self._is_closing = False
        self._swept_at = float("-inf")
        self._thread: threading.Thread | None = None

    @property
    def is_on(self) -> bool:
        """Whether calls are recorded."""
        return self._settings.enabled

    # ── life ─────────────────────────────────────────────────────────────────────────
    def start(self) -> None:
        """Begin to write, where calls are recorded; old files are deleted even where not."""
        if self._thread is None and (self.is_on or self._folder.is_dir()):
            self._thread = threading.Thread(target=self._write_on, name="recordings", daemon=True)
            self._thread.start()

    def close(self, *, within_s: float = 10.0) -> None:
        """Write what waits, end the files; blocks."""
        with self._changed:
            self._is_closing = True
            for recording in self._running.values():
                recording.is_over = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(within_s)

    # ── use, from the loop ───────────────────────────────────────────────────────────
    def open(self, call_id: str, *, began_at: float) -> Recording:
        """A call's recording."""
        if not self.is_on:
            return NoRecording()
        about = {
            "call_id": call_id,
            "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "sound": "mulaw 8000 Hz, caller left, agent right",
        }
        path = path_of(self._folder, call_id)
        recording = CallRecording(
            Mixdown(began_at=began_at, hold_back_s=self._settings.hold_back_s),
            lambda: SealedWriter(path, key=self._key, about=about),
            recorder=self._recorder,
        )
        with self._changed:
            self._running[call_id] = recording
        return recording

    def over(self, call_id: str) -> None:
        """The call is over: its recording is ended by the writer."""
        with self._changed:
            recording = self._running.get(call_id)
            if recording is not None:
                recording.is_over = True
                self._changed.notify_all()

    # ── the writer's thread ──────────────────────────────────────────────────────────
    def _write_on(self) -> None:
        while True:
            with self._changed:
                self._changed.wait(LOOKS_EVERY_S)
                running, is_closing = dict(self._running), self._is_closing
            for call_id, recording in running.items():
                try:
                    self._write(recording)
                except Exception as error:  # the writer itself: one recording ends, no other
                    recording.has_failed = True
                    self._failed(call_id, error)
                if recording.is_over or recording.has_failed:
                    recording.close()
                    with self._changed:
                        self._running.pop(call_id, None)
            self._sweep()
            if is_closing and not self._running:
                return

    def _write(self, recording: CallRecording) -> None:
        is_over = recording.is_over  # asked first: what comes before it is in
        recording.absorb()
        recording.waiting += (
            recording.mix.rest() if is_over else recording.mix.due(time.monotonic())
        )
        if is_over or len(recording.waiting) >= 2 * CHUNK_S * RATE_HZ:
            recording.write(is_last=is_over)

    def _sweep(self) -> None:
        if not self._keep_days or time.monotonic() - self._swept_at < SWEEPS_EVERY_S:
            return
        self._swept_at = time.monotonic()
        try:
            gone = forget_older(self._folder, self._keep_days, now=time.time())
        except OSError as error:
            logger.error("old recordings cannot be deleted: {}", type(error).__name__)
            return
        if gone:
            logger.info("{} recordings older than {} days deleted", gone, self._keep_days)

    def _failed(self, call_id: str, error: Exception) -> None:
        self._recorder.count(RECORDING_FAILED)
        logger.error("call {}: no recording, {}", call_id, type(error).__name__)


# ── the files ────────────────────────────────────────────────────────────────────────
def require_key(settings: RecordingSettings, key: str) -> None:
    """Refuse to start where calls would be recorded in the clear."""
    if settings.enabled and len(key) < LEAST_KEY_CHARS:
        problem = f"shorter than {LEAST_KEY_CHARS} characters" if key else "not set"
        remedy = 'make one with python -c "import secrets; print(secrets.token_urlsafe(32))"'
        raise SettingsError(
            KEY_NAME,
            f"{problem}, needed for recordings.enabled",
            source="environment",
            remedy=remedy,
        )


def path_of(folder: Path, call_id: str) -> Path:
    """The file of a call; ValueError for an id that is none of ours."""
    return folder / f"{UUID(call_id)}{SUFFIX}"


def forget(folder: Path, call_id: str) -> bool:
    """Delete the recording of a call; whether there was one."""
    path = path_of(folder, call_id)
    existed = path.exists()
    path.unlink(missing_ok=True)
    return existed


def forget_older(folder: Path, keep_days: int, *, now: float) -> int:
    """Delete the recordings of calls that began earlier; how many. A call's id tells when."""
    gone = 0
    for path in folder.glob(f"*{SUFFIX}") if folder.is_dir() else ():
        try:
            began_at = (UUID(path.stem).int >> 80) / 1000  # UUIDv7: milliseconds since 1970
        except ValueError:
            continue
        if began_at < now - keep_days * DAY_S:
            path.unlink(missing_ok=True)
            gone += 1
    return gone


def play_out(path: Path, out: Path, *, key: str) -> tuple[float, bool]:
    """Write a recording as a WAV file; its seconds, and whether it was ended."""
    reader = SealedReader(path, key=key)
    frames = 0
    try:
        with wave.open(str(out), "wb") as wav:
            wav.setnchannels(2)
            wav.setsampwidth(2)
            wav.setframerate(RATE_HZ)
            for chunk in reader.chunks():
                wav.writeframes(pcm_from_mulaw(chunk))
                frames += len(chunk) // 2
    finally:
        reader.close()
    return frames / RATE_HZ, reader.is_whole
