"""The way out of a call that cannot or shall not go on: to a person, or to the voicemail.

Whoever gives up on the conversation names a reason and whose fault it is; where the caller is led
follows from the reason and from who can be reached.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from call.errors import Ending, Party


class Reason(StrEnum):
    """Why the agent leaves the call to somebody else."""

    FAULTS = "faults"  # providers failed too often
    FATAL = "fatal"  # our own side broke
    UNSURE = "unsure"  # the caller's words could not be made out
    CALLER_ASKED = "caller_asked"  # for a person
    EMERGENCY = "emergency"  # for help that we are not
    CAPACITY = "capacity"  # no room, or none any more: the process goes down
    DRAINED = "drained"  # it goes down in the middle of the call


class Destination(StrEnum):
    """Where the caller is led."""

    PERSON = "person"
    VOICEMAIL = "voicemail"
    NOWHERE = "nowhere"  # a wire without a carrier ends here


@dataclass(frozen=True)
class WayOut:
    """One way out: the reason, the party at fault if any, and where it leads."""

    reason: Reason
    destination: Destination
    party: Party | None = None

    @property
    def ending(self) -> Ending:
        """How the call ends by it."""
        if self.destination is Destination.NOWHERE:
            return Ending.AGENT_SAID_GOODBYE if self.party is None else Ending.FAULT
        return _ENDINGS[self.destination]


class Step(StrEnum):
    """What the carrier does with a call whose stream has ended."""

    HANG_UP = "hang_up"
    TRANSFER = "transfer"
    VOICEMAIL = "voicemail"


@dataclass(frozen=True)
class After:
    """A call's own word on what follows its stream."""

    step: Step
    has_apologised: bool = True
    """the caller has heard in the agent's voice why; else the carrier's voice says so"""
    reason: Reason | None = None
    number: str = field(default="", repr=False)
    """whom to dial"""
    summary: str = field(default="", repr=False)
    """what the person is told of the caller, in one line"""
    called: str = field(default="", repr=False)
    """the number the caller dialled: its agent's words are said"""


BROKEN = After(Step.VOICEMAIL, has_apologised=False, reason=Reason.FATAL)
"""For a call that left no word: its session or process died, and the caller is still there."""
NO_ROOM = After(Step.VOICEMAIL, has_apologised=False, reason=Reason.CAPACITY)
"""For a call that is not taken."""


def step_after(ending: Ending) -> Step:
    """What follows the stream of a call that ended so."""
    return _STEPS.get(ending, Step.HANG_UP)


_STEPS = {
    Ending.HANDED_OFF: Step.TRANSFER,
    Ending.VOICEMAIL: Step.VOICEMAIL,
    Ending.DRAINED: Step.VOICEMAIL,
}
_ENDINGS = {Destination.PERSON: Ending.HANDED_OFF, Destination.VOICEMAIL: Ending.VOICEMAIL}
# A house that is full or closing has nobody to spare; the voicemail takes what comes.
_NEVER_TO_A_PERSON = (Reason.CAPACITY, Reason.DRAINED)


def way_out(
    reason: Reason, *, party: Party | None, has_carrier: bool, person_answers: bool
) -> WayOut:
    """Where a caller is led: to a person where one answers, else to the voicemail."""
    if not has_carrier:
        destination = Destination.NOWHERE
    elif person_answers and reason not in _NEVER_TO_A_PERSON:
        destination = Destination.PERSON
    else:
        destination = Destination.VOICEMAIL
    return WayOut(reason, destination, party)
