"""The table of waiting connections: medians and their ratio, of beginnings that happened."""

from __future__ import annotations

import argparse

import pytest

from bench.warmth import Waits, report, wires
from tests.services.stage import serve

pytestmark = pytest.mark.provider


def test_the_ratio_is_that_of_the_medians() -> None:
    """One slow beginning does not decide it."""
    warm = Waits("with", {"voice": [0.1, 0.1, 9.0]})
    cold = Waits("without", {"voice": [0.2, 0.2, 0.2]})
    assert "| voice | 100 | 200 | 0.50 | 3 + 3 |" in report([warm, cold])


async def test_a_socket_that_waited_spares_the_handshake() -> None:
    """The recogniser answers and the voice sounds sooner by what a connection takes."""
    async with serve() as lab:
        lab.world.knobs.network.handshake_s = 0.4
        warm, cold = await wires(argparse.Namespace(rounds=1), url=lab.url)
    for what in ("recogniser", "voice"):
        assert warm.seconds[what][0] < cold.seconds[what][0]
