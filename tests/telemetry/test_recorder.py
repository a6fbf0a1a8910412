"""One call's recorder: its own counters, the process's figures, the caller's voice over ours."""

from __future__ import annotations

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from call.measures import (
    BARGE_IN,
    CLAUSES,
    INTERRUPTIONS,
    LLM_REQUESTS,
    MOUTH_TO_EAR,
    PROVIDER_FAULTS,
    VOICE_SWITCHES,
    WIRE_MARK_ROUND_TRIP,
    Moment,
)
from call.timeline import TurnRecord
from telemetry.events import EventHub
from telemetry.metrics import Metrics
from telemetry.recorder import CallRecorder
from telemetry.traces import Traces

pytestmark = pytest.mark.rule


def recorder(metrics: Metrics | None = None, turns: list[TurnRecord] | None = None) -> CallRecorder:
    return CallRecorder(
        "c1",
        hub=EventHub(),
        metrics=metrics,
        on_turn=None if turns is None else turns.append,
        clock=lambda: 100.0,
    )


def answered(call: CallRecorder, *, at: float) -> None:
    """A turn that is asked, answered and begins to sound."""
    call.moment(Moment.SPEECH_STARTED, at)
    call.moment(Moment.SPEECH_STOPPED, at + 1.0)
    call.words("caller", "What time is it?", final=True)
    call.moment(Moment.TURN_DECIDED, at + 1.1)
    call.moment(Moment.FIRST_AUDIO, at + 1.4)


def test_what_a_call_counts_the_process_counts_too() -> None:
    """Once each."""
    metrics = Metrics()
    first, second = recorder(metrics), recorder(metrics)
    first.count(PROVIDER_FAULTS, provider="anthropic", kind="busy")
    second.count(PROVIDER_FAULTS, provider="anthropic", kind="busy")
    second.count(INTERRUPTIONS)
    assert first.counters == {"provider_faults.anthropic.busy": 1}
    page = metrics.page()[0].decode()
    assert 'offhook_provider_faults_total{kind="busy",provider="anthropic"} 2.0' in page
    assert "offhook_interruptions_total 1.0" in page


def test_a_turn_that_is_over_is_told_and_measured() -> None:
    """To the process's figures and to whoever writes the record."""
    metrics = Metrics()
    turns: list[TurnRecord] = []
    call = recorder(metrics, turns)
    answered(call, at=100.0)
    call.moment(Moment.REPLY_HEARD, 103.0)
    assert [turn.turn for turn in turns] == [1]
    assert metrics.rollups.figure("end_to_end_s").p50 == pytest.approx(0.4)


async def test_a_hold_is_told_only_where_the_agent_spoke() -> None:
    """Its end makes nobody speak who had been heard to the end."""
    hub = EventHub()
    call = CallRecorder("c1", hub=hub)
    with hub.reading() as reader:
        for moment in (Moment.FIRST_AUDIO, Moment.HELD, Moment.RESUMED, Moment.HELD):
            call.moment(moment, 100.0)
        for moment in (Moment.REPLY_HEARD, Moment.RESUMED, Moment.HELD):
            call.moment(moment, 101.0)
        hub.close()
        kinds = [event["type"] async for event in reader]
    assert kinds == ["agent.speaking", "agent.held", "agent.speaking", "agent.held", "agent.silent"]


def test_mouth_to_ear_is_the_silence_and_the_way_there_and_back() -> None:
    """The silence on our side, and 0.12 s of network."""
    turns: list[TurnRecord] = []
    call = recorder(turns=turns)
    call.observe(WIRE_MARK_ROUND_TRIP, 0.12)
    answered(call, at=100.0)
    call.moment(Moment.REPLY_HEARD, 103.0)
    silence_s = turns[0].silence_s
    assert silence_s is not None
    assert call.observed["mouth_to_ear"] == [pytest.approx(silence_s + 0.12)]


