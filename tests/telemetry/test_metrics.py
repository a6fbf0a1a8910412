"""What `/metrics` shows: base units, bounded labels, no caller, and everything that is measured."""

from __future__ import annotations

import re
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from call.budgets import Budgets
from call.measures import (
    LLM_TOKENS,
    PROVIDER_FAULTS,
    SMART_TURN_SECONDS,
    STT_CONFIDENCE,
    Measure,
    all_measures,
)
from telemetry.metrics import MOST_SERIES, Metrics

pytestmark = pytest.mark.rule

CALL_ID = "0199f000-aaaa-7bbb-8ccc-dddddddddddd"
TURN = {
    "turn": 1,
    "caller_text": "My secret is blue",
    "interrupted": True,
    "endpoint_s": 0.2,
    "stt_final_s": 0.1,
    "llm_first_token_s": 0.3,
    "tts_first_byte_s": 0.1,
    "end_to_end_s": 0.61,
    "silence_s": 0.86,
    "critical_path": [["endpoint", 0.2], ["llm", 0.31], ["tts", 0.1]],
}
RECORD: dict[str, Any] = {
    "ending": "fault",
    "fault_party": "tts",
    "duration_s": 42.0,
    "cost_by_provider_usd": {"anthropic": 0.01, "twilio": 0.0125},
}


def samples(metrics: Metrics) -> dict[str, float]:
    """Every sample of the page as `name{labels}`."""
    found = {}
    for family in text_string_to_metric_families(metrics.page()[0].decode()):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[sample.name + (f"{{{labels}}}" if labels else "")] = sample.value
    return found


def test_a_turn_and_a_call_become_counters_and_histograms() -> None:
    """Counted once each, in seconds and dollars."""
    metrics = Metrics()
    metrics.turn(TURN, call_id=CALL_ID)
    metrics.call(RECORD)
    metrics.count(LLM_TOKENS, 120, kind="cache_read")
    metrics.observe(STT_CONFIDENCE, 0.72)
    shown = samples(metrics)
    assert shown["offhook_turns_total{interrupted=yes}"] == 1
    assert shown["offhook_turn_end_to_end_seconds_sum"] == 0.61
    assert shown["offhook_turn_end_to_end_seconds_bucket{le=0.5}"] == 0
    assert shown["offhook_turn_end_to_end_seconds_bucket{le=0.65}"] == 1
    assert shown["offhook_turn_stage_seconds_sum{stage=llm}"] == 0.31
    assert shown["offhook_slow_turns_total{cause=llm}"] == 1
    assert shown["offhook_calls_total{ending=fault,party=tts}"] == 1
    assert shown["offhook_call_duration_seconds_sum{ending=fault}"] == 42
    assert shown["offhook_cost_usd_total{provider=twilio}"] == 0.0125
    assert shown["offhook_llm_tokens_total{kind=cache_read}"] == 120
    assert shown["offhook_stt_confidence_ratio_bucket{le=0.75}"] == 1
    assert shown["offhook_window_turns"] == 1
    assert shown["offhook_window_end_to_end_seconds{quantile=0.999}"] == 0.61


def test_the_budgets_are_shown_beside_what_is_measured() -> None:
    """Alert rules follow the settings."""
    shown = samples(Metrics(Budgets(p95_s=0.3)))
    assert shown["offhook_budget_seconds{quantile=0.95}"] == 0.3
    assert shown["offhook_budget_seconds{quantile=0.999}"] == 0.5
    assert shown["offhook_stage_budget_seconds{stage=llm}"] == 0.2


def test_each_bound_of_a_budget_is_a_bucket() -> None:
    """A quantile beside its budget is then exact on the side that matters."""
    assert set(Budgets().by_quantile.values()) <= set(SMART_TURN_SECONDS.buckets)


def test_no_page_names_a_call_or_says_a_word_of_a_caller() -> None:
    """Not in the plain text; a call's id stands on exemplars only, for whoever asks for them."""
    metrics = Metrics()
    metrics.turn(TURN, call_id=CALL_ID)
    plain = metrics.page()[0].decode()
    assert CALL_ID not in plain
    text, kind = metrics.page("application/openmetrics-text; version=1.0.0")
    assert kind.startswith("application/openmetrics-text")
    found = [line for line in text.decode().splitlines() if CALL_ID in line]
    assert found
    assert all(re.search(r'# \{call_id="[^"]+"\} 0\.61', line) for line in found)
    assert "secret" not in plain + text.decode()


def test_labels_that_are_no_enumeration_after_all_share_one_series() -> None:
    """The page cannot grow without a bound."""
    metrics = Metrics()
    for n in range(3 * MOST_SERIES):
        metrics.count(PROVIDER_FAULTS, provider=f"p{n}", kind="slow")
    shown = {
        name: value
        for name, value in samples(metrics).items()
        if name.startswith("offhook_provider_faults_total")
    }
    assert len(shown) == MOST_SERIES + 1
    assert sum(shown.values()) == 3 * MOST_SERIES
    assert shown["offhook_provider_faults_total{kind=other,provider=other}"] == 2 * MOST_SERIES


@pytest.mark.parametrize("measure", all_measures(), ids=lambda measure: measure.name)
def test_names_say_their_unit(measure: Measure) -> None:
    """Base units; `_total` on counters and nowhere else."""
    assert re.fullmatch(r"offhook_[a-z0-9_]+", measure.name)
    assert measure.name.endswith("_total") == (measure.unit == "1")
    if measure.unit != "1":
        assert measure.name.endswith(("_seconds", "_bytes", "_ratio"))
    assert "call_id" not in measure.labels
    assert list(measure.buckets) == sorted(set(measure.buckets))


def test_everything_measured_is_on_the_page_from_the_start() -> None:
    """Also what has not happened yet: a rate needs the zero before the first event."""
    page = Metrics().page()[0].decode()
    for measure in all_measures():
        assert f"# HELP {measure.name} " in page
