"""A call's last word is kept for the carrier."""

from __future__ import annotations

import asyncio

import pytest

from bot import afterwards as module
from bot.afterwards import Afterwards
from call.way_out import BROKEN, After, Step

pytestmark = pytest.mark.wire

GOODBYE = After(Step.HANG_UP)


def test_a_call_that_left_no_word_broke():
    """And stays so until it leaves one; the newest counts."""
    words = Afterwards()
    assert words.of("CA1") is BROKEN
    words.decide("CA1", BROKEN)
    words.decide("CA1", GOODBYE)
    assert words.of("CA1") is words.of("CA1") is GOODBYE


def test_only_the_newest_are_kept(monkeypatch: pytest.MonkeyPatch):
    """A process that lives for months forgets."""
    monkeypatch.setattr(module, "KEPT", 2)
    words = Afterwards()
    for name in ("CA1", "CA2", "CA3"):
        words.decide(name, GOODBYE)
    assert [words.of(name) for name in ("CA1", "CA2", "CA3")] == [BROKEN, GOODBYE, GOODBYE]


async def test_a_process_that_goes_down_waits_until_the_carrier_has_asked():
    """For these calls, and no longer."""
    words = Afterwards()
    for name in ("CA1", "CA2", "CA3"):
        words.decide(name, BROKEN)
    waiting = asyncio.create_task(words.until_asked(["CA1", "CA2", "browser"], within_s=30))
    for name in ("CA1", "CA2"):
        await asyncio.sleep(0)
        assert not waiting.done()
        words.of(name)
    await waiting


async def test_a_carrier_that_does_not_ask_is_not_waited_for():
    """The number's fallback answers then."""
    words = Afterwards()
    words.decide("CA1", BROKEN)
    await words.until_asked(["CA1"], within_s=0.01)
