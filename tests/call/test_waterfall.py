"""Where a turn's time went."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.measures import Moment
from call.waterfall import critical_path

pytestmark = pytest.mark.rule

M = Moment


def test_each_stage_ends_at_its_moment() -> None:
    """In the order of a plain turn."""
    moments = [
        (10.1, M.STT_FINAL),
        (10.3, M.TURN_DECIDED),
        (10.301, M.LLM_REQUEST),
        (10.42, M.LLM_FIRST_TOKEN),
        (10.5, M.CLAUSE_SENT),
        (10.6, M.TTS_FIRST_BYTE),
        (10.602, M.FIRST_AUDIO),
    ]
    assert critical_path(10.0, moments) == [
        ("stt", 100_000),
        ("endpoint", 200_000),
        ("context", 1_000),
        ("llm", 119_000),
        ("clause", 80_000),
        ("tts", 100_000),
        ("wire", 2_000),
    ]


def test_a_tool_has_a_stage_and_the_model_runs_twice() -> None:
    """The first request's time up to the call is the model's."""
    moments = [
        (1.0, M.TURN_DECIDED),
        (1.0, M.LLM_REQUEST),
        (1.2, M.LLM_FIRST_TOKEN),
        (1.3, M.TOOL_STARTED),
        (1.8, M.TOOL_ENDED),
        (1.8, M.LLM_REQUEST),
        (2.0, M.LLM_FIRST_TOKEN),
        (2.1, M.CLAUSE_SENT),
        (2.2, M.TTS_FIRST_BYTE),
        (2.2, M.FIRST_AUDIO),
    ]
    stages = [stage for stage, _ in critical_path(1.0, moments)]
    assert stages == [
        "endpoint",
        "context",
        "llm",
        "tool",
        "context",
        "llm",
        "clause",
        "tts",
        "wire",
    ]


def test_later_clauses_are_not_on_the_path() -> None:
    """Only the first of each counts until the first audio, and nothing after it."""
    moments = [
        (1.1, M.CLAUSE_SENT),
        (1.2, M.CLAUSE_SENT),
        (1.3, M.FIRST_AUDIO),
        (1.4, M.TTS_FIRST_BYTE),
        (1.5, M.FIRST_AUDIO),
        (0.9, M.TURN_DECIDED),
        (1.25, M.REPLY_HEARD),
    ]
    assert critical_path(1.0, moments) == [("clause", 100_000), ("wire", 200_000)]


def test_a_tool_beside_the_first_words_is_not_on_the_path() -> None:
    """ "Let me check" is spoken while the tool runs; nobody waits for the tool."""
    moments = [
        (1.1, M.LLM_FIRST_TOKEN),
        (1.2, M.CLAUSE_SENT),
        (1.25, M.TOOL_STARTED),
        (1.3, M.TOOL_ENDED),
        (1.3, M.LLM_REQUEST),
        (1.4, M.TTS_FIRST_BYTE),
        (1.4, M.FIRST_AUDIO),
    ]
    path = critical_path(1.0, moments)
    assert path == [("llm", 100_000), ("clause", 100_000), ("tts", 200_000), ("wire", 0)]


@pytest.mark.parametrize(
    ("zero", "moments"),
    [(None, [(1.0, M.FIRST_AUDIO)]), (1.0, [(1.1, M.CLAUSE_SENT)]), (2.0, [(1.0, M.FIRST_AUDIO)])],
)
def test_without_a_beginning_or_an_end_there_is_no_path(
    zero: float | None, moments: list[tuple[float, Moment]]
) -> None:
    """Nor if the end lies before the beginning."""
    assert critical_path(zero, moments) == []


@given(
    st.floats(0, 1e6),
    st.lists(st.tuples(st.floats(-2, 20), st.sampled_from(list(Moment))), max_size=30),
)
def test_any_order_of_moments_tiles_the_whole(
    zero: float, offsets: list[tuple[float, Moment]]
) -> None:
    """Every stage takes its time, and together they are the time to the first audio."""
    moments = [(zero + offset, moment) for offset, moment in offsets]
    path = critical_path(zero, moments)
    firsts = [at for at, moment in moments if moment is M.FIRST_AUDIO]
    if not firsts or min(firsts) < zero:
        assert path == []
        return
    assert all(us >= 0 for _, us in path)
    assert sum(us for _, us in path) == round((min(firsts) - zero) * 1e6)
    assert all(a != b for (a, _), (b, _) in zip(path, path[1:], strict=False))


def test_what_ran_before_the_decision_ran_beside_it() -> None:
    """Its rest is a stage of its own."""
    ahead = [(0.01, M.LLM_REQUEST), (0.11, M.LLM_FIRST_TOKEN), (0.14, M.CLAUSE_SENT)]
    behind = [(0.2, M.TURN_DECIDED), (0.24, M.TTS_FIRST_BYTE), (0.25, M.FIRST_AUDIO)]
    assert critical_path(0.0, [*ahead, *behind]) == [
        ("endpoint", 200_000),
        ("tts", 40_000),
        ("wire", 10_000),
    ]


def test_a_holding_phrase_is_the_models_time() -> None:
    """What the caller waited for, before the phrase, was the model."""
    path = critical_path(
        1.0,
        [
            (1.1, M.TURN_DECIDED),
            (1.2, M.LLM_REQUEST),
            (2.8, M.CLAUSE_SENT),
            (2.9, M.TTS_FIRST_BYTE),
            (3.0, M.FIRST_AUDIO),
        ],
    )
    assert path == [
        ("endpoint", 100_000),
        ("context", 100_000),
        ("llm", 1_600_000),
        ("tts", 100_000),
        ("wire", 100_000),
    ]
