"""Both databases that call records may live in, as real servers."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.telemetry.postgres import cluster, new_database


@pytest.fixture(scope="session")
def postgres() -> Iterator[Path]:
    """One server for the session."""
    with cluster() as folder:
        yield folder


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database, of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/deep/calls.db"
    return new_database(request.getfixturevalue("postgres"), f"t{uuid.uuid4().hex}")
