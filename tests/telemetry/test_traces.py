"""A call's trace has a span a turn and a child a stage, tiled like the turn, without a word."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from telemetry.traces import CallTrace, Telemetry, Traces

pytestmark = pytest.mark.rule

SECRETS = ("My card is blue", "Your card is red", "Your card")
TURN: dict[str, Any] = {
    "turn": 2,
    "caller_text": SECRETS[0],
    "agent_text": SECRETS[1],
    "heard_text": SECRETS[2],
    "confidence": 0.93,
    "interrupted": True,
    "models": ["claude-haiku-4-5"],
    "provider_by_clause": ["elevenlabs", "cartesia"],
    "at_s": 10.0,
    "llm_first_token_s": 0.2,
    "end_to_end_s": 0.6,
    "slowest": "llm",
    "critical_path": [["stt", 0.1], ["endpoint", 0.05], ["llm", 0.25], ["tts", 0.2]],
}


def spans_of(turns: list[dict[str, Any]], **record: Any) -> list[ReadableSpan]:
    exporter = InMemorySpanExporter()
    traces = Traces(exporter=exporter)
    call = traces.call("c1")
    assert isinstance(call, CallTrace)
    for turn in turns:
        call.turn(turn)
    call.end({"ending": "fault", "fault_party": None, "turns": turns, "cost_usd": 0.1, **record})
    traces.close()
    return list(exporter.get_finished_spans())


def test_a_turn_is_a_span_whose_stages_tile_it() -> None:
    """To the microsecond, in order, on wall time, below one call."""
    spans = {span.name: span for span in spans_of([TURN])}
    turn, call = spans["invoke_agent"], spans["call"]
    stages = [spans[n] for n in ("speech_to_text", "endpoint", "chat claude-haiku-4-5",
                                 "text_to_speech")]  # fmt: skip
    assert all(span.context and call.context for span in spans.values())
    assert len({span.context.trace_id for span in spans.values() if span.context}) == 1
    assert turn.parent is not None
    assert call.context is not None
    assert turn.parent.span_id == call.context.span_id
    assert [stage.parent and stage.parent.span_id for stage in stages] == [
        turn.context and turn.context.span_id
    ] * 4
    assert stages[0].start_time == turn.start_time
    assert [stage.end_time for stage in stages[:-1]] == [stage.start_time for stage in stages[1:]]
    assert stages[-1].end_time == turn.end_time
    assert turn.start_time and turn.end_time and call.start_time
    assert (turn.end_time - turn.start_time) / 1e9 == pytest.approx(0.6, abs=1e-6)
    assert (turn.start_time - call.start_time) / 1e9 == pytest.approx(10.0, abs=1e-6)


def test_spans_carry_the_names_of_the_field() -> None:
    """gen_ai.*, so that any viewer knows what it looks at."""
    spans = {span.name: dict(span.attributes or {}) for span in spans_of([TURN])}
    assert spans["invoke_agent"]["gen_ai.operation.name"] == "invoke_agent"
    assert spans["invoke_agent"]["gen_ai.agent.invocation.end_reason"] == "interrupted"
    assert spans["invoke_agent"]["gen_ai.conversation.id"] == "c1"
    assert spans["chat claude-haiku-4-5"]["gen_ai.request.model"] == "claude-haiku-4-5"
    assert spans["chat claude-haiku-4-5"]["gen_ai.response.time_to_first_chunk"] == 0.2
    assert spans["text_to_speech"]["gen_ai.provider.name"] == "elevenlabs"
    assert spans["call"]["offhook.cost_usd"] == 0.1


def test_no_word_of_anybody_leaves_with_a_span() -> None:
    """Names, attributes, events: nothing."""
    told = " ".join(span.to_json() for span in spans_of([TURN], opening_text=SECRETS[1]))
    assert not [secret for secret in SECRETS if secret in told]


def test_a_call_that_broke_says_through_whom() -> None:
    """As an error of that party."""
    (call,) = spans_of([], fault_party="tts")
    assert (call.attributes or {})["error.type"] == "tts"
    assert not call.status.is_ok


def test_a_turn_without_the_callers_voice_leaves_no_span() -> None:
    """It has no beginning."""
    assert [span.name for span in spans_of([{**TURN, "at_s": None}])] == ["call"]


def test_without_a_collector_there_is_nothing_to_pay() -> None:
    """No tracer, no thread."""
    traces = Traces()
    assert traces.call("c") is None
    traces.close()


def test_a_collectors_address_is_checked() -> None:
    """At start."""
    with pytest.raises(ValueError, match="http"):
        Telemetry(otlp_url="collector:4318")
    with pytest.raises(ValueError, match="empty"):
        Telemetry(service_name="")
