"""The bot with one guard of every exit taken out: what the canary test must find.

    python -m tests.calls.leaky_bot serve …

The redactor is switched off by its setting; here go the second guards, which would hold alone:
foreign log lines, the words of a span, the labels of a metric, what an audit says, the seal.
"""

from __future__ import annotations

from typing import Any

import bot.__main__
from call.measures import REFUSED
from telemetry import audit, logs, sealed, traces
from telemetry.metrics import Metrics

_of_turn, _turn, _flags = traces._of_turn, Metrics.turn, audit.flags


def _span_with_words(turn: Any) -> dict[str, Any]:
    return {**_of_turn(turn), "input": str(turn.get("caller_text"))}


def _metric_with_words(self: Metrics, turn: Any, **more: Any) -> None:
    self.count(REFUSED, door="canary", reason=str(turn.get("caller_text")))
    _turn(self, turn, **more)


def _audit_with_words(call: Any) -> list[audit.Flag]:
    said = [audit.Flag(1, "said", str(turn.get("caller_text"))) for turn in call.get("turns") or ()]
    return [*_flags(call), *said]


def _unsealed(self: sealed.SealedWriter, plain: bytes, *, is_last: bool = False) -> None:
    self._file.write(plain)


logs._is_wanted = lambda _record: True  # type: ignore[assignment]
traces._of_turn = _span_with_words
Metrics.turn = _metric_with_words  # type: ignore[method-assign]
audit.flags = _audit_with_words
sealed.SealedWriter.write = _unsealed  # type: ignore[method-assign]

if __name__ == "__main__":
    import bot.lookup

    vars(bot.lookup)["flags"] = _audit_with_words
    bot.__main__.main()
