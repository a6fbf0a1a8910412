"""How finished does that sound? One smart-turn model for the whole process, scored off the event
loop.

The model is the one inside the Pipecat wheel, its features are Pipecat's; what differs is that all
calls share one session and a small pool, that a process with more turns than it can score answers
the oldest with "don't know" instead of answering everybody late, and that the silence in front of a
short turn is analysed once and not for each of its hundredths of a second.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from importlib import resources
from typing import Any

import numpy as np
import onnxruntime
import soxr
from loguru import logger
from numpy.lib.stride_tricks import sliding_window_view
from pipecat.audio.turn.smart_turn import _whisper_features as whisper

from call.audio import RATE_HZ

_ort: Any = onnxruntime  # its wheel exports names that type checkers cannot see
MODEL_HZ = 16000
MODEL_SECONDS = 8  # the model sees the last eight seconds, padded in front
_SAMPLES = MODEL_SECONDS * MODEL_HZ
_COLUMNS = _SAMPLES // whisper._HOP_LENGTH
_HALF = whisper._N_FFT // 2
_MODEL = "smart-turn-v3.2-cpu.onnx"
# A score is 28 ms of one core in one piece. At equal rank it takes every second slice of a core it
# shares with the loop, and all calls are late by as much. Five ranks below, the loop has three
# quarters of such a core; ten below, a quarter of the scores of 44 calls came too late.
NICE = 5


class SmartTurn:
    """The process's scorer: `await score(pcm)` is the probability that the turn is complete.

    Made once per process, `preload()`ed before the first call, `close()`d at the end.
    """

    def __init__(self, *, threads: int = 1, waiting: int = 8) -> None:
        self._threads = threads
        self._limit = waiting
        self._session: Any = None
        self._pool = ThreadPoolExecutor(
            max_workers=threads, thread_name_prefix="smart-turn", initializer=yield_to_the_loop
        )
        self._waiting: deque[tuple[bytes, asyncio.Future[float | None]]] = deque()
        self._running = 0

    def preload(self) -> None:
        """Load the model and score silence once, so that no call pays for it. Blocks."""
        if self._session is None:
            self._session = _load()
            self.probability(b"\x00\x00" * RATE_HZ)

    async def score(self, pcm: bytes) -> float | None:
        """Probability that the turn heard in `pcm` (8 kHz, 16-bit) is complete; None when shed.

        Cancelling it is immediate: a request that waits is forgotten, one that runs is ignored.
        """
        answer: asyncio.Future[float | None] = asyncio.get_running_loop().create_future()
        self._forget_cancelled()
        if len(self._waiting) >= self._limit:
            _, oldest = self._waiting.popleft()
            oldest.set_result(None)
        self._waiting.append((pcm, answer))
        self._start_waiting()
        return await answer

    def probability(self, pcm: bytes) -> float:
        """Score on the spot; blocks for some 50 ms."""
        if self._session is None:
            self._session = _load()
        outputs = self._session.run(None, {"input_features": features(pcm)})
        return float(np.asarray(outputs[0]).reshape(-1)[0])

    def close(self) -> None:
        """Let the threads go; scores under way are dropped."""
        while self._waiting:
            _, answer = self._waiting.popleft()
            answer.cancel()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _forget_cancelled(self) -> None:
        while self._waiting and self._waiting[0][1].done():
            self._waiting.popleft()

    def _start_waiting(self) -> None:
        while self._running < self._threads and self._waiting:
            pcm, answer = self._waiting.popleft()
            if answer.done():
                continue
            self._running += 1
            loop = answer.get_loop()
            self._pool.submit(self._work, pcm, answer, loop)

    def _work(
        self, pcm: bytes, answer: asyncio.Future[float | None], loop: asyncio.AbstractEventLoop
    ) -> None:
        value: float | None = None
        try:
            value = self.probability(pcm)
        except Exception as error:  # the turn: without a score it is decided by words and silence
            logger.error(f"smart-turn could not score: {type(error).__name__}")
        try:
            loop.call_soon_threadsafe(self._answered, answer, value)
        except RuntimeError:  # the loop has closed; nobody waits any more
            return

    def _answered(self, answer: asyncio.Future[float | None], value: float | None) -> None:
        self._running -= 1
        if not answer.done():
            answer.set_result(value)
        self._start_waiting()


def yield_to_the_loop() -> None:
    """Rank this thread below the event loop's. Only Linux knows a rank of each thread."""
    if sys.platform == "linux":
        own = threading.get_native_id()
        os.setpriority(os.PRIO_PROCESS, own, max(NICE, os.getpriority(os.PRIO_PROCESS, own)))


def features(pcm: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Log-mel features of the last eight seconds of 8 kHz audio, as the model was trained on."""
    tail = pcm[-(MODEL_SECONDS * RATE_HZ * 2) :]
    audio = np.frombuffer(tail, dtype=np.int16).astype(np.float32) / 32768.0
    wide = soxr.resample(audio, RATE_HZ, MODEL_HZ, quality="HQ")[-_SAMPLES:]
    heard = np.zeros(_SAMPLES, dtype=np.float32)
    heard[_SAMPLES - len(wide) :] = wide
    heard = (heard - heard.mean()) / np.sqrt(heard.var() + whisper._NORM_VARIANCE_EPS)
    # Columns that hear nothing but the silence in front are all alike: one of them is reckoned.
    alike = max(0, (_SAMPLES - len(wide) - _HALF) // whisper._HOP_LENGTH)
    power = _power(heard, first=alike)
    mel = np.log10(np.maximum(whisper._MEL_FLOOR, whisper._MEL_FILTERS.T @ power))
    mel = np.maximum(mel, mel.max() - 8.0)
    found = np.empty((1, len(mel), _COLUMNS), dtype=np.float32)
    found[0, :, alike:] = (mel + 4.0) / 4.0
    found[0, :, :alike] = found[0, :, alike : alike + 1]
    return found


def _power(heard: Any, *, first: int) -> Any:
    """The power of each frequency, for the columns from `first` on; a column hears `_HALF` samples
    on either side of its middle, and beyond an end what is before it, mirrored."""
    begin = first * whisper._HOP_LENGTH - _HALF
    around = np.pad(heard[max(0, begin) :], (max(0, -begin), _HALF), mode="reflect")
    windows = sliding_window_view(around.astype(np.float64), whisper._N_FFT)
    windows = windows[:: whisper._HOP_LENGTH][: _COLUMNS - first]
    return (np.abs(np.fft.rfft(windows * whisper._HANN_WINDOW, axis=-1)) ** 2).T


def _load() -> Any:
    options = _ort.SessionOptions()
    options.execution_mode = _ort.ExecutionMode.ORT_SEQUENTIAL
    options.inter_op_num_threads = 1
    options.intra_op_num_threads = 1
    path = resources.files("pipecat.audio.turn.smart_turn.data").joinpath(_MODEL)
    return _ort.InferenceSession(
        str(path), providers=["CPUExecutionProvider"], sess_options=options
    )
