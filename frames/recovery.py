"""What has failed and what is well again, for those who look after the caller meanwhile; and that
the call is given up."""

from __future__ import annotations

from dataclasses import dataclass

from pipecat.frames.frames import SystemFrame

from call.errors import Party
from call.way_out import Reason


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
