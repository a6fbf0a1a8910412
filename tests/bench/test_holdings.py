"""What a process holds, and what of it was left behind."""

from __future__ import annotations

import pytest

from bench.holdings import holdings, left_behind

pytestmark = pytest.mark.rule

METRICS = """
# HELP offhook_process_tasks Tasks
offhook_process_tasks 14
offhook_process_threads 5
offhook_process_open_files 32
offhook_process_memory_bytes 2e+08
offhook_pool_waiting 2
offhook_active_calls 0
offhook_turns_total{kind="x y"} 3
"""


def test_sockets_that_wait_for_callers_are_not_counted() -> None:
    """They are held on purpose."""
    assert holdings(METRICS) == {
        "tasks": 12.0, "threads": 5.0, "open_files": 30.0, "memory_bytes": 2e8, "active_calls": 0.0,
    }  # fmt: skip


def test_what_is_held_afterwards_and_was_not_before_is_left_behind() -> None:
    """But for an idle connection a call, and a task more or less."""
    before = holdings(METRICS)
    rested = before | {"tasks": 13.0, "open_files": 33.0, "memory_bytes": 3e8}
    assert left_behind(before, rested, calls=3) == {}
    leaky = rested | {"tasks": 14.0, "open_files": 34.0}
    assert left_behind(before, leaky, calls=3) == {"tasks": 2.0, "open_files": 4.0}
