"""What has failed and what is well again, for those who look after the caller meanwhile; and that
the call is given up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pipecat.frames.frames import ControlFrame, Frame, SystemFrame

from call.errors import Party
from call.recovery import Remedy, Step
from call.way_out import Reason

_KEY = "remedy"


def settle(frame: Frame, remedy: Remedy) -> None:
    """Say that a fault has found its remedy, and that its own stage takes the step."""
    frame.metadata[_KEY] = remedy


def remedy_of(frame: Frame) -> Remedy | None:
    """The remedy of a fault; None when nobody has asked for one."""
    remedy = frame.metadata.get(_KEY)
    return remedy if isinstance(remedy, Remedy) else None


@dataclass
class ModelLateFrame(SystemFrame):
    """No clause came from the model in time. Sent upwards to its station, which counts the fault
    and takes the remedy's step; what the caller hears meanwhile is said already."""

    remedy: Remedy = field(default_factory=lambda: Remedy(Step.WAIT))


@dataclass
class ReplyBrokenFrame(ControlFrame):
    """The reply ends in mid-stream, behind the words that were written: what of them is no clause
    yet is dropped, and `told` learns which clauses left for the voice. The reply goes on with what
    follows."""

    told: Callable[[str], None] = field(default=lambda said: None, repr=False)


@dataclass
class HearingLostFrame(SystemFrame):
    """The recogniser hears nothing: its connection ended, or never stood. Broadcast once, until a
    `HearingBackFrame` says otherwise.

    `lost_at` is the monotonic instant of the loss; `is_final` says that no further attempt is made,
    because the provider would refuse it again.
    """

    lost_at: float = 0.0
    is_final: bool = False


@dataclass
class HearingBackFrame(SystemFrame):
    """The recogniser hears again. It was gone for `gone_s` seconds and has `behind_s` seconds of
    the caller's voice to catch up with before it answers for what is said now."""

    gone_s: float = 0.0
    behind_s: float = 0.0


@dataclass
class WayOutFrame(SystemFrame):
    """The conversation cannot or shall not go on: lead the caller out of it.

    Pushed downstream by whoever gives up; the session sees it at the end of the list, stops what
    the agent is doing, says the apology and hands the caller on. Sent again it changes nothing.
    """

    reason: Reason = Reason.FAULTS
    party: Party | None = None
