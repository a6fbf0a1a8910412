"""Fixtures of the services' tests: a lab, and a recorder that remembers."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.services.stage import Lab, Notes, serve


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    """A lab without delays, on a free port."""
    async with serve() as lab:
        yield lab


@pytest.fixture
def notes() -> Notes:
    """An empty recorder."""
    return Notes()
