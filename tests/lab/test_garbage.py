"""Whatever a client sends, a provider answers in its protocol or closes; it never stumbles."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.messages import error_in, last_words, results_at_end
from tests.lab.clients import CARTESIA, CLAUDE, DEEPGRAM, ELEVEN, providers, session, socket

pytestmark = pytest.mark.provider

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-5, 5000)
    | st.floats(allow_nan=False)
    | st.text("ab ", max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)
GOOD: dict[str, list[Any]] = {
    "type": ["Finalize", "KeepAlive", "Configure", "ForceEndTurn"],
    "keyterms": [["a"], None],
    "thresholds": [{"eot_threshold": 0.7}, {"eager_eot_threshold": None}],
    "language_hints": [["en"]],
    "text": [" ", "", "Hello. "],
    "context_id": ["c1", "c2"],
    "contextId": ["c1"],
    "voice_settings": [{"stability": 1}],
    "generation_config": [{"chunk_length_schedule": [50]}, {}],
    "flush": [True, False],
    "close_context": [True],
    "close_socket": [True],
    "xi_api_key": ["good"],
    "model_id": ["sonic-3"],
    "transcript": ["Hello.", ""],
    "voice": [{"mode": "id", "id": "v"}],
    "output_format": [{"container": "raw", "encoding": "pcm_mulaw", "sample_rate": 8000}],
    "continue": [True, False],
    "cancel": [True],
    "max_buffer_delay_ms": [0, 10],
}
CONTROLS = ("type", "keyterms", "thresholds", "language_hints")
TEXTS = (
    "text", "context_id", "contextId", "voice_settings", "generation_config", "flush",
    "close_context", "close_socket", "xi_api_key",
)  # fmt: skip
GENERATIONS = (
    "context_id", "model_id", "transcript", "voice", "output_format", "continue", "cancel",
    "flush", "max_buffer_delay_ms",
)  # fmt: skip


def changes(names: tuple[str, ...]) -> st.SearchStrategy[dict[str, Any]]:
    """One or two of these fields with a good value or any other."""
    return st.sets(st.sampled_from(names), min_size=1, max_size=2).flatmap(
        lambda picked: st.fixed_dictionaries(
            {name: st.sampled_from(GOOD[name]) | JSON for name in sorted(picked)}
        )
    )


CONFIGURE = {"type": "Configure"}
SAY = {"text": "Hello. ", "context_id": "c1"}
GENERATE = {
    "model_id": "sonic-3",
    "transcript": "Hello.",
    "context_id": "c1",
    "continue": True,
    "voice": {"mode": "id", "id": "v"},
    "output_format": {"container": "raw", "encoding": "pcm_mulaw", "sample_rate": 8000},
}
RAW = {"encoding": "mulaw", "sample_rate": 8000}
DOORS = [
    ("/v1/listen", {"model": "nova-3"} | RAW, DEEPGRAM, CONFIGURE, CONTROLS),
    ("/v2/listen", {"model": "flux-general-en"} | RAW, DEEPGRAM, CONFIGURE, CONTROLS),
    ("/v1/text-to-speech/v/multi-stream-input", {}, ELEVEN, SAY, TEXTS),
    ("/v1/text-to-speech/v/stream-input", {"auto_mode": "true"}, ELEVEN, SAY, TEXTS),
    ("/tts/websocket", {}, CARTESIA, GENERATE, GENERATIONS),
]


@pytest.mark.parametrize(("path", "query", "headers", "right", "names"), DOORS)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_message_makes_a_provider_stumble(
    path: str,
    query: dict[str, Any],
    headers: dict[str, str],
    right: dict[str, Any],
    names: tuple[str, ...],
    data: st.DataObject,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Known fields with any value, unknown ones, binary: no crash, no abnormal close."""
    # most are nearly right, so that the socket is not closed at the first of them
    change = changes(names)
    nearly = st.builds(lambda changed: right | changed, change)
    message = nearly | nearly | nearly | change | st.binary(max_size=20) | JSON
    messages = data.draw(st.lists(message, min_size=1, max_size=6))

    async def run() -> int | None:
        async with providers() as it, socket(it, path, query, headers) as line:
            try:
                for message in messages:
                    text = message if isinstance(message, bytes) else json.dumps(message)
                    await line.send(text)
            except ConnectionError:
                pass  # it closed while we were still talking
            await line.ws.close()
            return line.code

    caplog.clear()
    with caplog.at_level(logging.ERROR):
        code = asyncio.run(run())
    assert [record.getMessage() for record in caplog.records] == []
    assert code in (1000, 1008, 1011)


BLOCK = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(["text", "tool_use", "tool_result", "thinking"]) | JSON,
        "text": JSON,
        "id": st.just("toolu_1") | JSON,
        "tool_use_id": st.just("toolu_1") | JSON,
        "name": JSON,
        "input": JSON,
        "cache_control": st.just({"type": "ephemeral"}) | JSON,
    },
)
TURN = st.fixed_dictionaries(
    {},
    optional={
        "role": st.sampled_from(["user", "assistant"]) | JSON,
        "content": st.lists(BLOCK, max_size=3) | JSON,
    },
)
TEXT = {"type": "text", "text": "Hello."}
USE = {"type": "tool_use", "id": "toolu_1", "name": "find_slots", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "none"}
RIGHT: dict[str, Any] = {
    "model": "claude-haiku-4-5",
    "max_tokens": 9,
    "messages": [
        {"role": "user", "content": [TEXT]},
        {"role": "assistant", "content": [TEXT, USE]},
        {"role": "user", "content": [RESULT, TEXT]},
    ],
    "system": [TEXT],
    "tools": [{"name": "find_slots", "input_schema": {"type": "object"}}],
}


def spoiled(body: Any, path: list[int], value: Any) -> Any:
    """The same JSON with one place of it replaced."""
    if not path or not isinstance(body, dict | list) or not body:
        return value
    key = list(body)[path[0] % len(body)] if isinstance(body, dict) else path[0] % len(body)
    copy = dict(body) if isinstance(body, dict) else list(body)
    copy[key] = spoiled(body[key], path[1:], value)
    return copy


REQUEST = st.one_of(
    st.builds(spoiled, st.just(RIGHT), st.lists(st.integers(0, 4), min_size=1, max_size=6), JSON),
    st.dictionaries(
        st.sampled_from(
            ["temperature", "stop_sequences", "tools", "system", "stream", "cache_control", "top_p"]
        ),
        JSON | st.lists(BLOCK, max_size=2),
        max_size=2,
    ).map(lambda extra: RIGHT | extra),
    st.lists(TURN, max_size=3).map(lambda turns: RIGHT | {"messages": turns}),
)


@settings(max_examples=300, deadline=None)
@given(REQUEST)
def test_any_request_is_judged(body: dict[str, Any]) -> None:
    """Validation gives a verdict on every JSON object."""
    assert isinstance(error_in(body), str)
    assert isinstance(last_words(body), str) and results_at_end(body) >= 0


@settings(max_examples=60, deadline=None)
@given(st.lists(REQUEST, min_size=1, max_size=5))
def test_any_request_is_answered(bodies: list[dict[str, Any]]) -> None:
    """Every JSON object is answered with 200, 400 or 404, never with a crash."""

    async def run() -> list[int]:
        found = []
        async with providers() as it, session() as client:
            for body in bodies:
                url = f"{it.http_url}/v1/messages"
                async with client.post(url, json=body, headers=CLAUDE) as answer:
                    await answer.read()
                    found.append(answer.status)
        return found

    assert set(asyncio.run(run())) <= {200, 400, 404}
