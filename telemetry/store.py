"""Call records in SQLite or Postgres: one row and one document a call. Every method blocks.

A running call is a row without an ending. Whoever finds one whose process is gone ends it as a
fault of ours: a killed process loses the turn it was in, never the call.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, make_url

from call.errors import Ending, Party

CallDocument = dict[str, Any]

# A process says every few seconds that it lives; after a minute of silence it does not.
SAYS_IT_LIVES_EVERY_S = 10.0
GONE_AFTER_S = 60.0
DAY_S = 86400.0
# Two processes write at once: SQLite lets the second wait.
LOCK_WAIT_S = 10.0
CONNECT_WAIT_S = 5
MIGRATIONS = Path(__file__).parent / "migrations"
# Any number, the same in every process: whoever holds it migrates a Postgres.
_MIGRATION_LOCK = 0x0FF_400C
_ALEMBIC_IS_GLOBAL = threading.Lock()

_tables = sa.MetaData()
CALLS = sa.Table(
    "calls",
    _tables,
    sa.Column("call_id", sa.Text, primary_key=True),
    sa.Column("provider_call_id", sa.Text),
    sa.Column("started_at", sa.Double),
    sa.Column("written_at", sa.Double),
    sa.Column("duration_s", sa.Double),
    sa.Column("ending", sa.Text),
    sa.Column("fault_party", sa.Text),
    sa.Column("cost_usd", sa.Double),
    sa.Column("owner", sa.Text),
    sa.Column("document", sa.JSON().with_variant(postgresql.JSONB(), "postgresql")),
)
PROCESSES = sa.Table(
    "processes",
    _tables,
    sa.Column("owner", sa.Text, primary_key=True),
    sa.Column("seen_at", sa.Double),
)
SEQUELS = sa.Table(
    "sequels",
    _tables,
    sa.Column("provider_call_id", sa.Text, primary_key=True),
    sa.Column("written_at", sa.Double),
    sa.Column("document", sa.JSON().with_variant(postgresql.JSONB(), "postgresql")),
)
"""What came behind a call's stream, from whoever was asked: another process, or this one later."""
_WITH_SEQUEL = CALLS.outerjoin(
    SEQUELS,
    sa.and_(CALLS.c.provider_call_id == SEQUELS.c.provider_call_id, CALLS.c.provider_call_id != ""),
)


@dataclass(frozen=True)
class Store:
    """Where call records are kept, and how long."""

    url: str = "sqlite:///runs/offhook.db"
    """SQLAlchemy URL; a relative SQLite path counts from where the process was started. The secret
    DATABASE_URL goes before it. Empty keeps the newest calls in memory only."""
    keep_days: int = 30
    """Records older than this are deleted; 0 keeps them for ever. Keep no longer than you have a
    reason for: they say who called when, and what about."""

    def __post_init__(self) -> None:
        if self.keep_days < 0:
            raise ValueError(f"keep_days {self.keep_days} must not be below 0")
        if self.url:
            address(self.url)


def address(url: str) -> URL:
    """The URL as SQLAlchemy wants it; `postgres://` as hosts write it is understood."""
    try:
        parsed = make_url(url)
    except sa.exc.ArgumentError:
        raise ValueError("url is no database URL; write sqlite:///file or postgresql://…") from None
    if parsed.drivername in ("postgres", "postgresql"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "postgresql+psycopg"):
        raise ValueError(f"url names {parsed.drivername}; SQLite and Postgres are supported")
    return parsed


