"""Faults end at the desk: each is told to whoever keeps them, and the table's word is done."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    TextFrame,
    UserStoppedSpeakingFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.tests.utils import run_test

from call.errors import Party, PeerBroke, ProviderBusy, ProviderFault
from call.first_token import Patience
from call.phrases import Phrases
from call.recovery import Line, Recovery, Remedy, Stage, Step, Trouble
from call.way_out import Reason
from frames.recovery import HearingBackFrame, HearingLostFrame, WayOutFrame, settle
from frames.speech import SpeakNowFrame
from processors.recovery_desk import RecoveryDesk

pytestmark = pytest.mark.frame

HARD = Phrases().hard_of_hearing


class Book:
    """What the desk tells of faults."""

    def __init__(self) -> None:
        self.told: list[tuple[Exception | None, Step | None]] = []

    def __call__(self, frame: ErrorFrame, remedy: Remedy | None) -> None:
        self.told.append((frame.exception, None if remedy is None else remedy.step))


def desk(book: Book | None = None, recovery: Recovery | None = None) -> RecoveryDesk:
    """A desk for which time stands still."""
    return RecoveryDesk(Patience(), recovery=recovery, on_fault=book or Book(), clock=lambda: 0.0)


def error(fault: Exception | None, remedy: Remedy | None = None) -> ErrorFrame:
    """A fault on its way up, perhaps with its remedy."""
    frame = ErrorFrame(error="x", exception=fault)
    if remedy is not None:
        settle(frame, remedy)
    return frame


def busy(stage: str) -> ProviderFault:
    return ProviderBusy(stage, "status 429", provider="p")


def shape(frames: Sequence[Frame] | None) -> list[str]:
    """Phrases by their kind, the way out by whose fault it is."""
    left = []
    for frame in frames or ():
        if isinstance(frame, SpeakNowFrame):
            left.append(frame.kind)
        elif isinstance(frame, WayOutFrame):
            left.append(f"way out {frame.party}")
    return left


async def test_a_fault_ends_at_the_desk_and_is_told() -> None:
    """It goes no further up; everything else passes."""
    book = Book()
    fault = busy("hear")
    _, up = await run_test(
        desk(book),
        frames_to_send=[error(fault), TextFrame("x")],
        frames_to_send_direction=FrameDirection.UPSTREAM,
    )
    assert [type(frame) for frame in up] == [TextFrame]
    assert book.told == [(fault, Step.WAIT)]


def test_a_remedy_that_came_with_the_fault_is_not_asked_for_again() -> None:
    """Its stage has counted it and taken the step; the caller hears nothing more."""
    book, recovery = Book(), Recovery()
    station = desk(book, recovery)
    for step in (Step.AGAIN, Step.STAND_IN):
        assert station.decide(error(busy("think"), Remedy(step)), 0.0) == ()
    assert station.decide(error(busy("think"), Remedy(Step.WAIT, Line.FILLER)), 0.0) == ()
    assert [step for _, step in book.told] == [Step.AGAIN, Step.STAND_IN, Step.WAIT]
    assert recovery.met(Stage.THINK, Trouble.BUSY).step is Step.AGAIN  # the first it hears of


def test_an_unsettled_fault_of_the_model_is_counted_here() -> None:
    """Three in a row lead out, in the model's name."""
    station = desk()
    left = [shape(station.decide(error(busy("think")), 0.0)) for _ in range(3)]
    assert left == [[], [], ["way out llm"]]


def test_who_gives_up_leads_the_caller_out() -> None:
    """For faults, and in the name of who is to blame."""
    frames = desk().decide(error(busy("think"), Remedy(Step.GIVE_UP, Line.APOLOGY)), 0.0)
    assert shape(frames) == ["way out llm"]
    assert frames and isinstance(frames[0], WayOutFrame) and frames[0].reason is Reason.FAULTS


def test_an_answer_of_nothing_asks_the_caller_to_say_it_again() -> None:
    """In the agent's own words."""
    frames = desk().decide(error(busy("think"), Remedy(Step.WAIT, Line.SAY_AGAIN)), 0.0)
    assert shape(frames) == ["say_again"]


def test_a_fault_of_nobodys_stage_is_only_told() -> None:
    """Our own bug, or the carrier's message."""
    book = Book()
    station = desk(book)
    for fault in (ValueError("x"), None, PeerBroke("wire", "x"), busy("elsewhere")):
        assert station.decide(error(fault), 0.0) == ()
    assert [step for _, step in book.told] == [None] * 4


