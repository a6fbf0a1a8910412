"""The emulated Claude: events, refusals, billing on the wire, and the vendor's SDK as judge."""

from __future__ import annotations

import contextlib
import json
import time
from typing import Any

import pytest

from tests.conftest import eventually
from tests.lab.clients import CLAUDE, providers, session

pytestmark = pytest.mark.provider

TOOL = {
    "name": "find_slots",
    "description": "Free times",
    "input_schema": {"type": "object", "properties": {"day": {"type": "string"}}},
}
TOOL_LINE = 'call find_slots {"day": "tuesday"}'


def ask(words: str, **more: Any) -> dict[str, Any]:
    """A Messages request."""
    return {
        "model": "claude-haiku-4-5",
        "max_tokens": 200,
        "messages": [{"role": "user", "content": words}],
    } | more


async def post(it: Any, body: Any, headers: dict[str, str] | None = None) -> tuple[int, Any, Any]:
    """Status, JSON body and headers."""
    async with session() as client:
        async with client.post(
            f"{it.http_url}/v1/messages", json=body, headers=CLAUDE if headers is None else headers
        ) as answer:
            return answer.status, await answer.json(), answer.headers


async def events(it: Any, body: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """(event name, data) of a streamed answer, exactly as on the wire."""
    async with session() as client:
        async with client.post(
            f"{it.http_url}/v1/messages?beta=true", json=body | {"stream": True}, headers=CLAUDE
        ) as answer:
            assert answer.status == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert answer.headers["request-id"].startswith("req_")
            text = await answer.text()
    found = []
    for part in text.removesuffix("\n\n").split("\n\n"):
        name, data = part.split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


async def test_a_text_answer_has_the_vendors_events_in_order() -> None:
    """message_start, one block with deltas and a ping, message_delta with usage, message_stop."""
    async with providers() as it:
        seen = await events(it, ask("Good morning."))
    assert [name for name, _ in seen] == [
        "message_start", "content_block_start", "ping", *["content_block_delta"] * 3,
        "content_block_stop", "message_delta", "message_stop",
    ]  # fmt: skip
    assert all(data["type"] == name for name, data in seen)
    start = seen[0][1]["message"]
    assert start["role"] == "assistant" and start["content"] == [] and start["stop_reason"] is None
    assert start["id"].startswith("msg_") and start["model"] == "claude-haiku-4-5"
    assert start["usage"]["input_tokens"] > 0 and start["usage"]["output_tokens"] == 1
    assert seen[1][1]["content_block"] == {"type": "text", "text": ""}
    pieces = [d["delta"]["text"] for n, d in seen if n == "content_block_delta"]
    assert pieces == ["Good", " morning", "."]
    assert seen[-2][1]["delta"] == {"stop_reason": "end_turn", "stop_sequence": None}
    assert seen[-2][1]["usage"]["output_tokens"] == 3


async def test_parallel_tools_are_blocks_of_their_own() -> None:
    """Each tool call is a block with an empty input, then pieces of JSON, the first one empty."""
    words = f"One moment.\n{TOOL_LINE}\n" + 'call find_slots {"day": "friday"}'
    async with providers() as it:
        seen = await events(it, ask(words, tools=[TOOL]))
    starts = [d for n, d in seen if n == "content_block_start"]
    assert [s["index"] for s in starts] == [0, 1, 2]
    assert starts[1]["content_block"] == {
        "type": "tool_use", "id": "toolu_1", "name": "find_slots", "input": {}
    }  # fmt: skip
    pieces = [d["delta"]["partial_json"] for _, d in seen if d.get("index") == 2 and "delta" in d]
    assert pieces[0] == "" and len(pieces) > 3
    assert json.loads("".join(pieces)) == {"day": "friday"}
    assert seen[-2][1]["delta"]["stop_reason"] == "tool_use"


async def test_without_stream_the_message_comes_whole() -> None:
    """The same answer as one JSON message."""
    async with providers() as it:
        status, body, headers = await post(it, ask(f"One moment.\n{TOOL_LINE}", tools=[TOOL]))
    assert status == 200 and headers["request-id"]
    assert body["content"][0] == {"type": "text", "text": "One moment."}
    assert body["content"][1]["input"] == {"day": "tuesday"}
    assert body["stop_reason"] == "tool_use" and body["usage"]["output_tokens"] > 3


async def test_max_tokens_cuts_and_says_so() -> None:
    """An answer longer than max_tokens ends there with its own stop reason."""
    async with providers() as it:
        _, body, _ = await post(it, ask("one two three four five", max_tokens=3))
    assert body["content"][0]["text"] == "one two three"
    assert (body["stop_reason"], body["usage"]["output_tokens"]) == ("max_tokens", 3)


async def test_stop_sequence_cuts_and_says_which() -> None:
    """A stop sequence ends the answer before it."""
    async with providers() as it:
        _, body, _ = await post(it, ask("one two STOP three", stop_sequences=["STOP"]))
    assert body["content"][0]["text"].strip() == "one two"
    assert (body["stop_reason"], body["stop_sequence"]) == ("stop_sequence", "STOP")


@pytest.mark.parametrize(
    ("headers", "status", "kind"),
    [
        ({"anthropic-version": "2023-06-01"}, 401, "authentication_error"),
        (CLAUDE | {"x-api-key": "wrong"}, 401, "authentication_error"),
        ({"x-api-key": "good"}, 400, "invalid_request_error"),
    ],
)
async def test_headers_are_checked(headers: dict[str, str], status: int, kind: str) -> None:
    """No key or a wrong one is 401, no anthropic-version is 400, in the vendor's error body."""
    async with providers() as it:
        got, body, answer = await post(it, ask("Hello."), headers)
    assert (got, body["type"], body["error"]["type"]) == (status, "error", kind)
    assert body["request_id"] == answer["request-id"]


async def test_an_unknown_model_is_404_and_half_a_json_400() -> None:
    """What is asked must exist and be JSON."""
    async with providers() as it:
        status, body, _ = await post(it, ask("Hello.", model="gpt-9"))
        assert (status, body["error"]["type"]) == (404, "not_found_error")
        async with session() as client:
            async with client.post(
                f"{it.http_url}/v1/messages", data=b'{"model": "cl', headers=CLAUDE
            ) as answer:
                assert answer.status == 400
                assert (await answer.json())["error"]["type"] == "invalid_request_error"


async def test_concurrency_knob_answers_429() -> None:
    """Over the limit of running requests the answer is rate_limit_error."""
    async with providers(profile="co-located") as it:
        it.knobs.anthropic.max_running = 1
        async with session() as client:
            async with client.post(
                f"{it.http_url}/v1/messages", json=ask("Hello.", stream=True), headers=CLAUDE
            ):
                status, body, _ = await post(it, ask("Hello."))
    assert (status, body["error"]["type"]) == (429, "rate_limit_error")


async def test_cache_is_written_once_then_read() -> None:
    """The marked prefix is written by the first request and read by the second, byte for byte."""
    system = [{"type": "text", "text": "s" * 4000, "cache_control": {"type": "ephemeral"}}]
    async with providers() as it:
        it.knobs.anthropic.cache_min_tokens = 0
        bills = []
        for words in ("Hello.", "Goodbye."):
            _, body, _ = await post(it, ask(words, system=system))
            bills.append(body["usage"])
    assert bills[0]["cache_creation_input_tokens"] == bills[1]["cache_read_input_tokens"] > 1000
    assert bills[0]["cache_read_input_tokens"] == bills[1]["cache_creation_input_tokens"] == 0


async def test_the_first_token_is_due_as_drawn_and_the_rest_12_ms_apart() -> None:
    """First token at request + drawn delay; the log tells delay, key and pace."""
    async with providers(profile="co-located", seed=5) as it:
        began_at = time.monotonic()
        seen = await events(it, ask("one two three four five six"))
        took_s = time.monotonic() - began_at
        (entry,) = it.log.read(kind="answer")
    assert len(seen) > 6
    assert entry["key"] == "one two three four five six" and entry["token_s"] == 0.012
    assert took_s >= entry["delay_s"] + 5 * 0.012


async def test_what_is_billed_is_the_prompt_and_what_had_been_written() -> None:
    """All of a whole answer; of one that breaks off, the tokens up to there."""
    async with providers() as it:
        whole = await events(it, ask("one two three four five six"))
        it.faults.add({"provider": "anthropic", "shape": "reset_peer", "after": 2, "for_next": 1})
        with contextlib.suppress(Exception):
            await events(it, ask("one two three four five six"))
        await eventually(lambda: len(it.log.read(kind="billed")) == 2, what="both are billed")
        first, second = (entry["usage"] for entry in it.log.read(kind="billed"))
    assert whole
    assert first["output_tokens"] > second["output_tokens"] >= 1
    assert second["input_tokens"] + second["cache_read_input_tokens"] > 0


async def test_each_round_of_tools_draws_its_own_delay() -> None:
    """A request that ends with tool results has a key of its own."""
    first = ask("Tuesday?")["messages"]
    use = {"type": "tool_use", "id": "toolu_1", "name": "find_slots", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "[]"}
    messages = [
        *first, {"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}
    ]  # fmt: skip
    async with providers() as it:
        await post(it, ask("Tuesday?"))
        await post(it, ask("", messages=messages))
        keys = [entry["key"] for entry in it.log.read(kind="answer")]
    assert keys == ["tuesday", "tuesday tool_results 1"]


async def test_ping_knob_pings_between_deltas() -> None:
    """Pings may come anywhere; the knob sends more of them."""
    async with providers() as it:
        it.knobs.anthropic.ping_every = 1
        names = [name for name, _ in await events(it, ask("one two three"))]
    assert names.count("ping") == 4


async def test_the_log_keeps_the_request_body() -> None:
    """The whole request can be read back, with its status."""
    async with providers() as it:
        await post(it, ask("Hello."))
        await post(it, {"model": "claude-haiku-4-5"})
        good, bad = it.log.read(provider="anthropic", kind="request")
    assert good["body"]["messages"][0]["content"] == "Hello." and good["status"] == 200
    assert bad["status"] == 400


async def test_tokens_are_counted() -> None:
    """count_tokens estimates without generating."""
    async with providers() as it, session() as client:
        body = {"model": "claude-haiku-4-5", "messages": ask("Hello, how are you?")["messages"]}
        url = f"{it.http_url}/v1/messages/count_tokens"
        async with client.post(url, json=body, headers=CLAUDE) as answer:
            assert (await answer.json())["input_tokens"] > 5
        async with client.post(url, json={}, headers=CLAUDE) as answer:
            assert answer.status == 400
        async with client.post(url, json=body) as answer:
            assert answer.status == 401


def client_of(it: Any, key: str = "good") -> Any:
    """The vendor's async client on the lab."""
    from anthropic import AsyncAnthropic

    return AsyncAnthropic(base_url=it.http_url, api_key=key, max_retries=0)


async def test_the_vendors_sdk_streams_text_and_tools() -> None:
    """anthropic's stream helper assembles text, parallel tools and usage."""
    words = f"One moment, please.\n{TOOL_LINE}\n{TOOL_LINE}"
    async with providers() as it, client_of(it) as client:
        async with client.messages.stream(**ask(words, tools=[TOOL])) as stream:
            text = "".join([piece async for piece in stream.text_stream])
            message = await stream.get_final_message()
        beta = await client.beta.messages.create(**ask("Hello."))
        counted = await client.messages.count_tokens(
            model="claude-haiku-4-5", messages=ask("Hello.")["messages"]
        )
    assert text == "One moment, please."
    assert [block.type for block in message.content] == ["text", "tool_use", "tool_use"]
    assert message.content[1].input == {"day": "tuesday"}
    assert message.stop_reason == "tool_use" and message.usage.output_tokens > 5
    assert beta.content[0].text == "Hello." and counted.input_tokens > 0


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "BadRequestError"),
        (401, "AuthenticationError"),
        (403, "PermissionDeniedError"),
        (404, "NotFoundError"),
        (429, "RateLimitError"),
        (500, "InternalServerError"),
        (529, "OverloadedError"),
    ],
)
async def test_the_vendors_sdk_raises_its_error_classes(status: int, name: str) -> None:
    """Each HTTP status becomes the SDK's own exception with the vendor's error type."""
    import anthropic

    from lab.anthropic import ERRORS

    async with providers() as it, client_of(it) as client:
        it.faults.add({"provider": "anthropic", "shape": "http_status", "status": status})
        with pytest.raises(anthropic.APIStatusError) as caught:
            await client.messages.create(**ask("Hello."))
    assert type(caught.value).__name__ == name
    assert caught.value.type == ERRORS[status]


async def test_the_vendors_sdk_sees_a_wrong_key() -> None:
    """A wrong key raises AuthenticationError."""
    import anthropic

    async with providers() as it, client_of(it, "wrong") as client:
        with pytest.raises(anthropic.AuthenticationError):
            await client.messages.create(**ask("Hello."))
