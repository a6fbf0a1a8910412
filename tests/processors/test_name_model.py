"""The name model: off the loop, within its budget; and the real one, where it is installed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from importlib.metadata import entry_points

import pytest

from call.measures import Measure, NullRecorder
from call.privacy_free_names import Spot
from processors.name_model import NameModel, absent, presidio
from tests.conftest import eventually

pytestmark = pytest.mark.frame

ENGLISH = sorted(each.value for each in entry_points(group="spacy_models") if "en_" in each.value)
"""English pipelines on this machine"""


class Counts(NullRecorder):
    """Remembers why names were missed."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def count(self, measure: Measure, amount: float = 1, **labels: str) -> None:
        """Keep it."""
        self.reasons.append(labels["reason"])


class Slow:
    """A reader that goes on when told to, and says every text is a name."""

    def __init__(self) -> None:
        self.go = threading.Semaphore(1)  # the reading that warms it up
        self.threads: set[str] = set()
        self.begun: list[str] = []

    def __call__(self, text: str) -> Sequence[Spot]:
        """Wait for the word."""
        self.begun.append(text)
        assert self.go.acquire(timeout=40)
        self.threads.add(threading.current_thread().name)
        if text == "broken":
            raise ValueError(text)
        return [(0, len(text))]


@pytest.fixture
def slow() -> Iterator[Slow]:
    """Lets go of whatever still reads."""
    reader = Slow()
    yield reader
    reader.go.release(100)


def model(reader: Slow, counts: Counts, *, budget_s: float, waiting: int = 8) -> NameModel:
    """A model that has been loaded."""
    names = NameModel(lambda: reader, budget_s=budget_s, waiting=waiting, recorder=counts)
    names.preload()
    names.preload()  # once is enough
    reader.threads.clear()
    reader.begun.clear()
    return names


async def test_names_come_from_a_thread_of_their_own(slow: Slow) -> None:
    """The loop's own thread never reads."""
    names = model(slow, Counts(), budget_s=10)
    slow.go.release()
    assert await names.spot("Ann") == [(0, 3)]
    assert slow.threads == {"names_0"}
    names.close()


async def test_a_late_model_finds_nothing_and_is_counted(slow: Slow) -> None:
    """A text behind one that takes long is forgotten, not read later; afterwards all is well."""
    counts = Counts()
    names = model(slow, counts, budget_s=0.01)
    names._pool.submit(slow, "Ann")
    await eventually(lambda: slow.begun == ["Ann"])
    assert await names.spot("Bob") == ()
    assert counts.reasons == ["late"]
    names._budget_s = 10
    await asyncio.sleep(0)  # the pool is told by the loop
    slow.go.release(2)
    assert await names.spot("Cleo") == [(0, 4)]
    assert slow.begun == ["Ann", "Cleo"]
    names.close()


async def test_with_too_many_waiting_nobody_waits(slow: Slow) -> None:
    """A model that was never loaded, or is closed, answers as quickly."""
    counts = Counts()
    names = model(slow, counts, budget_s=10, waiting=1)
    waiting = asyncio.create_task(names.spot("Ann"))
    await asyncio.sleep(0)
    assert await names.spot("Bob") == ()
    slow.go.release()
    assert await waiting == [(0, 3)]
    names.close()
    assert await names.spot("Cleo") == ()
    assert await NameModel(lambda: slow, budget_s=10, recorder=counts).spot("Dora") == ()
    assert counts.reasons == ["busy", "failed", "busy"]


async def test_a_broken_model_costs_names_and_no_words(slow: Slow) -> None:
    """Nothing is raised, and the text stands nowhere."""
    counts = Counts()
    names = model(slow, counts, budget_s=10)
    slow.go.release(2)
    assert await names.spot("broken") == ()
    assert await names.spot("Ann") == [(0, 3)]
    assert counts.reasons == ["failed"]
    names.close()


def test_what_is_missing_is_named() -> None:
    """The libraries first, then the model."""
    assert absent("en_nobody_has_this") in ("presidio_analyzer", "spacy", "en_nobody_has_this")


@pytest.mark.skipif(
    not ENGLISH or bool(absent(ENGLISH[0])), reason="the extra presidio or its model is absent"
)
def test_the_real_model_finds_names_of_people() -> None:
    """As a recogniser writes them, and nothing in a sentence without one."""
    read = presidio(ENGLISH[0])
    text = "Please ask Peter Miller about it, and tell Maria I called."
    assert [text[start:end] for start, end in read(text)] == ["Peter Miller", "Maria"]
    assert read("I would like to move it to Tuesday at ten.") == []
