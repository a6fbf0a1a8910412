"""Ask a second voice in time when a late clause leaves the first one too little of it.

The caller is promised a sound within two seconds of silence. A voice is given its own deadline, and
another one is asked once that has passed; but most of the two seconds may be gone before there is a
clause to say. So the other one is asked as well as soon as it could not be in time later, and what
it says is held back for as long as the first one may still sound in time: the voice changes only
where the silence would be too long. Where the clause comes early, the first voice's own deadline
comes earlier than all of this, and nothing is asked twice.

Plain calls only: the time is an argument.
"""

from __future__ import annotations

from dataclasses import dataclass

PROMISE_S = 2.0
"""No silence of the agent's is longer: behind it callers begin to say "hello?"."""
PATH_S = 0.1
"""From a voice's first sound to the caller's ear: this process, busy as it may be, and the wire's
pace. 0.02 to 0.05 when it is not."""


@dataclass(frozen=True)
class Relief:
    """What another voice does for one that is asked already."""

    ask_at: float
    """It is asked as well."""
    sound_at: float
    """What it says is held back no longer."""


def relief(silent_since: float, *, usual_s: float) -> Relief:
    """For a caller who has heard nothing since then, by a voice whose first sound takes so long."""
    sound_at = silent_since + PROMISE_S - PATH_S
    return Relief(sound_at - usual_s, sound_at)
