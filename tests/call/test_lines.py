"""A provider's lines are counted before it says 429; all of a call's, or none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from call.lines import LIFE_S, Limits, Lines

pytestmark = pytest.mark.rule


def test_only_limited_providers_in_use_count() -> None:
    """0 is any number; who is not used limits nobody."""
    limits = Limits(deepgram=50, cartesia=3)
    assert limits.of(["deepgram", "anthropic", "elevenlabs"]) == {"deepgram": 50}
    assert limits.of(["whisper"]) == {}
    with pytest.raises(ValueError, match="cartesia -1 is negative"):
        Limits(cartesia=-1)


def test_a_call_takes_all_of_its_lines_or_none() -> None:
    """The provider that is full is named, and the others keep their line."""
    lines = Lines({"deepgram": 2, "elevenlabs": 1})
    assert lines.take("a", now=0) is None
    assert lines.take("b", now=0) == "elevenlabs"
    assert lines.in_use("deepgram", now=0) == 1
    lines.release("a")
    assert lines.take("b", now=0) is None
    assert lines.in_use("nobody", now=0) == 0


def test_a_carrier_that_asks_twice_takes_one_line() -> None:
    """A webhook may be posted again."""
    lines = Lines({"deepgram": 1})
    assert lines.take("a", now=0) is None
    assert lines.take("a", now=1) is None
    assert lines.in_use("deepgram", now=1) == 1


def test_a_line_nobody_renews_falls_free() -> None:
    """The host died, or the caller never came."""
    lines = Lines({"deepgram": 1})
    lines.take("a", now=0)
    assert lines.take("b", now=LIFE_S - 1) == "deepgram"
    lines.renew(["a"], now=LIFE_S - 1)
    assert lines.take("b", now=LIFE_S + 1) == "deepgram"
    assert lines.take("b", now=2 * LIFE_S) is None


def test_without_limits_everybody_comes_in() -> None:
    """And nothing is remembered."""
    lines = Lines({})
    assert all(lines.take(str(n), now=0) is None for n in range(1000))


@given(
    st.dictionaries(st.sampled_from(["d", "e"]), st.integers(1, 3), min_size=1),
    st.lists(st.tuples(st.sampled_from(["take", "renew", "release", "wait"]), st.integers(0, 5))),
)
def test_no_limit_is_ever_passed(limits: dict[str, int], deeds: list[tuple[str, int]]) -> None:
    """Whatever comes in which order, as long as only calls that have a line renew it."""
    lines, now, held = Lines(limits), 0.0, set[str]()
    for deed, n in deeds:
        call = f"c{n}"
        match deed:
            case "take" if lines.take(call, now=now) is None:
                held.add(call)
            case "renew" if call in held:
                lines.renew([call], now=now)
            case "release":
                lines.release(call)
                held.discard(call)
            case "wait":
                now += n
        for name, limit in limits.items():
            assert lines.in_use(name, now=now) <= limit
