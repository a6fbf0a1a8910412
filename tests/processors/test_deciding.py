"""The host of decisions: one clock, one timer, in order with the frames."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from pipecat.frames.frames import Frame, TextFrame
from pipecat.processors.frame_processor import FrameDirection
from pipecat.tests.utils import SleepFrame, run_test

from processors.deciding import DecidingProcessor, Leaving, Upstream
from tests.conftest import TICK

pytestmark = pytest.mark.frame


class Echo(DecidingProcessor):
    """Says "late" some ticks after the last text, unless "stop" came; swallows "hush"."""

    def __init__(self, *, wait_s: float) -> None:
        super().__init__()
        self._wait_s = wait_s
        self._due_at: float | None = None
        self.asked: list[bool] = []

    def decide(self, frame: Frame, now: float) -> Leaving | None:
        """Each text postpones the deadline."""
        if not isinstance(frame, TextFrame):
            return None
        self._due_at = None if frame.text == "stop" else now + self._wait_s
        return () if frame.text == "hush" else (frame, TextFrame(frame.text + "!"))

    def next_deadline(self) -> float | None:
        """When to speak."""
        return self._due_at

    def on_deadline(self, now: float) -> Sequence[Frame]:
        """Late, unless asked too early."""
        is_due = self._due_at is not None and now >= self._due_at
        self.asked.append(is_due)
        if not is_due:
            return ()
        self._due_at = None
        return (TextFrame("late"),)


def texts(frames: Sequence[Frame]) -> list[str]:
    """Texts in order."""
    return [frame.text for frame in frames if isinstance(frame, TextFrame)]


class Contrary(Echo):
    """Answers against the stream."""

    def decide(self, frame: Frame, now: float) -> Leaving | None:
        """Each text, and a copy of it upstream."""
        if not isinstance(frame, TextFrame):
            return None
        return (frame, Upstream(TextFrame(frame.text)))


async def run(station: Echo, *frames: Frame) -> list[str]:
    """Texts that leave downstream."""
    return texts((await run_test(station, frames_to_send=list(frames)))[0])


async def test_a_frame_may_leave_against_the_stream() -> None:
    """If it says so."""
    down, up = await run_test(Contrary(wait_s=60), frames_to_send=[TextFrame("a")])
    assert (texts(down), texts(up)) == (["a"], ["a"])


async def test_the_decision_replaces_the_frame() -> None:
    """What is decided leaves in place of what came; an empty decision swallows it."""
    assert await run(Echo(wait_s=60), TextFrame("a"), TextFrame("hush"), TextFrame("b")) == [
        "a",
        "a!",
        "b",
        "b!",
    ]


async def test_a_frame_keeps_its_direction() -> None:
    """What goes up goes up; what is made of it is for the caller and goes down."""
    down, up = await run_test(
        Echo(wait_s=60),
        frames_to_send=[TextFrame("a")],
        frames_to_send_direction=FrameDirection.UPSTREAM,
    )
    assert texts(up) == ["a"]
    assert texts(down) == ["a!"]


async def test_a_deadline_is_met() -> None:
    """The timer asks once the time has come, downstream."""
    assert await run(Echo(wait_s=TICK), TextFrame("a"), SleepFrame(sleep=5 * TICK)) == [
        "a",
        "a!",
        "late",
    ]


async def test_a_withdrawn_deadline_never_rings() -> None:
    """A fact that comes first wins."""
    station = Echo(wait_s=2 * TICK)
    said = await run(station, TextFrame("a"), TextFrame("stop"), SleepFrame(sleep=5 * TICK))
    assert "late" not in said
    assert station.asked == []


async def test_a_postponed_deadline_is_asked_again() -> None:
    """An early timer finds the deadline moved and waits for it."""
    station = Echo(wait_s=4 * TICK)
    said = await run(
        station,
        TextFrame("a"),
        SleepFrame(sleep=2 * TICK),
        TextFrame("b"),
        SleepFrame(sleep=5 * TICK),
        SleepFrame(sleep=5 * TICK),
    )
    assert said == ["a", "a!", "b", "b!", "late"]
    assert station.asked[-1] is True


async def test_an_earlier_deadline_replaces_a_later_one() -> None:
    """The timer is set anew when it would ring too late."""

    class Hasty(Echo):
        """In a hurry when it hears "b"."""

        def decide(self, frame: Frame, now: float) -> Leaving | None:
            """As before, but "b" is urgent."""
            leaving = super().decide(frame, now)
            if isinstance(frame, TextFrame) and frame.text == "b":
                self._due_at = now + TICK
            return leaving

    said = await run(Hasty(wait_s=60), TextFrame("a"), TextFrame("b"), SleepFrame(sleep=5 * TICK))
    assert said[-1] == "late"


async def test_nothing_is_left_running() -> None:
    """A timer that has not rung is stopped with the station."""
    station = Echo(wait_s=60)
    await run(station, TextFrame("a"))
    assert station._timer is not None
    assert station._timer.cancelled()


def test_a_host_decides_nothing_itself() -> None:
    """The three questions are the station's to answer."""
    host = DecidingProcessor()
    for ask in (
        lambda: host.decide(TextFrame("a"), 0.0),
        host.next_deadline,
        lambda: host.on_deadline(0),
    ):
        with pytest.raises(NotImplementedError):
            ask()
