"""Call records kept in memory: the newest calls of this process, whole documents of version 1."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

CallDocument = dict[str, Any]

# One record is 2-20 kB; this many take at most about 20 MB.
KEPT_CALLS = 1000


class Records:
    """The last `limit` calls, newest last; a call is written again as it goes on."""

    def __init__(self, limit: int = KEPT_CALLS) -> None:
        self._limit = limit
        self._calls: OrderedDict[str, CallDocument] = OrderedDict()

    def put(self, document: CallDocument) -> None:
        """Keep the document under its `call_id`; the oldest call goes when there are too many."""
        self._calls[document["call_id"]] = document
        self._calls.move_to_end(document["call_id"])
        while len(self._calls) > self._limit:
            self._calls.popitem(last=False)

    def get(self, call_id: str) -> CallDocument | None:
        """The document of one call, or None."""
        return self._calls.get(call_id)

    def newest(self, limit: int = 100) -> list[CallDocument]:
        """The newest calls, newest first."""
        return list(reversed(self._calls.values()))[:limit]
