"""Runs of read-only tools before it is known whether anybody waits for what they find.

An answer begun before the turn is decided may want a tool. One that changes nothing may run
meanwhile: if the guess is kept, its answer is there or on its way; if it is withdrawn, the run is
cut off, nobody hears or reads of it, and it is counted as waste. How much of that one call may cost
is bounded.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from call.speculation import Guess


class EarlyRuns:
    """The early runs of one call, by the model's name for each tool call."""

    def __init__(self, *, most_wasted: int) -> None:
        self._left = most_wasted
        self._running: dict[str, asyncio.Task[Any]] = {}
        self._ending: set[asyncio.Task[Any]] = set()

    @property
    def may_begin(self) -> bool:
        """Not too many have been in vain, should those under way be as well."""
        return len(self._running) < self._left

    def begin(self, guess: Guess, run: Coroutine[Any, Any, Any], *, call_id: str) -> None:
        """Run a tool for an answer that is not decided on."""
        guess.spend("tool_calls", 1)
        self.drop(call_id)  # a model may call two things by one name
        self._running[call_id] = asyncio.create_task(run, name="tool begun early")
        guess.when_settled(lambda: self._settled(call_id, guess))

    def take(self, call_id: str) -> asyncio.Task[Any] | None:
        """The run of a tool call that is wanted now; once."""
        return self._running.pop(call_id, None)

    def drop(self, call_id: str) -> None:
        """Nobody waits for it any more."""
        task = self._running.pop(call_id, None)
        if task is not None:
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)
            task.cancel()

    async def close(self) -> None:
        """The call is over."""
        for call_id in list(self._running):
            self.drop(call_id)
        await asyncio.gather(*self._ending, return_exceptions=True)

    def _settled(self, call_id: str, guess: Guess) -> None:
        if guess.is_withdrawn:
            self._left -= 1
            self.drop(call_id)
