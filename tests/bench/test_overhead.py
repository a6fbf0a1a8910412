"""The overhead is a ratio of the two bots round by round; the bare bot really counts nothing."""

from __future__ import annotations

import pytest

from bench.bare_bot import BareRecorder, BareRecords
from bench.overhead import Counted, report
from call.measures import INTERRUPTIONS, Moment
from telemetry.events import EventHub
from telemetry.metrics import Metrics

pytestmark = pytest.mark.rule


def test_the_figure_is_the_median_of_the_rounds() -> None:
    """A round in which the machine did something else does not decide it."""
    counted = Counted("with", "", "", [1.02, 1.03, 3.0])
    bare = Counted("without", "", "", [1.0, 1.0, 1.0])
    text, overhead = report([counted, bare])
    assert overhead == pytest.approx(0.03)
    assert "| with | 1.030 (3) |" in text
    assert "median 3.0% of a call, rounds 2.0% to 200.0%" in text


def test_the_bare_bot_counts_and_keeps_nothing() -> None:
    """Else the comparison would compare nothing."""
    metrics = Metrics()
    recorder = BareRecorder("c", hub=EventHub(), metrics=metrics)
    recorder.count(INTERRUPTIONS)
    recorder.moment(Moment.SPEECH_STARTED, 1.0)
    recorder.words("caller", "hello", final=True)
    records = BareRecords()
    records.put({"call_id": "c"})
    assert recorder.counters == {}
    assert recorder.timeline.records == []
    assert records.newest() == []
    assert "offhook_interruptions_total 0.0" in metrics.page()[0].decode()
