"""What every test may lean on: one unit of time, a patient poll, and a guard against the real
world."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

# One unit scales every wait of the suite; slow machines set OFFHOOK_TEST_TICK.
TICK = float(os.environ.get("OFFHOOK_TEST_TICK", "0.01"))

MARKERS = {"rule", "frame", "wire", "provider", "call", "live"}
SHARED_AUDIO = Path(__file__).resolve().parents[2] / "shared" / "audio"

# A loaded machine is no reason to call a property false, or its examples slow.
hypothesis.settings.register_profile(
    "offhook", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("offhook")

# Pipecat prints the whole conversation at DEBUG unless told not to; tests run as production does.
os.environ.setdefault("PIPECAT_LOG_LLM_CONTEXT", "off")


async def eventually(
    is_true: Callable[[], object], *, ticks: int = 1500, what: str = "condition"
) -> None:
    """Poll until `is_true()`; fail by name after `ticks` ticks."""
    for _ in range(ticks):
        if is_true():
            return
        await asyncio.sleep(TICK)
    raise AssertionError(f"never happened: {what}")


@pytest.fixture(scope="session")
def shared_audio() -> Path:
    """The folder of real speech beside the project; tests that need it skip where it is absent."""
    if not (SHARED_AUDIO / "MANIFEST.json").is_file():
        pytest.skip("real audio is not beside this checkout (../shared/audio)")
    return SHARED_AUDIO


@pytest.hookimpl(trylast=True)  # behind whoever shuffles
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each test module says which kind it is; collection fails without. Whole calls come first, the
    longest foremost, by the time they are given: they wait more than they compute, and what is
    short fills the gaps they leave and the end."""
    for item in items:
        kinds = MARKERS & {mark.name for mark in item.iter_markers()}
        if len(kinds) != 1:
            raise pytest.UsageError(f"{item.nodeid}: needs exactly one marker of {sorted(MARKERS)}")
    items.sort(key=_turn_in_line)


def _turn_in_line(item: pytest.Item) -> tuple[bool, float]:
    module = item.getparent(pytest.Module) or item
    given = module.get_closest_marker("timeout")
    return module.get_closest_marker("call") is None, -float(given.args[0] if given else 0)


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No test reaches a real provider: any connect off this machine fails."""
    real_connect = socket.socket.connect

    def connect(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else ""
        if self.family in (socket.AF_INET, socket.AF_INET6) and not (
            str(host).startswith("127.") or host in ("::1", "localhost", "0.0.0.0")
        ):
            raise AssertionError("a test tried to leave this machine")
        real_connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", connect)
    yield
