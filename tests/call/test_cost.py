"""A call's cost is usage times price, to the cent, and what has no price is said to have none."""

from __future__ import annotations

import pytest

from call.cost import Prices, Usage, cost, usage_of

pytestmark = pytest.mark.rule

# A call of 125 s as its record counts it.
COUNTERS = {
    "llm_tokens.input": 15_581,
    "llm_tokens.output": 279,
    "llm_tokens.cache_read": 40_000,
    "llm_tokens.cache_creation": 4_100,
    "tts_characters.elevenlabs": 1_013,
    "tts_characters.cartesia": 200,
    "stt_audio.deepgram": 124.4,
    "interruptions": 1,
}


def usage(**changes: float) -> Usage:
    counters = {**COUNTERS, **changes}
    return usage_of(counters, model="claude-haiku-4-5", carrier="twilio", carrier_s=125.2)


def test_the_cost_is_what_a_hand_with_a_pencil_finds() -> None:
    """Tokens by kind, characters, seconds, minutes begun."""
    found = cost(usage(), Prices())
    tokens = (15_581 * 1.00 + 279 * 5.00 + 40_000 * 0.10 + 4_100 * 1.25) / 1e6
    assert found.by_provider_usd == {
        "anthropic": pytest.approx(tokens),
        "elevenlabs": pytest.approx(1_013 * 50 / 1e6),
        "cartesia": pytest.approx(200 * 39 / 1e6),
        "deepgram": pytest.approx(124.4 / 60 * 0.0077, abs=1e-6),
        "twilio": pytest.approx(3 * 0.0125),
    }
    assert found.total_usd == pytest.approx(sum(found.by_provider_usd.values()))
    assert found.unpriced == ()
    assert found.as_of == Prices().as_of


def test_the_stand_ins_tokens_have_the_stand_ins_price() -> None:
    """Its share is taken from all tokens."""
    counters = {"llm_tokens.input": 1_000, "stand_in_tokens.input": 400}
    used = usage_of(
        counters, model="claude-haiku-4-5", stand_in="claude-sonnet-4-6", carrier="", carrier_s=0.0
    )
    assert {name: kinds["input"] for name, kinds in used.tokens.items()} == {
        "claude-haiku-4-5": 600,
        "claude-sonnet-4-6": 400,
    }
    found = cost(used, Prices()).by_provider_usd["anthropic"]
    assert found == pytest.approx((600 * 1.0 + 400 * 3.0) / 1e6)


def test_the_record_says_what_was_used() -> None:
    """By model, voice, recogniser and carrier."""
    assert usage().document() == {
        "llm_tokens": {
            "claude-haiku-4-5": {
                "input": 15_581,
                "output": 279,
                "cache_read": 40_000,
                "cache_creation": 4_100,
            }
        },
        "tts_characters": {"elevenlabs": 1_013, "cartesia": 200},
        "stt_seconds": {"deepgram": 124.4},
        "carrier": "twilio",
        "carrier_seconds": 125.2,
        "carrier_minutes": 3,
    }


def test_the_longest_name_of_a_model_wins_and_versions_share_a_price() -> None:
    """claude-haiku-4-5-20251001 is a claude-haiku-4-5."""
    prices = Prices(models=("m 9 9 9 9", "m-1 1 2 3 4"))
    assert prices.of_tokens("m-1-20251001") == {
        "input": 1e-6, "output": 2e-6, "cache_read": 3e-6, "cache_creation": 4e-6,
    }  # fmt: skip
    assert prices.of_tokens("other") is None


def test_what_has_no_price_is_named_and_costs_nothing_in_the_sum() -> None:
    """Never a guess."""
    counters = {"llm_tokens.input": 10, "tts_characters.somebody": 5, "stt_audio.x": 1.0}
    found = cost(
        usage_of(counters, model="gpt", carrier="pigeon", carrier_s=1.0), Prices(carriers=())
    )
    assert found.unpriced == ("model gpt", "voice somebody", "recogniser x", "carrier pigeon")
    assert found.total_usd == 0


def test_a_call_that_used_nothing_costs_its_minute() -> None:
    """The carrier bills each minute begun."""
    nothing = usage_of({}, model="claude-haiku-4-5", carrier="twilio", carrier_s=0.4)
    assert cost(nothing, Prices()).by_provider_usd == {"twilio": 0.0125}
    assert cost(Usage(), Prices()).by_provider_usd == {}


@pytest.mark.parametrize(
    "wrong",
    [
        {"as_of": "soon"},
        {"models": ("claude 1 2 3",)},
        {"voices": ("elevenlabs",)},
        {"voices": ("elevenlabs many",)},
        {"recognisers": ("deepgram -1",)},
        {"carriers": ("twilio inf",)},
        {"carriers": ("",)},
    ],
)
def test_a_price_that_is_none_is_refused_with_its_section(wrong: dict[str, object]) -> None:
    """At start, not in the first receipt."""
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Prices(**wrong)  # type: ignore[arg-type]
