"""Where the conversation stands: five states and the moments that lead from one to another.

The states are a table, and the drawing in docs/map.md is made from it. A moment the table does not
list in a state changes nothing and is counted (it raises where `strict`). A change of state is one
plain call: nothing is awaited inside it.
"""

from __future__ import annotations

from enum import StrEnum

from call.errors import MisuseError
from call.measures import UNLISTED_TRANSITIONS, Moment, NullRecorder, Recorder


class TurnState(StrEnum):
    """What the call is doing."""

    LISTENING = "listening"  # the caller speaks, or nobody does
    DECIDING = "deciding"  # the caller is silent: done, or pausing?
    THINKING = "thinking"  # the turn is the agent's, nothing is heard yet
    SPEAKING = "speaking"
    HELD = "held"  # the caller made a sound over the agent: quiet until we know what it is


_L, _D, _T, _S, _H = TurnState

TRANSITIONS: dict[tuple[TurnState, Moment], TurnState] = {
    (_L, Moment.SPEECH_STARTED): _L,
    (_L, Moment.SPEECH_STOPPED): _D,
    (_L, Moment.TURN_DECIDED): _T,  # words without the voice detector
    (_L, Moment.FIRST_AUDIO): _S,  # the greeting, or the answer to a tool's result
    (_L, Moment.REPLY_HEARD): _L,  # a protected phrase was finished over the caller
    (_L, Moment.INTERRUPTED): _L,  # what had not been said yet is dropped
    (_L, Moment.FILLER_HEARD): _L,  # the answer had come to nothing
    (_L, Moment.HELD): _L,  # its last word was heard while the hold was on its way
    (_L, Moment.RESUMED): _L,  # what was held had been heard to its end
    (_D, Moment.SPEECH_STARTED): _L,  # a pause
    (_D, Moment.TURN_DECIDED): _T,
    (_D, Moment.REPLY_HEARD): _D,
    (_D, Moment.FILLER_HEARD): _D,
    (_D, Moment.FIRST_AUDIO): _S,  # a phrase of the agent's own
    (_D, Moment.INTERRUPTED): _D,  # such a phrase is dropped before it sounds
    (_D, Moment.HELD): _D,  # as while listening: heard to its end by then
    (_D, Moment.RESUMED): _D,
    (_T, Moment.SPEECH_STARTED): _T,  # an interruption follows, or what plays is protected
    (_T, Moment.SPEECH_STOPPED): _T,
    (_T, Moment.TURN_DECIDED): _T,
    (_T, Moment.FIRST_AUDIO): _S,
    (_T, Moment.REPLY_HEARD): _T,  # a protected phrase was finished meanwhile
    (_T, Moment.FILLER_HEARD): _T,
    (_T, Moment.INTERRUPTED): _L,
    (_T, Moment.HELD): _H,  # a cough was a turn's end while the agent went on speaking
    (_T, Moment.RESUMED): _T,  # a holding phrase had been heard to its end
    (_S, Moment.SPEECH_STARTED): _S,
    (_S, Moment.SPEECH_STOPPED): _S,
    (_S, Moment.TURN_DECIDED): _T,
    (_S, Moment.FIRST_AUDIO): _S,
    (_S, Moment.REPLY_HEARD): _L,
    (_S, Moment.FILLER_HEARD): _T,  # the answer is still to come
    (_S, Moment.INTERRUPTED): _L,
    (_S, Moment.HELD): _H,
    (_S, Moment.RESUMED): _S,  # the next reply began before the hold got to the wire
    (_H, Moment.SPEECH_STARTED): _H,  # long enough to be a turn, if its words say so
    (_H, Moment.SPEECH_STOPPED): _H,
    (_H, Moment.FIRST_AUDIO): _H,  # was on its way when the hold came
    (_H, Moment.REPLY_HEARD): _L,  # its last word was, too
    (_H, Moment.FILLER_HEARD): _T,
    (_H, Moment.RESUMED): _S,  # "uh-huh", or a cough
    (_H, Moment.INTERRUPTED): _L,
}
_MOVING = frozenset(moment for _, moment in TRANSITIONS)


class Standing:
    """The state of one conversation."""

    def __init__(self, recorder: Recorder | None = None, *, strict: bool = False) -> None:
        self.state = TurnState.LISTENING
        self._recorder = recorder or NullRecorder()
        self._strict = strict
        self._sounding = 0  # replies that began to sound and have not been heard out

    def moment(self, moment: Moment) -> None:
        """Something happened."""
        if moment not in _MOVING or self._still_sounds(moment):
            return
        after = TRANSITIONS.get((self.state, moment))
        if after is not None:
            self.state = after
            return
        self._recorder.count(UNLISTED_TRANSITIONS, state=self.state.value, moment=moment.value)
        if self._strict:
            raise MisuseError(f"{moment.value} while {self.state.value} is not in the table")

    def _still_sounds(self, moment: Moment) -> bool:
        """A reply was heard, but the next has begun: its sound leaves before the word comes back
        that the one before was heard."""
        if moment is Moment.FIRST_AUDIO:
            self._sounding += 1
        elif moment is Moment.INTERRUPTED:
            self._sounding = 0
        elif moment in (Moment.REPLY_HEARD, Moment.FILLER_HEARD):
            self._sounding = max(0, self._sounding - 1)
            return self._sounding > 0
        return False
