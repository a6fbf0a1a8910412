"""When the process looks for garbage: while nobody is on the line, and else once in hundreds of
calls.

To find what goes round in circles the interpreter looks at everything that living calls hold, and
they wait: some 0.1 s with 36 of them. By itself it does so whenever that has grown by a quarter,
which is every ninth call that begins. A call that is over leaves next to nothing to be found
(`bot/untying.py`), so that there is no hurry: docs/decisions/0009-what-a-frame-costs.md.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Sized

# Looks at the middle generation between two looks at everything; the interpreter's own is 10. A
# call has about half of one: should calls begin to leave circles, those of some 400 wait at most.
SELDOM = 200
REST_S = 1.0  # after the last call, so that nothing of it is at work any more


def settle() -> None:
    """The process is ready: its imports and models stay, and are not looked at again."""
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, SELDOM)


def tidy_when_empty(calls: Sized) -> None:
    """Look for garbage in a moment, if there are no calls then; for whenever one is over."""
    if not calls:
        asyncio.get_running_loop().call_later(REST_S, _tidy, calls)


def _tidy(calls: Sized) -> None:
    if not calls:
        gc.collect()


def found() -> float:
    """Objects in circles that had to be found so far."""
    return float(sum(generation["collected"] for generation in gc.get_stats()))
