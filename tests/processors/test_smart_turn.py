"""The turn model: shared, bounded, off the loop, quick to let go."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soxr
from pipecat.audio.turn.smart_turn._whisper_features import compute_whisper_log_mel_features

from call.audio import RATE_HZ
from processors.smart_turn import MODEL_HZ, MODEL_SECONDS, NICE, SmartTurn, features
from tests.conftest import eventually
from tests.processors.audio import silence, telephone

pytestmark = pytest.mark.frame


class Slow(SmartTurn):
    """Scores when told to; the probability is the audio's first byte in hundredths."""

    def __init__(self, **about: object) -> None:
        super().__init__(**about)  # type: ignore[arg-type]
        self.go = threading.Semaphore(0)
        self.scored: list[int] = []
        self.threads: set[str] = set()
        self.ranks: set[int] = set()

    def probability(self, pcm: bytes) -> float:
        """Wait for the word."""
        assert self.go.acquire(timeout=40)
        self.threads.add(threading.current_thread().name)
        self.ranks.add(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
        self.scored.append(pcm[0])
        if pcm[0] == 255:
            raise RuntimeError("broken")
        return pcm[0] / 100


@pytest.fixture
def slow() -> Iterator[Slow]:
    """A scorer with one thread and room for two to wait."""
    scorer = Slow(threads=1, waiting=2)
    yield scorer
    scorer.go.release(100)
    scorer.close()


async def test_a_score_comes_from_the_pool(slow: Slow) -> None:
    """The loop's own thread never scores."""
    slow.go.release()
    assert await slow.score(b"\x40") == 0.64
    assert slow.threads == {"smart-turn_0"}


@pytest.mark.skipif(sys.platform != "linux", reason="only there a thread has a rank of its own")
async def test_a_score_yields_the_core_to_the_loop(slow: Slow) -> None:
    """Its thread ranks below the loop's, which keeps its own."""
    before = os.getpriority(os.PRIO_PROCESS, 0)
    slow.go.release()
    await slow.score(b"\x40")
    assert slow.ranks == {max(before, NICE)}
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before


async def test_when_too_many_wait_the_oldest_is_answered_none(slow: Slow) -> None:
    """It is decided by words and silence; the newer ones keep their place."""
    tasks = [asyncio.create_task(slow.score(bytes([n]))) for n in range(1, 5)]
    assert await asyncio.wait_for(tasks[1], 5) is None
    slow.go.release(3)
    assert [await tasks[n] for n in (0, 2, 3)] == [0.01, 0.03, 0.04]
    assert slow.scored == [1, 3, 4]


async def test_a_cancelled_request_that_waits_is_forgotten(slow: Slow) -> None:
    """It takes no place and no time."""
    running, waiting = (asyncio.create_task(slow.score(bytes([n]))) for n in (1, 2))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert waiting.cancelled()
    others = [asyncio.create_task(slow.score(bytes([n]))) for n in (3, 4)]
    slow.go.release(3)
    assert [await task for task in (running, *others)] == [0.01, 0.03, 0.04]
    assert slow.scored == [1, 3, 4]


async def test_a_cancelled_request_that_runs_is_let_go_at_once(slow: Slow) -> None:
    """The caller does not wait for the model; the next request does."""
    task = asyncio.create_task(slow.score(b"\x01"))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()
    assert slow.scored == []
    slow.go.release(2)
    assert await slow.score(b"\x02") == 0.02


async def test_a_model_that_fails_answers_none(slow: Slow) -> None:
    """And goes on with the next."""
    slow.go.release(2)
    assert await slow.score(b"\xff") is None
    assert await slow.score(b"\x02") == 0.02


async def test_closing_drops_what_waits(slow: Slow) -> None:
    """Nobody hangs on a closed scorer."""
    tasks = [asyncio.create_task(slow.score(bytes([n]))) for n in (1, 2)]
    await asyncio.sleep(0)
    slow.close()
    await asyncio.gather(tasks[1], return_exceptions=True)
    assert tasks[1].cancelled()
    slow.go.release()
    assert await tasks[0] == 0.01


async def test_the_models_input_is_the_last_eight_seconds() -> None:
    """Longer audio loses its beginning, shorter is padded in front."""
    noise = np.random.default_rng(1).integers(-3000, 3000, 12 * RATE_HZ, dtype=np.int16)
    whole, tail = features(noise.tobytes()), features(noise[-8 * RATE_HZ :].tobytes())
    assert whole.shape == (1, 80, 800)
    assert np.array_equal(whole, tail)
    assert features(silence(0.5)).shape == (1, 80, 800)


@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.02, 0.5, 3.0, 7.96, 7.99, 8.0])
async def test_the_silence_in_front_is_reckoned_once(seconds: float) -> None:
    """However long the turn is, the model's input is what Pipecat makes of it; a product of fewer
    columns may be rounded differently on another processor."""
    noise = np.random.default_rng(1).integers(-3000, 3000, int(seconds * RATE_HZ), dtype=np.int16)
    wide = soxr.resample(noise.astype(np.float32) / 32768.0, RATE_HZ, MODEL_HZ, quality="HQ")
    padded = np.pad(wide, (MODEL_SECONDS * MODEL_HZ - len(wide), 0))
    expected = compute_whisper_log_mel_features(padded, do_normalize=True)
    assert np.allclose(features(noise.tobytes())[0], expected, rtol=0, atol=1e-5)


async def test_the_real_model_tells_a_question_from_its_beginning(shared_audio: Path) -> None:
    """Same features as Pipecat's own analyzer, hence the same probabilities."""
    from pipecat.audio.turn.smart_turn.local_smart_turn_v3 import LocalSmartTurnAnalyzerV3

    scorer = SmartTurn()
    scorer.preload()
    own = LocalSmartTurnAnalyzerV3(sample_rate=RATE_HZ)
    own.set_sample_rate(RATE_HZ)
    try:
        for name, end_s, is_complete in (
            ("turns/fest_hts_01_full.wav", 3.98, True),
            ("turns/fest_hts_01_cut.wav", 2.5, False),
        ):
            pcm = telephone(shared_audio / name)[: int(end_s * RATE_HZ) * 2]
            probability = await scorer.score(pcm)
            assert probability is not None
            assert (probability > 0.5) is is_complete
            audio = np.frombuffer(pcm, np.int16).astype(np.float32) / 32768.0
            assert probability == pytest.approx(own._predict_endpoint(audio)["probability"])
    finally:
        scorer.close()
        await own.cleanup()


async def test_the_loop_goes_on_while_the_real_model_works() -> None:
    """It turns at least once between asking and the answer."""
    scorer = SmartTurn()
    scorer.preload()
    turns = 0
    task = asyncio.create_task(scorer.score(silence(2.0)))

    def is_done() -> bool:
        nonlocal turns
        turns += 1
        return task.done()

    await eventually(is_done, what="the score")
    assert turns > 1
    scorer.close()
