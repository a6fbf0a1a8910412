"""What a worker has in place of what the front process owns: each part passes on what it is given.

Records, the turns' and calls' figures, the word on what follows a stream and the used tokens are
kept once, at the front, so that they outlive a worker and are the same for all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from bot.afterwards import Afterwards
from bot.talk import Talk, TalkOverError
from call.admission import Admission, Capacity
from call.way_out import After, Reason, Step
from telemetry.metrics import Metrics
from telemetry.records import Records

ANSWER_S = 1.0  # the front answers from memory


class RelayedAdmission(Admission):
    """Counts this worker's calls, and tells the front of each."""

    def __init__(self, capacity: Capacity, talk: Talk) -> None:
        super().__init__(capacity)
        self._talk = talk

    def enter(self, caller: str = "", *, is_awaited: bool = False) -> bool:
        """Take one call in; False when it must be refused."""
        entered = super().enter(caller, is_awaited=is_awaited)
        if entered:
            self._talk.tell("entered", caller=caller)
        return entered

    def leave(self, caller: str = "") -> None:
        """An admitted call is over."""
        super().leave(caller)
        self._talk.tell("left", caller=caller)


class RelayedRecords(Records):
    """Hands each document on."""

    def __init__(self, talk: Talk) -> None:
        super().__init__()
        self._talk = talk

    def put(self, document: dict[str, Any]) -> None:
        """Keep the document at the front."""
        self._talk.tell("record", document=document)

    def follow_up(self, provider_call_id: str, **fields: Any) -> None:
        """Add what came behind a call's stream."""
        self._talk.tell("follow_up", call=provider_call_id, fields=fields)


class RelayedMetrics(Metrics):
    """Counts by itself, but for what the front reads off the records."""

    def turn(self, turn: Mapping[str, Any], *, call_id: str) -> None:
        """Nothing: the turn stands in the record."""

    def call(self, record: Mapping[str, Any]) -> None:
        """Nothing: the front has the record."""


class RelayedAfterwards(Afterwards):
    """Tells the front what is to follow a call's stream; the front is asked, and waits for it."""

    def __init__(self, talk: Talk) -> None:
        super().__init__()
        self._talk = talk

    def decide(self, provider_call_id: str, after: After) -> None:
        """Keep a call's word."""
        self._talk.tell("after", call=provider_call_id, after=asdict(after))

    async def until_asked(self, provider_call_ids: list[str], *, within_s: float) -> None:
        """Nothing: the carrier asks the front."""


def told_after(after: Mapping[str, Any]) -> After:
    """The word as it was told."""
    reason = after["reason"]
    return After(
        **{
            **after,
            "step": Step(after["step"]),
            "reason": None if reason is None else Reason(reason),
        }
    )


class SeenAtTheFront:
    """Which tokens are used, for all workers of a front; implements `SeenOnce`."""

    def __init__(self, talk: Talk) -> None:
        self._talk = talk

    async def first(self, key: str, *, life_s: float, now: float) -> bool:
        """Whether `key` is seen for the first time; a front that is gone vouches for nobody."""
        try:
            answer = await self._talk.ask(
                "first", key=key, life_s=life_s, now=now, within_s=ANSWER_S
            )
        except (TalkOverError, TimeoutError):
            return False
        return bool(answer)
