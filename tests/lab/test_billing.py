"""The prompt cache's arithmetic."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.billing import PromptCache, count, minimum

pytestmark = pytest.mark.provider

MARK = {"cache_control": {"type": "ephemeral"}}
LIFE_S = 300.0


def text(words: str, *, marked: bool = False, **mark: Any) -> dict[str, Any]:
    block = {"type": "text", "text": words}
    return block | (MARK if marked else {}) | mark


def body(*turns: Any, system: Any = None) -> dict[str, Any]:
    roles = ("user", "assistant")
    messages = [{"role": roles[i % 2], "content": turn} for i, turn in enumerate(turns)]
    return {"model": "claude-haiku-4-5", "messages": messages, "system": system}


def bill(cache: PromptCache, request: dict[str, Any], now: float = 0.0, least: int = 0) -> Any:
    return cache.bill(request, now=now, life_s=LIFE_S, least=least)


def test_nothing_marked_is_all_fresh() -> None:
    """Without cache_control nothing is written or read, however often it is sent."""
    cache, request = PromptCache(), body("Hello.", system="s" * 500)
    for _ in range(2):
        paid = bill(cache, request)
        assert paid.fresh > 100 and paid.written == paid.read == 0


def test_a_growing_conversation_reads_what_it_wrote() -> None:
    """With a mark on the last message each turn reads the last prefix and writes the rest."""
    cache, system = PromptCache(), [text("s" * 900, marked=True)]
    first = bill(cache, body([text("a" * 99, marked=True)], system=system))
    turns = [[text("a" * 99)], [text("b" * 99)], [text("c" * 99, marked=True)]]
    second = bill(cache, body(*turns, system=system))
    assert first.read == 0 and first.fresh == 0
    assert second.read == first.written and second.written > 0 and second.fresh == 0


def test_a_string_is_a_text_block() -> None:
    """A mark turns a string into a block; the prefix stays the same."""
    cache = PromptCache()
    first = bill(cache, body([text("a" * 99, marked=True)]))
    later = bill(cache, body("a" * 99, [text("b" * 9)], [text("c" * 9, marked=True)]))
    assert later.read == first.written


def test_one_changed_byte_before_the_mark_misses() -> None:
    """A prefix is read only when it is identical; a clock in the prompt spoils it."""
    cache = PromptCache()
    bill(cache, body("Hello.", system=[text("It is 10:00. " + "s" * 99, marked=True)]))
    paid = bill(cache, body("Hello.", system=[text("It is 10:01. " + "s" * 99, marked=True)]))
    assert paid.read == 0 and paid.written > 0


def test_another_model_has_another_cache() -> None:
    """What one model wrote another cannot read."""
    cache, request = PromptCache(), body([text("a" * 99, marked=True)])
    bill(cache, request)
    assert bill(cache, request | {"model": "claude-sonnet-5"}).read == 0


def test_entries_live_five_minutes_from_their_last_use() -> None:
    """A read renews the entry; unread for its life it is gone."""
    cache, request = PromptCache(), body([text("a" * 99, marked=True)])
    bill(cache, request, 0)
    assert bill(cache, request, 299).read > 0
    assert bill(cache, request, 598).read > 0
    assert bill(cache, request, 899).read == 0


def test_an_hour_when_asked() -> None:
    """ttl 1h keeps an entry for an hour."""
    cache = PromptCache()
    request = body([text("a" * 99, cache_control={"type": "ephemeral", "ttl": "1h"})])
    bill(cache, request, 0)
    assert bill(cache, request, 3000).read > 0


@pytest.mark.parametrize(
    ("model", "least"),
    [
        ("claude-haiku-4-5", 4096),
        ("claude-haiku-4-5-20251001", 4096),
        ("claude-opus-4-6", 4096),
        ("claude-3-5-haiku-20241022", 2048),
        ("claude-sonnet-4-5", 1024),
        ("claude-sonnet-5", 1024),
        ("claude-opus-5", 512),
    ],
)
def test_short_prefixes_are_silently_not_cached(model: str, least: int) -> None:
    """Below the model's minimum cache_control does nothing, above it it works."""
    assert minimum(model) == least
    cache = PromptCache()
    short = body([text("a" * 1000, marked=True)]) | {"model": model}
    long = body([text("a" * 4 * least, marked=True)]) | {"model": model}
    for request, is_cached in ((short, False), (long, True)):
        bill(cache, request, least=-1)
        paid = bill(cache, request, least=-1)
        assert (paid.read > 0) is is_cached
        assert (paid.fresh > 0) is not is_cached


def test_it_looks_back_twenty_blocks() -> None:
    """An entry more than 20 blocks before the mark is not found."""
    cache = PromptCache()
    bill(cache, body([text("a" * 99, marked=True)]))
    for blocks, found in ((19, True), (21, False)):
        between = [text(str(number)) for number in range(blocks)]
        paid = bill(cache, body([text("a" * 99), *between, text("end", marked=True)]))
        assert (paid.read > 0) is found


def test_automatic_caching_marks_the_last_block() -> None:
    """cache_control beside model marks the end of the prompt."""
    cache = PromptCache()
    request = body("a" * 99) | MARK
    bill(cache, request)
    assert bill(cache, request).read > 0


def test_a_forgetful_cache_reads_nothing() -> None:
    """clear() makes it cold."""
    cache, request = PromptCache(), body([text("a" * 99, marked=True)])
    bill(cache, request)
    cache.clear()
    assert bill(cache, request).read == 0


@given(st.lists(st.booleans(), min_size=1, max_size=12), st.integers(1, 4))
def test_every_token_is_paid_once(marks: list[bool], repeats: int) -> None:
    """However the prompt is marked and repeated, fresh + written + read is its length."""
    cache = PromptCache()
    request = body([text("word " * (i + 1), marked=mark) for i, mark in enumerate(marks)])
    totals = {
        paid.fresh + paid.written + paid.read
        for paid in (bill(cache, request) for _ in range(repeats))
    }
    assert len(totals) == 1


def test_tokens_are_estimated() -> None:
    """About 3.8 characters a token, never zero for text."""
    assert count("") == 0 and count("a") == 1 and count("a" * 38) == 10
