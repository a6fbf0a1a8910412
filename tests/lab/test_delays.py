"""The seeded delays."""

from __future__ import annotations

from statistics import median, quantiles

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.delays import STAGES, Delays, Spread

pytestmark = pytest.mark.provider


@pytest.mark.parametrize(
    ("profile", "stage", "middle", "p95"),
    [
        ("co-located", "final", 0.070, 0.120),
        ("co-located", "first_token", 0.110, 0.160),
        ("co-located", "first_byte", 0.100, 0.160),
        ("public", "final", 0.247, 0.298),
        ("public", "first_token", 0.637, 1.615),
        ("public", "first_byte", 0.150, 0.200),
    ],
)
def test_many_draws_have_the_published_median_and_p95(
    profile: str, stage: str, middle: float, p95: float
) -> None:
    """Over many keys the draws reproduce what the profile promises within a few per cent."""
    delays = Delays(profile, seed=7)
    drawn = [delays.draw("any", stage, f"words {number}") for number in range(4000)]
    assert median(drawn) == pytest.approx(middle, rel=0.03)
    assert quantiles(drawn, n=20)[-1] == pytest.approx(p95, rel=0.05)


def test_zero_is_zero() -> None:
    """The zero profile never waits."""
    delays = Delays("zero")
    assert [delays.draw("p", stage, "x") for stage in STAGES] == [0.0] * 3
    assert delays.token_s == 0.0
    assert Spread(0.0, 0.0).at(0.5) == 0.0


def test_unknown_profile_names_the_choices() -> None:
    """A wrong name is told with the right ones."""
    with pytest.raises(ValueError, match="co-located, steady, public, zero"):
        Delays("mars")


@given(st.lists(st.sampled_from("abcd"), min_size=1, max_size=30), st.integers(0, 5))
def test_order_of_other_keys_does_not_matter(keys: list[str], seed: int) -> None:
    """Two worlds of one seed draw the same for the same key and ordinal, in whatever order."""
    one, other = Delays(seed=seed), Delays(seed=seed)

    def all_of(delays: Delays, order: list[str]) -> set[tuple[str, int, float]]:
        taken = [delays.take("p", "final", key=key) for key in order]
        return {(draw.key, draw.ordinal, draw.delay_s) for draw in taken}

    assert all_of(one, keys) == all_of(other, sorted(keys, reverse=True))


def test_seed_provider_stage_key_and_ordinal_all_matter() -> None:
    """Change any of them and the delay changes."""
    draws = {
        Delays(seed=1).draw("p", "first_token", "hello"),
        Delays(seed=2).draw("p", "first_token", "hello"),
        Delays(seed=1).draw("q", "first_token", "hello"),
        Delays(seed=1).draw("p", "first_byte", "hello"),
        Delays(seed=1).draw("p", "first_token", "goodbye"),
    }
    again = Delays(seed=1)
    again.draw("p", "first_token", "hello")
    assert len(draws | {again.draw("p", "first_token", "hello")}) == 6


def test_formatting_does_not_matter() -> None:
    """Case and punctuation are no part of the key."""
    assert Delays().draw("p", "final", "Hello, you!") == Delays().draw("p", "final", "hello you")


def test_a_draw_is_the_same_on_every_machine() -> None:
    """The hash is stable: this number is part of the contract between bench runs."""
    drawn = Delays("co-located", seed=1).draw("deepgram", "final", "hello")
    assert drawn == pytest.approx(0.100561917)


def test_reset_starts_ordinals_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new bot under test meets the same weather; forgotten keys start again, too."""
    delays = Delays()
    first = delays.take("p", "final", key="x")
    assert [delays.take("p", "final", key="x").ordinal for _ in range(2)] == [1, 2]
    delays.reset()
    assert delays.take("p", "final", key="x") == first
    monkeypatch.setattr("lab.delays.MAX_KEYS", 1)
    delays.take("p", "final", key="y")
    assert delays.take("p", "final", key="x").ordinal == 0
