"""The curve of onsets: a voice is noticed, sooner with fewer windows; silence is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench.manners_audio import Span, Talk, telephone
from bench.manners_onsets import delay_s, holds_a_minute, measure, section
from call.audio import RATE_HZ
from lab.loudness import decode
from lab.mouth import Clips
from processors.vad import WINDOW_S, Vad

pytestmark = pytest.mark.rule


def test_fewer_windows_notice_a_voice_sooner() -> None:
    """Within their own length of each other, and not before it began."""
    clip = Clips()["parking"]
    lead = np.zeros(RATE_HZ)
    voice = decode(clip.sound)[int(clip.starts_s * RATE_HZ) :].astype(np.float64)
    spans = (Span(1.0, 1.0 + len(voice) / RATE_HZ),)
    talk = Talk("parking", "sentence", False, telephone(voice, noise=lead), spans)
    one, three = (delay_s(talk, replace(Vad(), onset_s=n * WINDOW_S)) for n in (1, 3))
    assert one is not None and three is not None
    assert 0 < one < three < 0.5


def test_a_silent_line_holds_nobody_and_no_line_is_no_figure() -> None:
    """A rate of nothing is none."""
    hush = np.random.default_rng(1).normal(0, 1, RATE_HZ * 2)
    assert holds_a_minute([hush], Vad(), dbfs=-60) == 0
    assert holds_a_minute([], Vad(), dbfs=-36) is None


def test_the_table_marks_what_we_run(shared_audio: Path) -> None:
    """And says how much it has listened to."""
    text = "\n".join(section(measure(quick=True, folder=shared_audio)))
    assert text.count("(ours)") == 1
    assert "2 × 32 ms, 0.45 (ours)" in text
    assert "one hold is" in text
