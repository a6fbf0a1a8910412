"""What a Messages request must look like, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from lab.messages import error_in, last_words, results_at_end

pytestmark = pytest.mark.provider

USE = {"type": "tool_use", "id": "toolu_1", "name": "find_slots", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "none"}
TEXT = {"type": "text", "text": "Hello."}


def user(*content: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(content)}


def agent(*content: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(content)}


def request(*messages: Any, **more: Any) -> dict[str, Any]:
    return {"model": "claude-haiku-4-5", "max_tokens": 9, "messages": list(messages)} | more


@pytest.mark.parametrize(
    "body",
    [
        request(user(TEXT)),
        request({"role": "user", "content": "Hello."}),
        request(user(TEXT), user(TEXT), agent(TEXT), agent(TEXT), user(TEXT)),
        request(user(TEXT), agent(TEXT, USE), user(RESULT)),
        request(user(TEXT), agent(USE), user(RESULT), user(TEXT)),
        request(user(TEXT), agent(USE), user(RESULT, TEXT)),
        request(user(TEXT), agent(TEXT)),
        request(user(TEXT), tools=[{"name": "a", "input_schema": {"type": "object"}}]),
        request(user(TEXT), temperature=1, stop_sequences=["x"]),
    ],
)
def test_good_requests_pass(body: dict[str, Any]) -> None:
    """Neighbours of one role are joined, results follow their calls, prefills are allowed."""
    assert error_in(body) == ""


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "model: Field required"),
        ({"model": "m"}, "max_tokens: Field required"),
        ({"model": "m", "max_tokens": 1}, "messages: Field required"),
        (request(user(TEXT), max_tokens=0), "max_tokens"),
        (request(user(TEXT), max_tokens=True), "max_tokens"),
        (request(user(TEXT), max_tokens="9"), "max_tokens"),
        (request() | {"messages": "Hello"}, "valid list"),
        (request(), "at least one message"),
        (request("Hello"), "role and content"),
        (request({"role": "system", "content": "x"}), 'Unexpected role "system"'),
        (request(agent(TEXT)), "first message must use"),
        (request(user()), "non-empty content"),
        (request(user({"type": "text", "text": ""})), "must be non-empty"),
        (request(user({"type": "text", "text": " "})), "non-whitespace"),
        (request({"role": "user", "content": " "}), "non-whitespace"),
        (request({"role": "user", "content": 5}), "valid string or list"),
        (request(user({"type": "text"})), "text: Field required"),
        (request(user({"type": "song"})), "'song'"),
        (request(user("Hello")), "'None'"),
        (request(user(USE)), "only be in `assistant`"),
        (request(user(TEXT), agent(RESULT)), "only be in `user`"),
        (request(user(TEXT), agent({"type": "tool_use", "id": "x"})), "name: Field required"),
        (request(user({"type": "tool_result"})), "tool_use_id: Field required"),
        (request(user(TEXT), agent(USE)), "without `tool_result`"),
        (request(user(TEXT), agent(USE), user(TEXT)), "without `tool_result`"),
        (request(user(TEXT), agent(USE), user(TEXT, RESULT)), "without `tool_result`"),
        (request(user(RESULT)), "unexpected `tool_use_id`"),
        (request(user(TEXT), agent(USE), user(RESULT, RESULT)), "single result"),
        (request(user(TEXT), agent(USE), user(RESULT), agent(TEXT), user(RESULT)), "unexpected"),
        (request(user(TEXT), agent({"type": "text", "text": "Hi "})), "trailing whitespace"),
        (request(user(TEXT), tools=[{"name": "a b"}]), "tools.0.custom.name"),
        (request(user(TEXT), tools=[{"name": "a", "input_schema": {}}]), "input_schema.type"),
        (
            request(user(TEXT), tools=[{"name": "a", "input_schema": {"type": "object"}}] * 2),
            "unique",
        ),
        (request(user(TEXT), temperature=1.5), "temperature"),
        (request(user(TEXT), stop_sequences=[" "]), "stop_sequences"),
        (
            request(user(*[TEXT | {"cache_control": {"type": "ephemeral"}}] * 5)),
            "maximum of 4 blocks",
        ),
    ],
)
def test_bad_requests_say_why(body: dict[str, Any], words: str) -> None:
    """Each rule of the vendor is checked and named."""
    assert words in error_in(body)


@pytest.mark.parametrize(
    ("messages", "words", "results"),
    [
        ([user(TEXT)], "Hello.", 0),
        ([{"role": "user", "content": "Hi."}], "Hi.", 0),
        ([user(TEXT), agent(USE), user(RESULT)], "Hello.", 1),
        ([user(TEXT), agent(USE), user(RESULT, {"type": "text", "text": "And?"})], "And?", 1),
        ([], "", 0),
        ("Hello", "", 0),
        ([5], "", 0),
        ([agent(TEXT)], "", 0),
    ],
)
def test_the_callers_words_are_found(messages: Any, words: str, results: int) -> None:
    """The newest user text is the key of delays and faults; tool results are counted."""
    assert last_words({"messages": messages}) == words
    assert results_at_end({"messages": messages}) == results
