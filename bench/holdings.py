"""What a bot's process holds: read from its own gauges, compared once nobody calls any more."""

from __future__ import annotations

from collections.abc import Mapping

HELD = ("tasks", "threads", "open_files", "memory_bytes")


def holdings(metrics: str) -> dict[str, float]:
    """From the text of `/metrics`: HELD and `active_calls`. Sockets that wait for the next callers
    are on purpose: a task and an open file each, which are not counted."""
    told = dict(line.rsplit(" ", 1) for line in metrics.splitlines() if line[:1].isalpha())
    held = {name: float(told[f"offhook_process_{name}"]) for name in HELD}
    for name in ("tasks", "open_files"):
        held[name] -= float(told["offhook_pool_waiting"])
    return held | {"active_calls": float(told["offhook_active_calls"])}


def left_behind(
    before: Mapping[str, float], after: Mapping[str, float], *, calls: int
) -> dict[str, float]:
    """What is held that was not, and how much more: a process at rest has one task or thread more
    or less, and an idle connection to the model for each of `calls` there were at once."""
    spared = {"tasks": 1, "threads": 1, "open_files": calls}
    more = {name: after[name] - before[name] for name in spared}
    return {name: more[name] for name, most in spared.items() if more[name] > most}
