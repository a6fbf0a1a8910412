"""A real Postgres for the length of a test session, in a folder of its own, on a Unix socket."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.needs import need

READY_S = 60


@contextmanager
def cluster() -> Iterator[Path]:
    """The folder of the server's socket; everything goes again with the block."""
    initdb, server = (need(name, package="postgresql") for name in ("initdb", "pg_ctl"))
    folder = Path(tempfile.mkdtemp(prefix="offhook-pg-", dir="/tmp"))
    who = _somebody(folder)
    data = folder / "data"
    quiet = {"stdout": subprocess.DEVNULL, "user": who, "cwd": folder, "check": True}
    try:
        subprocess.run([initdb, "-D", data, "-U", "offhook", "-A", "trust", "-N"], **quiet)  # type: ignore[call-overload]
        options = f"-k {folder} -c listen_addresses='' -c fsync=off -c max_connections=30"
        start = [server, "-D", data, "-o", options, "-w", "-t", str(READY_S), "-l", folder / "log"]
        subprocess.run([*start, "start"], **quiet)  # type: ignore[call-overload]
        try:
            yield folder
        finally:
            subprocess.run([server, "-D", data, "-m", "immediate", "stop"], **quiet)  # type: ignore[call-overload]
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def new_database(folder: Path, name: str) -> str:
    """An empty database's URL, as a hosting provider would write it."""
    with psycopg.connect(host=str(folder), user="offhook", dbname="postgres", autocommit=True) as c:
        c.execute(f'CREATE DATABASE "{name}"'.encode())
    return f"postgres://offhook@/{name}?host={folder}"


def _somebody(folder: Path) -> str | None:
    """Postgres refuses to run as root."""
    if os.getuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    who = "postgres" if "postgres" in names else "nobody"
    shutil.chown(folder, who)
    return who
