"""Call records of a process: taken at once, written by one thread, read from the store.

`put` never waits: the newest document of each call waits in memory until the writer has it. With no
store, or while it is away, the newest calls stay in memory; only a bound makes the oldest go, and
that is counted.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

from loguru import logger
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from call.measures import RECORDS_FAILED, RECORDS_SHED, NullRecorder, Recorder
from telemetry.store import SAYS_IT_LIVES_EVERY_S, CallDocument, CallStore, Store

# One record is 2-20 kB; this many take at most about 20 MB.
KEPT_CALLS = 1000
# After a refusal the store is left alone this long, doubled each time.
PAUSE_S = 1.0
LONGEST_PAUSE_S = 30.0
ORPHANS_EVERY_S = 60.0
FORGET_EVERY_S = 3600.0

# What a document brings about that no database takes; the store itself is well.
_UNSTORABLE = (SQLAlchemyError, TypeError, ValueError)


class Records:
    """The calls of this process and, through the store, of all that share it."""

    def __init__(
        self,
        store: Store | None = None,
        *,
        url: str = "",
        limit: int = KEPT_CALLS,
        recorder: Recorder | None = None,
    ) -> None:
        """`url` goes before `store.url`; with neither, the newest `limit` calls are in memory."""
        self._store = store or Store(url="")
        self._url = url or self._store.url
        self._limit = limit
        self._recorder = recorder or NullRecorder()
        self._waiting: OrderedDict[str, CallDocument] = OrderedDict()
        self._sequels: OrderedDict[str, CallDocument] = OrderedDict()
        self._changed = threading.Condition()
        self._is_closing = False
        self._book: CallStore | None = None
        self._thread: threading.Thread | None = None

    # ── life ─────────────────────────────────────────────────────────────────────────
    def start(self) -> None:
        """Begin to write; the store is opened, and opened again, by the writer."""
        if self._url and self._thread is None:
            self._thread = threading.Thread(target=self._write_on, name="records", daemon=True)
            self._thread.start()

    def close(self, *, within_s: float = 10.0) -> None:
        """Write what waits, then stop; blocks."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(within_s)
            if self._waiting:
                logger.error("{} call records could not be written", len(self._waiting))

    def wait_until_written(self, within_s: float = 10.0) -> bool:
        """Block until nothing waits; whether that came true."""
        with self._changed:
            return self._changed.wait_for(lambda: not (self._waiting or self._sequels), within_s)

    @property
    def is_open(self) -> bool:
        """Whether the store is there."""
        return self._book is not None

    # ── use ──────────────────────────────────────────────────────────────────────────
    def put(self, document: CallDocument) -> None:
        """Keep the document under its `call_id`; never waits. It must not be changed afterwards."""
        with self._changed:
            self._waiting[document["call_id"]] = document
            self._waiting.move_to_end(document["call_id"])
            while len(self._waiting) > self._limit:
                self._waiting.popitem(last=False)
                if self._url:
                    self._recorder.count(RECORDS_SHED)
            self._changed.notify_all()

    def follow_up(self, provider_call_id: str, **fields: Any) -> None:
        """Add what came behind a call's stream (`voicemail_url` …); never waits. The call may be
        another process's, or have left no record at all."""
        with self._changed:
            known = self._sequels.get(provider_call_id, {})
            self._sequels[provider_call_id] = {**known, **fields}
            self._sequels.move_to_end(provider_call_id)
            while len(self._sequels) > self._limit:
                self._sequels.popitem(last=False)
                if self._url:
                    self._recorder.count(RECORDS_SHED)
            self._changed.notify_all()

    def get(self, call_id: str) -> CallDocument | None:
        """The document of one call, running or over, or None; blocks on the store."""
        with self._changed:
            document = self._waiting.get(call_id)
            sequels = dict(self._sequels)
        if document is None and self._book is not None:
            document = self._book.get(call_id)
        return None if document is None else _with(document, sequels)

    def of_carrier(self, provider_call_id: str) -> CallDocument | None:
        """The document of the call that the carrier names so; blocks on the store."""
        with self._changed:
            for document in reversed(self._waiting.values()):
                if document.get("provider_call_id") == provider_call_id:
                    return _with(document, self._sequels)
        return None if self._book is None else self._book.of_carrier(provider_call_id)

    def newest(
        self, limit: int = 100, *, since: float = 0.0, until: float = float("inf")
    ) -> list[CallDocument]:
        """The newest calls that are over, newest first; blocks on the store. `since` and `until`
        are wall time."""
        if self._book is None:
            with self._changed:
                over = [_with(d, self._sequels) for d in self._waiting.values() if _is_over(d)]
            return list(reversed(over))[:limit]
        # first what waits, then the store: a call written in between is found in both, never lost
        with self._changed:
            waiting, sequels = dict(self._waiting), dict(self._sequels)
        found = {d["call_id"]: d for d in self._book.newest(limit, since=since, until=until)}
        found.update(waiting)
        over = [_with(document, sequels) for document in found.values() if _is_over(document)]
        over.sort(key=lambda document: str(document.get("started_at") or ""), reverse=True)
        return over[:limit]

    # ── the writer's thread ──────────────────────────────────────────────────────────
    def _write_on(self) -> None:
        pause_s = PAUSE_S
        chores = _Chores(self._store.keep_days)
        while True:
            batch, sequels = self._next_batch(chores.wait_s)
            try:
                if self._book is None:
                    self._book = CallStore(self._url)
                self._write(self._book, batch)
                self._write_sequels(self._book, sequels)
                chores.run(self._book)
                pause_s = PAUSE_S
            except Exception as error:  # the writer itself: it outlives whatever the store does
                self._recorder.count(RECORDS_FAILED)
                logger.error("the store of call records refuses: {}", type(error).__name__)
                if self._is_closing or self._rests(pause_s):
                    break
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            if self._is_closing and not (self._waiting or self._sequels):
                break
        if self._book is not None:
            self._book.close()

    def _write(self, book: CallStore, batch: list[CallDocument]) -> None:
        """All at once; when one of them cannot be stored, the others one by one."""
        try:
            book.write(batch)
        except (OperationalError, InterfaceError):
            raise  # the store is away: all of them wait
        except _UNSTORABLE:
            for document in batch:
                self._write_alone(book, document)
        self._written(batch)

    def _write_alone(self, book: CallStore, document: CallDocument) -> None:
        try:
            book.write([document])
        except (OperationalError, InterfaceError):
            raise
        except _UNSTORABLE as error:  # this document can never be stored
            self._recorder.count(RECORDS_SHED)
            logger.error("call {}: no record, {}", document["call_id"], type(error).__name__)

    def _next_batch(self, wait_s: float) -> tuple[list[CallDocument], dict[str, CallDocument]]:
        with self._changed:
            self._changed.wait_for(
                lambda: self._waiting or self._sequels or self._is_closing, wait_s
            )
            return list(self._waiting.values()), dict(self._sequels)

    def _write_sequels(self, book: CallStore, sequels: Mapping[str, CallDocument]) -> None:
        try:
            book.follow_up(sequels)
        except (OperationalError, InterfaceError):
            raise  # the store is away: all of them wait
        except _UNSTORABLE as error:
            self._recorder.count(RECORDS_SHED, len(sequels))
            logger.error(
                "what came behind {} calls is lost: {}", len(sequels), type(error).__name__
            )
        with self._changed:
            for name, sequel in sequels.items():
                if self._sequels.get(name) is sequel:
                    del self._sequels[name]
            self._changed.notify_all()

    def _written(self, batch: list[CallDocument]) -> None:
        with self._changed:
            for document in batch:
                if self._waiting.get(document["call_id"]) is document:
                    del self._waiting[document["call_id"]]
            self._changed.notify_all()

    def _rests(self, pause_s: float) -> bool:
        """Leave the store alone for a while; whether the process closes meanwhile."""
        with self._changed:
            return self._changed.wait_for(lambda: self._is_closing, pause_s)


