"""What the emulated providers saw and said, kept in bounded memory for `GET /control/log`.

Audio is never kept, only counted. Every delay a provider drew stands here with its key, so that a
reader can subtract the providers' share from what a caller waited.
"""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Mapping
from typing import Any

MAX_ENTRIES = 20_000  # a load run of 40 calls writes about 100 entries a second
MAX_BODY_CHARS = 64 << 20  # of request bodies kept


class Log:
    """A numbered, bounded list of entries; the oldest fall out."""

    def __init__(self, *, limit: int = MAX_ENTRIES) -> None:
        self._entries: deque[dict[str, Any]] = deque()
        self._limit = limit
        self._body_chars = 0
        self._next = 1

    def add(self, provider: str, kind: str, **data: Any) -> None:
        """Note one thing; `at` is wall time, `mono` the machine's monotonic clock. A `body` is
        JSON text; it is read only when somebody asks."""
        entry = {"n": self._next, "at": time.time(), "mono": time.monotonic()}
        entry |= {"provider": provider, "kind": kind} | data
        self._entries.append(entry)
        self._next += 1
        self._body_chars += len(data.get("body", ""))
        while len(self._entries) > self._limit or self._body_chars > MAX_BODY_CHARS:
            self._body_chars -= len(self._entries.popleft().get("body", ""))

    def read(
        self, *, provider: str = "", kind: str = "", since: int = 0, limit: int = MAX_ENTRIES
    ) -> list[dict[str, Any]]:
        """Entries numbered above `since`, oldest first, at most `limit` of the newest."""
        found = [
            _opened(entry)
            for entry in self._entries
            if entry["n"] > since
            and (not provider or entry["provider"] == provider)
            and (not kind or entry["kind"] == kind)
        ]
        return found[-limit:] if limit else []

    @property
    def last(self) -> int:
        """Number of the newest entry; 0 before the first."""
        return self._next - 1

    def clear(self) -> None:
        """Forget the entries; numbering goes on."""
        self._entries.clear()
        self._body_chars = 0


def _opened(entry: Mapping[str, Any]) -> dict[str, Any]:
    """The entry with its body as JSON, where it is JSON."""
    if "body" not in entry:
        return dict(entry)
    try:
        return {**entry, "body": json.loads(entry["body"])}
    except ValueError:
        return dict(entry)
