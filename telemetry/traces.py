"""One trace a call, one span a turn, one child a stage of its critical path, over OTLP.

Built from finished turns, so nothing is traced while a caller waits, and never a word: the names
and figures below are all that leaves. Pipecat's own tracing, which carries transcripts and prompts,
stays off.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context

# The field's names; the Python package that has them marks them all as moved, so they stand here.
OPERATION = "gen_ai.operation.name"
CONVERSATION = "gen_ai.conversation.id"
PROVIDER = "gen_ai.provider.name"
MODEL = "gen_ai.request.model"
FIRST_CHUNK = "gen_ai.response.time_to_first_chunk"
OUTPUT_TYPE = "gen_ai.output.type"
END_REASON = "gen_ai.agent.invocation.end_reason"
ERROR_TYPE = "error.type"
# What a stage is called among them; the rest are ours alone.
_OPERATIONS = {
    "stt": "speech_to_text",
    "llm": "chat",
    "tts": "text_to_speech",
    "tool": "execute_tool",
}
_NANO = 1_000_000_000
# Spans that wait for a collector that is away; past it they are dropped, calls never wait.
MOST_WAITING = 4096


@dataclass(frozen=True)
class Telemetry:
    """Where traces and metrics go."""

    otlp_url: str = ""
    """Base URL of an OpenTelemetry collector (http://collector:4318); empty sends nothing."""
    metrics_every_s: float = 15.0
    """Metrics are sent this often; /metrics has them at any time."""
    service_name: str = "offhook"
    """How this service is called there."""

    def __post_init__(self) -> None:
        if self.otlp_url and not self.otlp_url.startswith(("http://", "https://")):
            raise ValueError(f"otlp_url {self.otlp_url!r} must begin with http:// or https://")
        if self.metrics_every_s < 1:
            raise ValueError(f"metrics_every_s {self.metrics_every_s} must be at least 1 second")
        if not self.service_name:
            raise ValueError("service_name is empty")


class Traces:
    """The process's way to a collector; without one, every call's trace is none."""

    def __init__(
        self, settings: Telemetry | None = None, *, exporter: SpanExporter | None = None
    ) -> None:
        """`exporter` goes before the settings' URL."""
        settings = settings or Telemetry()
        if exporter is None and settings.otlp_url:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            exporter = OTLPSpanExporter(f"{settings.otlp_url.rstrip('/')}/v1/traces", timeout=5)
        self._provider: TracerProvider | None = None
        self._tracer: Tracer | None = None
        if exporter is not None:
            self._provider = TracerProvider(
                resource=Resource.create({"service.name": settings.service_name}),
                shutdown_on_exit=False,
            )
            self._provider.add_span_processor(
                BatchSpanProcessor(exporter, max_queue_size=MOST_WAITING)
            )
            self._tracer = self._provider.get_tracer("offhook")

    def call(self, call_id: str) -> CallTrace | None:
        """The trace of a call that begins now."""
        return None if self._tracer is None else CallTrace(self._tracer, call_id)

    def close(self) -> None:
        """Send what waits; blocks."""
        if self._provider is not None:
            self._provider.shutdown()


class CallTrace:
    """One call's spans, on wall time."""

    def __init__(self, tracer: Tracer, call_id: str, *, began_at: float | None = None) -> None:
        self._tracer = tracer
        self._call_id = call_id
        self._began_at = time.time() if began_at is None else began_at
        self._span = tracer.start_span(
            "call",
            kind=SpanKind.SERVER,
            start_time=_ns(self._began_at),
            attributes={CONVERSATION: call_id},
        )

    def turn(self, turn: Mapping[str, Any]) -> None:
        """A finished turn: its span and its stages; one without an answer has no length."""
        if turn.get("at_s") is None:
            return
        began_at = self._began_at + turn["at_s"]
        span = self._child(self._span, "invoke_agent", began_at, _of_turn(turn))
        at = began_at
        for stage, seconds in turn.get("critical_path") or ():
            child = self._child(span, _name(stage, turn), at, _of_stage(stage, turn))
            at += seconds
            child.end(_ns(at))
        span.end(_ns(at))

    def end(self, record: Mapping[str, Any]) -> None:
        """The call is over."""
        figures = ("wire", "language", "ending", "duration_s", "cost_usd")
        for name in figures:
            if record.get(name) is not None:
                self._span.set_attribute(f"offhook.{name}", record[name])
        self._span.set_attribute("offhook.turns", len(record.get("turns") or ()))
        if record.get("fault_party"):
            self._span.set_attribute(ERROR_TYPE, str(record["fault_party"]))
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()

    def _child(self, parent: Span, name: str, at: float, attributes: dict[str, Any]) -> Span:
        return self._tracer.start_span(
            name,
            context=set_span_in_context(parent),
            start_time=_ns(at),
            attributes={CONVERSATION: self._call_id, **attributes},
        )


def _of_turn(turn: Mapping[str, Any]) -> dict[str, Any]:
    """Figures and names of a turn; its texts stay where they are."""
    numbers = {
        f"offhook.{name}": turn[name]
        for name in (
            "turn", "confidence", "endpoint_s", "stt_final_s", "llm_first_token_s",
            "tts_first_byte_s", "end_to_end_s", "silence_s", "slowest", "speculated",
            "kept_speculation",
        )
        if turn.get(name) is not None
    }  # fmt: skip
    ended = "interrupted" if turn.get("interrupted") else "completed"
    return {OPERATION: "invoke_agent", OUTPUT_TYPE: "speech", END_REASON: ended, **numbers}


def _name(stage: str, turn: Mapping[str, Any]) -> str:
    models = turn.get("models") or ()
    operation = _OPERATIONS.get(stage, stage)
    return f"chat {models[0]}" if stage == "llm" and models else operation


def _of_stage(stage: str, turn: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"offhook.stage": stage}
    if stage in _OPERATIONS:
        found[OPERATION] = _OPERATIONS[stage]
    if stage == "llm":
        if turn.get("models"):
            found[MODEL] = turn["models"][0]
        if turn.get("llm_first_token_s") is not None:
            found[FIRST_CHUNK] = turn["llm_first_token_s"]
    if stage == "tts" and turn.get("provider_by_clause"):
        found[PROVIDER] = turn["provider_by_clause"][0]
    return found


def _ns(at: float) -> int:
    return round(at * _NANO)
