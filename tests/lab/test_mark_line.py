"""What a bad line does to the echoes of marks."""

from __future__ import annotations

import pytest

from lab.impairments import Impairments, parse
from lab.mark_line import SWAPPED_BY_S, MarkLine
from lab.playout import Mark

pytestmark = pytest.mark.rule

MARKS = [Mark(str(n), n * 0.25, n * 0.25, "played") for n in range(400)]


def echoed(bad: Impairments) -> list[tuple[float, str]]:
    """Every echo that arrives, and when."""
    line, arrived = MarkLine(bad, seed=1), []
    for mark in MARKS:
        while (due := line.next_due_at) is not None and due < mark.due_at:
            arrived += [(due, echo.name) for echo in line.due(now=due)]
        line.put(mark, now=mark.due_at)
    while (due := line.next_due_at) is not None:
        arrived += [(due, echo.name) for echo in line.due(now=due)]
    return arrived


def test_a_good_line_echoes_each_at_once() -> None:
    """In order."""
    assert echoed(Impairments()) == [(mark.due_at, mark.name) for mark in MARKS]


def test_some_are_lost() -> None:
    """About the share that was asked for."""
    assert 240 < len(echoed(Impairments(marks_lost=0.3))) < 320


def test_late_ones_keep_their_order() -> None:
    """None is early."""
    found = echoed(Impairments(marks_late_s=0.6))
    assert [name for _, name in found] == [mark.name for mark in MARKS]
    lateness = [at - mark.due_at for (at, _), mark in zip(found, MARKS, strict=True)]
    assert min(lateness) >= 0 and 0.3 < max(lateness) <= 0.6 + 1e-9


def test_some_are_overtaken() -> None:
    """By one or two others; none is lost."""
    found = [int(name) for _, name in echoed(Impairments(marks_swapped=0.2))]
    assert sorted(found) == list(range(400)) != found
    assert max(abs(place - n) for place, n in enumerate(found)) <= SWAPPED_BY_S // 0.25 + 1


def test_they_are_asked_for_by_name() -> None:
    """As the other impairments of a line."""
    bad = parse(["marks_lost=0.3", "marks_late=0.25", "marks_swapped=0.2"])
    assert bad == Impairments(marks_lost=0.3, marks_late_s=0.25, marks_swapped=0.2)
