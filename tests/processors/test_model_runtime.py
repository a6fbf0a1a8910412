"""The library that runs the models keeps its vendor's reports to itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.frame, pytest.mark.timeout(60)]

ROOT = Path(__file__).resolve().parents[2]
LOAD = "import bot.exchange; from processors.vad import preload; preload()"


def test_nothing_is_gathered_about_the_models_use(tmp_path: Path) -> None:
    """No device id, no store of events, and so no thread that sends them: ONNX Runtime makes them
    in the home directory unless it is told not to before it is imported."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", LOAD], cwd=ROOT, env=environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert [path for path in tmp_path.rglob("*") if "onnx" in path.name.lower()] == []
