"""What a person watching the terminal sees of a call."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console, RenderableType

from telemetry.live import CallView, plain, receipt, render, waterfall

pytestmark = pytest.mark.rule

TURN = {
    "turn": 2,
    "end_to_end_s": 0.3,
    "endpoint_s": 0.06,
    "stt_final_s": 0.07,
    "llm_first_token_s": 0.11,
    "tts_first_byte_s": None,
    "critical_path": [("endpoint", 0.1), ("llm", 0.2)],
    "slowest": "llm",
}
STORY = [
    {"type": "call.started", "call_id": "c1", "t": 0.0},
    {"type": "agent.clause", "t": 0.1, "text": "Hello there."},
    {"type": "agent.heard", "t": 1.0, "text": "Hello there."},
    {"type": "caller.speaking", "t": 2.0},
    {"type": "caller.words", "t": 2.5, "text": "what are", "final": False},
    {"type": "caller.words", "t": 3.0, "text": "what are your hours", "final": True},
    {"type": "caller.silent", "t": 3.1},
    {"type": "turn", "t": 3.4, "turn": TURN},
    {"type": "interruption", "t": 4.0},
    {"type": "tool", "t": 4.1, "name": "find_slots", "outcome": "ok"},
    {"type": "fault", "t": 4.2, "provider": "elevenlabs", "fault": "ProviderBusy"},
    {"type": "somebody.elses.news", "t": 4.3},
    {"type": "call.ended", "t": 5.0},
]


def shown(renderable: RenderableType) -> str:
    screen = StringIO()
    Console(file=screen, width=110).print(renderable)
    return screen.getvalue()


def told() -> CallView:
    view = CallView()
    for event in STORY:
        view.apply(event)
    return view


def test_the_screen_tells_the_story_of_the_call():
    """Words of both, the interruption, the tool, the fault and the turn's time are all there."""
    screen = shown(render(told()))
    for part in ("c1", "what are your hours", "Hello there.", "interrupts", "find_slots"):
        assert part in screen
    assert "300 ms" in screen
    assert "elevenlabs: ProviderBusy" in screen


def test_interim_words_are_replaced_not_repeated():
    """One utterance is one line."""
    lines = [line for line in told().lines if line.party == "caller"]
    assert [line.text for line in lines] == ["what are your hours"]


def test_a_clause_is_grey_until_its_mark_came_back():
    """Said is not heard."""
    view = CallView()
    view.apply(STORY[1])
    assert not view.lines[0].is_heard
    view.apply(STORY[2])
    assert view.lines[0].is_heard


def test_a_waterfall_gives_each_stage_its_share_of_cells():
    """20 ms a cell: 100 ms are five, 200 ms are ten."""
    bar = waterfall(TURN)
    assert [span.end - span.start for span in bar.spans] == [5, 10]


def test_a_pipe_gets_one_line_for_each_thing_worth_telling():
    """Interim words and speaking marks are not worth a line."""
    lines = [line for line in map(plain, STORY) if line]
    assert len(lines) == 6
    assert any("answered in 300 ms = endpoint 100 + llm 200" in line for line in lines)


def test_the_receipt_shows_ending_counters_and_five_numbers():
    """An unknown number is a dash, never a zero."""
    text = shown(
        receipt(
            {
                "call_id": "c1",
                "duration_s": 61.2,
                "ending": "agent_said_goodbye",
                "counters": {"interruptions": 1, "sheds": 0},
                "turns": [TURN],
            }
        )
    )
    assert "agent_said_goodbye" in text
    assert "interruptions 1" in text and "sheds" not in text
    assert "110" in text and "–" in text