class CallStore:
    """The tables behind one URL, migrated when opened; usable from any thread."""

    def __init__(self, url: str) -> None:
        self._url = address(url)
        self._host = socket.gethostname()
        self.owner = f"{self._host}:{os.getpid()}:{secrets.token_hex(4)}"
        self._is_sqlite = self._url.get_backend_name() == "sqlite"
        if self._is_sqlite and self._url.database:
            Path(self._url.database).absolute().parent.mkdir(parents=True, exist_ok=True)
        wait = {"timeout": LOCK_WAIT_S} if self._is_sqlite else {"connect_timeout": CONNECT_WAIT_S}
        # Made once: what SQLAlchemy builds for `excluded` goes round in circles.
        self._upsert_calls = self._calls_replaced()
        self._upsert_sequels = self._sequels_joined()
        self._engine = sa.create_engine(
            self._url,
            connect_args=wait,
            pool_pre_ping=True,
            json_serializer=_json,
            json_deserializer=_read,
        )
        if self._is_sqlite:
            sa.event.listen(self._engine, "connect", _prepare_sqlite)
            sa.event.listen(self._engine, "begin", _begin_sqlite)
        try:
            self._migrate()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    # ── write ────────────────────────────────────────────────────────────────────────
    def write(self, documents: Sequence[CallDocument], *, now: float | None = None) -> None:
        """Keep documents under their `call_id`, all or none; a call written again is replaced."""
        if not documents:
            return
        at = time.time() if now is None else now
        rows = [self._row(document, at) for document in documents]
        with self._writing() as connection:
            connection.execute(self._upsert_calls, rows)

    def _row(self, document: CallDocument, now: float) -> dict[str, Any]:
        started = document.get("started_at")
        return {
            "call_id": document["call_id"],
            "provider_call_id": document.get("provider_call_id") or "",
            "started_at": datetime.fromisoformat(started).timestamp() if started else now,
            "written_at": now,
            "duration_s": document.get("duration_s") or 0.0,
            "ending": document.get("ending"),
            "fault_party": document.get("fault_party"),
            "cost_usd": document.get("cost_usd"),
            "owner": self.owner,
            "document": document,
        }

    def follow_up(self, sequels: Mapping[str, CallDocument], *, now: float | None = None) -> None:
        """Add what came behind the streams of calls, by the carrier's name for each."""
        at = time.time() if now is None else now
        rows = [
            {"provider_call_id": name, "written_at": at, "document": document}
            for name, document in sequels.items()
        ]
        if rows:
            with self._writing() as connection:
                connection.execute(self._upsert_sequels, rows)

    def forget(self, call_id: str) -> bool:
        """Delete everything kept of a call; whether there was anything."""
        ours = sa.select(CALLS.c.provider_call_id).where(
            CALLS.c.call_id == call_id, CALLS.c.provider_call_id != ""
        )
        with self._writing() as connection:
            connection.execute(SEQUELS.delete().where(SEQUELS.c.provider_call_id.in_(ours)))
            gone = connection.execute(CALLS.delete().where(CALLS.c.call_id == call_id))
            return bool(gone.rowcount)

    def forget_older(self, keep_days: int, *, now: float | None = None) -> int:
        """Delete the calls that ended and are older; how many."""
        before = (time.time() if now is None else now) - keep_days * DAY_S
        old = CALLS.delete().where(CALLS.c.started_at < before, CALLS.c.ending.is_not(None))
        with self._writing() as connection:
            connection.execute(SEQUELS.delete().where(SEQUELS.c.written_at < before))
            return int(connection.execute(old).rowcount)

    # ── processes that come and go ───────────────────────────────────────────────────
    def live(self, *, now: float | None = None) -> None:
        """Say that this process lives."""
        at = time.time() if now is None else now
        upsert = self._insert(PROCESSES).on_conflict_do_update(
            index_elements=["owner"], set_={"seen_at": at}
        )
        with self._writing() as connection:
            connection.execute(upsert, {"owner": self.owner, "seen_at": at})
            connection.execute(PROCESSES.delete().where(PROCESSES.c.seen_at < at - DAY_S))

    def end_orphans(self, *, now: float | None = None) -> list[str]:
        """End the calls of processes that are gone as our fault; their ids."""
        at = time.time() if now is None else now
        open_calls = sa.select(CALLS).where(CALLS.c.ending.is_(None))
        ended = []
        with self._writing() as connection:
            seen = {row.owner: row.seen_at for row in connection.execute(sa.select(PROCESSES))}
            for row in connection.execute(open_calls).all():
                if self._is_gone(row.owner, max(seen.get(row.owner, 0.0), row.written_at), at):
                    connection.execute(_end(row.call_id, _broken_off(row.document, row.written_at)))
                    ended.append(str(row.call_id))
        return ended

    def _is_gone(self, owner: str, seen_at: float, now: float) -> bool:
        """On this machine the process id tells; elsewhere, a long silence."""
        if owner == self.owner:
            return False
        host, pid, _ = owner.rsplit(":", 2)
        if host == self._host and (int(pid) == os.getpid() or not _runs(int(pid))):
            return True
        return now - seen_at > GONE_AFTER_S

    # ── read ─────────────────────────────────────────────────────────────────────────
    def get(self, call_id: str) -> CallDocument | None:
        """The document of one call, running or over."""
        query = _documents().where(CALLS.c.call_id == call_id)
        with self._reading() as connection:
            row = connection.execute(query).first()
            return None if row is None else _whole(row)

    def of_carrier(self, provider_call_id: str) -> CallDocument | None:
        """The document of the call that the carrier names so; the newest, should it name two."""
        query = _documents().where(CALLS.c.provider_call_id == provider_call_id)
        with self._reading() as connection:
            row = connection.execute(query.order_by(CALLS.c.started_at.desc())).first()
            return None if row is None else _whole(row)

    def newest(
        self, limit: int = 100, *, since: float = 0.0, until: float = float("inf")
    ) -> list[CallDocument]:
        """Calls that are over and began in [since, until), wall time; newest first."""
        query = _documents().where(CALLS.c.ending.is_not(None))
        query = query.where(CALLS.c.started_at >= since, CALLS.c.started_at < min(until, 1e12))
        query = query.order_by(CALLS.c.started_at.desc(), CALLS.c.call_id.desc()).limit(limit)
        with self._reading() as connection:
            return [_whole(row) for row in connection.execute(query)]

    # ── statements ───────────────────────────────────────────────────────────────────
    def _calls_replaced(self) -> Any:
        insert = self._insert(CALLS)
        replaced = {c.name: insert.excluded[c.name] for c in CALLS.c if c.name != "call_id"}
        return insert.on_conflict_do_update(index_elements=["call_id"], set_=replaced)

    def _sequels_joined(self) -> Any:
        insert = self._insert(SEQUELS)
        old, new = SEQUELS.c.document, insert.excluded.document
        both = sa.func.json_patch(old, new) if self._is_sqlite else old.op("||")(new)
        return insert.on_conflict_do_update(
            index_elements=["provider_call_id"],
            set_={"document": both, "written_at": insert.excluded.written_at},
        )

    # ── connections ──────────────────────────────────────────────────────────────────
    def _insert(self, table: sa.Table) -> Any:
        """An insert that can replace; both databases have it, under the same name."""
        return sqlite.insert(table) if self._is_sqlite else postgresql.insert(table)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._engine.connect().execution_options(reads_only=True) as connection:
            yield connection

    def _migrate(self) -> None:
        """Bring the tables up to date; processes that start together wait for each other."""
        from alembic import command
        from alembic.config import Config

        logging.getLogger("alembic").setLevel(logging.WARNING)
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
        config.set_main_option("path_separator", "os")
        with _ALEMBIC_IS_GLOBAL, self._writing() as connection:
            if not self._is_sqlite:  # SQLite's transaction is a lock already
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
            config.attributes["connection"] = connection
            command.upgrade(config, "head")


