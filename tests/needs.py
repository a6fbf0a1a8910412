"""Programs that some tests drive: where they are absent the test skips; in CI it fails."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest


def need(program: str, *, package: str) -> str:
    """The path of a program, or a skip that says which Debian package brings it."""
    found = shutil.which(program) or _of_postgres(program)
    if found:
        return found
    reason = f"{program} is not installed (Debian: apt install {package})"
    if os.environ.get("OFFHOOK_TEST_NO_SKIPS"):
        pytest.fail(reason)
    pytest.skip(reason)


def _of_postgres(program: str) -> str | None:
    """Debian keeps the server's programs out of PATH."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"))
    return str(installed[-1]) if installed else None