def _with(document: CallDocument, sequels: Mapping[str, CallDocument]) -> CallDocument:
    """The document with what is known to have come behind its stream."""
    sequel = sequels.get(str(document.get("provider_call_id") or ""))
    return {**document, **sequel} if sequel else document


def _is_over(document: CallDocument) -> bool:
    """A call that goes on has an ending of None."""
    return document.get("ending", "") is not None


class _Chores:
    """What the writer does from time to time."""

    def __init__(self, keep_days: int) -> None:
        now = time.monotonic()
        self._keep_days = keep_days
        self._due: list[tuple[float, float, Callable[[CallStore], None]]] = [
            (now, SAYS_IT_LIVES_EVERY_S, CallStore.live),
            (now, ORPHANS_EVERY_S, _end_orphans),
            (now, FORGET_EVERY_S, self._forget_older),
        ]

    @property
    def wait_s(self) -> float:
        """Until the next is due."""
        return max(0.0, min(due_at for due_at, _, _ in self._due) - time.monotonic())

    def run(self, book: CallStore) -> None:
        """Do what is due."""
        now = time.monotonic()
        for index, (due_at, every_s, chore) in enumerate(self._due):
            if now >= due_at:
                self._due[index] = (now + every_s, every_s, chore)
                chore(book)

    def _forget_older(self, book: CallStore) -> None:
        if self._keep_days:
            gone = book.forget_older(self._keep_days)
            if gone:
                logger.info("{} call records older than {} days deleted", gone, self._keep_days)


def _end_orphans(book: CallStore) -> None:
    for call_id in book.end_orphans():
        logger.warning("call {} ended with its process: fault of ours", call_id)