def _documents() -> sa.Select[Any]:
    """Calls, each with its sequel."""
    columns = (CALLS.c.document, SEQUELS.c.document.label("sequel"))
    return sa.select(*columns).select_from(_WITH_SEQUEL)


def _whole(row: sa.Row[Any]) -> CallDocument:
    return {**row.document, **(row.sequel or {})}


def _json(document: Any) -> str:
    """A NUL, which Postgres refuses inside a document, becomes the sign for what cannot be shown.
    The escapes are of one length, so an escaped backslash before one stays what it was."""
    return json.dumps(document).replace("\\u0000", "\\ufffd")


def _read(text: str) -> Any:
    """A hundred long calls are read in a tenth of a second: the other threads have their turn."""
    document = json.loads(text)
    time.sleep(0)
    return document


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    """Transactions are ours to begin; readers never wait for a writer."""
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


def _begin_sqlite(connection: Connection) -> None:
    """A writer takes its lock at once: taken later, two of them could not wait for each other."""
    reads_only = connection.get_execution_options().get("reads_only", False)
    connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")


def _end(call_id: str, document: CallDocument) -> sa.Update:
    change = CALLS.update().where(CALLS.c.call_id == call_id, CALLS.c.ending.is_(None))
    return change.values(
        document=document,
        ending=document["ending"],
        fault_party=document["fault_party"],
        duration_s=document["duration_s"],
    )


def _broken_off(document: Mapping[str, Any], written_at: float) -> CallDocument:
    """The record as it was last written, ended there."""
    ended = datetime.fromtimestamp(written_at, UTC)
    started = document.get("started_at")
    lasted_s = (ended - datetime.fromisoformat(started)).total_seconds() if started else 0.0
    return {
        **document,
        "ending": Ending.FAULT.value,
        "fault_party": Party.US.value,
        "ended_at": ended.isoformat(),
        "duration_s": round(max(0.0, lasted_s), 3),
    }


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's, but there
    return True