def test_what_kills_the_pipeline_is_left_to_it() -> None:
    """A fatal error goes on."""
    frame = error(None)
    frame.fatal = True
    assert desk().decide(frame, 0.0) is None


# ── the ear is gone ──────────────────────────────────────────────────────────────────
def after(*told: tuple[float, Frame]) -> RecoveryDesk:
    station = desk()
    for at, frame in told:
        assert station.decide(frame, at) is None
    return station


SPOKE = (10.0, VADUserStartedSpeakingFrame()), (11.0, VADUserStoppedSpeakingFrame())


def test_a_caller_who_waits_for_a_deaf_agent_is_told_and_then_led_out() -> None:
    """1.7 s after they fell silent; 4 s later."""
    station = after((9.0, HearingLostFrame()), *SPOKE)
    assert station.next_deadline() == 12.7
    assert station.on_deadline(12.6) == ()
    frames = station.on_deadline(12.7)
    assert shape(frames) == ["hard_of_hearing"]
    assert isinstance(frames[0], SpeakNowFrame) and frames[0].text == HARD
    assert station.next_deadline() == 16.7
    assert shape(station.on_deadline(16.7)) == [f"way out {Party.STT}"]


def test_the_span_begins_with_the_later_of_silence_and_loss() -> None:
    """An ear that is lost behind the caller's words is given the same time."""
    assert after(*SPOKE, (12.0, HearingLostFrame())).next_deadline() == 13.7


def test_a_caller_whose_words_are_being_heard_again_is_asked_for_a_moment() -> None:
    """Once, and only who waits: the turn is not decided before the recogniser has caught up."""
    back = (10.5, HearingBackFrame(gone_s=0.2, behind_s=1.5))
    station = after((10.0, HearingLostFrame()), SPOKE[0], back, SPOKE[1])
    assert station.next_deadline() == 12.7
    assert shape(station.on_deadline(12.7)) == ["catching_up"]
    assert station.next_deadline() is None
    decided = (12.0, UserStoppedSpeakingFrame())
    assert after((10.0, HearingLostFrame()), back, *SPOKE, decided).next_deadline() is None
    near = (10.5, HearingBackFrame(gone_s=0.2, behind_s=0.2))
    assert after((10.0, HearingLostFrame()), near, *SPOKE).next_deadline() is None


def test_a_caller_who_was_told_already_is_not_told_twice() -> None:
    """The ear comes back behind the words that said it was gone."""
    station = after((9.0, HearingLostFrame()), *SPOKE)
    station.on_deadline(12.7)
    station.decide(HearingBackFrame(behind_s=3.0), 13.0)
    assert station.next_deadline() is None


def test_an_ear_that_is_lost_again_while_it_catches_up_is_given_its_time_again() -> None:
    """The caller is asked for a moment meanwhile."""
    back = (10.5, HearingBackFrame(gone_s=0.2, behind_s=1.5))
    station = after((10.0, HearingLostFrame()), back, *SPOKE, (12.0, HearingLostFrame()))
    assert station.next_deadline() == 12.7
    assert shape(station.on_deadline(12.7)) == ["catching_up"]
    assert station.next_deadline() == 13.7
    assert shape(station.on_deadline(13.7)) == ["hard_of_hearing"]


def test_the_fault_that_took_the_ear_away_does_not_count_against_its_absence() -> None:
    """Each loss comes with one; the caller is told before they are led out."""
    station = after((9.0, HearingLostFrame()), *SPOKE)
    for _ in range(3):
        assert station.decide(error(busy("hear")), 9.0) == ()
    assert shape(station.on_deadline(12.7)) == ["hard_of_hearing"]


def test_nobody_is_told_who_does_not_wait() -> None:
    """A caller who has said nothing, who goes on speaking, whose turn was decided; an ear that is
    back."""
    lost = (9.0, HearingLostFrame())
    assert after(lost).next_deadline() is None
    assert after(lost, SPOKE[0]).next_deadline() is None
    assert after(*SPOKE, (11.5, UserStoppedSpeakingFrame()), lost).next_deadline() is None
    assert after(lost, *SPOKE, (12.0, HearingBackFrame())).next_deadline() is None
    assert after(*SPOKE).on_deadline(99.0) == ()


def test_an_ear_that_came_back_is_a_new_beginning() -> None:
    """The next loss is told again before anybody is led out."""
    station = after((9.0, HearingLostFrame()), *SPOKE)
    station.on_deadline(12.7)
    station.decide(HearingBackFrame(), 13.0)
    station.decide(HearingLostFrame(), 14.0)
    assert shape(station.on_deadline(15.7)) == ["hard_of_hearing"]
