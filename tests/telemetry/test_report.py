"""The page a call leaves behind stands alone and tells what was heard."""

from __future__ import annotations

import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from telemetry.report import bars, heard_split, lanes, write_report

pytestmark = pytest.mark.rule

RECORD: dict[str, Any] = {
    "call_id": "c1",
    "started_at": "2026-01-01T10:00:00Z",
    "wire": "twilio",
    "from": "+1•••42",
    "to": "+1•••00",
    "duration_s": 4.0,
    "ending": "caller_hung_up",
    "counters": {"interruptions": 1},
    "turns": [
        {
            "turn": 1,
            "caller_text": "<script>alert(1)</script>",
            "confidence": 0.93,
            "agent_text": "We open at eight. We close at six.",
            "heard_text": "We open at eight.",
            "interrupted": True,
            "end_to_end_s": 0.4,
            "endpoint_s": 0.1,
            "stt_final_s": None,
            "llm_first_token_s": 0.1,
            "tts_first_byte_s": 0.1,
            "critical_path": [["endpoint", 0.1], ["llm", 0.3]],
            "slowest": "llm",
        }
    ],
}


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "recording.wav"
    silence, tone = np.zeros(8000), 8000 * np.sin(np.arange(8000))
    samples = np.stack([np.r_[tone, silence], np.r_[silence, tone]], axis=1).astype("<i2")
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(2)
        wav.setsampwidth(2)
        wav.setframerate(8000)
        wav.writeframes(samples.tobytes())
    return path


def test_the_page_needs_nothing_from_outside(tmp_path: Path, recording: Path):
    """No script, no link, no image from anywhere; what callers said cannot run."""
    page = tmp_path / "report.html"
    write_report(RECORD, page, recording=recording)
    text = page.read_text()
    assert "http://" not in text and "https://" not in text
    assert "<script" not in text and "&lt;script&gt;" in text
    assert "400 ms" in text


def test_unheard_words_are_marked(tmp_path: Path):
    """What the caller never heard is struck out."""
    page = tmp_path / "report.html"
    write_report(RECORD, page)
    assert "We close at six." in page.read_text().split('class="unheard"')[1]


def test_both_lanes_show_who_was_loud_when(recording: Path):
    """The caller's second is the first, the agent's the last."""
    (caller, agent), length_s = lanes(recording)
    assert length_s == 2.0
    assert (caller.name, agent.name) == ("caller", "agent")
    assert caller.path.startswith("M 0,") and not caller.path.startswith("M 0,35.0")
    assert agent.path.startswith("M 0,35.0")


def test_bars_share_the_whole_width():
    """Shares add up to all of it."""
    shares = [bar["percent"] for bar in bars(RECORD["turns"][0])]
    assert shares == [25.0, 75.0]
    assert bars({"critical_path": []}) == []


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        ({"agent_text": "A b.", "heard_text": "A b."}, ("A b.", "")),
        ({"agent_text": "A b.", "heard_text": "A", "interrupted": True}, ("A", "b.")),
        ({"agent_text": "A b.", "heard_text": "", "interrupted": True}, ("", "A b.")),
    ],
)
def test_said_splits_into_heard_and_unheard(turn: dict[str, object], expected: tuple[str, str]):
    """The split is by what was heard, not by what was sent."""
    assert heard_split(turn) == expected
