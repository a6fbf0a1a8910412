"""Workers are copies of a process that has imported everything and started nothing."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import Any

import pytest

from tests.calls.house import ROOT

pytestmark = [pytest.mark.wire, pytest.mark.timeout(60)]

Told = tuple[dict[str, Any], str]

# In a process of its own: this one has threads, and must not be copied.
STORY = """
    import json, os, signal, socket, sys, time
    from bot import zygote

    def work(talk, connections):
        loaded = "json" in sys.modules
        talk.sendall(json.dumps([os.getpid(), os.getppid(), loaded]).encode() + b"\\n")
        order = talk.recv(10)
        if order == b"crash":
            raise RuntimeError("as it happens")
        return 0

    nest = zygote.start(work)
    first, second = nest.bear(), nest.bear()
    told = [json.loads(each.talk.makefile().readline()) for each in (first, second)]
    second.talk.sendall(b"crash")
    over = second.talk.recv(1)  # its end is the other's death
    third = nest.bear()
    told.append(json.loads(third.talk.makefile().readline()))
    pids = [each.pid for each in (first, second, third)]
    first.talk.close()
    third.talk.close()
    other = zygote.start(work)
    os.kill(other.pid, signal.SIGKILL)
    os.waitpid(other.pid, 0)
    try:
        other.bear()
        lost = ""
    except zygote.ZygoteGone as error:
        lost = str(error)
    nest.close()
    try:
        os.kill(nest.pid, 0)
        gone = False
    except ProcessLookupError:
        gone = True
    print(json.dumps({"told": told, "pids": pids, "nest": nest.pid, "over": over.decode(),
                      "gone": gone, "lost": lost}))
"""


@pytest.fixture(scope="module")
def told() -> Told:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(STORY)],
        cwd=ROOT, capture_output=True, text=True, timeout=50, check=True,
    )  # fmt: skip
    return json.loads(done.stdout), done.stderr


def test_each_worker_is_a_copy_with_everything_imported(told: Told) -> None:
    """Their parent is the zygote, which knows their ids."""
    story, _ = told
    assert [pid for pid, _, _ in story["told"]] == story["pids"]
    assert {parent for _, parent, _ in story["told"]} == {story["nest"]}
    assert all(loaded for _, _, loaded in story["told"])


def test_a_crash_is_seen_as_an_end_and_another_can_be_born(told: Told) -> None:
    """The traceback is told; the neighbours and the zygote live on."""
    story, errors = told
    assert story["over"] == ""
    assert len(set(story["pids"])) == 3
    assert "RuntimeError: as it happens" in errors


def test_the_zygote_goes_when_the_front_does(told: Told) -> None:
    """Nothing stays behind."""
    assert told[0]["gone"] is True


def test_a_zygote_that_is_gone_is_told_in_one_line(told: Told) -> None:
    """Nobody waits for a worker that cannot be born."""
    assert told[0]["lost"] == "the process that workers are copied from is gone"
