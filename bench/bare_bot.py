"""The bot with its numbers taken out: what is left when nobody counts, draws or keeps anything.

    python -m bench.bare_bot serve --port 7861

Only for `bench.overhead`, which compares it with the bot as it is. Rules that need a counter to
decide keep it; what is shown, kept or sent of it goes.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import bot.exchange
import bot.session
from bot.__main__ import main
from call.measures import Measure, Moment
from telemetry.recorder import CallRecorder
from telemetry.records import Records


class BareRecorder(CallRecorder):
    """Knows the call's time line and does not follow it."""

    def count(self, measure: Measure, amount: float = 1, **labels: str) -> None:
        """Ignore."""

    def observe(self, measure: Measure, value: float, **labels: str) -> None:
        """Ignore."""

    def moment(self, moment: Moment, at: float) -> None:
        """Ignore."""

    def words(self, party: str, text: str, *, final: bool, confidence: float | None = None) -> None:
        """Ignore."""

    def reply(self, number: int, kind: str) -> None:
        """Ignore."""

    def over(self, record: dict[str, Any]) -> None:
        """Tell nobody."""


class BareRecords(Records):
    """Keeps no call."""

    def put(self, document: dict[str, Any]) -> None:
        """Ignore."""


@contextlib.asynccontextmanager
async def _unwatched(_recorder: object) -> AsyncIterator[None]:
    yield


def bare() -> None:
    """Put the silent parts in the places of the real ones."""
    for module, name, part in (
        (bot.session, "CallRecorder", BareRecorder),
        (bot.exchange, "Records", BareRecords),
        (bot.exchange, "watching_the_loop", _unwatched),
    ):
        setattr(module, name, part)


if __name__ == "__main__":
    bare()
    main()