def test_faults_stand_on_the_time_line_of_the_call_up_to_a_bound() -> None:
    """A provider that is down for an hour does not fill the record."""
    call = recorder()
    for _ in range(1000):
        call.fault("deepgram", "ProviderDown")
    first = {"at_s": 0.0, "provider": "deepgram", "kind": "ProviderDown", "remedy": ""}
    assert call.faults[0] == first
    assert len(call.faults) == 100


def test_a_caller_who_breaks_in_is_an_overlap_the_agent_yielded_to() -> None:
    """Counted once, however often the voice sets on again."""
    call = recorder()
    answered(call, at=100.0)
    call.moment(Moment.SPEECH_STARTED, 102.0)
    call.moment(Moment.INTERRUPTED, 102.15)
    call.moment(Moment.CLEAR_SENT, 102.16)
    assert call.counters["overlaps.yielded"] == 1


def test_an_uhuh_that_does_not_stop_the_agent_is_an_overlap_kept() -> None:
    """The caller spoke, the agent went on to its end."""
    call = recorder()
    answered(call, at=100.0)
    call.moment(Moment.SPEECH_STARTED, 102.0)
    call.moment(Moment.SPEECH_STOPPED, 102.2)
    call.moment(Moment.REPLY_HEARD, 104.0)
    assert call.counters["overlaps.kept_talking"] == 1
    assert call.counters["overlaps.yielded"] == 0


def test_speech_while_the_agent_is_silent_is_no_overlap() -> None:
    """An ordinary turn."""
    call = recorder()
    answered(call, at=100.0)
    call.moment(Moment.REPLY_HEARD, 103.0)
    answered(call, at=104.0)
    call.moment(Moment.REPLY_HEARD, 108.0)
    assert not [name for name in call.counters if name.startswith("overlaps")]


def test_names_in_a_record_are_short() -> None:
    """The unit and the application's name are not repeated in every record."""
    call = recorder()
    call.observe(BARGE_IN, 0.1)
    call.observe(MOUTH_TO_EAR, 0.5)
    assert set(call.observed) == {"barge_in", "mouth_to_ear"}


def test_the_end_of_a_call_is_counted_traced_and_told() -> None:
    """Once, to everybody."""
    metrics, hub = Metrics(), EventHub()
    exporter = InMemorySpanExporter()
    traces = Traces(exporter=exporter)
    call = CallRecorder("c1", hub=hub, metrics=metrics, trace=traces.call("c1"))
    with hub.reading() as reader:
        call.over({"ending": "fault", "fault_party": "us", "duration_s": 2.0})
        assert [event["type"] for event in reader._events] == ["call.ended"]
    traces.close()
    assert [span.name for span in exporter.get_finished_spans()] == ["call"]
    assert 'offhook_calls_total{ending="fault",party="us"} 1.0' in metrics.page()[0].decode()


def test_a_turn_names_the_models_that_were_asked_and_the_voice_of_each_clause() -> None:
    """Each model once, however often it was asked; one voice a clause, or those that shared it."""
    turns: list[TurnRecord] = []
    call = CallRecorder("c1", hub=EventHub(), on_turn=turns.append)
    call.count(VOICE_SWITCHES, voice="cartesia")  # of a clause nobody knows
    answered(call, at=1.0)
    for name in ("claude", "claude", "stand-in"):
        call.count(LLM_REQUESTS, model=name)
    call.words("agent", "It is noon,", final=False)
    call.count(CLAUSES, voice="elevenlabs")
    call.words("agent", "sharp, and no later.", final=False)
    call.count(CLAUSES, voice="elevenlabs")
    call.count(VOICE_SWITCHES, voice="cartesia")
    call.words("agent", "Goodbye.", final=False)
    call.count(CLAUSES, voice="cartesia")
    call.timeline.close()
    assert turns[0].models == ("claude", "stand-in")
    assert turns[0].provider_by_clause == ("elevenlabs", "elevenlabs+cartesia", "cartesia")
